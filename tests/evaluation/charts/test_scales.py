import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.evaluation.charts.scales import at, share, span_of, ticks

ENDS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@given(ENDS, st.floats(1e-3, 1e6), st.integers(2, 8))
def test_ticks_are_round_inside_and_evenly_spaced(low: float, length: float, count: int) -> None:
    span = low, low + length
    found = ticks(span, count)
    steps = [second - first for first, second in itertools.pairwise(found)]
    room = 1e-6 * max(abs(low), length)
    assert all(span[0] - room <= value <= span[1] + room for value in found)
    assert len(found) <= count + 1
    assert all(math.isclose(step, steps[0], rel_tol=1e-6, abs_tol=room) for step in steps)


@given(st.integers(1, 400), st.integers(2, 8))
def test_whole_ticks_are_whole(last: int, count: int) -> None:
    assert all(value == round(value) for value in ticks((0, last), count, whole=True))


def test_values_are_placed_linearly() -> None:
    assert at(0.25, (0, 1), (100, 200)) == 125
    assert at(1, (0, 1), (10, 0)) == 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (0.0, 1.0)),
        ([math.nan], (0.0, 1.0)),
        ([3.0, math.nan], (2.5, 3.5)),
        ([1.0, 3.0, math.inf], (1.0, 3.0)),
    ],
)
def test_spans_hold_all_finite_values(values: list[float], expected: tuple[float, float]) -> None:
    assert span_of(values) == expected


def test_a_margin_is_a_share_of_the_length() -> None:
    assert span_of([0.0, 2.0], margin=0.5) == (-1.0, 3.0)


@pytest.mark.parametrize(("value", "text"), [(0.5, ".500"), (-0.25, "-.250"), (1.0, "1.000"), (0.0, ".000")])
def test_shares_have_three_digits(value: float, text: str) -> None:
    assert share(value) == text
