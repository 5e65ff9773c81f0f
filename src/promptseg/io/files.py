"""Files before they are decoded: does the path name one, how does it begin, and what a failing decoder means."""

import os
import stat
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from promptseg.errors import LimitError, PromptsegError, ReadError, ValueRangeError

__all__ = ["decoder_errors", "decoding", "existing", "one_line", "opening", "path_text", "reason", "shown"]

_ERRORS: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    BufferError,
    EOFError,
    ImportError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
_LIBRARY_ERRORS: Final = (
    ("PIL.Image", "DecompressionBombError"),
    ("nibabel.filebasedimages", "ImageFileError"),
    ("nibabel.spatialimages", "HeaderDataError"),
    ("nibabel.spatialimages", "ImageDataError"),
    ("nibabel.wrapstruct", "WrapStructError"),
    ("pydicom.errors", "BytesLengthException"),
    ("pydicom.errors", "InvalidDicomError"),
    ("tifffile", "TiffFileError"),
    ("tokenize", "TokenError"),
    ("zipfile", "BadZipFile"),
    ("zipfile", "LargeZipFile"),
)
"""Errors of libraries that have none of Python's own as a parent."""


def decoder_errors() -> tuple[type[Exception], ...]:
    """What decoders raise on damaged data: Python's own errors and those of the libraries that are loaded.

    They are other people's code, and none of them promises one class. ``except decoder_errors()`` calls this only
    when something was raised.
    """
    loaded = [(sys.modules[module], name) for module, name in _LIBRARY_ERRORS if module in sys.modules]
    return (*_ERRORS, *(getattr(module, name) for module, name in loaded if hasattr(module, name)))


def shown(path: str | os.PathLike[str]) -> str:
    """A path for a message: on one line, with what cannot be printed escaped."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in os.fspath(path))


def one_line(error: BaseException, *, most: int = 200) -> str:
    """The message of a library's error on one line of at most ``most`` characters."""
    text = " ".join(str(error).split())
    text = "".join(sign for sign in text if sign.isprintable())
    return f"{type(error).__name__}: {text[:most]}" if text else type(error).__name__


def existing(path: str | os.PathLike[str]) -> Path:
    """The path, if it names a file with content or a folder.

    Raises:
        ValueRangeError: it is not a path at all.
        ReadError: nothing is there, it may not be read, it is empty, or it is a device, pipe or socket.
    """
    text = path_text(path)
    if not text:
        raise ReadError("the path is empty; give a file or a folder")
    place = Path(text)
    try:
        found = place.stat()
    except (OSError, ValueError) as error:
        raise ReadError(f"{shown(place)}: cannot be read ({reason(error)}); check the path") from None
    if stat.S_ISDIR(found.st_mode):
        return place
    if not stat.S_ISREG(found.st_mode):
        raise ReadError(f"{shown(place)}: is a device, pipe or socket; give a regular file or a folder")
    if found.st_size == 0:
        raise ReadError(f"{shown(place)}: the file is empty (0 bytes); copy or export it again")
    return place


def path_text(path: object) -> str:
    """A path as text.

    Raises:
        ValueRangeError: it is not a path, or one of bytes.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise ValueRangeError(f"a path must be a str or pathlib.Path, got {type(path).__name__}")
    return text


def opening(path: Path, count: int) -> bytes:
    """The first ``count`` bytes of a file, fewer where it is shorter.

    Raises:
        ReadError: it may not be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise ReadError(f"{shown(path)}: cannot be read ({reason(error)})") from None


def reason(error: OSError | ValueError) -> str:
    """The operating system's own words, in lower case."""
    text = getattr(error, "strerror", None) or str(error)
    return text[:1].lower() + text[1:]


@contextmanager
def decoding(path: Path, what: str, *, quote: bool = True) -> Iterator[None]:
    """Turn whatever a decoder raises on ``path`` into one ReadError.

    The decoder's error is not kept as a cause where ``quote`` is False, since its text may hold patient data.

    Args:
        path: the file.
        what: what it was taken for, as "PNG picture".
        quote: whether the decoder's own message may be shown.

    Raises:
        LimitError: there is not enough memory.
        ReadError: anything else that the decoder raised.
    """
    try:
        yield
    except PromptsegError:
        raise
    except MemoryError:
        raise LimitError(f"{shown(path)}: not enough memory to decode this {what}") from None
    except decoder_errors() as error:
        why = one_line(error) if quote else type(error).__name__
        raise ReadError(
            f"{shown(path)}: this {what} is damaged, incomplete or of an unknown variant ({why}); "
            "copy or export it again, or convert it to PNG or NIfTI"
        ) from None
