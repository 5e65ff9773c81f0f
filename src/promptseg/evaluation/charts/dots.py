"""Rows of dots with their intervals, one below the other, under a common axis."""

import math
from collections.abc import Sequence
from html import escape
from typing import Final

from promptseg.evaluation.charts.marks import Series, shape
from promptseg.evaluation.charts.plane import WIDTH, number, picture
from promptseg.evaluation.charts.scales import Span, at, span_of, ticks

__all__ = ["dot_rows"]

_NAME: Final = 17
_LANE: Final = 7.5
_GAP: Final = 9
_FOOT: Final = 24
_SIDE: Final = 10


def dot_rows(rows: Sequence[tuple[str, Sequence[Series]]], label: str, *, span: Span | None = None) -> str:
    """Each row has its name above it, and a lane for each series, which is its first mark with its interval.

    Args:
        rows: name and series; a series without a finite value leaves its lane empty.
        label: what it shows, for those who do not see it.
        span: of the axis; by default what holds all.

    Returns:
        An SVG; "" if there is no finite value.
    """
    ends = [
        end
        for _, series in rows
        for one in series
        for mark in one.marks[:1]
        for end in (mark.value, mark.low, mark.high)
        if math.isfinite(end)
    ]
    if not ends:
        return ""
    span = span or span_of(ends, margin=0.03)
    place = (_SIDE, WIDTH - _SIDE)
    parts, top = [], 4.0
    for name, series in rows:
        parts.append(f'<text x="{_SIDE}" y="{number(top + 11)}" class="row">{escape(name)}</text>')
        lane = top + _NAME + _LANE / 2
        for one in series:
            parts.append(_lane(one, lane, span, place))
            lane += _LANE
        top += _NAME + _LANE * max(1, len(series)) + _GAP
    return picture([_axis(span, place, top), *parts], top + _FOOT - _GAP + 6, label)


def _lane(one: Series, y: float, span: Span, place: Span) -> str:
    if not one.marks or not math.isfinite(one.marks[0].value):
        return ""
    mark = one.marks[0]
    parts = []
    if math.isfinite(mark.low) and math.isfinite(mark.high):
        low, high = at(mark.low, span, place), at(mark.high, span, place)
        parts.append(f'<path d="M{number(low)} {number(y)}H{number(high)}" class="reach"/>')
    hint = f"<title>{escape(mark.hint)}</title>" if mark.hint else ""
    dot = shape(one.shape, at(mark.value, span, place), y, radius=3.3)
    parts.append(f'<path d="{dot}" class="dot">{hint}</path>')
    return f'<g class="{one.tone}">{"".join(parts)}</g>'


def _axis(span: Span, place: Span, bottom: float) -> str:
    parts, rules = [], []
    for value in ticks(span, 5):
        x = number(at(value, span, place))
        rules.append(f"M{x} 0V{number(bottom - 4)}")
        parts.append(f'<text x="{x}" y="{number(bottom + 12)}" class="tick">{value:.3g}</text>')
    return f'<path d="{"".join(rules)}" class="rule"/>{"".join(parts)}'
