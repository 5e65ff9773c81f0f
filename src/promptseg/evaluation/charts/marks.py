"""What a chart shows: series of values with their intervals, each with its tone and its shape."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final, NamedTuple, final

from promptseg.evaluation.charts.plane import number

__all__ = ["SHAPES", "Mark", "Series", "legend", "shape"]

SHAPES: Final = ("circle", "square", "triangle", "diamond", "cross")
"""Shapes of dots: a series can be told from others without its colour."""


@final
class Mark(NamedTuple):
    """A value on a chart.

    Attributes:
        x: where.
        value: how much.
        low: end of its interval; NaN if it has none.
        high: the other.
        hint: shown where a pointer rests on it; may be empty.
    """

    x: float
    value: float
    low: float = math.nan
    high: float = math.nan
    hint: str = ""


@final
@dataclass(frozen=True)
class Series:
    """Values that belong together.

    Attributes:
        title: in the legend.
        tone: class of the page's style sheet that sets its colour.
        marks: in the order in which a line joins them.
        shape: of :data:`SHAPES`.
        dashed: whether its line is.
    """

    title: str
    tone: str
    marks: Sequence[Mark] = ()
    shape: str = "circle"
    dashed: bool = False


def shape(kind: str, x: float, y: float, *, radius: float = 3.6) -> str:
    """The outline of a dot of one of the :data:`SHAPES`, as an SVG path; a cross for any other name."""
    r = radius
    if kind == "circle":
        return f"M{number(x - r)} {number(y)}a{r} {r} 0 1 0 {2 * r} 0a{r} {r} 0 1 0 {-2 * r} 0z"
    if kind == "square":
        s = round(r * 0.9, 2)
        return f"M{number(x - s)} {number(y - s)}h{2 * s}v{2 * s}h{-2 * s}z"
    if kind == "triangle":
        s = round(r * 1.15, 2)
        return f"M{number(x)} {number(y - s)}l{s} {round(1.8 * s, 2)}h{-2 * s}z"
    if kind == "diamond":
        s = round(r * 1.25, 2)
        return f"M{number(x)} {number(y - s)}l{s} {s}l{-s} {s}l{-s} {-s}z"
    s, w = round(r * 1.05, 2), round(r * 0.38, 2)
    corner = round(s - w, 2)
    return (
        f"M{number(x - w)} {number(y - s)}h{2 * w}v{corner}h{corner}v{2 * w}h{-corner}v{corner}h{-2 * w}v{-corner}"
        f"h{-corner}v{-2 * w}h{corner}z"
    )


def legend(series: Sequence[Series], *, lines: bool = True) -> str:
    """A line of HTML that says which tone and shape is whose.

    Args:
        series: what is shown; each title once.
        lines: whether they are drawn as lines.
    """
    entries = []
    for one in {item.title: item for item in series}.values():
        dash = ' stroke-dasharray="4 3"' if one.dashed else ""
        line = f'<path d="M0 6H26" class="line"{dash}/>' if lines else ""
        swatch = f'{line}<path d="{shape(one.shape, 13, 6)}" class="dot"/>'
        entries.append(
            f'<span><svg viewBox="0 0 26 12" class="swatch {one.tone}" aria-hidden="true">{swatch}</svg>'
            f"{escape(one.title)}</span>"
        )
    return f'<p class="legend">{"".join(entries)}</p>' if entries else ""
