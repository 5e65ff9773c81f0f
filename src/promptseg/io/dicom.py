"""One DICOM file to an image, a cine or a volume."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from promptseg.errors import ReadError
from promptseg.io.dicom_geometry import frame_time_ms, pixel_spacing, slice_step
from promptseg.io.dicom_gray import gray_values
from promptseg.io.dicom_header import GRAY, Layout, layout_of, read_header
from promptseg.io.dicom_pixels import stored_pixels
from promptseg.io.files import decoding, shown
from promptseg.io.limits import Limits, check_limit
from promptseg.io.notices import quiet_libraries
from promptseg.types import BoolMask, Cine, Image, Pixels, Source, Volume

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["read_dicom", "read_dicom_frame"]

_WORDS: Final = "DICOM file"


def read_dicom(path: Path, limits: Limits) -> Image | Volume | Cine:
    """All of a DICOM file.

    One frame gives an Image. Several are a Volume where the file says that they lie evenly one behind another (slice
    0 is the file's first frame), else a Cine. Grey values are those after the modality transform; colours are RGB.
    A VOI look-up table or a sigmoid gives an Image its ``shown``; a Volume and a Cine have only the window that comes
    closest, the median of all frames.

    Raises:
        LimitError: too many pixels, frames or bytes.
        MissingExtraError: a decoder is missing.
        ReadError: the file is damaged or holds no picture.
    """
    with quiet_libraries(), decoding(path, _WORDS, quote=False):
        header = read_header(path, limits)
        layout = layout_of(header, path)
        _check_size(layout, layout.frames, path, limits)
        if layout.frames == 1:
            return _image(path, header, layout, None)
        return _several(path, header, layout)


def read_dicom_frame(path: Path, limits: Limits, frame: int) -> Image:
    """One frame of a DICOM file, without decoding the others.

    Raises:
        ReadError: as for :func:`read_dicom`, or there is no such frame.
    """
    with quiet_libraries(), decoding(path, _WORDS, quote=False):
        header = read_header(path, limits)
        layout = layout_of(header, path)
        _check_size(layout, 1, path, limits)
        if not 0 <= frame < layout.frames:
            raise ReadError(f"{shown(path)}: frame {frame} does not exist; there are {layout.frames}, counted from 0")
        return _image(path, header, layout, frame)


def _check_size(layout: Layout, frames: int, path: Path, limits: Limits) -> None:
    check_limit(limits, "frames", frames, path)
    check_limit(limits, "pixels", frames * layout.rows * layout.columns, path)


def _image(path: Path, header: "Dataset", layout: Layout, frame: int | None) -> Image:
    stored = stored_pixels(path, header, layout, frame=frame or 0)
    spacing_mm = pixel_spacing(header, layout, path, frame=frame or 0)
    source = Source(path, "dicom", frame=frame if layout.frames > 1 else None)
    if layout.photometric not in GRAY:
        return Image(stored, spacing_mm=spacing_mm, source=source)
    gray = gray_values(stored, header, layout, path, frame=frame or 0)
    return Image(gray.values, spacing_mm, gray.window, gray.valid, gray.shown, source)


def _several(path: Path, header: "Dataset", layout: Layout) -> Volume | Cine:
    stored = stored_pixels(path, header, layout)
    spacing_mm = pixel_spacing(header, layout, path)
    source = Source(path, "dicom")
    window, valid = None, None
    if layout.photometric in GRAY:
        stored, window, valid = _gray_frames(stored, header, layout, path)
    step_mm = slice_step(header, layout)
    if step_mm is None:
        return Cine(stored, spacing_mm, frame_time_ms(header), window, source)
    spacing = None if spacing_mm is None else (abs(step_mm), *spacing_mm)
    return Volume(stored, spacing, window, valid, source)


def _gray_frames(
    stored: Pixels, header: "Dataset", layout: Layout, path: Path
) -> tuple[Pixels, tuple[float, float] | None, BoolMask | None]:
    grays = [gray_values(frame, header, layout, path, frame=index) for index, frame in enumerate(stored)]
    values = np.stack([gray.values for gray in grays])
    windows = [gray.window for gray in grays if gray.window is not None]
    padded = any(gray.valid is not None for gray in grays)
    everywhere = np.ones(stored.shape[1:], np.bool_)
    valid = np.stack([everywhere if gray.valid is None else gray.valid for gray in grays]) if padded else None
    return values, typical_window(windows), valid


def typical_window(windows: list[tuple[float, float]]) -> tuple[float, float] | None:
    """One window for many frames: the median of their lower and of their upper values; None for none."""
    if not windows:
        return None
    low, high = np.median(np.array(windows), axis=0)
    return float(low), float(high)
