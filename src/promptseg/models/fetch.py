"""Weights from where their makers publish them to a folder on this machine.

A download goes on where it broke off, is compared with the size and the SHA-256 digest that stand in the table of
models, and takes its name only when it is whole and right. Two processes that want the same file do not disturb each
other. Nothing is downloaded unless :func:`fetch` is called.
"""

import http.client
import os
import shutil
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final, Protocol

from promptseg._version import __version__
from promptseg.errors import CheckpointError, FetchError
from promptseg.models.zoo import ModelEntry, Origin

__all__ = ["Progress", "digest_of", "fetch", "local_path", "models_folder", "verify"]

ATTEMPTS: Final = 5
"""Times that a broken transfer is taken up again before giving up."""
PAUSE_S: Final = 1.0
"""First pause between two attempts in seconds; it doubles each time."""
TIMEOUT_S: Final = 30.0
"""Seconds of silence after which a connection counts as broken."""
_BLOCK: Final = 1 << 20
_STALE_LOCK_S: Final = 6 * 3600


class Progress(Protocol):
    """Is told how far a transfer is."""

    def __call__(self, done: int, total: int, /) -> None:
        """``done`` of ``total`` bytes are here."""
        ...


def models_folder() -> Path:
    """Where fetched weights are kept: ``$PROMPTSEG_HOME/models``, or the platform's folder for caches.

    That is ``$XDG_CACHE_HOME/promptseg/models`` or ``~/.cache/promptseg/models``; on Windows below ``%LOCALAPPDATA%``.
    """
    home = os.environ.get("PROMPTSEG_HOME")
    if home:
        return Path(home).expanduser() / "models"
    cache = os.environ.get("LOCALAPPDATA") if os.name == "nt" else os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "promptseg" / "models"


def local_path(entry: ModelEntry) -> Path | None:
    """The fetched file of a model, or None where it was not fetched (or is embedded and has no file of its own)."""
    if entry.origin is None:
        return None
    path = models_folder() / entry.origin.file
    return path if path.is_file() else None


def fetch(
    entry: ModelEntry,
    *,
    source: str | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Bring the weights of a model to this machine; nothing is done where they are there already.

    Args:
        entry: from the table of models.
        source: another address, or a file on this machine, to take instead of the published one. The digest must be
            that of the table all the same.
        force: fetch again although the file is there.
        progress: is told how far the transfer is.

    Raises:
        FetchError: offline, refused, broken, the disk is full, or what arrived is not the published file.
    """
    if entry.origin is None:
        raise FetchError(f"{entry.name} is embedded in the package; there is nothing to fetch")
    path = models_folder() / entry.origin.file
    if path.is_file() and not force:
        return path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            if path.is_file() and not force:
                return path
            return _fetched(entry.origin, source or entry.origin.url, path, progress)
    except OSError as error:
        raise FetchError(f"cannot keep weights in {path.parent}: {error.strerror or error}") from error
    except FetchError as error:
        raise FetchError(f"{error}. {_by_hand(entry, path)}") from error


def verify(entry: ModelEntry, path: Path) -> None:
    """Compare a file with the size and the digest of the table.

    Raises:
        CheckpointError: they differ, or the file cannot be read.
    """
    origin = entry.origin
    if origin is None:
        raise CheckpointError(f"{entry.name} is embedded in the package and has no published file to compare with")
    try:
        size = path.stat().st_size
        digest = digest_of(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    if (size, digest) != (origin.size_bytes, origin.sha256):
        raise CheckpointError(
            f"{path} is not the published file of {entry.name}: it has {size} bytes and SHA-256 {digest}, published "
            f"are {origin.size_bytes} bytes and {origin.sha256}"
        )


def digest_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _fetched(origin: Origin, source: str, path: Path, progress: Progress | None) -> Path:
    part = path.with_name(path.name + ".part")
    _check_space(origin, part)
    scheme = source.partition("://")[0].lower() if "://" in source else "file"
    if scheme not in _SCHEMES:
        raise FetchError(f"{source} cannot be fetched: an address begins with {', '.join(_SCHEMES)}://, or is a file")
    _SCHEMES[scheme](source, part, origin, progress)
    size = part.stat().st_size
    digest = digest_of(part)
    if (size, digest) != (origin.size_bytes, origin.sha256):
        looks = _looks_like(part)
        _forget(part)
        raise FetchError(
            f"what came from {source} is not the published file: {size} bytes with SHA-256 {digest[:16]}..., expected "
            f"{origin.size_bytes} bytes with {origin.sha256[:16]}...{looks}"
        )
    _tag_of(part).unlink(missing_ok=True)
    part.replace(path)
    return path


def _download(url: str, part: Path, origin: Origin, progress: Progress | None) -> None:
    pause, failure = PAUSE_S, ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause)
            pause *= 2
        try:
            if _transfer(url, part, origin, progress):
                return
            failure = "the connection broke off"
        except urllib.error.HTTPError as error:
            error.close()
            if error.code < 500 and error.code not in {408, 416, 429}:
                raise FetchError(f"{url} answered {error.code} {error.reason}") from error
            if error.code == 416:
                _forget(part)
            failure = f"it answered {error.code} {error.reason}"
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, socket.gaierror):
                raise FetchError(f"{url} cannot be reached: no such host, or this machine is offline") from error
            failure = str(reason) or type(error).__name__
        except ValueError as error:
            raise FetchError(f"{url} is not a usable address, or its answer makes no sense ({error})") from error
    kept = "; what came is kept, and the next attempt goes on there" if part.is_file() else ""
    raise FetchError(f"{url} cannot be downloaded after {ATTEMPTS} attempts: {failure}{kept}")


def _transfer(url: str, part: Path, origin: Origin, progress: Progress | None) -> bool:
    """One attempt, from where the last one broke off if the file is still the same; True when all bytes are here."""
    have = part.stat().st_size if part.is_file() else 0
    tag_file = _tag_of(part)
    tag = tag_file.read_text() if tag_file.is_file() else ""
    if have >= origin.size_bytes or not tag:
        _forget(part)
        have = 0
    headers = {"User-Agent": f"promptseg/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": tag}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the scheme is checked by the caller
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 - as above
        goes_on = answer.status == 206
        tag_file.write_text(answer.headers.get("ETag") or answer.headers.get("Last-Modified") or "")
        done = have if goes_on else 0
        with part.open("ab" if goes_on else "wb") as file:
            while block := answer.read(_BLOCK):
                done += len(block)
                if done > origin.size_bytes:
                    raise FetchError(f"{url} sends more than the {origin.size_bytes} bytes of the published file")
                file.write(block)
                if progress is not None:
                    progress(done, origin.size_bytes)
        announced = answer.headers.get("Content-Length")
    whole = announced is not None and done == int(announced) + (have if goes_on else 0)
    return done == origin.size_bytes or whole


def _copy(source: str, part: Path, origin: Origin, progress: Progress | None) -> None:
    is_url = source[:7].lower() == "file://"
    path = Path(urllib.request.url2pathname(urllib.parse.urlparse(source).path) if is_url else source).expanduser()
    if not path.is_file():
        raise FetchError(f"there is no file {path} to fetch from")
    if path.stat().st_size != origin.size_bytes:
        raise FetchError(
            f"{path} has {path.stat().st_size} bytes, the published file has {origin.size_bytes}; it is another "
            "file, or not whole"
        )
    done = 0
    with path.open("rb") as given, part.open("wb") as file:
        while block := given.read(_BLOCK):
            file.write(block)
            done += len(block)
            if progress is not None:
                progress(done, origin.size_bytes)


_SCHEMES: Final[dict[str, Callable[[str, Path, Origin, Progress | None], None]]] = {
    "https": _download,
    "http": _download,
    "file": _copy,
}
"""What fetches from each kind of address; a plain path is a file."""


def _check_space(origin: Origin, part: Path) -> None:
    have = part.stat().st_size if part.is_file() else 0
    free = shutil.disk_usage(part.parent).free
    if free < origin.size_bytes - have:
        raise FetchError(
            f"the disk of {part.parent} has {free >> 20} MiB free, but {(origin.size_bytes - have) >> 20} MiB are "
            "needed; set PROMPTSEG_HOME to a folder with more room"
        )


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock file beside ``path``; one that a killed process left behind is taken over after some hours."""
    lock = path.with_name(path.name + ".lock")
    try:
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    except FileExistsError:
        if _is_held(lock):
            raise FetchError(
                f"another process is fetching {path.name}; wait for it, or delete {lock} if there is none"
            ) from None
        lock.unlink(missing_ok=True)
        handle = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    try:
        os.write(handle, str(os.getpid()).encode())
        os.close(handle)
        yield
    finally:
        lock.unlink(missing_ok=True)


def _is_held(lock: Path) -> bool:
    """Whether the process that wrote the lock still runs, as far as this machine can tell."""
    try:
        if time.time() - lock.stat().st_mtime > _STALE_LOCK_S:
            return False
        owner = int(lock.read_text() or "0")
    except (OSError, ValueError):
        return True
    if os.name == "nt" or owner <= 0:
        return True
    try:
        os.kill(owner, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _tag_of(part: Path) -> Path:
    """The file that remembers which version of a remote file a partial download belongs to."""
    return part.with_name(part.name + ".tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag_of(part).unlink(missing_ok=True)


def _looks_like(part: Path) -> str:
    with part.open("rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "; it is a web page, perhaps of a proxy or a login"
    if start.startswith(b"version https://git-lfs"):
        return "; it is a pointer of Git LFS, not the file"
    return ""


def _by_hand(entry: ModelEntry, path: Path) -> str:
    url = entry.origin.url if entry.origin is not None else ""
    return (
        f"Offline? Download {url} on another machine, and run `promptseg models fetch {entry.name} --from FILE`, or "
        f"put it at {path}"
    )
