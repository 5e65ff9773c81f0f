"""Boxes as inexact as people draw them: moved, widened, and of a given overlap with the tight one.

Boxes are inclusive and may have fractional corners: the box (x0, y0, x1, y1) covers the rectangle from x0 - .5 to
x1 + .5 and from y0 - .5 to y1 + .5, so that of one pixel has an area of 1.
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, Literal, get_args

import numpy as np

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.geometry.regions import box_size
from promptseg.types import Box

__all__ = ["LOOSENINGS", "Loosening", "Overlap", "jitter_box", "overlap_box", "shift_box", "widen_box"]

Loosening = Literal["jitter", "widen", "shift"]
Overlap = Literal["iou", "coverage"]
Rectangle = tuple[tuple[float, float], tuple[float, float]]
"""Where it begins and ends along x, and along y."""
Path = Callable[[float], Rectangle]

_FACTORS: Final = (0.8, 1.25)
_FAR_SIDES: Final = 2.0
_HALVINGS: Final = 50


def jitter_box(
    box: Box, image_size: tuple[int, ...], rng: np.random.Generator, *, fraction: float = 0.1, limit_px: float = 20
) -> Box:
    """Move each corner coordinate by Gaussian noise, as in the training of Segment Anything (arXiv 2304.02643).

    Args:
        box: in pixel indices.
        image_size: (height, width); the result is clipped to the pixels of the image.
        rng: the source of randomness; it is drawn from in the order x0, y0, x1, y1.
        fraction: standard deviation as a share of the box's width (for x) or height (for y).
        limit_px: no coordinate moves by more.
    """
    height, width = box_size(box)
    noise = rng.standard_normal(4) * fraction * np.array([width, height, width, height])
    return _moved(box, np.clip(noise, -limit_px, limit_px), image_size)


def widen_box(box: Box, image_size: tuple[int, ...], rng: np.random.Generator, *, limit_px: int = 20) -> Box:
    """Move each side outwards by a whole number of pixels, uniform from 0 to the limit inclusive, as MedSAM does.

    (Ma et al. 2024, doi 10.1038/s41467-024-44824-z.) MedSAM draws in its frame of 1024 pixels and clips the far sides
    to the image's size; here it is the frame of the box, and the index of the last pixel.

    Args:
        box: in pixel indices.
        image_size: (height, width); the result is clipped to the pixels of the image.
        rng: the source of randomness; it is drawn from in the order x0, y0, x1, y1.
        limit_px: no side moves by more.
    """
    outwards = rng.integers(limit_px, size=4, endpoint=True) * np.array([-1, -1, 1, 1])
    return _moved(box, outwards.astype(np.float64), image_size)


def shift_box(box: Box, image_size: tuple[int, ...], rng: np.random.Generator, *, limit_px: int = 5) -> Box:
    """Move the whole box by one whole number of pixels along each axis, as in SAM-Med2D (arXiv 2308.16184).

    The numbers are uniform from -m to m - 1 with m the smaller of the limit and half the box's shorter side, rounded
    down; boxes of one pixel in width or height stay. What leaves the image is cut off, so boxes at the border get
    smaller where the authors' move as a whole.

    Args:
        box: in pixel indices.
        image_size: (height, width); the result is clipped to the pixels of the image.
        rng: the source of randomness; it is drawn from in the order x, y.
        limit_px: a whole number of 0 or more.
    """
    limit = min(limit_px, math.floor(min(box_size(box)) / 2))
    along = rng.integers(-limit, limit, size=2) if limit > 0 else np.zeros(2)
    return _moved(box, np.tile(along, 2).astype(np.float64), image_size)


LOOSENINGS: Final[dict[Loosening, Callable[[Box, tuple[int, ...], np.random.Generator], Box]]] = {
    "jitter": jitter_box,
    "widen": widen_box,
    "shift": shift_box,
}
"""Ways to draw a box inexactly."""


def overlap_box(
    box: Box, image_size: tuple[int, ...], rng: np.random.Generator, *, target: float, measure: Overlap = "iou"
) -> Box:
    """A box of other sides and another place that overlaps the given one by just so much.

    For studies such as the "BBox 0.5" and "BBox 0.75" of Med-SA (arXiv 2304.12620), whose code has no such box. The
    sides are multiplied by two factors, uniform from .8 to 1.25. The box is then moved in a random direction (measured
    in its own sides) until the overlap has fallen to the target; if the factors alone take it lower, they are drawn
    back towards 1 instead and the middle stays. At every moment the box is cut at the border of the image, and kept
    one pixel wide and high, before the overlap is computed; so that it holds for the box that is returned. Where it
    does not fall so low that way (a small object at the border) the box is moved in the opposite direction, or else
    grown, or else shrunk around its middle.

    Args:
        box: in pixel indices, within the image.
        image_size: (height, width).
        rng: the source of randomness; it is drawn from in the order factor of the width, of the height, direction.
        target: above 0 and at most 1.
        measure: ``iou``, or ``coverage``: the share of the given box that is covered. Both are of the rectangles that
            the module describes, not of counted pixels: for boxes of a few pixels the pixels whose centres lie inside
            may have quite another overlap.

    Returns:
        a box with fractional corners within the image whose overlap is the target to 1e-6.

    >>> drawn = overlap_box(Box(20, 30, 59, 49), (90, 120), np.random.default_rng(0), target=0.75)
    >>> [round(corner, 1) for corner in (drawn.x0, drawn.y0, drawn.x1, drawn.y1)]
    [22.8, 31.4, 65.2, 48.8]

    Raises:
        UnknownNameError: if there is no such measure.
        ValueRangeError: if the target is not in its range, or the box not within the image.
        PromptError: if no box of a pixel or more was found, as in an image of one pixel. It is always found where
            target times the given box's area is 1 or more.
    """
    given = _checked(box, image_size, target, measure)
    for path in _paths(given, (image_size[1], image_size[0]), rng):
        if _overlap(path(0), given, measure) >= target >= _overlap(path(1), given, measure):
            low, high = 0.0, 1.0
            for _ in range(_HALVINGS):
                middle = (low + high) / 2
                if _overlap(path(middle), given, measure) >= target:
                    low = middle
                else:
                    high = middle
            (x0, x1), (y0, y1) = path(low)
            return Box(x0 + 0.5, y0 + 0.5, x1 - 0.5, y1 - 0.5)
    raise PromptError(
        f"no box of a pixel or more has {measure} {target:g} with {box} in an image of height {image_size[0]} and "
        f"width {image_size[1]}; leave such small objects out, or give a higher target"
    )


def _checked(box: Box, image_size: tuple[int, ...], target: float, measure: Overlap) -> Rectangle:
    """What the box covers."""
    if measure not in get_args(Overlap):
        raise UnknownNameError(f"unknown overlap {measure!r}; choose one of {', '.join(get_args(Overlap))}")
    if not 0 < target <= 1:
        raise ValueRangeError(f"target must be above 0 and at most 1, got {target!r}")
    height, width = image_size
    if min(box.x0, box.y0) < 0 or box.x1 > width - 1 or box.y1 > height - 1:
        raise ValueRangeError(f"box must lie within the image of width {width} and height {height}, got {box}")
    return (box.x0 - 0.5, box.x1 + 0.5), (box.y0 - 0.5, box.y1 + 0.5)


def _paths(given: Rectangle, image: tuple[int, int], rng: np.random.Generator) -> list[Path]:
    """Ways from a box (at 0) to another (at 1) in the order in which they are tried.

    The first begins at the given box, the second where the first ends; along each, boxes change without a jump.
    """
    sides = [end - start for start, end in given]
    drawn = rng.uniform(*_FACTORS, size=2).tolist()
    angle = rng.uniform(0, 2 * math.pi)
    far = [_FAR_SIDES * math.cos(angle) * sides[0], _FAR_SIDES * math.sin(angle) * sides[1]]
    whole = max(2 * length / side for length, side in zip(image, sides, strict=True))

    def path(first: Sequence[float], last: Sequence[float], shift: Sequence[float]) -> Path:
        def box(way: float) -> Rectangle:
            x, y = (
                _interval(given[axis], first[axis] + way * (last[axis] - first[axis]), way * shift[axis], image[axis])
                for axis in (0, 1)
            )
            return x, y

        return box

    same, still = (1.0, 1.0), (0.0, 0.0)
    return [
        path(same, drawn, still),
        path(drawn, drawn, far),
        path(drawn, drawn, [-part for part in far]),
        path(same, (whole, whole), still),
        path(same, still, still),
    ]


def _interval(given: tuple[float, float], factor: float, shift: float, length: int) -> tuple[float, float]:
    """An interval scaled around its middle and moved, cut to the image, at least one pixel long."""
    start, end = given
    middle, half = (start + end) / 2 + shift, max(1.0, factor * (end - start)) / 2
    low = min(max(middle - half, -0.5), length - 1.5)
    return low, max(min(middle + half, length - 0.5), low + 1)


def _overlap(drawn: Rectangle, given: Rectangle, measure: Overlap) -> float:
    common = math.prod(
        max(0.0, min(ends) - max(starts))
        for starts, ends in (zip(*intervals, strict=True) for intervals in zip(drawn, given, strict=True))
    )
    area, drawn_area = (math.prod(end - start for start, end in rectangle) for rectangle in (given, drawn))
    return common / (area if measure == "coverage" else area + drawn_area - common)


def _moved(box: Box, shift: np.ndarray[tuple[int, ...], np.dtype[np.float64]], image_size: tuple[int, ...]) -> Box:
    height, width = image_size
    corners = np.array([box.x0, box.y0, box.x1, box.y1]) + shift
    x0, y0, x1, y1 = np.clip(corners, 0, np.array([width - 1, height - 1, width - 1, height - 1])).tolist()
    return Box(x0, y0, x1, y1)
