"""Calibration of ultrasound: regions of the picture, each with its own physical units (DICOM PS3.3 C.8.5.5)."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from promptseg.errors import ReadError, ValueRangeError
from promptseg.io.dicom_header import Layout, layout_of, number, read_header
from promptseg.io.files import decoding, existing, opening, shown
from promptseg.io.limits import Limits, limits_in_force
from promptseg.io.notices import CalibrationWarning, quiet_libraries
from promptseg.io.signatures import OPENING_BYTES, kind_of
from promptseg.types import BoolMask

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["UltrasoundRegion", "region_spacing", "regions_of", "ultrasound_regions"]

_CENTIMETRES: Final = 3
_TWO_DIMENSIONAL: Final = 1
_TISSUE_OR_FLOW: Final = (1, 2)
_RELATIVE_TOLERANCE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class UltrasoundRegion:
    """A part of the picture that shows tissue (or colour flow in it) and whose pixel size is known.

    Attributes:
        box_xyxy: (x0, y0, x1, y1), its corners in pixels, inclusive.
        spacing_mm: (row, column) distance of pixel centres in millimetres.
    """

    box_xyxy: tuple[int, int, int, int]
    spacing_mm: tuple[float, float]

    def contains(self, mask: BoolMask) -> bool:
        """Whether every True pixel of a (H, W) mask lies in the region; an empty mask lies nowhere."""
        rows, columns = np.nonzero(mask)
        if rows.size == 0:
            return False
        x0, y0, x1, y1 = self.box_xyxy
        return bool(x0 <= columns.min() and columns.max() <= x1 and y0 <= rows.min() and rows.max() <= y1)


def ultrasound_regions(path: str | os.PathLike[str], *, limits: Limits | None = None) -> tuple[UltrasoundRegion, ...]:
    """The calibrated tissue regions of an ultrasound DICOM file, in the file's order; empty where there are none.

    Only two-dimensional regions of tissue or colour flow whose axes are both in centimetres count. A region that does
    not lie in the picture is left out with a :class:`CalibrationWarning`: then the picture was resized, and the
    stated pixel size is wrong.

    Raises:
        ReadError: it is not a DICOM file, or is damaged.
    """
    place = existing(path)
    if place.is_dir() or kind_of(opening(place, OPENING_BYTES)) not in ("dicom", "bare-dicom"):
        raise ReadError(f"{shown(place)}: is not a DICOM file, and only those state ultrasound regions")
    with quiet_libraries(), decoding(place, "DICOM file", quote=False):
        header = read_header(place, limits_in_force(limits))
        return regions_of(header, layout_of(header, place), place)[0]


def regions_of(header: "Dataset", layout: Layout, path: Path) -> tuple[tuple[UltrasoundRegion, ...], bool]:
    """The calibrated regions of a header, and whether the header states any region at all."""
    items = header.get("SequenceOfUltrasoundRegions") or ()
    found: list[UltrasoundRegion] = []
    for item in items:
        spacing_mm = _tissue_spacing(item)
        if spacing_mm is None:
            continue
        box = _box(item)
        if box is None or not _inside(box, layout):
            warnings.warn(
                f"{shown(path)}: an ultrasound region does not lie in the picture of {layout.columns} x {layout.rows} "
                "pixels, so its pixel size is not used; the picture was probably resized",
                CalibrationWarning,
                stacklevel=2,
            )
            continue
        x0, y0, x1, y1 = box
        found.append(UltrasoundRegion((x0, y0, min(x1, layout.columns - 1), min(y1, layout.rows - 1)), spacing_mm))
    return tuple(found), bool(items)


def region_spacing(regions: Sequence[UltrasoundRegion], mask: BoolMask | None = None) -> tuple[float, float] | None:
    """The (row, column) spacing in millimetres that all regions, or all that hold the whole mask, agree on.

    Args:
        regions: as :func:`ultrasound_regions` gives them.
        mask: (H, W); if given, only regions that contain all of it count.

    Returns:
        None where no region counts, or where they disagree by more than 1 part in 10 000.

    Raises:
        ValueRangeError: the mask is not a boolean (H, W) array.
    """
    if mask is not None and (mask.ndim != 2 or mask.dtype != np.bool_):
        raise ValueRangeError(f"mask must be a boolean (H, W) array, got {mask.dtype} of shape {mask.shape}")
    sizes = [region.spacing_mm for region in regions if mask is None or region.contains(mask)]
    if not sizes or not np.allclose(sizes, sizes[0], rtol=_RELATIVE_TOLERANCE, atol=0):
        return None
    return sizes[0]


def _tissue_spacing(item: "Dataset") -> tuple[float, float] | None:
    """(row, column) millimetres a pixel, if the region is tissue in centimetres; else None."""
    units = number(item, "PhysicalUnitsXDirection"), number(item, "PhysicalUnitsYDirection")
    if units != (_CENTIMETRES, _CENTIMETRES) or number(item, "RegionSpatialFormat") != _TWO_DIMENSIONAL:
        return None
    if number(item, "RegionDataType") not in _TISSUE_OR_FLOW:
        return None
    delta_x_cm, delta_y_cm = number(item, "PhysicalDeltaX"), number(item, "PhysicalDeltaY")
    if not delta_x_cm or not delta_y_cm:
        return None
    return 10 * abs(delta_y_cm), 10 * abs(delta_x_cm)


def _box(item: "Dataset") -> tuple[int, int, int, int] | None:
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    corners = [number(item, name) for name in names]
    whole = [int(corner) for corner in corners if corner is not None]
    return (whole[0], whole[1], whole[2], whole[3]) if len(whole) == 4 else None


def _inside(box: tuple[int, int, int, int], layout: Layout) -> bool:
    """Whether a box lies in the picture; some makers give the last corner one pixel too far, which is let pass."""
    x0, y0, x1, y1 = box
    return 0 <= x0 < x1 <= layout.columns and 0 <= y0 < y1 <= layout.rows
