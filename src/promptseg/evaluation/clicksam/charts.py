"""Charts as SVG that stands in the page itself: intervals, curves; no plotting library."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, NamedTuple, final

from promptseg.evaluation.charts.scales import at, share, span_of, ticks
from promptseg.metrics import Interval

__all__ = ["ARM_COLOURS", "Line", "curves", "forest"]

ARM_COLOURS: Final[dict[str, str]] = {
    "none": "#8b93a1",
    "medsam": "#d9902f",
    "stage-1": "#5fb3c4",
    "clicksam": "#0f7c90",
    "clicksam-code": "#5a7fd6",
    "click-train": "#a457b8",
    "ellipse": "#b9a58c",
}
"""Colours of arms in every chart; the same on light and dark paper."""

_ROW: Final = 26
_LABEL: Final = 128
_FOREST_WIDTH: Final = 400
_CURVE_SIZE: Final = (400, 250)
_ROOM: Final = (44, 14, 12, 34)
"""Around a curve: left, right, top, bottom."""


@final
class Line(NamedTuple):
    """A line of a chart of curves."""

    title: str
    colour: str
    points: Sequence[tuple[float, float]]
    dashed: bool = False


def forest(intervals: Mapping[str, tuple[str, Interval]], *, title: str, span: tuple[float, float]) -> str:
    """A dot with its interval for each arm, one below the other.

    Args:
        intervals: by arm, its title and its interval.
        title: of the chart.
        span: of the axis.
    """
    height = _ROW * len(intervals) + 30
    left, right = _LABEL, _FOREST_WIDTH - 44
    parts = [_axis(span, (left, right), height - 22)]
    for place, (arm, (name, interval)) in enumerate(intervals.items()):
        y = _ROW * place + 14
        low, mean, high = (at(value, span, (left, right)) for value in (interval.low, interval.mean, interval.high))
        colour = ARM_COLOURS.get(arm, "#888")
        parts.append(
            f'<text x="{left - 10}" y="{y + 4}" class="name">{escape(name)}</text>'
            f'<line x1="{low:.1f}" y1="{y}" x2="{high:.1f}" y2="{y}" stroke="{colour}" stroke-width="3" '
            f'stroke-linecap="round" opacity=".55"/><circle cx="{mean:.1f}" cy="{y}" r="5" fill="{colour}"/>'
            f'<text x="{right + 8}" y="{y + 4}" class="value">{share(interval.mean)}</text>'
        )
    return _figure(title, (_FOREST_WIDTH, height), parts)


def curves(lines: Sequence[Line], *, title: str, axes: tuple[str, str], whole: bool = False) -> str:
    """Lines over a common plane, with a legend below.

    Args:
        lines: at least one with a point.
        title: of the chart.
        axes: names of the horizontal and the vertical axis.
        whole: whether the horizontal axis counts, so that its ticks are whole numbers.
    """
    points = [point for line in lines for point in line.points if math.isfinite(point[1])]
    if not points:
        return ""
    width, height = _CURVE_SIZE
    left, right, top, bottom = _ROOM
    span_x = span_of([x for x, _ in points])
    span_y = span_of([y for _, y in points], margin=0.06)
    plane_x, plane_y = (left, width - right), (height - bottom, top)
    parts = []
    for value in ticks(span_y, 5):
        y = at(value, span_y, plane_y)
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        parts.append(f'<text x="{left - 6}" y="{y + 4:.1f}" class="name">{value:.3g}</text>')
    for value in ticks(span_x, 6, whole=whole):
        x = at(value, span_x, plane_x)
        parts.append(f'<text x="{x:.1f}" y="{height - bottom + 15}" class="tick">{value:.4g}</text>')
    middle = (left + width - right) / 2
    parts.append(f'<text x="{middle}" y="{height - 4}" class="tick">{escape(axes[0])}</text>')
    for line in lines:
        places = [
            f"{at(x, span_x, plane_x):.1f},{at(y, span_y, plane_y):.1f}" for x, y in line.points if math.isfinite(y)
        ]
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        style = f'fill="none" stroke="{line.colour}" stroke-width="2.2"{dash}'
        parts.append(f'<polyline points="{" ".join(places)}" {style}/>')
        if len(places) == 1:
            across, down = places[0].split(",")
            parts.append(f'<circle cx="{across}" cy="{down}" r="3.5" fill="{line.colour}"/>')
    legend = "".join(
        f'<span><i style="background:{line.colour}"></i>{escape(line.title)}</span>' for line in lines if line.points
    )
    return _figure(f"{title} ({axes[1]})", (width, height), parts, legend=legend)


def _figure(title: str, size: tuple[int, int], parts: Sequence[str], *, legend: str = "") -> str:
    below = f'<p class="legend">{legend}</p>' if legend else ""
    head = f'<figure class="chart"><figcaption>{escape(title)}</figcaption>'
    box = f'<svg viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
    return f"{head}{box}{''.join(parts)}</svg>{below}</figure>"


def _axis(span: tuple[float, float], place: tuple[int, int], y: int) -> str:
    parts = []
    for value in ticks(span, 4):
        x = at(value, span, place)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{y}" class="grid"/>')
        parts.append(f'<text x="{x:.1f}" y="{y + 15}" class="tick">{value:.2g}</text>')
    return "".join(parts)
