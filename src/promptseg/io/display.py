"""Copies of an image to look at or to give to a model; the image itself keeps its depth."""

import math
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.types import Floats, Image, Pixels

__all__ = ["to_display", "to_gray"]

_MOST_IN_SINGLE: Final = 2.0**20
_LEAST_SPAN: Final = 1e-300
"""Below it, 255 divided by the span is more than a number can be."""
_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue in luma, ITU-R BT.601."""


def to_display(image: Image | Pixels) -> NDArray[np.uint8]:
    """What a viewer would show: uint8 (H, W) or (H, W, 3), a new array.

    The first of these that applies: the file's own display copy (``shown``); its window (``window``: up to the lower
    value black, from the upper value white, straight between); colours or greys that are uint8 already, as they are;
    the range of the values that occur, from black to white, the same for all channels. Where all values are equal the
    last gives black. Padding (``valid`` is False) is black and does not count for the range.

    >>> to_display(np.array([[0, 1000], [2000, 4000]], dtype=np.uint16)).tolist()
    [[0, 64], [128, 255]]
    """
    picture = image if isinstance(image, Image) else Image(np.asarray(image))
    pixels = picture.pixels
    if picture.shown is not None:
        seen = picture.shown.copy()
    elif picture.window is not None:
        seen = _scaled(pixels, *picture.window)
    elif pixels.dtype == np.uint8:
        seen = pixels.copy()
    else:
        counted = pixels if picture.valid is None or not picture.valid.any() else pixels[picture.valid]
        seen = _scaled(pixels, float(counted.min()), float(counted.max()), flat=0)
    if picture.valid is not None:
        seen[~picture.valid] = 0
    return seen


def to_gray(image: Image | Pixels) -> Floats:
    """Luma for a model: float32 (H, W), in the units of the pixels (nothing is scaled).

    Colour becomes 0.299 R + 0.587 G + 0.114 B (ITU-R BT.601). Padding becomes the least value of what is not padding.
    """
    picture = image if isinstance(image, Image) else Image(np.asarray(image))
    pixels = picture.pixels.astype(np.float32)
    gray: Floats = pixels if pixels.ndim == 2 else pixels @ _LUMA
    if picture.valid is not None and picture.valid.any():
        gray = np.where(picture.valid, gray, gray[picture.valid].min())
    return gray


def _scaled(pixels: Pixels, low: float, high: float, *, flat: int = 255) -> NDArray[np.uint8]:
    """Straight from ``low`` (0) to ``high`` (255), rounded; a window of no width parts below (0) from above (255)."""
    if not high > low:
        return np.where(pixels > low, np.uint8(flat), np.uint8(0))
    exact = pixels.dtype.itemsize > 2 or max(abs(low), abs(high)) > _MOST_IN_SINGLE
    floats: NDArray[Any] = pixels.astype(np.float64 if exact else np.float32)
    factor = 0.5 if math.isinf(high - low) else 2.0**200 if high - low < _LEAST_SPAN else 1.0
    if factor != 1:
        floats, low, high = floats * factor, low * factor, high * factor
    with np.errstate(over="ignore"):
        floats -= floats.dtype.type(low)
        floats *= floats.dtype.type(255 / (high - low))
    np.clip(floats, 0, 255, out=floats)
    scaled: NDArray[np.uint8] = np.rint(floats).astype(np.uint8)
    return scaled
