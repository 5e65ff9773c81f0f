"""Where the pixels of a DICOM file lie in the body: spacing, orientation, position, time."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.io.dicom_header import Layout, group_item, number, numbers
from promptseg.io.files import shown
from promptseg.io.notices import CalibrationWarning
from promptseg.io.ultrasound import region_spacing, regions_of

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Floats", "even_step", "frame_time_ms", "orientation_of", "pixel_spacing", "position_of", "slice_step"]

Floats = NDArray[np.float64]

EVEN_WITHIN: Final = 0.05
"""Distances of slices may differ by this part of their median and still count as even."""


def pixel_spacing(header: "Dataset", layout: Layout, path: Path, *, frame: int = 0) -> tuple[float, float] | None:
    """(row, column) distance of pixel centres in millimetres, or None: it is never guessed.

    Ultrasound regions go before ``PixelSpacing``. If a file states regions of which none can be used, or usable ones
    that disagree, the answer is None. ``ImagerPixelSpacing`` and ``NominalScannedPixelSpacing`` are sizes at the
    detector or film, not in the body, and are not used.
    """
    regions, stated = regions_of(header, layout, path)
    if stated:
        found = region_spacing(regions)
        if regions and found is None:
            warnings.warn(
                f"{shown(path)}: {len(regions)} ultrasound regions have different pixel sizes, so the picture has no "
                "single one; promptseg.io.ultrasound_regions gives them",
                CalibrationWarning,
                stacklevel=2,
            )
        return found
    spacing = numbers(group_item(header, "PixelMeasuresSequence", frame), "PixelSpacing", 2)
    return (spacing[0], spacing[1]) if spacing is not None and min(spacing) > 0 else None


def position_of(header: "Dataset", *, frame: int = 0) -> Floats | None:
    """(3,) centre of the first pixel in millimetres, patient coordinates (left, posterior, superior); or None."""
    position = numbers(group_item(header, "PlanePositionSequence", frame), "ImagePositionPatient", 3)
    return None if position is None else np.array(position)


def orientation_of(header: "Dataset", *, frame: int = 0) -> Floats | None:
    """(3, 3) unit vectors along a row, down a column, and their cross product; None where missing or not right."""
    cosines = numbers(group_item(header, "PlaneOrientationSequence", frame), "ImageOrientationPatient", 6)
    if cosines is None:
        return None
    along_row, down_column = np.array(cosines[:3]), np.array(cosines[3:])
    lengths = np.linalg.norm(along_row), np.linalg.norm(down_column)
    if min(lengths) < 0.5 or max(lengths) > 1.5 or abs(along_row @ down_column) > 0.01:
        return None
    along_row, down_column = along_row / lengths[0], down_column / lengths[1]
    return np.stack([along_row, down_column, np.cross(along_row, down_column)])


def even_step(places_mm: Floats) -> float | None:
    """The mean distance of two or more ascending places, or None where they are not even within 5 %, or NaN."""
    steps = np.diff(places_mm)
    median = float(np.median(steps))
    if not median > 0 or np.abs(steps - median).max() > max(EVEN_WITHIN * median, 1e-3):
        return None
    return float((places_mm[-1] - places_mm[0]) / len(steps))


def slice_step(header: "Dataset", layout: Layout) -> float | None:
    """Distance of the frames of one file along their normal in millimetres, or None where they are no even stack.

    It is positive if the frames ascend along the normal of the first, negative if they descend.
    """
    offsets = numbers(header, "GridFrameOffsetVector", layout.frames)
    if offsets is not None:
        places = np.array(offsets)
    else:
        axes = [orientation_of(header, frame=frame) for frame in range(layout.frames)]
        positions = [position_of(header, frame=frame) for frame in range(layout.frames)]
        first = axes[0]
        if first is None or any(axis is None or not np.allclose(axis, first, atol=1e-3) for axis in axes):
            return None
        normal = first[2]
        places = np.array([position @ normal for position in positions if position is not None])
        if len(places) < layout.frames:
            return None
    step = even_step(places) if places[-1] > places[0] else even_step(-places)
    return step if step is None or places[-1] > places[0] else -step


def frame_time_ms(header: "Dataset") -> float | None:
    """Time from frame to frame in milliseconds, where it is stated and the same for all; else None."""
    time = number(header, "FrameTime")
    if time is not None and time > 0:
        return time
    vector = numbers(header, "FrameTimeVector")
    if vector is not None and len(vector) > 1 and min(vector[1:]) > 0 and max(vector[1:]) <= 1.01 * min(vector[1:]):
        return float(np.mean(vector[1:]))
    return None
