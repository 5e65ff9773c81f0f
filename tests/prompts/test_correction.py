"""The next click against the published rule, written out with loops over all pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, masks_of, pairs, shapes_2d

from promptseg.errors import PromptError, ValueRangeError
from promptseg.prompts import next_click
from promptseg.types import Point

NOTHING = np.zeros((20, 50), dtype=bool)


def depth(error: Mask, row: int, column: int) -> float:
    """Distance of a pixel to the nearest one that is not in the error, those around the image included."""
    height, width = error.shape
    if not error[row, column]:
        return 0
    outside = [
        (i, j)
        for i in range(-1, height + 1)
        for j in range(-1, width + 1)
        if not (0 <= i < height and 0 <= j < width and error[i, j])
    ]
    return min(math.hypot(i - row, j - column) for i, j in outside)


def rule(reference: Mask, prediction: Mask, clicked: set[tuple[int, int]]) -> Point | None:
    places = [(row, column) for row in range(reference.shape[0]) for column in range(reference.shape[1])]
    best = {}
    for positive, error in ((True, reference & ~prediction), (False, ~reference & prediction)):
        depths = {place: 0 if place in clicked else depth(error, *place) for place in places}
        place = max(places, key=lambda place: depths[place])
        best[positive] = depths[place], place
    positive = best[True][0] > best[False][0]
    greatest, (row, column) = best[positive]
    return Point(column, row, positive) if greatest > 0 else None


@given(pairs, st.data())
def test_against_the_rule(pair: tuple[Mask, Mask], data: st.DataObject) -> None:
    height, width = pair[0].shape
    places = st.tuples(st.integers(0, height - 1), st.integers(0, width - 1))
    clicked = data.draw(st.sets(places, max_size=4))
    points = [Point(column, row) for row, column in sorted(clicked)]
    assert next_click(*pair, clicked=points) == rule(*pair, clicked)


@given(shapes_2d.flatmap(lambda shape: st.tuples(*[masks_of(shape)] * 3)))
def test_ignored_pixels_are_no_error(three: tuple[Mask, Mask, Mask]) -> None:
    reference, prediction, ignore = three
    same = np.where(ignore, reference, prediction)
    assert next_click(reference, prediction, ignore=ignore) == rule(reference, same, set())


def test_the_first_click_is_in_the_middle_of_the_object() -> None:
    assert next_click(disc(NOTHING.shape, (8, 35), 6), NOTHING) == Point(35, 8, positive=True)


def test_too_much_is_taken_away() -> None:
    assert next_click(NOTHING, disc(NOTHING.shape, (8, 35), 6)) == Point(35, 8, positive=False)


def test_equal_errors_give_a_negative_click() -> None:
    left, right = disc(NOTHING.shape, (10, 10), 4), disc(NOTHING.shape, (10, 40), 4)
    assert next_click(left, right) == Point(40, 10, positive=False)


def test_no_error_no_click() -> None:
    mask = disc(NOTHING.shape, (8, 35), 6)
    assert next_click(mask, mask) is None
    assert next_click(NOTHING, NOTHING) is None


def test_a_place_is_not_clicked_twice() -> None:
    lonely = NOTHING.copy()
    lonely[4, 7] = True
    assert next_click(lonely, NOTHING) == Point(7, 4)
    assert next_click(lonely, NOTHING, clicked=[Point(7.4, 3.6)]) is None


def test_every_pixel_of_an_error_is_clicked_at_last() -> None:
    reference, clicked = disc((9, 9), (4, 4), 2), []
    while (point := next_click(reference, np.zeros((9, 9), dtype=bool), clicked=clicked)) is not None:
        clicked.append(point)
    assert len(clicked) == reference.sum()
    assert all(reference[int(point.y), int(point.x)] for point in clicked)


def test_what_cannot_be_clicked() -> None:
    with pytest.raises(ValueRangeError, match="same shape"):
        next_click(NOTHING, NOTHING.T)
    with pytest.raises(ValueRangeError, match="boolean"):
        next_click(NOTHING.astype(float), NOTHING)
    with pytest.raises(ValueRangeError, match="2 non-empty dimensions"):
        next_click(NOTHING[None], NOTHING[None])
    with pytest.raises(ValueRangeError, match="same shape"):
        next_click(NOTHING, NOTHING, ignore=NOTHING.T)
    with pytest.raises(PromptError, match=r"x=30.0, y=45.0.*width 50 and height 20"):
        next_click(NOTHING, NOTHING, clicked=[Point(30, 45)])
