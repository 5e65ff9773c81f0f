"""Limits on what is decoded, checked before decoding: a few bytes must not be able to fill the memory."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal

from promptseg.errors import LimitError, ValueRangeError
from promptseg.io.files import shown

__all__ = ["DEFAULT_LIMITS", "ENVIRONMENT", "LimitName", "Limits", "check_limit", "limits_in_force"]

LimitName = Literal["pixels", "frames", "files", "file_bytes"]

ENVIRONMENT: Final[dict[LimitName, str]] = {
    "pixels": "PROMPTSEG_MAX_PIXELS",
    "frames": "PROMPTSEG_MAX_FRAMES",
    "files": "PROMPTSEG_MAX_FILES",
    "file_bytes": "PROMPTSEG_MAX_FILE_BYTES",
}
"""The environment variable that changes each limit."""

_MEANING: Final[dict[LimitName, str]] = {
    "pixels": "decoded pixels",
    "frames": "frames or slices",
    "files": "files in the folder",
    "file_bytes": "bytes",
}


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that is decoded at once.

    Attributes:
        pixels: pixels of all frames and slices together; a colour pixel counts once.
        frames: frames, slices or pages.
        files: files in a folder.
        file_bytes: bytes of a file, and of what it unpacks to where it is compressed as a whole.
    """

    pixels: int = 2**29
    frames: int = 10_000
    files: int = 10_000
    file_bytes: int = 2**32

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueRangeError(f"Limits.{item.name} must be a whole number from 1, got {value!r}")


DEFAULT_LIMITS: Final = Limits()
"""What holds unless an argument or the environment says otherwise."""


def limits_in_force(limits: Limits | None, environment: Mapping[str, str] = os.environ) -> Limits:
    """``limits`` if given; else the defaults, each changed by its environment variable where that is set.

    Raises:
        ValueRangeError: a variable is not a whole number from 1.
    """
    if limits is not None:
        return limits
    changed: dict[str, int] = {}
    for name, variable in ENVIRONMENT.items():
        text = environment.get(variable, "").strip()
        if text:
            if not (text.isascii() and text.isdigit() and int(text) > 0):
                raise ValueRangeError(
                    f"the environment variable {variable} must be a whole number from 1, got {text!r}"
                )
            changed[name] = int(text)
    return Limits(**changed) if changed else DEFAULT_LIMITS


def check_limit(limits: Limits, name: LimitName, count: int, path: Path) -> None:
    """Refuse ``count`` of something if it is over its limit.

    Raises:
        LimitError: says which limit it is and both ways to raise it.
    """
    most: int = getattr(limits, name)
    if count > most:
        raise LimitError(
            f"{shown(path)}: {count} {_MEANING[name]} are more than the limit of {most}; if you trust it, set "
            f"{ENVIRONMENT[name]}={count} or pass limits=Limits({name}={count})"
        )
