"""How many clicks a user needs: NoC and NoF, as in RITM, SimpleClick and FocalClick."""

import math
from collections.abc import Sequence
from typing import Final

from promptseg.errors import ValueRangeError

__all__ = ["MAX_CLICKS", "noc", "nof"]

MAX_CLICKS: Final = 20
"""Clicks after which one gives up, in all published tables."""


def noc(ious: Sequence[float], *, target: float, max_clicks: int = MAX_CLICKS) -> int:
    """Number of clicks on one object until the IoU first reaches a target; ``max_clicks`` if it never does.

    The value of a data set is the mean over its objects.

    Args:
        ious: the IoU after the first click, the second, ...; those after ``max_clicks`` do not count.
        target: from 0 to 1, for instance 0.85 or 0.9.
        max_clicks: clicks after which one gives up.

    >>> noc([0.6, 0.88, 0.84, 0.91], target=0.85), noc([0.6, 0.7], target=0.85)
    (2, 20)

    Raises:
        ValueRangeError: if there is no IoU, one is outside 0 to 1 or NaN, or ``max_clicks`` is below 1.
    """
    reached = _first_reached(ious, target, max_clicks)
    return max_clicks if reached is None else reached


def nof(
    curves: Sequence[Sequence[float]], *, target: float, max_clicks: int = MAX_CLICKS, as_published: bool = False
) -> int:
    """Number of failures: objects whose IoU does not reach the target with ``max_clicks`` clicks.

    Published tables count the objects whose NoC *equals* ``max_clicks``, so also those that succeed with the very last
    click; ``as_published`` gives that number.

    Args:
        curves: for each object its IoUs, as for :func:`noc`.
        target: as for :func:`noc`.
        max_clicks: as for :func:`noc`.
        as_published: whether success with the last click counts as a failure.

    Raises:
        ValueRangeError: as for :func:`noc`.
    """
    reached = [_first_reached(ious, target, max_clicks) for ious in curves]
    return sum(clicks is None or (as_published and clicks == max_clicks) for clicks in reached)


def _first_reached(ious: Sequence[float], target: float, max_clicks: int) -> int | None:
    if max_clicks < 1:
        raise ValueRangeError(f"max_clicks must be 1 or more, got {max_clicks}")
    if not len(ious) or not all(math.isfinite(value) and 0 <= value <= 1 for value in ious):
        raise ValueRangeError(f"ious must be one or more numbers from 0 to 1, got {list(ious)[:5]}")
    if not 0 <= target <= 1:
        raise ValueRangeError(f"target must lie from 0 to 1, got {target!r}")
    return next((clicks for clicks, value in enumerate(ious[:max_clicks], start=1) if value >= target), None)
