"""One door in: a path to an image, a volume or a cine."""

import os
from pathlib import Path
from typing import Final

from promptseg.errors import ReadError, ValueRangeError
from promptseg.io.files import existing, opening, shown
from promptseg.io.limits import Limits, limits_in_force
from promptseg.io.pictures import PLUGINS, read_picture
from promptseg.io.signatures import OPENING_BYTES, FileKind, kind_of, looks_like
from promptseg.types import Cine, Image, Volume

__all__ = ["read", "read_image"]

READABLE: Final = "PNG, JPEG, BMP, WebP, TIFF, NPY, NPZ, DICOM (file or folder of one series) and NIfTI"


def read(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Image | Volume | Cine:
    """Read a picture, a volume or a cine; the first bytes decide the format, not the name.

    Args:
        path: a file, or a folder that is one DICOM series.
        limits: the most to decode; None for the defaults and what the environment says.

    Raises:
        LimitError: the file would decode to more than the limits allow; nothing was decoded.
        MissingExtraError: an optional decoder is needed.
        ReadError: nothing is there, the format is unknown, or the file is damaged.
    """
    place = existing(path)
    return _read(place, _kind(place), limits_in_force(limits))


def read_image(path: str | os.PathLike[str], *, frame: int | None = None, limits: Limits | None = None) -> Image:
    """Read one picture: that of a file which holds one, or frame (slice) ``frame`` of several, counted from 0.

    Raises:
        ReadError: as for :func:`read`; or there are several and ``frame`` is None, or there is no such frame.
        ValueRangeError: ``frame`` is not a whole number from 0.
    """
    _check_index(frame, "frame")
    place = existing(path)
    kind = _kind(place)
    bounds = limits_in_force(limits)
    if frame is not None and kind in ("dicom", "bare-dicom"):
        from promptseg.io.dicom import read_dicom_frame

        return read_dicom_frame(place, bounds, frame)
    return _picked(_read(place, kind, bounds), frame, place)


def _check_index(value: object, name: str) -> None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if value is not None and not whole:
        raise ValueRangeError(f"{name} must be a whole number from 0, got {value!r}")


def _picked(whole: Image | Volume | Cine, frame: int | None, path: Path) -> Image:
    if isinstance(whole, Image):
        if frame:
            raise ReadError(f"{shown(path)}: frame {frame} does not exist; the file holds one picture, frame 0")
        return whole
    what = "slices" if isinstance(whole, Volume) else "frames"
    if frame is None and len(whole) > 1:
        raise ReadError(f"{shown(path)}: holds {len(whole)} {what}; say which one with frame=0 to {len(whole) - 1}")
    if frame is not None and frame >= len(whole):
        raise ReadError(f"{shown(path)}: frame {frame} does not exist; there are {len(whole)} {what}, counted from 0")
    return whole[frame or 0]


def _kind(path: Path) -> FileKind:
    if path.is_dir():
        raise ReadError(f"{shown(path)}: is a folder")
    head = opening(path, OPENING_BYTES)
    kind = kind_of(head)
    if kind is None:
        raise ReadError(f"{shown(path)}: is none of {READABLE}; {looks_like(head)}")
    return kind


def _read(path: Path, kind: FileKind, limits: Limits) -> Image | Volume | Cine:
    if kind in PLUGINS:
        return read_picture(path, kind, limits)
    if kind in ("dicom", "bare-dicom"):
        from promptseg.io.dicom import read_dicom

        return read_dicom(path, limits)
    raise ReadError(f"{shown(path)}: {kind} is not read yet")
