"""NaN and infinity, which files use for "no value here", and which nothing after reading has to know."""

from pathlib import Path

import numpy as np

from promptseg.errors import ReadError
from promptseg.io.files import shown
from promptseg.types import BoolMask, Pixels

__all__ = ["finite_pixels"]


def finite_pixels(pixels: Pixels, path: Path, *, coloured: bool = False) -> tuple[Pixels, BoolMask | None]:
    """Replace NaN and infinity by the least finite value, and say where.

    Args:
        pixels: any shape and type; integers come back as they are.
        path: the file, for messages.
        coloured: whether the last axis holds channels; a pixel counts as bad if any of its channels is.

    Returns:
        The pixels, and a mask of the shape without channels, False where a value was replaced; None where none was.

    Raises:
        ReadError: no value is finite.
    """
    if pixels.dtype.kind != "f":
        return pixels, None
    good = np.isfinite(pixels)
    if good.all():
        return pixels, None
    if not good.any():
        raise ReadError(f"{shown(path)}: every value is NaN or infinite, so there is nothing to see")
    filled = np.where(good, pixels, pixels[good].min())
    valid: BoolMask = np.all(good, axis=-1) if coloured else good
    return filled, valid
