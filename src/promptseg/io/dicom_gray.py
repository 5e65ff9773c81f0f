"""Stored grey values of DICOM to values with a meaning: modality transform, window, padding, MONOCHROME1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.io.dicom_header import Layout, group_item, number, numbers
from promptseg.io.dicom_tables import read_table
from promptseg.io.finite import finite_pixels
from promptseg.types import BoolMask, Pixels

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Gray", "gray_values"]

_SIGNED: Final = (np.int16, np.int32)


@dataclass(frozen=True, eq=False, slots=True)
class Gray:
    """Grey values of one frame and how to show them; the fields mean what they do in ``Image``."""

    values: Pixels
    window: tuple[float, float] | None
    valid: BoolMask | None
    shown: NDArray[np.uint8] | None


def gray_values(stored: Pixels, header: "Dataset", layout: Layout, path: Path, *, frame: int = 0) -> Gray:
    """Apply what the header says of one frame.

    The modality transform gives the values their unit (Hounsfield units for CT): integers stay integers where slope
    and intercept are whole numbers. MONOCHROME1, where the least value is white, is turned round within the range of
    stored values, so that larger is brighter everywhere. Of several windows the first counts.

    Args:
        stored: (H, W) as decoded.
        header: what ``read_header`` gave.
        layout: what ``layout_of`` gave.
        path: the file, for messages.
        frame: index of the frame.

    Raises:
        ReadError: a look-up table is damaged.
    """
    stored, good = finite_pixels(stored, path)
    values, ends = _modality(stored, header, layout, path, frame)
    window, display = _view(values, header, layout, path, frame)
    if layout.photometric == "MONOCHROME1":
        values = _turned(values, sum(ends), stored.dtype)
        window = None if window is None else (sum(ends) - window[1], sum(ends) - window[0])
        display = None if display is None else np.uint8(255) - display
    valid = _valid(stored, header, layout)
    if good is not None:
        valid = good if valid is None else valid & good
    return Gray(values, window, valid, display)


def _stored_range(layout: Layout) -> tuple[int, int]:
    half = 2 ** (layout.bits_stored - 1)
    return (-half, half - 1) if layout.signed else (0, 2 * half - 1)


def _modality(
    stored: Pixels, header: "Dataset", layout: Layout, path: Path, frame: int
) -> tuple[Pixels, tuple[float, float]]:
    """Values in their unit, and what the least and greatest storable values become."""
    if header.get("ModalityLUTSequence"):
        table = read_table(header.ModalityLUTSequence[0], path, signed=layout.signed)
        return table(stored), (0, 2**table.bits - 1)
    item = group_item(header, "PixelValueTransformationSequence", frame)
    slope, intercept = number(item, "RescaleSlope"), number(item, "RescaleIntercept")
    low, high = _stored_range(layout) if stored.dtype.kind != "f" else (0, 1)
    if slope is None or intercept is None or slope == 0 or (slope, intercept) == (1, 0):
        return stored, (low, high)
    ends = low * slope + intercept, high * slope + intercept
    if stored.dtype.kind != "f" and slope == int(slope) and intercept == int(intercept) and max(map(abs, ends)) < 2**62:
        return _narrowed(stored.astype(np.int64) * int(slope) + int(intercept)), ends
    dtype = np.dtype(np.float32 if layout.bits_stored <= 16 and stored.dtype != np.float64 else np.float64)
    scaled: Pixels = (stored.astype(np.float64) * slope + intercept).astype(dtype)
    return scaled, ends


def _narrowed(exact: Pixels, preferred: Sequence[np.dtype[Any]] = ()) -> Pixels:
    """The first of the preferred integer types, else the smallest signed one, that holds every value."""
    low, high = int(exact.min()), int(exact.max())
    for dtype in (*preferred, *map(np.dtype, _SIGNED)):
        if dtype.kind in "ui" and np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return exact.astype(dtype)
    return exact


def _turned(values: Pixels, total: float, stored_dtype: np.dtype[Any]) -> Pixels:
    if values.dtype.kind == "f":
        turned: Pixels = values.dtype.type(total) - values
        return turned
    return _narrowed(int(total) - values.astype(np.int64), (values.dtype, stored_dtype))


def _view(
    values: Pixels, header: "Dataset", layout: Layout, path: Path, frame: int
) -> tuple[tuple[float, float] | None, NDArray[np.uint8] | None]:
    """The window, and a display copy where a window alone cannot give it; a look-up table goes before a window."""
    if header.get("VOILUTSequence"):
        table = read_table(header.VOILUTSequence[0], path, signed=bool(values.min() < 0))
        scaled = table(values).astype(np.float32) * np.float32(255 / (2**table.bits - 1))
        window = (float(table.first), float(table.first + len(table.entries) - 1))
        return window, np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
    if layout.bits_stored == 1:
        return (0.0, 1.0), None
    return _windowed(values, group_item(header, "FrameVOILUTSequence", frame))


def _windowed(values: Pixels, item: "Dataset") -> tuple[tuple[float, float] | None, NDArray[np.uint8] | None]:
    """The first window of an item (DICOM PS3.3 C.11.2.1.2), and for a sigmoid what it shows; None for no valid one."""
    centers, widths = numbers(item, "WindowCenter"), numbers(item, "WindowWidth")
    function = str(item.get("VOILUTFunction") or "LINEAR").strip().upper()
    if centers is None or widths is None or widths[0] < (1 if function == "LINEAR" else 1e-12):
        return None, None
    center, width = centers[0], widths[0]
    if function == "LINEAR":
        return (center - width / 2, center + width / 2 - 1), None
    window = (center - width / 2, center + width / 2)
    if function != "SIGMOID":
        return window, None
    steps = np.clip(-4 * (values.astype(np.float64) - center) / width, -700, 700)
    display: NDArray[np.uint8] = np.rint(255 / (1 + np.exp(steps))).astype(np.uint8)
    return window, display


def _valid(stored: Pixels, header: "Dataset", layout: Layout) -> BoolMask | None:
    """False where a stored value is padding; None where none is, or where all would be."""
    first = number(header, "PixelPaddingValue")
    if first is None:
        return None
    last = number(header, "PixelPaddingRangeLimit")
    ends = (first, first if last is None else last)
    if stored.dtype.kind != "f":
        ends = (_stored_value(ends[0], layout), _stored_value(ends[1], layout))
    valid = (stored < min(ends)) | (stored > max(ends))
    return None if valid.all() or not valid.any() else valid


def _stored_value(value: float, layout: Layout) -> float:
    """A value as its stored bits give it; many files state padding with the wrong sign or with too many bits."""
    low, high = _stored_range(layout)
    return value if low <= value <= high else (value - low) % (high - low + 1) + low
