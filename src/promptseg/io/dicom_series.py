"""A folder of DICOM files to a volume, or to a cine where all pictures lie at one place."""

import warnings
from pathlib import Path

import numpy as np

from promptseg.errors import GeometryError
from promptseg.io.dicom import read_dicom, read_dicom_frame, typical_window
from promptseg.io.dicom_geometry import Floats, even_step
from promptseg.io.files import shown
from promptseg.io.limits import Limits
from promptseg.io.notices import ReadWarning, quiet_libraries
from promptseg.io.series import Slice, find_slices, one_series, one_stack
from promptseg.types import Cine, Image, Source, Volume

__all__ = ["read_series"]


def read_series(
    folder: Path, limits: Limits, *, series: int | str | None = None, phase: int | None = None
) -> Image | Volume | Cine:
    """A folder that is one DICOM series.

    Slices are sorted by where they lie along their common normal, ascending; file names and instance numbers have no
    say. Several pictures at every place (phases of the heart, echoes) need ``phase``; if there is only one place they
    are frames in time, a Cine. A folder with one picture gives what that file gives. Sub-folders are not looked into.
    Files that hold no DICOM picture are left out with a :class:`ReadWarning`.

    Args:
        folder: where the files lie.
        limits: the most to decode.
        series: SeriesNumber or SeriesInstanceUID, where the folder holds several series.
        phase: which of several pictures at each place, from 0, in the order of what tells them apart (trigger time
            and the like).

    Raises:
        GeometryError: several series, sizes, orientations or spacings, places without even distances, or phases that
            do not match; it says what differs and how to choose.
        LimitError: too many files, pixels or bytes.
        ReadError: there is no DICOM picture, or a file is damaged.
    """
    with quiet_libraries():
        slices, notes = find_slices(folder, limits)
        if notes:
            warnings.warn(f"{shown(folder)}: left out {' and '.join(notes)}", ReadWarning, stacklevel=2)
        chosen = one_series(slices, folder, series)
        if len(chosen) == 1 and phase in (None, 0):
            return read_dicom(chosen[0].path, limits)
        places = one_stack(chosen, folder, phase)
        if len(places) == 1 and len(places[0]) > 1:
            return _cine(places[0], folder, limits)
        return _volume([place[0] for place in places], folder, limits)


def slice_places(slices: list[Slice]) -> Floats:
    """Where slices lie along their common normal, in millimetres."""
    normal = slices[0].axes[2] if slices[0].axes is not None else np.zeros(3)
    return np.array([one.position @ normal for one in slices if one.position is not None])


def _volume(slices: list[Slice], folder: Path, limits: Limits) -> Volume:
    step_mm = _step(slices, folder)
    images = [read_dicom_frame(one.path, limits, 0) for one in slices]
    valid = None
    if any(image.valid is not None for image in images):
        everywhere = np.ones(images[0].size, np.bool_)
        valid = np.stack([everywhere if image.valid is None else image.valid for image in images])
    flat = slices[0].spacing_mm
    return Volume(
        np.stack([image.pixels for image in images]),
        spacing_mm=None if flat is None or step_mm is None else (step_mm, *flat),
        window=typical_window([image.window for image in images if image.window is not None]),
        valid=valid,
        source=Source(folder, "dicom-series", files=tuple(one.path for one in slices)),
    )


def _cine(slices: list[Slice], folder: Path, limits: Limits) -> Cine:
    images = [read_dicom_frame(one.path, limits, 0) for one in slices]
    return Cine(
        np.stack([image.pixels for image in images]),
        spacing_mm=slices[0].spacing_mm,
        frame_time_ms=even_step(np.array([one.trigger_time_ms for one in slices])),
        window=typical_window([image.window for image in images if image.window is not None]),
        source=Source(folder, "dicom-series", files=tuple(one.path for one in slices)),
    )


def _step(slices: list[Slice], folder: Path) -> float | None:
    """Distance of the slices in millimetres; of a single one what the file states, or None."""
    if len(slices) == 1:
        return slices[0].thickness_mm
    places = slice_places(slices)
    step_mm = even_step(places)
    if step_mm is None:
        steps = np.diff(places)
        median = float(np.median(steps))
        worst = int(np.argmax(np.abs(steps - median)))
        raise GeometryError(
            f"{shown(folder)}: the slices are not evenly spaced: most are {median:.6g} mm apart, but slices {worst} "
            f"and {worst + 1} of {len(slices)} are {steps[worst]:.6g} mm apart; files are missing, or series are mixed"
        )
    return step_mm
