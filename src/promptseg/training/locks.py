"""A folder that one process works in at a time; the lock is gone when the process is, however it ended."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from promptseg.errors import WriteError
from promptseg.io.files import reason, shown

__all__ = ["Taken", "lock"]


class Taken(Exception):  # noqa: N818 (a state, not an error)
    """Another process holds the lock."""


@contextmanager
def lock(path: Path, *, wait: bool) -> Iterator[None]:
    """Hold a lock on a file, which is created where it does not exist.

    Args:
        path: of the file.
        wait: whether to wait until it is free.

    Raises:
        Taken: it is not free, and ``wait`` is False.
        WriteError: the file cannot be made.
    """
    try:
        file = path.open("ab")
    except OSError as error:
        raise WriteError(f"{shown(path)}: cannot be written ({reason(error)})") from error
    with file:
        try:
            _take(file, wait=wait)
        except OSError as error:
            raise Taken from error
        yield


def _take(file: IO[bytes], *, wait: bool) -> None:
    """Lock an open file; the operating system unlocks it when it is closed."""
    if sys.platform == "win32":
        windows: Any = __import__("msvcrt")
        windows.locking(file.fileno(), windows.LK_LOCK if wait else windows.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
