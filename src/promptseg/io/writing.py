"""One door out: a mask to a file, the whole file or none."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, get_args

from promptseg.errors import ValueRangeError, WriteError
from promptseg.io.atomic import replacing, target
from promptseg.io.coco import write_coco
from promptseg.io.files import shown
from promptseg.io.mask_pictures import write_npz, write_png
from promptseg.io.masks import Drawing, Labels, MaskInput, drawing_of
from promptseg.io.nifti_masks import write_nifti, write_nifti_gz
from promptseg.io.segmentation_object import SegGeometry, dicom_source, write_segmentation
from promptseg.types import Cine, Image, Volume

__all__ = ["SUFFIXES", "check_output", "write"]

Like = Image | Volume | Cine | None


def write(
    mask: MaskInput,
    path: str | os.PathLike[str],
    *,
    like: Like = None,
    labels: Labels | None = None,
    seg_geometry: SegGeometry = "synthetic",
    algorithm: str = "promptseg",
) -> None:
    """Write a mask; the suffix of ``path`` chooses the format.

    ``.png`` is indexed (the labels are the indices); ``.npz`` holds ``mask``; ``.nii`` and ``.nii.gz`` have the
    geometry of ``like``, and a mask of one slice lies at its place in a volume of the source's size; ``.json`` is COCO
    with run lengths; ``.dcm`` is a DICOM segmentation, which repeats the patient and study of its source as the
    standard asks, and is the only format that holds patient data. What was at ``path`` before is replaced only when
    the new file is complete.

    Args:
        mask: bool (H, W) or (Z, H, W); an integer label map of such a shape, 0 outside; or a sequence of bool masks,
            which get the labels 1, 2, ... and may overlap in ``.json`` and ``.dcm``.
        path: where to write; its folder must exist.
        like: the image, volume or cine that the mask belongs to. Its size is checked, and its geometry goes along.
        labels: names by label, or names of the labels 1, 2, ... in order; for ``.npz``, ``.json`` and ``.dcm``.
        seg_geometry: for ``.dcm`` of sources without a place in the body, as ultrasound: ``synthetic`` or ``none``.
        algorithm: for ``.dcm``, the name of what drew the masks.

    Raises:
        MissingExtraError: ``.dcm`` needs the extra ``dicom``.
        ValueRangeError: the mask is none of these, or does not have the size of ``like``.
        WriteError: the suffix is unknown, the format cannot hold the mask, the folder is missing, the disk is full.
    """
    place = target(path)
    writer = _WRITERS[_suffix(place)]
    if seg_geometry not in get_args(SegGeometry):
        raise ValueRangeError(f"seg_geometry must be one of {', '.join(get_args(SegGeometry))}, got {seg_geometry!r}")
    if writer is write_segmentation:
        writer = partial(write_segmentation, geometry=seg_geometry, algorithm=algorithm)
    drawing = drawing_of(mask, labels)
    _check_like(drawing.shape, like)
    with replacing(place) as file:
        writer(file, drawing, like, place)


def check_output(path: str | os.PathLike[str], *, like: Like = None) -> Path:
    """Refuse what :func:`write` would refuse whatever the mask: to be called before slow work.

    Args:
        path: where to write.
        like: the image that the mask will belong to, once it is known.

    Returns:
        The file that is meant, a symbolic link followed.

    Raises:
        WriteError: as for :func:`write`; of ``.dcm`` also that ``like`` is no single-frame DICOM.
    """
    place = target(path)
    if _WRITERS[_suffix(place)] is write_segmentation and like is not None:
        dicom_source(like, place)
    return place


def _check_like(shape: tuple[int, ...], like: Like) -> None:
    """Refuse a mask that does not have the size of the image that it belongs to."""
    if like is None:
        return
    if isinstance(like, Image):
        expected: tuple[int, ...] = like.size
    else:
        expected = (like.voxels if isinstance(like, Volume) else like.frames).shape[:3]
    if shape == expected:
        return
    hint = "; rows and columns look swapped" if shape[-2:] == expected[-2:][::-1] else ""
    if len(shape) == 2 and len(expected) == 3:
        hint = f"; for one of the {expected[0]} slices or frames give that one as like, for example volume[0]"
    raise ValueRangeError(f"mask has shape {shape}, but the {type(like).__name__} it belongs to has {expected}{hint}")


def _suffix(path: Path) -> str:
    name = path.name.lower()
    found = [suffix for suffix in _WRITERS if name.endswith(suffix)]
    if not found:
        raise WriteError(
            f"{shown(path)}: the suffix must be one of {', '.join(_WRITERS)}, got {shown(path.suffix) or 'none'}"
        )
    return max(found, key=len)


def _png(file: BinaryIO, drawing: Drawing, _: Like, path: Path) -> None:
    write_png(file, drawing, path)


_WRITERS: Final[dict[str, Callable[[BinaryIO, Drawing, Like, Path], None]]] = {
    ".png": _png,
    ".npz": write_npz,
    ".nii": write_nifti,
    ".nii.gz": write_nifti_gz,
    ".json": write_coco,
    ".dcm": write_segmentation,
}

SUFFIXES: Final = tuple(_WRITERS)
"""The suffixes that :func:`write` knows."""
