"""Lines with bands of their intervals."""

import math
from collections.abc import Sequence
from html import escape

from promptseg.evaluation.charts.marks import Mark, Series, shape
from promptseg.evaluation.charts.plane import Axis, Plane, number, picture, plane_of

__all__ = ["curves"]


def curves(
    series: Sequence[Series],
    axes: tuple[Axis, Axis],
    label: str,
    *,
    height: int = 230,
    diagonal: bool = False,
    bands: bool = True,
) -> str:
    """Lines over a common plane; values that are not finite are left out.

    Args:
        series: what is drawn, later ones on top.
        axes: across and upwards.
        label: what it shows, for those who do not see it.
        height: of the chart.
        diagonal: whether the line of equal values is drawn.
        bands: whether intervals are areas along the line; else they are strokes through each dot.

    Returns:
        An SVG; "" if there is no finite value.
    """
    finite = [_finite(one.marks) for one in series]
    marks = [mark for found in finite for mark in found]
    if not marks:
        return ""
    ends = [end for mark in marks for end in (mark.value, mark.low, mark.high) if math.isfinite(end)]
    plane = plane_of(axes, [mark.x for mark in marks], ends, height=height)
    parts = [plane.grid()]
    if diagonal:
        parts.append(plane.equality())
    drawn = [(one, found) for one, found in zip(series, finite, strict=True) if found]
    if bands:
        parts.extend(f'<path d="{_band(plane, found)}" class="band {one.tone}"/>' for one, found in drawn)
    for one, found in drawn:
        parts.append(_line(plane, one, found, strokes=not bands))
    return picture(parts, height, label)


def _finite(marks: Sequence[Mark]) -> list[Mark]:
    return [mark for mark in marks if math.isfinite(mark.x) and math.isfinite(mark.value)]


def _band(plane: Plane, marks: Sequence[Mark]) -> str:
    """The area between the ends of the intervals; a mark without one pinches it."""
    known = [mark for mark in marks if math.isfinite(mark.low) and math.isfinite(mark.high)]
    if len(known) < 2:
        return "".join(_stroke(plane, mark) for mark in known)
    upper = [f"{number(plane.x(mark.x))} {number(plane.y(mark.high))}" for mark in known]
    lower = [f"{number(plane.x(mark.x))} {number(plane.y(mark.low))}" for mark in reversed(known)]
    return f"M{'L'.join([*upper, *lower])}z"


def _stroke(plane: Plane, mark: Mark) -> str:
    x = plane.x(mark.x)
    return f"M{number(x - 1.2)} {number(plane.y(mark.high))}h2.4V{number(plane.y(mark.low))}h-2.4z"


def _line(plane: Plane, one: Series, marks: Sequence[Mark], *, strokes: bool) -> str:
    places = [f"{number(plane.x(mark.x))} {number(plane.y(mark.value))}" for mark in marks]
    dash = ' stroke-dasharray="5 4"' if one.dashed else ""
    parts = [f'<path d="M{"L".join(places)}" class="line"{dash}/>'] if len(places) > 1 else []
    if strokes:
        known = [mark for mark in marks if math.isfinite(mark.low) and math.isfinite(mark.high)]
        parts.append(f'<path d="{"".join(_stroke(plane, mark) for mark in known)}" class="whisker"/>')
    if any(mark.hint for mark in marks):
        parts.extend(_hinted(plane, one, mark) for mark in marks)
    else:
        dots = "".join(shape(one.shape, plane.x(mark.x), plane.y(mark.value), radius=3) for mark in marks)
        parts.append(f'<path d="{dots}" class="dot"/>')
    return f'<g class="{one.tone}">{"".join(parts)}</g>'


def _hinted(plane: Plane, one: Series, mark: Mark) -> str:
    dot = shape(one.shape, plane.x(mark.x), plane.y(mark.value), radius=3)
    return f'<path d="{dot}" class="dot"><title>{escape(mark.hint)}</title></path>'
