"""Many values at once: scattered points, their density, and maps."""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from promptseg.evaluation.charts.marks import Series, shape
from promptseg.evaluation.charts.plane import WIDTH, Axis, number, picture, plane_of
from promptseg.evaluation.charts.scales import Span

__all__ = ["LEVELS", "density", "heat_map", "heat_ramp", "points"]

LEVELS: Final = 10
"""Steps of a colour scale: classes ``h0`` (lowest) to ``h9`` of the page's style sheet."""

_COLUMNS: Final = 26


def points(
    series: Sequence[Series],
    axes: tuple[Axis, Axis],
    label: str,
    *,
    height: int = 230,
    radius: float = 1.7,
    diagonal: bool = False,
) -> str:
    """Translucent dots; small ones are all discs, larger ones have the shape of their series.

    Returns:
        An SVG; "" if there is no finite value.
    """
    finite = [[mark for mark in one.marks if math.isfinite(mark.x) and math.isfinite(mark.value)] for one in series]
    marks = [mark for found in finite for mark in found]
    if not marks:
        return ""
    plane = plane_of(axes, [mark.x for mark in marks], [mark.value for mark in marks], height=height)
    parts = [plane.grid()]
    if diagonal:
        parts.append(plane.equality())
    for one, found in zip(series, finite, strict=True):
        places = [(plane.x(mark.x), plane.y(mark.value)) for mark in found]
        if radius < 3:
            path = "".join(f"M{number(x)} {number(y)}h0" for x, y in places)
            parts.append(f'<path d="{path}" class="cloud {one.tone}" stroke-width="{2 * radius:.3g}"/>')
        else:
            path = "".join(shape(one.shape, x, y, radius=radius) for x, y in places)
            parts.append(f'<path d="{path}" class="dot {one.tone}"/>')
    return picture(parts, height, label)


def density(xs: Sequence[float], ys: Sequence[float], axes: tuple[Axis, Axis], label: str, *, height: int = 300) -> str:
    """Hexagons, the darker the more values they hold (by the logarithm of their number), with the line of equality.

    Returns:
        An SVG; "" if there is no value.
    """
    if not len(xs):
        return ""
    plane = plane_of(axes, xs, ys, height=height)
    left, right, _, _ = plane.sides
    side = (right - left) / _COLUMNS
    counts = Counter(_hexagon(plane.x(x), plane.y(y), side) for x, y in zip(xs, ys, strict=True))
    most = math.log1p(max(counts.values()))
    by_level: dict[int, list[str]] = defaultdict(list)
    for place, count in counts.items():
        level = min(LEVELS - 1, math.floor(LEVELS * math.log1p(count) / most)) if most > 0 else 0
        by_level[level].append(_outline(place, side))
    cells = [f'<path d="{"".join(by_level[level])}" class="h{level}"/>' for level in sorted(by_level)]
    return picture([plane.grid(), *cells, plane.equality()], height, label)


def heat_map(cells: Mapping[tuple[int, int], float], size: tuple[int, int], span: Span, label: str) -> str:
    """Square cells (row, column) of a grid of ``size`` (rows, columns), coloured by value; missing ones stay empty.

    Returns:
        An SVG; "" if no cell has a finite value.
    """
    rows, columns = size
    side = 252 / max(rows, columns)
    left, top = (WIDTH - side * columns) / 2, 6.0
    by_level: dict[int, list[str]] = defaultdict(list)
    for (row, column), value in sorted(cells.items()):
        if math.isfinite(value):
            place = (value - span[0]) / (span[1] - span[0])
            level = min(LEVELS - 1, max(0, math.floor(LEVELS * place)))
            by_level[level].append(_square(left + column * side, top + row * side, side))
    if not by_level:
        return ""
    parts = [
        (
            f'<rect x="{number(left)}" y="{number(top)}" width="{number(side * columns)}" '
            f'height="{number(side * rows)}" class="frame"/>'
        )
    ]
    parts.extend(f'<path d="{"".join(by_level[level])}" class="h{level}"/>' for level in sorted(by_level))
    return picture(parts, 2 * top + side * rows, label)


def heat_ramp(span: Span, texts: tuple[str, str]) -> str:
    """The colours from the lowest to the highest value of a map, with both ends as text."""
    width = 14
    steps = "".join(
        f'<rect x="{level * width}" width="{width}" height="10" class="h{level}"/>' for level in range(LEVELS)
    )
    bar = f'<svg viewBox="0 0 {LEVELS * width} 10" class="ramp" role="img" aria-label="{texts[0]} to {texts[1]}">'
    return f'<p class="legend"><span>{texts[0]} {bar}{steps}</svg> {texts[1]}</span></p>' if span[0] < span[1] else ""


def _hexagon(x: float, y: float, side: float) -> tuple[float, float]:
    """Centre of the hexagon that holds a place; its width is ``side``."""
    tall = side * math.sqrt(3)
    first = (round(x / side) * side, round(y / tall) * tall)
    second = ((math.floor(x / side) + 0.5) * side, (math.floor(y / tall) + 0.5) * tall)
    nearest = min((first, second), key=lambda place: math.hypot(place[0] - x, place[1] - y))
    return round(nearest[0], 3), round(nearest[1], 3)


def _outline(place: tuple[float, float], side: float) -> str:
    radius = side / math.sqrt(3)
    corners = [
        f"{number(place[0] + radius * math.sin(math.radians(angle)))} "
        f"{number(place[1] - radius * math.cos(math.radians(angle)))}"
        for angle in range(0, 360, 60)
    ]
    return f"M{'L'.join(corners)}z"


def _square(left: float, top: float, side: float) -> str:
    reach = number(side + 0.2)
    return f"M{number(left)} {number(top)}h{reach}v{reach}h-{reach}z"
