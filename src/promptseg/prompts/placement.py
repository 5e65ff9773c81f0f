"""Prompts placed on a known object: a click in its middle, its box, and a box drawn inexactly.

Everything made here comes from a reference mask, so a score reached with such prompts is an oracle's. An object of
several parts is taken as a whole; for its largest part give :func:`~promptseg.geometry.regions.largest_component`.
"""

from typing import Literal, get_args

import numpy as np

from promptseg.errors import PromptError, UnknownNameError
from promptseg.geometry.distances import Ties, distance_inside, innermost
from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import tight_box
from promptseg.prompts.boxes import LOOSENINGS, Loosening
from promptseg.prompts.lattice import nearest_pixel, pixels_of
from promptseg.types import BoolMask, Box, Point, Prompts

__all__ = ["Centre", "box_around", "centre_click", "centroid_click", "loose_box"]

Centre = Literal["centroid", "centroid_projected", "edt"]


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


def _tight(mask: BoolMask) -> Box:
    box = tight_box(mask)
    if box is None:
        raise _nothing_to_point_at()
    return box


def _nothing_to_point_at() -> PromptError:
    return PromptError("mask is empty: there is no object to place a prompt on; leave out images without the object")
