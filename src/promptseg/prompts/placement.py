"""Prompts placed on a known object: a click in its middle, its box, and boxes as inexact as people draw them.

Everything made here comes from a reference mask, so a score reached with such prompts is an oracle's. An object of
several parts is taken as a whole; for its largest part give :func:`~promptseg.geometry.regions.largest_component`.
"""

from collections.abc import Callable
from typing import Final, Literal, get_args

import numpy as np

from promptseg.errors import PromptError, UnknownNameError
from promptseg.geometry.distances import Ties, distance_inside, innermost
from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import box_size, tight_box
from promptseg.prompts.lattice import nearest_pixel, pixels_of
from promptseg.types import BoolMask, Box, Point, Prompts

__all__ = [
    "LOOSENINGS",
    "Centre",
    "Loosening",
    "box_around",
    "centre_click",
    "centroid_click",
    "jitter_box",
    "loose_box",
    "widen_box",
]

Centre = Literal["centroid", "centroid_projected", "edt"]
Loosening = Literal["jitter", "widen"]


def centre_click(mask: BoolMask, *, ties: Ties = "first", rng: np.random.Generator | None = None) -> Prompts:
    """One positive click at the centre of the largest disc inside the object (so always on it).

    Args:
        mask: (H, W), not empty.
        ties: of several such pixels the ``first`` in row-major order, or a ``random`` one.
        rng: for ``random``.

    >>> centre_click(np.pad(np.ones((3, 3), dtype=bool), ((1, 1), (4, 0)))).points
    (Point(x=5.0, y=2.0, positive=True),)

    Raises:
        PromptError: if the mask is empty.
        ValueRangeError: if it is no mask, or ``random`` comes without ``rng``.
    """
    place = innermost(distance_inside(mask), ties=ties, rng=rng)
    if place is None:
        raise _nothing_to_point_at()
    row, column = place
    return Prompts(points=[Point(column, row)])


def centroid_click(mask: BoolMask, *, how: Centre = "centroid_projected") -> Prompts:
    """One positive click in the middle of the object, as in the first stage of ClickSAM (arXiv 2402.05902).

    Args:
        mask: (H, W), not empty.
        how: ``centroid``, the centre of mass as in the paper: fractional, and maybe beside a bent object or between
            parts; ``centroid_projected``, the object's pixel nearest to it (the first of several in row-major order);
            ``edt``, the centre of the largest disc inside, as :func:`centre_click`.

    >>> mask = np.array([[1, 0, 1, 1]], dtype=bool)
    >>> [centroid_click(mask, how=how).points[0].x for how in ("centroid", "centroid_projected", "edt")]
    [1.6666666666666667, 2.0, 0.0]

    Raises:
        PromptError: if the mask is empty.
        UnknownNameError: if there is no such middle.
        ValueRangeError: if it is no mask.
    """
    if how not in get_args(Centre):
        raise UnknownNameError(f"unknown middle {how!r}; choose one of {', '.join(get_args(Centre))}")
    if how == "edt":
        return centre_click(mask)
    check_mask(mask)
    if not mask.any():
        raise _nothing_to_point_at()
    x, y = pixels_of(mask).mean(axis=0).tolist()
    if how == "centroid_projected":
        x, y = nearest_pixel(mask, np.array([x, y]))
    return Prompts(points=[Point(x, y)])


def box_around(mask: BoolMask) -> Prompts:
    """The tight box of an (H, W) object, corners inclusive.

    Raises:
        PromptError: if the mask is empty.
        ValueRangeError: if it is no mask.
    """
    return Prompts(boxes=[_tight(mask)])


def loose_box(mask: BoolMask, how: Loosening, *, rng: np.random.Generator) -> Prompts:
    """A box around an (H, W) object, drawn inexactly in one of the ways of :data:`LOOSENINGS`.

    Raises:
        PromptError: if the mask is empty.
        UnknownNameError: if there is no such way.
        ValueRangeError: if it is no mask.
    """
    if how not in LOOSENINGS:
        raise UnknownNameError(f"unknown way to draw a box {how!r}; choose one of {', '.join(LOOSENINGS)}")
    return Prompts(boxes=[LOOSENINGS[how](_tight(mask), mask.shape, rng)])


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


LOOSENINGS: Final[dict[Loosening, Callable[[Box, tuple[int, ...], np.random.Generator], Box]]] = {
    "jitter": jitter_box,
    "widen": widen_box,
}
"""Ways to draw a box inexactly."""


def _moved(box: Box, shift: np.ndarray[tuple[int, ...], np.dtype[np.float64]], image_size: tuple[int, ...]) -> Box:
    height, width = image_size
    corners = np.array([box.x0, box.y0, box.x1, box.y1]) + shift
    x0, y0, x1, y1 = np.clip(corners, 0, np.array([width - 1, height - 1, width - 1, height - 1])).tolist()
    return Box(x0, y0, x1, y1)


def _tight(mask: BoolMask) -> Box:
    box = tight_box(mask)
    if box is None:
        raise _nothing_to_point_at()
    return box


def _nothing_to_point_at() -> PromptError:
    return PromptError("mask is empty: there is no object to place a prompt on; leave out images without the object")
