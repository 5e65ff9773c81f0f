"""A folder that is one DICOM series: sorted by geometry, and refused with a reason where it is no even stack."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from promptseg.errors import GeometryError, ReadError
from promptseg.io.dicom_geometry import Floats, orientation_of, pixel_spacing, position_of
from promptseg.io.dicom_header import SEGMENTATION, Layout, layout_of, number, read_header
from promptseg.io.files import decoding, opening, shown
from promptseg.io.limits import Limits, check_limit
from promptseg.io.signatures import OPENING_BYTES, kind_of

__all__ = ["Slice", "find_slices", "one_series", "one_stack"]

_SAME_PLACE_MM: Final = 1e-3
_ORIENTATION_WITHIN: Final = 1e-3

_PHASE_ATTRIBUTES: Final = (
    "TemporalPositionIdentifier",
    "TriggerTime",
    "DiffusionBValue",
    "EchoNumbers",
    "EchoTime",
    "AcquisitionNumber",
    "InstanceNumber",
)
"""What may tell apart several images at one place, the most telling first."""


@dataclass(frozen=True, eq=False, slots=True)
class Slice:
    """What the header of one file of a series says; no patient data.

    Attributes:
        path: the file.
        layout: of its pixels.
        series_uid: SeriesInstanceUID.
        series_number: SeriesNumber, or None.
        spacing_mm: (row, column), or None.
        axes: (3, 3) unit vectors along a row, down a column, along the normal; or None.
        position: (3,) of the first pixel in millimetres; or None.
        phase: values of the attributes that may tell apart images at one place, NaN where missing.
        thickness_mm: distance to the next slice as the file states it, or None.
    """

    path: Path
    layout: Layout
    series_uid: str
    series_number: int | None
    spacing_mm: tuple[float, float] | None
    axes: Floats | None
    position: Floats | None
    phase: tuple[float, ...]
    thickness_mm: float | None

    @property
    def trigger_time_ms(self) -> float:
        """Time after the heart beat in milliseconds, NaN where it is not stated."""
        return self.phase[_PHASE_ATTRIBUTES.index("TriggerTime")]


def find_slices(folder: Path, limits: Limits) -> tuple[list[Slice], list[str]]:
    """Every DICOM picture in a folder (not in its sub-folders), by file name, and notes of what was left out.

    Raises:
        LimitError: too many files, pixels or bytes.
        ReadError: there is none, or a file is damaged.
    """
    try:
        entries = sorted(folder.iterdir())
        files = [entry for entry in entries if entry.is_file() and not entry.name.startswith(".")]
    except OSError as error:
        raise ReadError(f"{shown(folder)}: the folder cannot be read ({error.strerror})") from None
    check_limit(limits, "files", len(files), folder)
    found: list[Slice] = []
    other, objects = 0, 0
    pixels = 0
    for path in files:
        if kind_of(opening(path, OPENING_BYTES)) not in ("dicom", "bare-dicom"):
            other += 1
            continue
        one = _slice(path, limits)
        if one is None:
            objects += 1
            continue
        found.append(one)
        pixels += one.layout.rows * one.layout.columns * one.layout.frames
        check_limit(limits, "pixels", pixels, folder)
    if not found:
        folders = sum(entry.is_dir() for entry in entries)
        hint = f"; look into its {folders} sub-folders" if folders else "; give one file, or the folder of a series"
        raise ReadError(f"{shown(folder)}: the folder holds no DICOM pictures among {len(files)} files{hint}")
    notes = []
    if other:
        notes.append(f"{other} files that are not DICOM")
    if objects:
        notes.append(f"{objects} DICOM files without a picture (directory, report, segmentation or the like)")
    return found, notes


def one_series(slices: Sequence[Slice], folder: Path, series: int | str | None) -> list[Slice]:
    """The slices of the series asked for, or of the only one.

    Args:
        slices: as found.
        folder: for messages.
        series: a SeriesNumber, or a SeriesInstanceUID where numbers are missing or not unique.

    Raises:
        GeometryError: there are several series and none, or an unknown one, is asked for.
    """
    by_uid: dict[str, list[Slice]] = {}
    for one in slices:
        by_uid.setdefault(one.series_uid, []).append(one)
    if series is None:
        if len(by_uid) == 1:
            return list(slices)
        chosen = []
    else:
        chosen = [uid for uid, members in by_uid.items() if series in (uid, members[0].series_number)]
    if len(chosen) == 1:
        return by_uid[chosen[0]]
    listed = "; ".join(
        f"{'no number' if members[0].series_number is None else members[0].series_number}: {len(members)} x "
        f"{members[0].layout.columns} x {members[0].layout.rows}"
        for members in sorted(by_uid.values(), key=lambda members: members[0].series_number or 0)[:8]
    )
    asked = "" if series is None else f" and {len(chosen)} of them are series={series!r}"
    raise GeometryError(
        f"{shown(folder)}: holds {len(by_uid)} series{asked} (SeriesNumber: pictures: {listed}); choose with "
        "series=NUMBER or series='SeriesInstanceUID' (on the command line --series), or move them to folders of their "
        "own"
    )


def one_stack(slices: Sequence[Slice], folder: Path, phase: int | None) -> list[list[Slice]]:
    """Sort by place, and by phase within a place.

    Returns:
        For each place along the normal, ascending, its slices by phase: all of them where there is one place or
        ``phase`` is None and there is one phase; else the one asked for.

    Raises:
        GeometryError: the slices are no stack of one kind, or there are several phases and ``phase`` is None.
    """
    _check_alike(slices, folder)
    normal = slices[0].axes[2] if slices[0].axes is not None else np.zeros(3)
    ordered = sorted(slices, key=lambda one: (float(_position(one) @ normal), one.path))
    places: list[list[Slice]] = []
    for one in ordered:
        if places and abs(_position(one) @ normal - _position(places[-1][0]) @ normal) <= _SAME_PLACE_MM:
            places[-1].append(one)
        else:
            places.append([one])
    counts = sorted({len(place) for place in places})
    if counts == [1]:
        if phase not in (None, 0):
            raise GeometryError(f"{shown(folder)}: phase {phase} does not exist; there is one picture at each place")
        return places
    if len(counts) > 1:
        raise GeometryError(
            f"{shown(folder)}: holds {len(slices)} pictures at {len(places)} places, from {counts[0]} to "
            f"{counts[-1]} at each; files are missing or are there twice, or several series share one number"
        )
    name, key = _telling(places)
    places = [sorted(place, key=key) for place in places]
    return _phase(places, folder, phase, name)


def _phase(places: list[list[Slice]], folder: Path, phase: int | None, name: str) -> list[list[Slice]]:
    count = len(places[0])
    if phase is None and len(places) > 1:
        raise GeometryError(
            f"{shown(folder)}: holds {count} pictures at each of {len(places)} places, which differ in {name}; choose "
            f"with phase=0 to {count - 1} (on the command line --phase)"
        )
    if phase is not None and phase >= count:
        raise GeometryError(f"{shown(folder)}: phase {phase} does not exist; there are {count}, counted from 0")
    return places if phase is None else [[place[phase]] for place in places]


def _slice(path: Path, limits: Limits) -> Slice | None:
    """What a file says of itself, or None where it is a DICOM object without a picture."""
    with decoding(path, "DICOM file", quote=False):
        header = read_header(path, limits)
        if header.get("Rows") is None or str(header.get("SOPClassUID", "")) in SEGMENTATION:
            return None
        layout = layout_of(header, path)
        series_number = number(header, "SeriesNumber")
        thickness = number(header, "SpacingBetweenSlices") or number(header, "SliceThickness")
        phase = (number(header, name) for name in _PHASE_ATTRIBUTES)
        return Slice(
            path=path,
            layout=layout,
            series_uid=str(header.get("SeriesInstanceUID", "")),
            series_number=None if series_number is None else int(series_number),
            spacing_mm=pixel_spacing(header, layout, path),
            axes=orientation_of(header),
            position=position_of(header),
            phase=tuple(math.nan if value is None else value for value in phase),
            thickness_mm=thickness if thickness and thickness > 0 else None,
        )


def _position(one: Slice) -> Floats:
    return np.zeros(3) if one.position is None else one.position


def _check_alike(slices: Sequence[Slice], folder: Path) -> None:
    """Refuse slices that differ in what all slices of a stack share."""
    many = [one for one in slices if one.layout.frames > 1]
    if many:
        raise GeometryError(f"{shown(folder)}: {len(many)} of {len(slices)} files hold several frames; read one file")
    lost = sum(one.axes is None or one.position is None for one in slices)
    if lost:
        raise GeometryError(
            f"{shown(folder)}: {lost} of {len(slices)} files do not say where they lie (ImagePositionPatient and "
            "ImageOrientationPatient), so they are no volume; read one file at a time"
        )
    sizes = sorted({(one.layout.columns, one.layout.rows) for one in slices})
    if len(sizes) > 1:
        raise GeometryError(
            f"{shown(folder)}: mixes pictures of {_listed(sizes)} pixels; move them to folders of their own"
        )
    colours = sorted({one.layout.samples for one in slices})
    if len(colours) > 1:
        raise GeometryError(f"{shown(folder)}: mixes grey and colour pictures; move them to folders of their own")
    first = slices[0]
    turned = sum(not np.allclose(_axes(one), _axes(first), atol=_ORIENTATION_WITHIN) for one in slices)
    if turned:
        raise GeometryError(
            f"{shown(folder)}: {turned} of {len(slices)} pictures have another orientation than the first; scouts and "
            "other views belong in folders of their own"
        )
    spacings = sorted({one.spacing_mm or (0.0, 0.0) for one in slices})
    if not np.allclose(spacings, spacings[0], rtol=1e-4, atol=0):
        raise GeometryError(f"{shown(folder)}: mixes pixel spacings ({_listed(spacings)} mm); these are no one volume")


def _axes(one: Slice) -> Floats:
    return np.zeros((3, 3)) if one.axes is None else one.axes


def _listed(pairs: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{first:g} x {second:g}" for first, second in pairs[:6])


def _telling(places: Sequence[Sequence[Slice]]) -> tuple[str, Callable[[Slice], tuple[float, str]]]:
    """The first attribute that has different values for all pictures of every place, and a key to sort by it."""
    for index, name in enumerate(_PHASE_ATTRIBUTES):
        values = [[one.phase[index] for one in place] for place in places]
        if all(len(set(at)) == len(at) and not any(map(math.isnan, at)) for at in values):
            return name, lambda one, index=index: (one.phase[index], one.path.name)
    return "no attribute that is known", lambda one: (0.0, one.path.name)
