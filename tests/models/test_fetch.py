"""Downloads from a server on this machine that breaks off, lies, hangs, forgets and changes its mind."""

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from promptseg.errors import CheckpointError, FetchError
from promptseg.models import fetch as fetching
from promptseg.models.fetch import digest_of, fetch, local_path, models_folder, verify
from promptseg.models.zoo import MODELS, ModelEntry, Origin

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(ThreadingHTTPServer):
    """Serves ``content``; ``behaviour`` says what goes wrong at which request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.behaviour: list[str] = []
        self.requests: list[str | None] = []
        self.tag: str | None = '"v1"'
        self.hang = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/weights.pth"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        range_header = self.headers.get("Range")
        self.server.requests.append(range_header)
        how = self.server.behaviour.pop(0) if self.server.behaviour else "whole"
        if how == "hang":
            self.server.hang.wait(5)
            return
        if how.isdigit():
            self.send_error(int(how))
            return
        content, start = self.server.content, 0
        if range_header and how != "no-range" and self.headers.get("If-Range") == self.server.tag:
            start = int(range_header.removeprefix("bytes=").removesuffix("-"))
            self.send_response(206)
        else:
            self.send_response(200)
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        body = content[start:]
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if how == "break" else body)


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.hang.set()
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMPTSEG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(fetching, "PAUSE_S", 0.001)
    return tmp_path / "home" / "models"


def entry_for(url: str, content: bytes = CONTENT) -> ModelEntry:
    origin = Origin(url, "weights.pth", len(content), sha256(content).hexdigest())
    return replace(MODELS["sam-vit-b"], origin=origin)


def leftovers(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir()) if home.exists() else []


def test_a_file_comes_whole_and_only_once(server: Server, home: Path) -> None:
    entry, steps = entry_for(server.url), []
    path = fetch(entry, progress=lambda done, total: steps.append((done, total)))
    assert path == home / "weights.pth" == local_path(entry)
    assert path.read_bytes() == CONTENT
    assert steps[-1] == (len(CONTENT), len(CONTENT))
    fetch(entry)
    assert len(server.requests) == 1
    fetch(entry, force=True)
    assert len(server.requests) == 2
    assert leftovers(home) == ["weights.pth"]
    verify(entry, path)


def test_a_broken_transfer_goes_on_where_it_broke(server: Server, home: Path) -> None:
    server.behaviour = ["break", "break", "503", "whole"]
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT
    half, quarter = len(CONTENT) // 2, len(CONTENT) // 4
    assert server.requests == [None, f"bytes={half}-", f"bytes={half + quarter}-", f"bytes={half + quarter}-"]
    assert leftovers(home) == ["weights.pth"]


def test_a_later_run_goes_on_too(server: Server, home: Path) -> None:
    server.behaviour = ["break"] + ["503"] * 4
    with pytest.raises(FetchError, match="after 5 attempts: it answered 503"):
        fetch(entry_for(server.url))
    assert leftovers(home) == ["weights.pth.part", "weights.pth.part.tag"]
    server.requests.clear()
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT
    assert server.requests == [f"bytes={len(CONTENT) // 2}-"]


@pytest.mark.parametrize("how", ["no-range", "changed", "no-tag"])
def test_what_cannot_be_continued_starts_anew(server: Server, how: str) -> None:
    server.behaviour = ["break", "no-range" if how == "no-range" else "whole"]
    if how == "no-tag":
        server.tag = None
    else:
        original_break = server.tag

        class Changing(list):
            def pop(self, index: int = -1) -> str:
                if how == "changed" and len(self) == 1:
                    server.tag = '"v2"'
                return super().pop(index)

        server.behaviour = Changing(server.behaviour)
        assert original_break == '"v1"'
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (CONTENT[:-1] + b"x", "is not the published file"),
        (CONTENT + b"more", "sends more than"),
        (CONTENT[:1000], "1000 bytes"),
        (b"<!DOCTYPE html><html>please log in</html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "Git LFS"),
        (b"", "0 bytes"),
    ],
)
def test_another_file_is_refused_and_forgotten(server: Server, home: Path, content: bytes, message: str) -> None:
    server.content = content
    with pytest.raises(FetchError, match=message) as caught:
        fetch(entry_for(server.url))
    assert "--from FILE" in str(caught.value)
    assert "weights.pth" not in leftovers(home)
    server.content = CONTENT
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT


def test_no_such_file_is_said_at_once(server: Server) -> None:
    server.behaviour = ["404"]
    with pytest.raises(FetchError, match="answered 404"):
        fetch(entry_for(server.url))
    assert len(server.requests) == 1


def test_a_hanging_server_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "TIMEOUT_S", 0.05)
    server.behaviour = ["hang", "hang", "whole"]
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT


def test_offline_says_what_to_do(home: Path) -> None:
    with pytest.raises(FetchError, match="cannot be downloaded") as caught:
        fetch(entry_for("http://127.0.0.1:9/weights.pth"))
    message = str(caught.value)
    assert "promptseg models fetch sam-vit-b --from FILE" in message
    assert str(home / "weights.pth") in message
    assert "\n" not in message
    assert leftovers(home) == []


def test_a_host_without_a_name_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(fetching, "PAUSE_S", 60)
    with pytest.raises(FetchError, match="this machine is offline"):
        fetch(entry_for("http://weights.invalid/weights.pth"))


def test_from_a_file_on_this_machine(tmp_path: Path, home: Path) -> None:
    given = tmp_path / "given weights.pth"
    given.write_bytes(CONTENT)
    assert fetch(entry_for("http://127.0.0.1:9/x"), source=str(given)).read_bytes() == CONTENT
    assert fetch(entry_for("http://127.0.0.1:9/x"), source=given.as_uri(), force=True).read_bytes() == CONTENT
    with pytest.raises(FetchError, match="there is no file"):
        fetch(entry_for("x"), source=str(tmp_path / "none"), force=True)
    given.write_bytes(CONTENT[:-5])
    with pytest.raises(FetchError, match="not whole"):
        fetch(entry_for("x"), source=str(given), force=True)
    assert leftovers(home) == ["weights.pth"]  # the good file is still there


def test_the_folder_can_be_moved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PROMPTSEG_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    assert models_folder() == tmp_path / "promptseg" / "models"
    monkeypatch.setenv("PROMPTSEG_HOME", str(tmp_path / "elsewhere"))
    assert models_folder() == tmp_path / "elsewhere" / "models"


def test_too_little_room_is_noticed_before(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: fetching.shutil._ntuple_diskusage(10, 9, 1))
    with pytest.raises(FetchError, match="PROMPTSEG_HOME"):
        fetch(entry_for(server.url))
    assert server.requests == []


def test_a_disk_that_fills_up_is_an_error(server: Server, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    def full(self: Path, mode: str = "r", **settings: object) -> object:
        if self.suffix == ".part" and "r" not in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return open(self, mode, **settings)  # type: ignore[call-overload]  # noqa: PTH123

    monkeypatch.setattr(Path, "open", full)
    with pytest.raises(FetchError, match="No space left"):
        fetch(entry_for(server.url))
    monkeypatch.undo()
    assert "weights.pth" not in leftovers(home)


def test_two_at_once_do_not_disturb_each_other(server: Server, home: Path) -> None:
    home.mkdir(parents=True)
    lock = home / "weights.pth.lock"
    lock.write_text(str(os.getpid()))
    with pytest.raises(FetchError, match="another process is fetching"):
        fetch(entry_for(server.url))
    lock.write_text("999999999")  # a process that is not there any more
    assert fetch(entry_for(server.url)).read_bytes() == CONTENT
    assert leftovers(home) == ["weights.pth"]


@pytest.mark.parametrize("spoil", [lambda content: content[:-1], lambda content: b"x" + content[1:], lambda _: b""])
def test_verify_notices_a_spoiled_file(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    file = tmp_path / "weights.pth"
    file.write_bytes(spoil(CONTENT))
    with pytest.raises(CheckpointError, match="not the published file"):
        verify(entry_for("x"), file)
    with pytest.raises(CheckpointError, match="cannot be read"):
        verify(entry_for("x"), tmp_path / "none")
    with pytest.raises(CheckpointError, match="embedded"):
        verify(MODELS["default"], file)
    with pytest.raises(FetchError, match="nothing to fetch"):
        fetch(MODELS["default"])
    assert digest_of(file) == sha256(file.read_bytes()).hexdigest()
