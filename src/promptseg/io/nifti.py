"""NIfTI-1 and NIfTI-2, plain or gzipped: header by nibabel, voxels by one bounded read."""

import gzip
import itertools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError
from promptseg.io.files import decoding, shown
from promptseg.io.finite import finite_pixels
from promptseg.io.limits import Limits, check_limit
from promptseg.io.notices import quiet_libraries
from promptseg.io.signatures import OPENING_BYTES, kind_of
from promptseg.types import Image, Pixels, Source, Volume

if TYPE_CHECKING:
    from nibabel.nifti1 import Nifti1Header

__all__ = ["NiftiHeader", "corners_apart_mm", "load_nifti", "read_nifti", "read_nifti_header"]

_MOST_EXTENSIONS: Final = 2**24
"""Bytes between header and voxels that are believed."""

_MILLIMETRES: Final[dict[str, float]] = {"mm": 1.0, "meter": 1000.0, "micron": 0.001, "unknown": 1.0}
"""By the unit that the header states; where it states none, millimetres are what every program assumes."""

_WORDS: Final = "NIfTI file"


@dataclass(frozen=True, eq=False, slots=True)
class NiftiHeader:
    """What a NIfTI header says.

    Attributes:
        raw: nibabel's header.
        shape: voxels along i, j, k, without trailing ones beyond the third; 2 to 4 numbers.
        dtype: type of the stored values, three bytes with names for colour.
        offset: where the voxels begin, in the unpacked file.
        affine: (4, 4) from voxel indices (i, j, k) to millimetres; None where it is not finite or flattens space.
        spacing_mm: distances of voxel centres along i, j, k; None where unknown.
    """

    raw: "Nifti1Header"
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int
    affine: NDArray[np.float64] | None
    spacing_mm: tuple[float, float, float] | None


def read_nifti(path: Path, limits: Limits, *, volume: int | None = None) -> Image | Volume:
    """A NIfTI file as slices: voxels (Z, H, W) are those of the file with the axes turned round, k, j, i.

    Nothing is reoriented: row is j, column is i, slice is k, and ``source.affine`` says where that lies in the body.
    A file of two dimensions gives an Image. ``scl_slope`` and ``scl_inter`` are applied where they are given, and the
    values are then floating. NaN and infinity, common outside of the body, become the least value and are marked in
    ``valid``. ``cal_min`` and ``cal_max`` become the window.

    Args:
        path: a ``.nii`` or ``.nii.gz`` file, under whatever name.
        limits: the most to decode.
        volume: which volume of a file of four dimensions, from 0; may be None where there is one.

    Raises:
        LimitError: the header claims too much.
        ReadError: it is damaged or cut off; there are several volumes and ``volume`` is None, or no such volume.
    """
    header, stored = load_nifti(path, limits, volume=volume)
    with quiet_libraries(), decoding(path, _WORDS):
        scaled = _scaled(stored, header.raw)
    pixels, valid = finite_pixels(scaled, path, coloured=stored.ndim > len(header.shape[:3]))
    low, high = float(header.raw["cal_min"]), float(header.raw["cal_max"])
    window = (low, high) if math.isfinite(low) and math.isfinite(high) and high > low else None
    source = Source(path, "nifti", affine=header.affine)
    spacing_zyx = None if header.spacing_mm is None else header.spacing_mm[::-1]
    if len(header.shape) == 2:
        return Image(pixels, spacing_zyx[1:] if spacing_zyx else None, window, valid, source=source)
    return Volume(pixels, spacing_zyx, window, valid, source)


def load_nifti(path: Path, limits: Limits, *, volume: int | None = None) -> tuple[NiftiHeader, Pixels]:
    """The header and the stored values of one volume, (H, W) or (Z, H, W), with (..., 3) for colour.

    Raises:
        LimitError: as for :func:`read_nifti`.
        ReadError: as for :func:`read_nifti`.
    """
    with quiet_libraries(), decoding(path, _WORDS), _opened(path) as file:
        header = _header(file, path)
        index = _volume_index(header.shape, volume, path)
        shape = header.shape[:3]
        count = math.prod(shape)
        check_limit(limits, "frames", shape[2] if len(shape) > 2 else 1, path)
        check_limit(limits, "pixels", count, path)
        size = count * header.dtype.itemsize
        check_limit(limits, "file_bytes", header.offset + (index + 1) * size, path)
        file.seek(header.offset + index * size)
        data = file.read(size)
        if len(data) < size:
            raise ReadError(f"{shown(path)}: the header claims {size} bytes of voxels, but the file is cut off before")
    values = np.frombuffer(data, header.dtype).reshape(shape, order="F").transpose()
    if header.dtype.names:
        values = np.stack([values[name] for name in "RGB"], axis=-1)
    return header, np.ascontiguousarray(values.astype(values.dtype.newbyteorder("=")))


def read_nifti_header(path: Path) -> NiftiHeader:
    """The header of a NIfTI file.

    Raises:
        ReadError: it is damaged or no NIfTI file.
    """
    with quiet_libraries(), decoding(path, _WORDS), _opened(path) as file:
        return _header(file, path)


def corners_apart_mm(first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]) -> float:
    """The largest distance in millimetres between equal corners of two grids.

    Args:
        first: (4, 4) from voxel indices (i, j, k) to millimetres.
        second: the same of the other grid.
        shape: voxels along i, j and maybe k, of both.
    """
    ends = [(0, length - 1) for length in (*shape[:3], 1)[:3]]
    corners = np.array([(*corner, 1) for corner in itertools.product(*ends)])
    return float(np.linalg.norm((corners @ (first - second).T)[:, :3], axis=1).max())


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path)) if packed else path.open("rb")


def _header(file: IO[bytes], path: Path) -> NiftiHeader:
    import nibabel

    opening = file.read(OPENING_BYTES)
    if kind_of(opening) != "nifti":
        raise ReadError(f"{shown(path)}: is a gzip archive of something else than NIfTI; unpack it first")
    second = opening[4:7] in (b"n+2", b"ni2")
    if (opening[4:7] if second else opening[344:347]).startswith(b"ni"):
        raise ReadError(f"{shown(path)}: keeps its voxels in another file (.hdr and .img); convert it to one .nii.gz")
    file.seek(0)
    raw = (nibabel.Nifti2Header if second else nibabel.Nifti1Header).from_fileobj(file)
    shape = tuple(int(length) for length in raw.get_data_shape())
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) not in (2, 3, 4) or min(shape) < 1:
        raise ReadError(f"{shown(path)}: has shape {shape}; expected 2, 3 or 4 dimensions and none of them empty")
    dtype = raw.get_data_dtype()
    if dtype.kind not in "uif" and (dtype.names or ())[:3] != ("R", "G", "B"):
        raise ReadError(f"{shown(path)}: holds {dtype} values, which are no grey values or colours")
    offset = int(raw.get_data_offset())
    if not len(opening) - OPENING_BYTES <= offset <= _MOST_EXTENSIONS:
        raise ReadError(f"{shown(path)}: the voxels are said to begin at byte {offset}; the header is damaged")
    affine = np.asarray(raw.get_best_affine(), dtype=np.float64)
    sound = bool(np.isfinite(affine).all() and abs(np.linalg.det(affine[:3, :3])) > 1e-12)
    return NiftiHeader(raw, shape, dtype, offset, affine if sound else None, _spacing(raw, affine) if sound else None)


def _spacing(raw: "Nifti1Header", affine: NDArray[np.float64]) -> tuple[float, float, float]:
    """Lengths of the affine's columns in millimetres, rounded to what single precision holds."""
    try:
        unit = raw.get_xyzt_units()[0]
    except KeyError:
        unit = "unknown"
    lengths = np.linalg.norm(affine[:3, :3], axis=0) * _MILLIMETRES.get(unit, 1.0)
    i, j, k = (float(f"{length:.6g}") for length in lengths)
    return i, j, k


def _volume_index(shape: tuple[int, ...], volume: int | None, path: Path) -> int:
    count = shape[3] if len(shape) == 4 else 1
    if volume is None and count > 1:
        raise ReadError(
            f"{shown(path)}: holds {count} volumes; say which one with volume=0 to {count - 1} (on the command line "
            "--volume)"
        )
    if volume is not None and volume >= count:
        raise ReadError(f"{shown(path)}: volume {volume} does not exist; there are {count}, counted from 0")
    return volume or 0


def _scaled(stored: Pixels, raw: "Nifti1Header") -> Pixels:
    """Apply slope and intercept where they say something; the result is floating."""
    slope, intercept = raw.get_slope_inter()
    if slope is None or (slope, intercept or 0.0) == (1.0, 0.0):
        if stored.dtype == np.float16:
            return stored.astype(np.float32)
        return stored.astype(np.float64) if stored.dtype.itemsize > 8 else stored
    narrow = stored.dtype.itemsize <= 2 or stored.dtype == np.float32
    with np.errstate(over="ignore", invalid="ignore"):
        scaled: Pixels = stored.astype(np.float64) * slope + (intercept or 0.0)
        return scaled.astype(np.float32) if narrow else scaled
