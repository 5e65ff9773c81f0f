"""Masks as NIfTI with the geometry of the image that they belong to."""

import gzip
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError, WriteError
from promptseg.io.files import shown
from promptseg.io.masks import Drawing
from promptseg.io.nifti import NiftiHeader, read_nifti_header
from promptseg.io.notices import quiet_libraries
from promptseg.types import Cine, Image, Source, Volume

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

__all__ = ["write_nifti", "write_nifti_gz"]

_LPS_TO_RAS: Final = np.diag([-1.0, -1.0, 1.0, 1.0])
_SCANNER: Final = 1
_ALIGNED: Final = 2
_LABELS: Final = "label"


def write_nifti(file: BinaryIO, drawing: Drawing, like: Image | Volume | Cine | None, path: Path) -> None:
    """Write a mask as NIfTI-1 (NIfTI-2 where the source is), unpacked.

    Where the source is NIfTI the header's geometry is taken over as it is; of a DICOM slice or series it is computed;
    else the axes are those of the picture, with its spacing or 1. A mask of one slice of a volume becomes a volume of
    the source's size with that slice filled, so that it lies on the source in any viewer.

    Raises:
        WriteError: the mask belongs to a cine, the source cannot be read again, or objects overlap.
    """
    file.write(_document(drawing, like, path))


def write_nifti_gz(file: BinaryIO, drawing: Drawing, like: Image | Volume | Cine | None, path: Path) -> None:
    """As :func:`write_nifti`, gzipped; the same mask gives the same bytes every time."""
    with gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0) as packed:
        packed.write(_document(drawing, like, path))


def _document(drawing: Drawing, like: Image | Volume | Cine | None, path: Path) -> bytes:
    import nibabel

    labels = drawing.flat(path)
    source = None if like is None else like.source
    if isinstance(like, Cine):
        raise WriteError(f"{shown(path)}: a cine has no place in NIfTI yet; write frame by frame, or as .npz")
    with quiet_libraries():
        if source is not None and source.kind == "nifti":
            return _like_nifti(labels, source, path)
        grid = None
        if like is not None and source is not None and source.kind in ("dicom", "dicom-series"):
            from promptseg.io.dicom_affine import dicom_grid

            grid = dicom_grid(like)
            if grid is not None and grid[1] > 1 and source.kind == "dicom-series":
                labels = _among_slices(labels, source.frame, grid[1])
        affine = _LPS_TO_RAS @ (_plain(like) if grid is None else grid[0])
        image = nibabel.Nifti1Image(labels.transpose(), affine)
        image.set_sform(affine, code=_ALIGNED if grid is None else _SCANNER)
        image.set_qform(affine, code=_ALIGNED if grid is None else _SCANNER)
        image.header.set_xyzt_units("unknown" if like is None or like.spacing_mm is None else "mm")
        image.header.set_intent(_LABELS)
        whole: bytes = image.to_bytes()
    return whole


def _like_nifti(labels: NDArray[Any], source: Source, path: Path) -> bytes:
    """The source's header with another content."""
    import nibabel

    try:
        header = read_nifti_header(source.path)
    except ReadError as error:
        raise WriteError(f"{shown(path)}: the geometry of the source cannot be read again: {error}") from None
    labels = _among_slices(labels, source.frame, header.shape[2] if len(header.shape) > 2 else 1)
    if labels.shape != header.shape[:3][::-1]:
        raise WriteError(
            f"{shown(path)}: the mask has shape {labels.shape}, but {shown(source.path)} now has "
            f"{header.shape[:3][::-1]}"
        )
    second = isinstance(header.raw, nibabel.Nifti2Header)
    image = (nibabel.Nifti2Image if second else nibabel.Nifti1Image)(labels.transpose(), None, _bare(header))
    image.header.set_data_dtype(labels.dtype)
    whole: bytes = image.to_bytes()
    return whole


def _bare(header: NiftiHeader) -> "Nifti1Header":
    """The geometry of a header without its texts and extensions, which may hold what is nobody's business."""
    raw: Nifti1Header = header.raw.copy()
    raw.extensions.clear()
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        if name in raw:
            raw[name] = b""
    raw["cal_min"], raw["cal_max"] = 0, 0
    raw.set_slope_inter(1, 0)
    raw.set_intent(_LABELS)
    return raw


def _among_slices(labels: NDArray[Any], frame: int | None, count: int) -> NDArray[Any]:
    """One slice at its place among empty ones; anything else as it is."""
    if labels.ndim == 3 or frame is None:
        return labels
    volume = np.zeros((count, *labels.shape), labels.dtype)
    volume[frame] = labels
    return volume


def _plain(like: Image | Volume | None) -> NDArray[np.float64]:
    """(4, 4) of a picture without a place in the body: columns, rows, slices times their spacing, or times 1."""
    sizes = () if like is None or like.spacing_mm is None else like.spacing_mm[::-1]
    return np.diag([*sizes, *([1.0] * (4 - len(sizes)))])
