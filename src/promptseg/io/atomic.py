"""Files that are there whole or not at all."""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from promptseg.errors import PromptsegError, WriteError
from promptseg.io.files import path_text, reason, shown

__all__ = ["replacing", "target"]


def target(path: str | os.PathLike[str]) -> Path:
    """The file that is meant to be written, a symbolic link followed.

    Raises:
        ValueRangeError: it is not a path.
        WriteError: its folder does not exist, or it is itself a folder, a device, a pipe or a socket.
    """
    text = path_text(path)
    if not text:
        raise WriteError("the path to write is empty; give a file")
    try:
        place = Path(os.path.realpath(text))
        if not place.parent.is_dir():
            raise WriteError(f"{shown(text)}: the folder {shown(place.parent)} does not exist; create it first")
        mode = place.lstat().st_mode
    except FileNotFoundError:
        return place
    except (OSError, ValueError) as error:
        raise WriteError(f"{shown(text)}: cannot be written ({reason(error)})") from None
    if stat.S_ISDIR(mode):
        raise WriteError(f"{shown(text)}: is a folder; give the name of a file in it")
    if not stat.S_ISREG(mode):
        raise WriteError(f"{shown(text)}: is a device, pipe or socket; give a regular file")
    return place


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file open for writing that takes the name ``path`` only when it is complete and on the disk.

    If anything is raised inside, what was at ``path`` before is untouched and the temporary file is removed. The
    temporary file lies in the same folder, named ``.NAME.RANDOM.part``.

    Raises:
        ValueRangeError: ``path`` is not a path.
        WriteError: see :func:`target`; or the disk is full, the folder may not be written to, and the like.
    """
    place = target(path)
    part = place.with_name(f".{place.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        with os.fdopen(
            os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666), "wb"
        ) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(place)
    except PromptsegError:
        raise
    except (OSError, ValueError) as error:
        raise WriteError(f"{shown(place)}: cannot be written ({reason(error)}); nothing was changed") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
