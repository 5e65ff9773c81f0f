"""Masks back from files: what ``write`` wrote, and what other programs write."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError
from promptseg.io.arrays import load_npy, load_npz
from promptseg.io.coco import load_coco
from promptseg.io.files import decoding, existing, opening, shown
from promptseg.io.limits import Limits, limits_in_force
from promptseg.io.pictures import PLUGINS, open_picture, picture_values
from promptseg.io.signatures import OPENING_BYTES, FileKind, kind_of, looks_like
from promptseg.types import Pixels

__all__ = ["read_mask"]

_LOSSY: Final = ("jpeg",)


def read_mask(path: str | os.PathLike[str], *, limits: Limits | None = None) -> NDArray[Any]:
    """Read a mask or a label map.

    Values that are all 0 and 1, or in 8 bits all 0 and 255, give a boolean mask; anything else is a label map.
    Pictures with a palette give its indices; colour pictures must have three equal channels. Whole numbers may be
    stored as floating ones.

    Args:
        path: PNG, BMP, WebP, JPEG, TIFF, NPY, NPZ (``mask``, or the only array), NIfTI, COCO JSON, or DICOM SEG of one
            picture.
        limits: the most to decode.

    Returns:
        bool or integer (H, W) or (Z, H, W).

    Raises:
        LimitError: it would decode to more than the limits allow.
        ReadError: the file is damaged, or its values are no labels.
    """
    place = existing(path)
    if place.is_dir():
        raise ReadError(f"{shown(place)}: is a folder; give the file of one mask")
    head = opening(place, OPENING_BYTES)
    kind = kind_of(head)
    bounds = limits_in_force(limits)
    if kind in PLUGINS:
        mask = _from_picture(place, kind, bounds)
    elif kind is not None:
        mask = _LOADERS[kind](place, bounds)
    elif head.lstrip()[:1] == b"{":
        mask = load_coco(place, bounds)
    else:
        raise ReadError(f"{shown(place)}: holds no mask that can be read; {looks_like(head)}")
    if mask.ndim not in (2, 3) or 0 in mask.shape:
        raise ReadError(f"{shown(place)}: an array of shape {mask.shape} is no mask; expected (H, W) or (Z, H, W)")
    return mask


def _as_mask(values: Pixels, path: Path) -> NDArray[Any]:
    """A boolean mask where there are two values as they are used for masks, else a label map."""
    if values.dtype == np.bool_ or values.size == 0:
        return values
    if values.dtype.kind == "f":
        if not (np.isfinite(values).all() and (values == np.rint(values)).all()):
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
    mask = _as_mask(_one_channel(values, path), path)
    if kind in _LOSSY and mask.dtype != np.bool_:
        raise ReadError(f"{shown(path)}: JPEG has blurred the values of this mask; save masks as PNG")
    return mask


def _one_channel(values: Pixels, path: Path) -> Pixels:
    if values.ndim < 3 or values.shape[-1] != 3:
        return values
    if (values != values[..., :1]).any():
        raise ReadError(f"{shown(path)}: is a colour picture, not a mask; save labels as grey or indexed PNG")
    return np.ascontiguousarray(values[..., 0])


def _npy(path: Path, limits: Limits) -> NDArray[Any]:
    return _as_mask(load_npy(path, limits), path)


def _npz(path: Path, limits: Limits) -> NDArray[Any]:
    return _as_mask(load_npz(path, limits, "mask")[0], path)


def _tiff(path: Path, limits: Limits) -> NDArray[Any]:
    from promptseg.io.tiff import load_tiff

    values, axes = load_tiff(path, limits, indexed=True)
    return _as_mask(_one_channel(values, path) if axes.endswith("S") else values, path)


def _nifti(path: Path, limits: Limits) -> NDArray[Any]:
    from promptseg.io.nifti import read_nifti
    from promptseg.types import Image

    whole = read_nifti(path, limits)
    values = whole.pixels if isinstance(whole, Image) else whole.voxels
    return _as_mask(values, path)


def _dicom(path: Path, limits: Limits) -> NDArray[Any]:
    from promptseg.io.segmentation_object import load_segmentation

    return _as_mask(load_segmentation(path, limits), path)


_LOADERS: Final[dict[FileKind, Callable[[Path, Limits], NDArray[Any]]]] = {
    "tiff": _tiff,
    "npy": _npy,
    "zip": _npz,
    "nifti": _nifti,
    "gzip": _nifti,
    "dicom": _dicom,
    "bare-dicom": _dicom,
}
