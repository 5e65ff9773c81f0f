"""Clicks and strokes as inexact as people make them; boxes drawn inexactly are in :mod:`promptseg.prompts.boxes`.

The region is what the user aims at: the object for a positive click, a part that is too much for a negative one.
"""

import math
from typing import Final, get_args

import numpy as np

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.geometry.distances import distance_to
from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import crop_slices, label_components
from promptseg.prompts.lattice import nearest_pixel
from promptseg.prompts.strokes import Course, draw_stroke
from promptseg.types import BoolMask, Point

__all__ = ["jitter_click", "miss_click", "scribble"]

_NEXT_PIXEL_PX: Final = 1.5


def jitter_click(
    point: Point, region: BoolMask, rng: np.random.Generator, *, fraction: float = 0.1, stay: bool = True
) -> Point:
    """Move a click by Gaussian noise, in proportion to the region's size.

    Args:
        point: in pixels of the image; its sign is kept.
        region: (H, W), not empty.
        rng: the source of randomness; it is drawn from in the order x, y.
        fraction: standard deviation along each axis as a share of the diameter of the disc of the region's area.
        stay: a click that would leave the region lands on the region's pixel nearest to there; if False it is only
            kept on the image.

    Raises:
        PromptError: if the region is empty.
        ValueRangeError: if it is no mask, or the fraction is negative or not finite.
    """
    _check(region)
    if not 0 <= fraction < math.inf:
        raise ValueRangeError(f"fraction must be 0 or more, got {fraction!r}")
    height, width = region.shape
    moved = np.array([point.x, point.y]) + rng.standard_normal(2) * fraction * _diameter(region)
    x, y = np.clip(moved, 0, np.array([width - 1, height - 1])).tolist()
    if stay and not region[round(y), round(x)]:
        x, y = nearest_pixel(region, np.array([x, y]))
    return Point(x, y, point.positive)


def miss_click(
    point: Point, region: BoolMask, rng: np.random.Generator, *, probability: float = 0.05, reach: float = 0.2
) -> Point:
    """Let a click miss its region with some probability: it lands on a random pixel close by, but outside.

    Args:
        point: returned as it is if it does not miss; its sign is kept.
        region: (H, W), not empty.
        rng: the source of randomness.
        probability: from 0 to 1.
        reach: how far outside, as a share of the diameter of the disc of the region's area; the neighbouring pixels
            are always within reach. A region that fills the image cannot be missed.

    Raises:
        PromptError: if the region is empty.
        ValueRangeError: if it is no mask, the probability not from 0 to 1, or the reach negative or not finite.
    """
    _check(region)
    if not 0 <= probability <= 1:
        raise ValueRangeError(f"probability must be from 0 to 1, got {probability!r}")
    if not 0 <= reach < math.inf:
        raise ValueRangeError(f"reach must be 0 or more, got {reach!r}")
    if rng.random() >= probability or region.all():
        return point
    around = distance_to(region)
    outside = np.flatnonzero(~region & (around <= max(_NEXT_PIXEL_PX, reach * _diameter(region))))
    row, column = divmod(int(rng.choice(outside)), region.shape[1])
    return Point(column, row, point.positive)


def scribble(
    region: BoolMask,
    rng: np.random.Generator,
    *,
    course: Course = "medial",
    count: int = 8,
    positive: bool = True,
) -> tuple[Point, ...]:
    """A stroke inside the region, as points at equal distances along a smooth curve; all on pixels of one part.

    The part is drawn by area. A ``medial`` stroke follows its middle from end to end, short of each end by up to a
    fifth of the length; a ``random`` one winds between two random pixels. Both are cheapest paths over neighbouring
    pixels: the cost is the inverse square of the depth, or the exponential of smooth noise. In a part of more than
    8192 pixels, blocks of them are the steps of the path.

    Args:
        region: (H, W), not empty.
        rng: the source of randomness.
        course: ``medial`` or ``random``.
        count: points at most, at least 1; fewer where the stroke is short. One is in the stroke's middle.
        positive: the sign of the points.

    Raises:
        PromptError: if the region is empty.
        ValueRangeError: if it is no mask, or the count no whole number of 1 or more.
        UnknownNameError: if there is no such course.
    """
    _check(region)
    if course not in get_args(Course):
        raise UnknownNameError(f"unknown course of a scribble {course!r}; choose one of {', '.join(get_args(Course))}")
    wanted: object = count
    if isinstance(wanted, bool) or not isinstance(wanted, int | np.integer) or wanted < 1:
        raise ValueRangeError(f"count must be a whole number of 1 or more points, got {count!r}")
    rows, columns = crop_slices(region)
    part = _part(region[rows, columns], rng)
    stroke = draw_stroke(part, course, rng)
    travelled = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    marks = np.linspace(0, travelled[-1], count) if count > 1 else travelled[-1:] / 2
    chosen = stroke[np.unique(np.abs(travelled[:, None] - marks).argmin(axis=0))]
    return tuple(Point(x + columns.start, y + rows.start, positive) for x, y in chosen.tolist())


def _check(region: BoolMask) -> None:
    check_mask(region, name="region")
    if not region.any():
        raise PromptError("region is empty: there is nothing to aim at; leave out images without the object")


def _diameter(region: BoolMask) -> float:
    """Of the disc of the region's area, in pixels."""
    return math.sqrt(4 / math.pi * np.count_nonzero(region))


def _part(region: BoolMask, rng: np.random.Generator) -> BoolMask:
    """The 8-connected part that holds a random pixel."""
    numbers, _ = label_components(region)
    part: BoolMask = numbers == rng.choice(numbers[region])
    return part
