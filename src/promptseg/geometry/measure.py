"""What a clinician reads off a mask: its area, its longest diameter, and the diameter across it.

A pixel has an extent. Diameters run from outer edge to outer edge, through the middles of the pixels' edges: a row of n
pixels is n spacings long, one pixel is one spacing wide, as its area says. (From centre to centre they would be about
one spacing shorter, between corners up to half a spacing longer.) For random ellipses with a half axis of 3 to 60 px
the longest diameter comes out 0 to 0.7 px too long on average.

Both diameters are those of the convex hull of **all** of the mask; for one lesion among specks give
:func:`~promptseg.geometry.regions.largest_component` of it.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from promptseg.geometry.masks import Spacing, check_mask, check_spacing
from promptseg.geometry.regions import crop_slices
from promptseg.types import BoolMask

__all__ = ["Caliper", "Diameters", "Measurement", "area_mm2", "area_px", "convex_hull", "diameters", "measure"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Caliper:
    """A measured line.

    Attributes:
        length: in the unit of the :class:`Diameters` that it belongs to.
        start_xy: (x, y) of one end in pixel indices; of the two the one with the smaller x, then y.
        end_xy: (x, y) of the other end.
    """

    length: float
    start_xy: tuple[float, float]
    end_xy: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Diameters:
    """The two diameters of one mask.

    Attributes:
        longest: the longest diameter (maximum Feret or caliper diameter).
        perpendicular: the longest chord of the convex hull at a right angle to ``longest`` (the short axis).
        unit: of the lengths: ``mm`` where the spacing is known, else ``px``.
    """

    longest: Caliper
    perpendicular: Caliper
    unit: Literal["mm", "px"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Area and diameters of one mask.

    Attributes:
        area_px: number of pixels.
        area_mm2: in square millimetres, None where the spacing is not known.
        diameters: None for an empty mask.
    """

    area_px: int
    area_mm2: float | None
    diameters: Diameters | None


def measure(mask: BoolMask, *, spacing_mm: Spacing | None = None) -> Measurement:
    """Area and diameters of an (H, W) mask, in millimetres where ``spacing_mm`` (row, column) is known.

    >>> found = measure(np.ones((2, 5), dtype=bool), spacing_mm=(0.5, 0.2))
    >>> found.area_mm2, round(found.diameters.longest.length, 3)
    (1.0, 1.281)

    Raises:
        ValueRangeError: on an array that is no mask, or a wrong spacing.
    """
    area = None if spacing_mm is None else area_mm2(mask, spacing_mm)
    return Measurement(area_px(mask), area, diameters(mask, spacing_mm=spacing_mm))


def area_px(mask: BoolMask) -> int:
    """Number of pixels of an (H, W) mask."""
    return int(np.count_nonzero(check_mask(mask)))


def area_mm2(mask: BoolMask, spacing_mm: Spacing) -> float:
    """Area of an (H, W) mask in square millimetres: the number of pixels times the area of one."""
    row, column = check_spacing(spacing_mm, dimensions=2)
    return area_px(mask) * row * column


def diameters(mask: BoolMask, *, spacing_mm: Spacing | None = None) -> Diameters | None:
    """The longest diameter and the longest one across it, or None if the mask is empty.

    Right angles are right in millimetres, so on anisotropic pixels the two lines may look oblique. Of equally long
    diameters the one is taken whose start has the smallest x, then y, then likewise its end.

    Args:
        mask: (H, W).
        spacing_mm: (row, column); None gives lengths in pixels.

    Raises:
        ValueRangeError: on an array that is no mask, or a wrong spacing.
    """
    row, column = check_spacing(spacing_mm, dimensions=2)
    scale_xy = np.array([column, row])
    hull_xy = convex_hull(mask)
    if not len(hull_xy):
        return None
    hull_mm = hull_xy * scale_xy
    squared = np.square(hull_mm[:, None] - hull_mm[None]).sum(axis=-1)
    start, end = divmod(int(np.argmax(squared)), len(hull_xy))
    along = (hull_mm[end] - hull_mm[start]) / math.sqrt(squared[start, end])
    chord_mm = _longest_chord(hull_mm, along)
    longest = _caliper(hull_mm[[start, end]], scale_xy)
    return Diameters(longest, _caliper(chord_mm, scale_xy), "px" if spacing_mm is None else "mm")


def convex_hull(mask: BoolMask) -> Floats:
    """Corners of the convex hull of a mask, whose pixels are taken as the four middles of their edges.

    The hull has an area even for one pixel or a straight line, and is exact: it is found on whole numbers (monotone
    chain, Andrew 1979, doi 10.1016/0020-0190(79)90072-3), from the ends of each row and column alone.

    Args:
        mask: (H, W).

    Returns:
        (N, 2) corners as (x, y), N >= 4, in order around the hull from the one with the smallest x, then y; none of
        them on a straight line between its neighbours. (0, 2) if the mask is empty.
    """
    check_mask(mask)
    if not mask.any():
        return np.zeros((0, 2))
    rows, columns = crop_slices(mask)
    block = mask[rows, columns]
    doubled = np.concatenate([_edge_middles(block), _edge_middles(block.T)[:, ::-1]])
    points = [(int(x), int(y)) for x, y in np.unique(doubled, axis=0)]
    ring = _half_hull(points) + _half_hull(points[::-1])
    corners_xy: Floats = np.array(ring) / 2 + np.array([columns.start, rows.start])
    return corners_xy


def _edge_middles(block: BoolMask) -> NDArray[np.int64]:
    """(2 R, 2) left and right ends of each non-empty row, as (x, y) in half pixels."""
    rows = np.flatnonzero(block.any(axis=1))
    first = block[rows].argmax(axis=1)
    last = block.shape[1] - 1 - block[rows, ::-1].argmax(axis=1)
    left = np.stack([2 * first - 1, 2 * rows], axis=1)
    right = np.stack([2 * last + 1, 2 * rows], axis=1)
    return np.concatenate([left, right]).astype(np.int64)


def _half_hull(points: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """One side of the hull of sorted points, without its last corner, which the other side begins with."""
    corners: list[tuple[int, int]] = []
    for x, y in points:
        while len(corners) >= 2:
            (x0, y0), (x1, y1) = corners[-2:]
            if (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) > 0:
                break
            corners.pop()
        corners.append((x, y))
    return corners[:-1]


def _longest_chord(hull: Floats, along: Floats) -> Floats:
    """(2, 2) ends of the longest chord of a convex polygon at a right angle to a unit vector.

    The chord's length is concave and piecewise linear along the vector, so it is longest at some corner.
    """
    across = np.array([-along[1], along[0]])
    place, height = hull @ along, hull @ across
    next_place, next_height = np.roll(place, -1), np.roll(height, -1)
    run = next_place - place
    share = np.divide(
        place[:, None] - place[None],
        run[None],
        out=np.full((len(hull), len(hull)), -1.0),
        where=run[None] != 0,
    )
    crossed = (share >= 0) & (share <= 1)
    heights = height[None] + share * (next_height - height)[None]
    top = np.where(crossed, heights, -np.inf).max(axis=1)
    bottom = np.where(crossed, heights, np.inf).min(axis=1)
    best = int(np.argmax(top - bottom))
    ends: Floats = place[best] * along + np.array([[bottom[best]], [top[best]]]) * across
    return ends


def _caliper(ends_mm: Floats, scale_xy: Floats) -> Caliper:
    length = float(np.hypot(*(ends_mm[1] - ends_mm[0])))
    start, end = sorted((float(x), float(y)) for x, y in ends_mm / scale_xy)
    return Caliper(length, start, end)
