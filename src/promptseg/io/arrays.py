"""NPY and NPZ, without pickles."""

import math
import zipfile
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError
from promptseg.io.files import decoding, shown
from promptseg.io.finite import finite_pixels
from promptseg.io.limits import Limits, check_limit
from promptseg.types import Image, Pixels, Source, Volume

__all__ = ["image_of_array", "load_npy", "load_npz", "read_npy", "read_npz"]

_NUMBERS: Final = "buif"
_MOST_HEADER: Final = 10_000


def read_npy(path: Path, limits: Limits) -> Image | Volume:
    """An NPY as (H, W), (H, W, 3), (Z, H, W) or (Z, H, W, 3); three dimensions of which the last is 3 are colour.

    True and False become 255 and 0; half precision becomes single.

    Raises:
        LimitError: the header claims too much.
        ReadError: it is damaged, holds objects or no numbers, or has another shape.
    """
    return image_of_array(load_npy(path, limits), path)


def read_npz(path: Path, limits: Limits) -> Image | Volume:
    """An NPZ with one array, or with one called ``image``; shapes as for :func:`read_npy`.

    An array ``spacing_mm`` beside it, with one number for each dimension in space, is taken as the spacing.

    Raises:
        LimitError: a header claims too much.
        ReadError: as for :func:`read_npy`; or no array or several.
    """
    pixels, spacing_mm = load_npz(path, limits, "image")
    return image_of_array(pixels, path, spacing_mm)


def image_of_array(values: Pixels, path: Path, spacing_mm: NDArray[Any] | None = None) -> Image | Volume:
    """Give an array its meaning by its shape.

    Raises:
        ReadError: the shape is none of those, or no value is finite.
    """
    coloured = values.ndim in (3, 4) and values.shape[-1] == 3
    dimensions = values.ndim - coloured
    if dimensions not in (2, 3) or 0 in values.shape:
        raise ReadError(
            f"{shown(path)}: an array of shape {values.shape} is no picture; expected (H, W), (H, W, 3), (Z, H, W) or "
            "(Z, H, W, 3) with no zero"
        )
    pixels, valid = finite_pixels(_widened(values), path, coloured=coloured)
    spacing = _spacing(spacing_mm, dimensions)
    source = Source(path, "numpy")
    if dimensions == 2:
        return Image(pixels, spacing_mm=(spacing[0], spacing[1]) if spacing else None, valid=valid, source=source)
    depth = (spacing[0], spacing[1], spacing[2]) if spacing else None
    return Volume(pixels, spacing_mm=depth, valid=valid, source=source)


def load_npy(path: Path, limits: Limits) -> NDArray[Any]:
    """The array of an NPY file, whatever its shape.

    Raises:
        LimitError: the header claims too much.
        ReadError: it is damaged, cut off, or holds no numbers.
    """
    with decoding(path, "NPY file"), path.open("rb") as file:
        return _load(file, path.stat().st_size, path, limits)


def load_npz(path: Path, limits: Limits, name: str) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """The array ``name`` of an NPZ, or its only one; and its array ``spacing_mm``, if it has it.

    Raises:
        LimitError: a header claims too much.
        ReadError: it is damaged, there is no array, or there are several and none has the name.
    """
    with decoding(path, "NPZ file"), zipfile.ZipFile(path) as archive:
        members = {entry.filename[:-4]: entry for entry in archive.infolist() if entry.filename.endswith(".npy")}
        others = sorted(set(members) - {"spacing_mm"})
        if not others:
            raise ReadError(f"{shown(path)}: is a zip archive without arrays; unpack it first")
        if name not in members and len(others) > 1:
            known = ", ".join(shown(other) for other in others[:8])
            raise ReadError(f"{shown(path)}: holds {len(others)} arrays ({known}); name the one to read `{name}`")
        chosen = members[name if name in members else others[0]]
        with archive.open(chosen) as file:
            values = _load(file, chosen.file_size, path, limits)
        if "spacing_mm" not in members:
            return values, None
        with archive.open(members["spacing_mm"]) as file:
            return values, _load(file, members["spacing_mm"].file_size, path, limits)


def _load(file: IO[bytes], size: int, path: Path, limits: Limits) -> NDArray[Any]:
    """Read the header, check what it claims against the limits and the size, and only then the values."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0), (3, 0)):
        raise ReadError(f"{shown(path)}: has the unknown NPY version {version}")
    reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = reader(file, max_header_size=_MOST_HEADER)
    if dtype.hasobject or dtype.kind not in _NUMBERS:
        raise ReadError(f"{shown(path)}: holds {dtype} values; expected numbers (pickled objects are never loaded)")
    count = math.prod(shape)
    coloured = len(shape) > 2 and shape[-1] == 3
    check_limit(limits, "pixels", count // 3 if coloured else count, path)
    if min(shape, default=0) < 1:
        raise ReadError(f"{shown(path)}: an array of shape {shape} is empty")
    if size < count * dtype.itemsize:
        raise ReadError(f"{shown(path)}: the header claims {count} values, but the file is cut off before their end")
    data = file.read(count * dtype.itemsize)
    values = np.frombuffer(data, dtype, count).reshape(shape, order="F" if fortran else "C")
    return np.ascontiguousarray(values.astype(dtype.newbyteorder("=")))


def _widened(values: Pixels) -> Pixels:
    """Types that :class:`Image` and everything after it can compute with."""
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype == np.float16:
        return values.astype(np.float32)
    return values.astype(np.float64) if values.dtype.itemsize > 8 else values


def _spacing(spacing_mm: NDArray[Any] | None, dimensions: int) -> tuple[float, ...] | None:
    if spacing_mm is None or spacing_mm.shape != (dimensions,) or not np.isfinite(spacing_mm).all():
        return None
    found = tuple(float(size) for size in spacing_mm)
    return found if min(found) > 0 else None
