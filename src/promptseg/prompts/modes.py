"""The five prompts without iteration of the study of Mazurowski et al. (2023, doi 10.1016/j.media.2023.102918).

Everything made here comes from the reference, so a score reached with such prompts is an oracle's. Scores in the study
are against the whole mask, so modes 1 and 3 can reach only the largest part.
"""

from typing import Final, Literal, get_args

import numpy as np

from promptseg.errors import ValueRangeError
from promptseg.geometry.distances import Ties, chamfer_distance_inside
from promptseg.geometry.regions import label_components
from promptseg.prompts.placement import box_around, centre_click
from promptseg.types import BoolMask, Point, Prompts

__all__ = ["Mode", "mode_prompts"]

Mode = Literal[1, 2, 3, 4, 5]

_MOST_PARTS: Final = 3


def mode_prompts(
    mask: BoolMask,
    mode: Mode,
    *,
    ties: Ties = "first",
    rng: np.random.Generator | None = None,
    literal: bool = False,
) -> Prompts:
    """Prompts of one of the five modes of the study; parts are the 8-connected components, the largest first.

    Mode 1 is a positive point in the largest part; mode 2 one in each of the three largest; mode 3 the tight box of
    the largest; mode 4 that of each of the three largest, all in the same prompts, so that their masks are united;
    mode 5 the tight box of the whole mask. Where there are fewer parts there are fewer points or boxes; no part is too
    small to count. The point is the centre of the largest disc inside the part.

    Args:
        mask: (H, W), all of a class in an image; not empty.
        mode: from 1 to 5.
        ties: of several deepest pixels the ``first`` in row-major order, or a ``random`` one.
        rng: for ``random`` and ``literal``; it is drawn from once for each point.
        literal: as the authors' code: distances as in
            :func:`~promptseg.geometry.distances.chamfer_distance_inside`, a random one of several deepest pixels
            whatever ``ties`` says, and of parts of equal area the later in row-major order first (else the earlier).

    >>> mask = np.zeros((9, 20), dtype=bool)
    >>> mask[2:7, 3:8] = mask[4, 15] = True
    >>> mode_prompts(mask, 2).points
    (Point(x=5.0, y=4.0, positive=True), Point(x=15.0, y=4.0, positive=True))

    Raises:
        PromptError: if the mask is empty.
        ValueRangeError: if it is no mask, there is no such mode, or points at random come without ``rng``.
    """
    if mode not in get_args(Mode):
        raise ValueRangeError(f"mode must be a whole number from 1 to 5, got {mode!r}")
    whole = box_around(mask)
    if mode == 5:
        return whole
    parts = _parts(mask, 1 if mode in (1, 3) else _MOST_PARTS, later_first=literal)
    if mode in (3, 4):
        return Prompts(boxes=[box_around(part).boxes[0] for part in parts])
    if literal:
        return Prompts(points=[_literal_point(part, rng) for part in parts])
    return Prompts(points=[centre_click(part, ties=ties, rng=rng).points[0] for part in parts])


def _parts(mask: BoolMask, count: int, *, later_first: bool) -> list[BoolMask]:
    numbers, areas_px = label_components(mask)
    ranks = np.arange(len(areas_px))
    order = np.lexsort((-ranks if later_first else ranks, -areas_px))
    return [numbers == number + 1 for number in order[:count]]


def _literal_point(part: BoolMask, rng: np.random.Generator | None) -> Point:
    if rng is None:
        raise ValueRangeError("literal=True draws at random: give it rng, such as numpy.random.default_rng(0)")
    distances = chamfer_distance_inside(part)
    row, column = divmod(int(rng.choice(np.flatnonzero(distances == distances.max()))), part.shape[1])
    return Point(column, row)
