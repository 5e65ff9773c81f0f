"""Masks, label maps and probability maps from the files of a pair, and where they lie."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PairingError, ReadError
from promptseg.io import read, read_mask
from promptseg.io.files import shown
from promptseg.types import Cine, Image

__all__ = ["check_same_place", "file_spacing", "read_parts", "read_probabilities"]

_NIFTI: Final = (".nii", ".nii.gz")
_SAME_PLACE: Final = 0.1
"""Corners of two masks may be this part of the smallest voxel side apart: headers are rounded."""


def read_parts(paths: Sequence[Path]) -> NDArray[Any]:
    """One mask or label map from its parts: a pixel has the label of the part that covers it.

    Raises:
        PairingError: parts have different shapes, or overlap with different labels.
        ReadError: a file holds no mask.
    """
    merged = read_mask(paths[0])
    for path in paths[1:]:
        part = read_mask(path)
        if part.shape != merged.shape:
            raise PairingError(
                f"{shown(path)}: is a part of {shown(paths[0])}, but their shapes are {part.shape} and {merged.shape}"
            )
        if ((part > 0) & (merged > 0) & (part != merged)).any():
            raise PairingError(f"{shown(path)}: overlaps another part of the same mask with a different label")
        merged = np.maximum(merged, part)
    return merged


def read_probabilities(paths: Sequence[Path]) -> NDArray[np.float64]:
    """A probability map: floating numbers from 0 to 1, or whole numbers as shares of their type's maximum.

    Raises:
        PairingError: there are several files.
        ReadError: it is a colour picture, or holds other numbers.
    """
    path = paths[0]
    if len(paths) != 1:
        raise PairingError(f"{shown(path)}: is one of {len(paths)} probability maps of one image; give one")
    source = read(path)
    values = (
        source.pixels if isinstance(source, Image) else source.frames if isinstance(source, Cine) else source.voxels
    )
    if values.ndim != (2 if isinstance(source, Image) else 3):
        raise ReadError(f"{shown(path)}: is a colour picture, not a probability map; save it as grey or NPY")
    shares = values.astype(np.float64)
    if values.dtype.kind in "iu":
        shares = shares / np.iinfo(values.dtype).max
    if shares.min() < 0 or shares.max() > 1:
        raise ReadError(
            f"{shown(path)}: holds values from {values.min():g} to {values.max():g}; probabilities lie from 0 to 1"
        )
    return shares


def file_spacing(path: Path, dimensions: int) -> tuple[float, ...] | None:
    """Spacing in millimetres along the axes of a mask of 2 or 3 dimensions, if the file is NIfTI and knows it."""
    if not _is_nifti(path):
        return None
    from promptseg.io.nifti import read_nifti_header

    spacing_ijk = read_nifti_header(path).spacing_mm
    return None if spacing_ijk is None else spacing_ijk[::-1][3 - dimensions :]


def check_same_place(reference: Path, prediction: Path) -> None:
    """Refuse two NIfTI files of one shape whose voxels lie at different places in the body, such as mirrored ones.

    Other formats do not say, and are not checked.

    Raises:
        PairingError: corners of the two lie apart.
    """
    if not (_is_nifti(reference) and _is_nifti(prediction)):
        return
    from promptseg.io.nifti import corners_apart_mm, read_nifti_header

    first, second = read_nifti_header(reference), read_nifti_header(prediction)
    if first.affine is None or second.affine is None or first.spacing_mm is None:
        return
    apart = corners_apart_mm(first.affine, second.affine, first.shape)
    if apart > _SAME_PLACE * min(first.spacing_mm):
        raise PairingError(
            f"{shown(prediction)}: lies up to {apart:.3g} mm beside the reference {shown(reference)} (their affines "
            "differ); resample it onto the reference's grid"
        )


def _is_nifti(path: Path) -> bool:
    return path.name.lower().endswith(_NIFTI)
