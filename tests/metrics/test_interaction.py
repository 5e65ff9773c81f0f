"""NoC and NoF, by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.errors import ValueRangeError
from promptseg.metrics import noc, nof

curves = st.lists(st.floats(0, 1), min_size=1, max_size=25)


@given(curves, st.floats(0, 1))
def test_noc_is_the_first_that_reaches_the_target(ious: list[float], target: float) -> None:
    clicks = noc(ious, target=target)
    assert 1 <= clicks <= 20
    assert all(value < target for value in ious[: clicks - 1])
    assert clicks == 20 or ious[clicks - 1] >= target


def test_a_target_is_reached_by_being_equal() -> None:
    assert noc([0.5, 0.85, 0.9], target=0.85) == 2


def test_never_reached_counts_as_the_most_clicks() -> None:
    assert noc([0.1] * 25, target=0.9) == 20
    assert noc([0.1, 0.95], target=0.9, max_clicks=1) == 1


def test_success_with_the_last_click_is_no_failure_unless_as_published() -> None:
    late, never, early = [*[0.1] * 19, 0.95], [0.1] * 20, [0.95]
    assert nof([late, never, early], target=0.9) == 1
    assert nof([late, never, early], target=0.9, as_published=True) == 2
    assert nof([[0.1, 0.2, 0.95]], target=0.9, max_clicks=2) == 1
    assert nof([], target=0.9) == 0


@pytest.mark.parametrize(
    ("ious", "settings"),
    [
        ([], {"target": 0.9}),
        ([math.nan], {"target": 0.9}),
        ([1.2], {"target": 0.9}),
        ([0.5], {"target": math.nan}),
        ([0.5], {"target": 90}),
        ([0.5], {"target": 0.9, "max_clicks": 0}),
    ],
)
def test_values_out_of_range(ious: list[float], settings: dict[str, float]) -> None:
    with pytest.raises(ValueRangeError):
        noc(ious, **settings)
