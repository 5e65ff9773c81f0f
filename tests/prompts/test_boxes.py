"""Boxes as people draw them: the laws they follow, and overlaps measured anew."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.prompts import overlap_box, shift_box
from promptseg.types import Box

SIZE = 300, 500
BOX = Box(200, 120, 259, 149)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def corners(box: Box) -> np.ndarray:
    return np.array([box.x0, box.y0, box.x1, box.y1])


def sides(box: Box) -> tuple[float, float]:
    return box.x1 - box.x0 + 1, box.y1 - box.y0 + 1


def overlap(drawn: Box, given: Box, measure: str) -> float:
    """Of the rectangles that reach half a pixel beyond the corners."""
    across = min(drawn.x1, given.x1) - max(drawn.x0, given.x0) + 1
    down = min(drawn.y1, given.y1) - max(drawn.y0, given.y0) + 1
    common = max(across, 0) * max(down, 0)
    areas = math.prod(sides(drawn)), math.prod(sides(given))
    return common / areas[1] if measure == "coverage" else common / (sum(areas) - common)


@st.composite
def boxes_on_images(draw: st.DrawFn) -> tuple[Box, tuple[int, int]]:
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 70))
    step = draw(st.sampled_from([1, 0.25]))
    x0, x1 = (step * draw(st.integers(0, int((width - 1) / step))) for _ in range(2))
    y0, y1 = (step * draw(st.integers(0, int((height - 1) / step))) for _ in range(2))
    return Box(x0, y0, x1, y1), (height, width)


def test_a_shift_moves_by_each_whole_number_alike() -> None:
    moved = np.array([corners(shift_box(BOX, SIZE, rng(seed))) for seed in range(4000)]) - corners(BOX)
    assert (moved[:, :2] == moved[:, 2:]).all()
    for axis in (0, 1):
        assert set(moved[:, axis]) == set(range(-5, 5))
        assert stats.chisquare(np.bincount(moved[:, axis].astype(int) + 5)).pvalue > 0.01
    assert abs(np.corrcoef(moved[:, :2].T)[0, 1]) < 0.05


@pytest.mark.parametrize(("height", "reach"), [(1, 0), (2, 1), (3, 1), (7, 3), (10, 5), (30, 5)])
def test_a_shift_is_at_most_half_of_the_shorter_side(height: int, reach: int) -> None:
    box = Box(100, 200, 180, 199 + height)
    moved = {tuple(corners(shift_box(box, SIZE, rng(seed))) - corners(box)) for seed in range(600)}
    steps = range(-reach, reach) if reach else range(1)
    assert moved == {(x, y, x, y) for x in steps for y in steps}
    assert shift_box(box, SIZE, rng(), limit_px=0) == box


@given(boxes_on_images(), st.integers(0, 99))
def test_a_shifted_box_stays_on_the_image(drawn: tuple[Box, tuple[int, int]], seed: int) -> None:
    box, (height, width) = drawn
    moved = shift_box(box, (height, width), rng(seed))
    free = shift_box(Box(*(corners(box) + 100)), (999, 999), rng(seed))
    last = [width - 1, height - 1] * 2
    assert corners(moved) == pytest.approx(np.clip(corners(free) - 100, 0, last))


@given(
    boxes_on_images(), st.sampled_from([1.0, 0.75, 0.5, 0.2]), st.sampled_from(["iou", "coverage"]), st.integers(0, 99)
)
def test_the_overlap_is_what_was_asked_for(
    drawn: tuple[Box, tuple[int, int]], target: float, measure: str, seed: int
) -> None:
    box, (height, width) = drawn
    try:
        found = overlap_box(box, (height, width), rng(seed), target=target, measure=measure)
    except PromptError:
        assert math.prod(sides(box)) * target < 1
        return
    assert overlap(found, box, measure) == pytest.approx(target, abs=1e-6)
    assert (corners(found) >= 0).all()
    assert found.x1 <= width - 1
    assert found.y1 <= height - 1
    assert found == overlap_box(box, (height, width), rng(seed), target=target, measure=measure)


@given(st.integers(0, 99), st.sampled_from([0.75, 0.5, 0.2]), st.sampled_from(["iou", "coverage"]), st.integers(1, 4))
def test_where_there_is_room_even_a_pixel_has_its_box(seed: int, target: float, measure: str, side: int) -> None:
    box = Box(20, 15, 19 + side, 15)
    found = overlap_box(box, (31, 60), rng(seed), target=target, measure=measure)
    assert overlap(found, box, measure) == pytest.approx(target, abs=1e-6)


def test_sides_and_directions_are_as_drawn() -> None:
    """Where the factors alone leave more than the target, the sides are those, and every direction is as likely."""
    wide, directions = [], []
    for seed in range(800):
        factors = rng(seed).uniform(0.8, 1.25, size=2)
        found = overlap_box(BOX, SIZE, rng(seed), target=0.5)
        assert sides(found) == pytest.approx(factors * sides(BOX))
        wide.append(sides(found)[0] / sides(BOX)[0])
        moved = (corners(found)[:2] + corners(found)[2:] - corners(BOX)[:2] - corners(BOX)[2:]) / sides(BOX)
        directions.append(math.atan2(moved[1], moved[0]) / (2 * math.pi) % 1)
    assert stats.kstest(wide, stats.uniform(0.8, 0.45).cdf).pvalue > 0.01
    assert stats.kstest(directions, "uniform").pvalue > 0.01


def test_too_large_factors_are_drawn_back() -> None:
    found = [overlap_box(BOX, SIZE, rng(seed), target=0.95) for seed in range(50)]
    kept = [box for box in found if corners(box)[:2] + corners(box)[2:] == pytest.approx([459, 269])]
    assert len(kept) > 40
    for box in kept:
        across, down = np.log(np.array(sides(box)) / sides(BOX))
        seed = found.index(box)
        drawn = np.log(rng(seed).uniform(0.8, 1.25, size=2))
        assert math.copysign(1, across) == math.copysign(1, drawn[0])
        assert math.copysign(1, down) == math.copysign(1, drawn[1])


def test_an_object_that_fills_the_image_is_cut() -> None:
    box = Box(0, 0, 59, 29)
    for measure in ("iou", "coverage"):
        found = overlap_box(box, (30, 60), rng(3), target=0.5, measure=measure)
        assert math.prod(sides(found)) == pytest.approx(900)


def test_coverage_asks_nothing_of_what_is_too_much() -> None:
    found = [overlap_box(BOX, SIZE, rng(seed), target=0.75, measure="coverage") for seed in range(50)]
    assert np.std([overlap(box, BOX, "iou") for box in found]) > 0.02


@given(boxes_on_images(), st.integers(0, 99))
def test_a_whole_overlap_is_the_box(drawn: tuple[Box, tuple[int, int]], seed: int) -> None:
    box, image_size = drawn
    assert corners(overlap_box(box, image_size, rng(seed), target=1)) == pytest.approx(corners(box), abs=1e-9)
    assume(math.prod(sides(box)) >= 1)
    covering = overlap_box(box, image_size, rng(seed), target=1, measure="coverage")
    assert (corners(covering)[:2] <= corners(box)[:2] + 1e-9).all()
    assert (corners(covering)[2:] >= corners(box)[2:] - 1e-9).all()


def test_what_is_refused() -> None:
    for target in (0, -0.1, 1.1, math.nan):
        with pytest.raises(ValueRangeError, match="target must be above 0"):
            overlap_box(BOX, SIZE, rng(), target=target)
    with pytest.raises(UnknownNameError, match="choose one of iou, coverage"):
        overlap_box(BOX, SIZE, rng(), target=0.5, measure="dice")
    with pytest.raises(ValueRangeError, match="within the image of width 300 and height 500"):
        overlap_box(Box(290, 0, 300, 4), SIZE[::-1], rng(), target=0.5)
    with pytest.raises(PromptError, match="no box of a pixel or more has iou"):
        overlap_box(Box(0, 0, 0, 0), (1, 1), rng(), target=0.5)
