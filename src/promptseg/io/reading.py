"""One door in: a path to an image, a volume or a cine."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promptseg.errors import ReadError, ValueRangeError
from promptseg.io.arrays import read_npy, read_npz
from promptseg.io.files import existing, opening, shown
from promptseg.io.limits import Limits, limits_in_force
from promptseg.io.pictures import PLUGINS, read_picture
from promptseg.io.signatures import OPENING_BYTES, FileKind, kind_of, looks_like
from promptseg.types import Cine, Image, Volume

__all__ = ["READABLE", "read", "read_image"]

READABLE: Final = "PNG, JPEG, BMP, WebP, TIFF, NPY, NPZ, DICOM (a file, or a folder of one series) and NIfTI"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which part of a file or folder is wanted; None where there is nothing to choose."""

    frame: int | None = None
    volume: int | None = None
    series: int | str | None = None
    phase: int | None = None

    def __post_init__(self) -> None:
        for name in ("frame", "volume", "phase"):
            _check_index(getattr(self, name), name)
        if isinstance(self.series, bool) or not isinstance(self.series, int | str | None):
            raise ValueRangeError(f"series must be a SeriesNumber or a SeriesInstanceUID, got {self.series!r}")


def read(
    path: str | os.PathLike[str],
    *,
    volume: int | None = None,
    series: int | str | None = None,
    phase: int | None = None,
    limits: Limits | None = None,
) -> Image | Volume | Cine:
    """Read a picture, a volume or a cine; the first bytes decide the format, not the name.

    Pixels keep the depth that they are stored in. NaN and infinity, where a file has them, become the least value and
    are marked in ``valid``. Nothing of a patient is kept.

    Args:
        path: a file, or a folder that is one DICOM series (its sub-folders are not looked into).
        volume: which volume of a NIfTI file of four dimensions, from 0.
        series: which series of a folder, by SeriesNumber or SeriesInstanceUID.
        phase: which of several pictures at each place of a series, from 0 (phases of the heart, echoes).
        limits: the most to decode; None for the defaults and what the environment says.

    Raises:
        GeometryError: a folder is no even stack of slices, or holds several series or phases and none was chosen.
        LimitError: the file would decode to more than the limits allow; nothing was decoded.
        MissingExtraError: an optional decoder is needed.
        ReadError: nothing is there, the format is unknown, or the file is damaged.
        ValueRangeError: a choice is no whole number from 0, or there is nothing of that kind to choose.
    """
    choice = Choice(volume=volume, series=series, phase=phase)
    return _read(existing(path), choice, limits_in_force(limits))


def read_image(
    path: str | os.PathLike[str],
    *,
    frame: int | None = None,
    volume: int | None = None,
    series: int | str | None = None,
    phase: int | None = None,
    limits: Limits | None = None,
) -> Image:
    """Read one picture: that of a file which holds one, or frame (slice) ``frame`` of several, counted from 0.

    Of a DICOM cine only that frame is decoded.

    Raises:
        ReadError: as for :func:`read`; or there are several and ``frame`` is None, or there is no such frame.
        ValueRangeError: as for :func:`read`.
    """
    choice = Choice(frame, volume, series, phase)
    place, bounds = existing(path), limits_in_force(limits)
    if frame is not None and not place.is_dir() and _kind(place) in _DICOM:
        from promptseg.io.dicom import read_dicom_frame

        _check_choice(choice, place, ())
        return read_dicom_frame(place, bounds, frame)
    return _picked(_read(place, choice, bounds), frame, place)


def _picked(whole: Image | Volume | Cine, frame: int | None, path: Path) -> Image:
    if isinstance(whole, Image):
        if frame:
            raise ReadError(f"{shown(path)}: frame {frame} does not exist; there is one picture, frame 0")
        return whole
    what = "slices" if isinstance(whole, Volume) else "frames"
    if frame is None and len(whole) > 1:
        raise ReadError(
            f"{shown(path)}: holds {len(whole)} {what}; say which one with frame=0 to {len(whole) - 1} (on the command "
            "line --frame)"
        )
    if frame is not None and frame >= len(whole):
        raise ReadError(f"{shown(path)}: frame {frame} does not exist; there are {len(whole)} {what}, counted from 0")
    return whole[frame or 0]


def _check_index(value: object, name: str) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if value is not None and not whole:
        raise ValueRangeError(f"{name} must be a whole number from 0, got {value!r}")


def _check_choice(choice: Choice, path: Path, possible: tuple[str, ...]) -> None:
    for name in ("volume", "series", "phase"):
        if getattr(choice, name) is not None and name not in possible:
            raise ValueRangeError(f"{shown(path)}: has no {name} to choose; leave out {name}= or --{name}")


def _kind(path: Path) -> FileKind:
    head = opening(path, OPENING_BYTES)
    kind = kind_of(head)
    if kind is None:
        raise ReadError(f"{shown(path)}: is none of {READABLE}; {looks_like(head)}")
    return kind


def _read(path: Path, choice: Choice, limits: Limits) -> Image | Volume | Cine:
    if path.is_dir():
        from promptseg.io.dicom_series import read_series

        _check_choice(choice, path, ("series", "phase"))
        return read_series(path, limits, series=choice.series, phase=choice.phase)
    kind = _kind(path)
    _check_choice(choice, path, ("volume",) if kind in ("nifti", "gzip") else ())
    if kind in PLUGINS:
        return read_picture(path, kind, limits)
    return _READERS[kind](path, choice, limits)


def _npy(path: Path, _: Choice, limits: Limits) -> Image | Volume:
    return read_npy(path, limits)


def _npz(path: Path, _: Choice, limits: Limits) -> Image | Volume:
    return read_npz(path, limits)


def _tiff(path: Path, _: Choice, limits: Limits) -> Image | Volume | Cine:
    from promptseg.io.tiff import read_tiff

    return read_tiff(path, limits)


def _dicom(path: Path, _: Choice, limits: Limits) -> Image | Volume | Cine:
    from promptseg.io.dicom import read_dicom

    return read_dicom(path, limits)


def _nifti(path: Path, choice: Choice, limits: Limits) -> Image | Volume:
    from promptseg.io.nifti import read_nifti

    return read_nifti(path, limits, volume=choice.volume)


_DICOM: Final = ("dicom", "bare-dicom")
_READERS: Final[dict[FileKind, Callable[[Path, Choice, Limits], Image | Volume | Cine]]] = {
    "npy": _npy,
    "zip": _npz,
    "tiff": _tiff,
    "dicom": _dicom,
    "bare-dicom": _dicom,
    "nifti": _nifti,
    "gzip": _nifti,
}
