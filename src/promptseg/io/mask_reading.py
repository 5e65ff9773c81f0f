"""Masks back from files: what ``write`` wrote, and what other programs write."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError
from promptseg.io.files import decoding, existing, opening, shown
from promptseg.io.limits import Limits, limits_in_force
from promptseg.io.pictures import PLUGINS, open_picture, picture_values
from promptseg.io.signatures import OPENING_BYTES, FileKind, kind_of, looks_like
from promptseg.types import Pixels

__all__ = ["read_mask"]


def read_mask(path: str | os.PathLike[str], *, limits: Limits | None = None) -> NDArray[Any]:
    """Read a mask or a label map.

    Values that are all 0 and 1, or all 0 and 255 in 8 bits, give a boolean mask; anything else is a label map.
    Pictures with a palette give its indices, colour pictures must have three equal channels.

    Args:
        path: a PNG, BMP, WebP, JPEG.
        limits: the most to decode.

    Returns:
        bool or integer (H, W) or (Z, H, W).

    Raises:
        ReadError: the file is damaged, or its values are no labels.
    """
    place = existing(path)
    if place.is_dir():
        raise ReadError(f"{shown(place)}: is a folder; give the file of one mask")
    head = opening(place, OPENING_BYTES)
    kind = kind_of(head)
    bounds = limits_in_force(limits)
    if kind in PLUGINS:
        return _from_picture(place, kind, bounds)
    raise ReadError(f"{shown(place)}: holds no mask that can be read; {looks_like(head)}")


def as_mask(values: Pixels, path: Path) -> NDArray[Any]:
    """A boolean mask where there are two values as they are used for masks, else a label map.

    Raises:
        ReadError: there are values that are no labels.
    """
    if values.dtype == np.bool_:
        return values
    if values.dtype.kind == "f":
        whole = np.isfinite(values).all() and (values == np.rint(values)).all()
        if not whole:
            raise ReadError(f"{shown(path)}: holds fractions, so it is no mask; threshold it first")
        values = values.astype(np.int64)
    low, high = values.min(), values.max()
    if low < 0:
        raise ReadError(f"{shown(path)}: holds the negative value {low}, so it is no mask or label map")
    if high <= 1:
        return values.astype(np.bool_)
    if values.dtype == np.uint8 and high == 255 and not np.any((values > 0) & (values < 255)):
        return values > 0
    return values


def _from_picture(path: Path, kind: FileKind, limits: Limits) -> NDArray[Any]:
    with decoding(path, PLUGINS[kind][2]), open_picture(path, kind, limits) as picture:
        if picture.mode == "P":
            indices = np.array(picture)
            return indices.astype(np.bool_) if indices.max() <= 1 else indices
        values, _ = picture_values(picture)
    if values.ndim == 3:
        if (values != values[..., :1]).any():
            raise ReadError(f"{shown(path)}: is a colour picture, not a mask; save labels as grey or indexed PNG")
        values = np.ascontiguousarray(values[..., 0])
    mask = as_mask(values, path)
    if kind == "jpeg" and mask.dtype != np.bool_:
        raise ReadError(f"{shown(path)}: JPEG has blurred the values of this mask; save masks as PNG")
    return mask
