"""A plane with two axes: where values stand on it, and its grid."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from html import escape
from typing import Final, NamedTuple, final

from promptseg.evaluation.charts.scales import Span, at, span_of, ticks

__all__ = ["WIDTH", "Axis", "Plane", "number", "picture", "plane_of"]

WIDTH: Final = 360
"""Of every chart, in its own units."""

_ROOM: Final = (42, 12, 24, 36)
"""Around a plane: left, right, top, bottom."""


@final
@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        name: beside it.
        span: its ends; None takes them from the values.
        logarithmic: whether equal factors have equal lengths; all values are positive then.
        whole: whether only whole numbers have ticks.
        marks: (value, text) in place of round numbers; may be empty.
    """

    name: str
    span: Span | None = None
    logarithmic: bool = False
    whole: bool = False
    marks: Sequence[tuple[float, str]] = field(default=())


@final
class Plane(NamedTuple):
    """Where values stand.

    Attributes:
        x_axis: across; its span is known.
        y_axis: upwards; its span is known.
        height: of the whole chart.
    """

    x_axis: Axis
    y_axis: Axis
    height: int

    @property
    def sides(self) -> tuple[float, float, float, float]:
        """Left, right, top and bottom."""
        left, right, top, bottom = _ROOM
        return left, WIDTH - right, top, self.height - bottom

    def x(self, value: float) -> float:
        """Place of a value across."""
        left, right, _, _ = self.sides
        return at(_scaled(value, self.x_axis), _scaled_span(self.x_axis), (left, right))

    def y(self, value: float) -> float:
        """Place of a value from the top."""
        _, _, top, bottom = self.sides
        return at(_scaled(value, self.y_axis), _scaled_span(self.y_axis), (bottom, top))

    def grid(self) -> str:
        """Lines, ticks and names of both axes."""
        left, right, top, bottom = self.sides
        parts = [f'<text x="4" y="{top - 11}" class="axis">{escape(self.y_axis.name)}</text>']
        rules = []
        for value, text in _marks(self.y_axis, 5):
            y = self.y(value)
            rules.append(f"M{number(left)} {number(y)}H{number(right)}")
            parts.append(f'<text x="{number(left - 7)}" y="{number(y + 4)}" class="end">{escape(text)}</text>')
        parts.insert(0, f'<path d="{"".join(rules)}" class="rule"/>')
        parts.extend(
            f'<text x="{number(self.x(value))}" y="{number(bottom + 16)}" class="tick">{escape(text)}</text>'
            for value, text in _marks(self.x_axis, 6)
        )
        middle = number((left + right) / 2)
        parts.append(f'<text x="{middle}" y="{self.height - 5}" class="tick axis">{escape(self.x_axis.name)}</text>')
        return "".join(parts)

    def equality(self) -> str:
        """The line on which both values are equal, as far as it lies on the plane; "" if it does not."""
        across, upwards = self.x_axis.span or (0.0, 1.0), self.y_axis.span or (0.0, 1.0)
        low, high = max(across[0], upwards[0]), min(across[1], upwards[1])
        if high <= low:
            return ""
        start, end = (f"{number(self.x(value))} {number(self.y(value))}" for value in (low, high))
        return f'<path d="M{start}L{end}" class="equal"/>'


def plane_of(axes: tuple[Axis, Axis], xs: Sequence[float], ys: Sequence[float], *, height: int) -> Plane:
    """A plane that holds these values, unless its axes know their spans."""
    across, upwards = (
        axis if axis.span else _with_span(axis, values, margin)
        for axis, values, margin in zip(axes, (xs, ys), (0.0, 0.06), strict=True)
    )
    return Plane(across, upwards, height)


def picture(parts: Sequence[str], height: float, label: str, *, width: float = WIDTH) -> str:
    """The parts as one SVG that says in words what it shows."""
    return (
        f'<svg viewBox="0 0 {number(width)} {number(height)}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )


def number(value: float) -> str:
    """A coordinate with one digit behind the point, none if it is 0.

    >>> number(12.04), number(3.25)
    ('12', '3.2')
    """
    return f"{value:.1f}".removesuffix(".0")


def _with_span(axis: Axis, values: Sequence[float], margin: float) -> Axis:
    """The axis with a span that holds the values; a logarithmic one always has a margin."""
    if not axis.logarithmic:
        return replace(axis, span=span_of(values, margin=margin))
    low, high = span_of([math.log10(value) for value in values if value > 0], margin=margin or 0.04)
    return replace(axis, span=(10**low, 10**high))


def _scaled(value: float, axis: Axis) -> float:
    return math.log10(max(value, 1e-12)) if axis.logarithmic else value


def _scaled_span(axis: Axis) -> Span:
    low, high = axis.span or (0.0, 1.0)
    scaled = _scaled(low, axis), _scaled(high, axis)
    return scaled if scaled[1] > scaled[0] else (scaled[0] - 0.5, scaled[0] + 0.5)


def _marks(axis: Axis, count: int) -> list[tuple[float, str]]:
    if axis.marks:
        return list(axis.marks)
    low, high = axis.span or (0.0, 1.0)
    if axis.logarithmic:
        powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
        found = [10.0**power for power in powers]
        if len(found) < 3:
            found = [
                value
                for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
                for value in (10.0**power, 2 * 10.0**power, 5 * 10.0**power)
                if low * (1 - 1e-9) <= value <= high * (1 + 1e-9)
            ]
        return [(value, f"{value:.12g}") for value in found]
    return [(value, f"{value:.4g}") for value in ticks((low, high), count, whole=axis.whole)]
