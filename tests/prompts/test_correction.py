"""Corrections against the published rules, written out with loops over all pixels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, masks_of, pairs, shapes_2d
from scipy import ndimage, stats

from promptseg.errors import PromptError, ValueRangeError
from promptseg.geometry.distances import chamfer_distance_inside
from promptseg.prompts import deepest_error_click, next_click, random_error_click, study_click
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


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


@given(pairs, st.data())
def test_the_click_of_the_study(pair: tuple[Mask, Mask], data: st.DataObject) -> None:
    reference, prediction = pair
    places = [(row, column) for row in range(reference.shape[0]) for column in range(reference.shape[1])]
    clicked = data.draw(st.sets(st.sampled_from(places), max_size=4))
    error = reference != prediction
    depths = {place: 0 if place in clicked else depth(error, *place) for place in places}
    row, column = max(places, key=lambda place: depths[place])
    found = study_click(reference, prediction, clicked=[Point(column, row) for row, column in sorted(clicked)])
    if depths[row, column] == 0:
        assert found is None
    else:
        assert found == Point(column, row, bool(reference[row, column]))


def test_the_study_looks_at_both_errors_as_one() -> None:
    """Two errors of 5 px beside each other: RITM's depth is 3, in the middle of either; the study's 5, between them."""
    whole, left = np.zeros((20, 50), dtype=bool), np.zeros((20, 50), dtype=bool)
    whole[5:14, 20:29] = True
    left[5:14, 20:24] = True
    right = whole & ~left
    assert study_click(left, right) == Point(24, 9, positive=False)
    assert study_click(right, left) == Point(24, 9, positive=True)
    assert next_click(right, left) == Point(26, 7, positive=True)


@given(pairs, st.integers(0, 99))
def test_the_click_of_the_authors_is_deepest_by_approximate_distances(pair: tuple[Mask, Mask], seed: int) -> None:
    reference, prediction = pair
    found = study_click(reference, prediction, rng=rng(seed), literal=True)
    depths = chamfer_distance_inside(reference ^ prediction)
    row, column = int(found.y), int(found.x)
    assert depths[row, column] == depths.max()
    assert found.positive == reference[row, column]
    assert found == study_click(reference, prediction, rng=rng(seed), literal=True)


def test_the_authors_draw_among_equals_and_click_on_when_all_is_right() -> None:
    bar = np.zeros((9, 30), dtype=bool)
    bar[3:6, 10:20] = True
    nothing = np.zeros_like(bar)
    drawn = {study_click(bar, nothing, rng=rng(seed), literal=True) for seed in range(100)}
    assert drawn == {Point(x, 4) for x in range(11, 19)}
    anywhere = [study_click(bar, bar, rng=rng(seed), literal=True) for seed in range(900)]
    assert all(click.positive == bar[int(click.y), int(click.x)] for click in anywhere)
    assert stats.kstest([(click.x + 0.5) / 30 for click in anywhere], "uniform").pvalue > 0.001
    assert {click.y for click in anywhere} == set(range(9))


def test_the_authors_take_the_sign_from_any_class() -> None:
    organ, other = disc(NOTHING.shape, (8, 15), 5), disc(NOTHING.shape, (8, 35), 6)
    found = study_click(organ, organ | other, rng=rng(), literal=True, any_label=organ | other)
    assert found == Point(35, 8, positive=True)
    assert study_click(organ, organ | other, rng=rng(), literal=True) == Point(35, 8, positive=False)
    assert study_click(organ, organ | other) == Point(35, 8, positive=False)


def test_the_study_has_its_own_refusals() -> None:
    with pytest.raises(ValueRangeError, match="literal=True draws at random"):
        study_click(NOTHING, NOTHING, literal=True)
    with pytest.raises(ValueRangeError, match="only with literal=True"):
        study_click(NOTHING, NOTHING, any_label=NOTHING)
    with pytest.raises(ValueRangeError, match="any_label must have the same shape"):
        study_click(NOTHING, NOTHING, any_label=NOTHING.T, literal=True, rng=rng())
    for rule_of_click in (study_click, deepest_error_click, lambda *pair: random_error_click(*pair, rng())):
        with pytest.raises(ValueRangeError, match="same shape"):
            rule_of_click(NOTHING, NOTHING.T)
        with pytest.raises(ValueRangeError, match="2 non-empty dimensions"):
            rule_of_click(NOTHING[None], NOTHING[None])


@given(pairs, st.integers(0, 99))
def test_a_random_click_is_on_an_error(pair: tuple[Mask, Mask], seed: int) -> None:
    reference, prediction = pair
    found = random_error_click(reference, prediction, rng(seed))
    if (reference == prediction).all():
        assert found is None
    else:
        row, column = int(found.y), int(found.x)
        assert reference[row, column] == found.positive != prediction[row, column]


def test_each_pixel_of_an_error_is_as_likely() -> None:
    reference = disc(NOTHING.shape, (8, 35), 3)
    prediction = disc(NOTHING.shape, (10, 36), 3)
    draws = [random_error_click(reference, prediction, rng(seed)) for seed in range(3000)]
    counts = np.zeros(NOTHING.shape)
    np.add.at(counts, ([int(click.y) for click in draws], [int(click.x) for click in draws]), 1)
    assert stats.chisquare(counts[reference ^ prediction]).pvalue > 0.01


@given(pairs)
def test_the_click_in_the_largest_error(pair: tuple[Mask, Mask]) -> None:
    reference, prediction = pair
    found = deepest_error_click(reference, prediction)
    best = []
    for positive, error in ((False, ~reference & prediction), (True, reference & ~prediction)):
        labels, count = ndimage.label(error, np.ones((3, 3)))
        best += [((labels == number).sum(), positive, labels == number) for number in range(1, count + 1)]
    if not best:
        assert found is None
        return
    area, positive, _ = max(best, key=lambda part: (part[0], not part[1]))
    largest = [part for size, sign, part in best if (size, sign) == (area, positive)]
    first = min(largest, key=lambda part: np.flatnonzero(part)[0])
    places = [tuple(place) for place in np.argwhere(first)]
    row, column = max(places, key=lambda place: depth(first, *place))
    assert found == Point(column, row, positive)


def test_a_large_thin_error_comes_before_a_small_thick_one() -> None:
    line = np.zeros(NOTHING.shape, dtype=bool)
    line[16:18, :] = True
    blob = disc(NOTHING.shape, (6, 10), 4)
    assert deepest_error_click(line, blob) == Point(0, 16, positive=True)
    assert next_click(line, blob) == Point(10, 6, positive=False)
