"""Round numbers for axes, and how shares are written."""

import math
from collections.abc import Iterable

__all__ = ["Span", "at", "share", "span_of", "ticks"]

Span = tuple[float, float]
"""Two ends, the first is not the second."""


def at(value: float, span: Span, place: Span) -> float:
    """Where a value of ``span`` stands on ``place``, linearly."""
    return place[0] + (value - span[0]) / (span[1] - span[0]) * (place[1] - place[0])


def span_of(values: Iterable[float], *, margin: float = 0.0) -> Span:
    """From the lowest to the highest finite value, with a margin as a share of their distance on both sides.

    A single value stands in the middle of a span of 1; none at all gives (0, 1).
    """
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0, 1.0
    low, high = min(finite), max(finite)
    room = (high - low) * margin
    return (low - room, high + room) if high > low else (low - 0.5, high + 0.5)


def ticks(span: Span, count: int, *, whole: bool = False) -> list[float]:
    """Round numbers inside a span, about so many.

    >>> ticks((0.0, 1.0), 4)
    [0.0, 0.25, 0.5, 0.75, 1.0]

    Args:
        span: of the axis.
        count: about how many.
        whole: whether only whole numbers make sense.
    """
    raw = (span[1] - span[0]) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * (1 - 1e-9))
    step = max(1.0, round(step)) if whole else step
    first = math.ceil(span[0] / step - 1e-9)
    last = math.floor(span[1] / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def share(value: float) -> str:
    """A share with three digits, without the zero before the point.

    >>> share(0.8714), share(-0.05), share(1.0)
    ('.871', '-.050', '1.000')
    """
    return f"{value:.3f}".removeprefix("0") if value >= 0 else f"-{-value:.3f}".replace("-0.", "-.")
