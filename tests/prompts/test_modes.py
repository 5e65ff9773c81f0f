"""The five modes against parts found by flooding, and the authors' rules for ties."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, filled

from promptseg.errors import PromptError, ValueRangeError
from promptseg.geometry.distances import chamfer_distance_inside, distance_inside
from promptseg.prompts import mode_prompts
from promptseg.types import Box, Point

SIZE = 60, 100
BIG, MIDDLE, SMALL, DUST = (
    disc(SIZE, *what) for what in (((30, 20), 15), ((15, 60), 9), ((45, 80), 6), ((50, 50), 0.5))
)
FOUR = BIG | MIDDLE | SMALL | DUST


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def flooded(mask: Mask) -> list[Mask]:
    """The parts in the order of their first pixels."""
    left, found = {(row, column) for row, column in np.argwhere(mask).tolist()}, []
    while left:
        waiting = [min(left)]
        left.remove(waiting[0])
        part = np.zeros_like(mask)
        while waiting:
            row, column = waiting.pop()
            part[row, column] = True
            around = {(row + down, column + right) for down, right in product((-1, 0, 1), repeat=2)} & left
            left -= around
            waiting.extend(around)
        found.append(part)
    return found


def by_area(mask: Mask, *, literal: bool) -> list[Mask]:
    parts = flooded(mask)
    numbers = sorted(range(len(parts)), key=lambda number: (-parts[number].sum(), -number if literal else number))
    return [parts[number] for number in numbers]


def corners(part: Mask) -> Box:
    rows, columns = np.nonzero(part)
    return Box(columns.min(), rows.min(), columns.max(), rows.max())


@given(filled, st.booleans(), st.integers(0, 99))
def test_against_the_rules(mask: Mask, literal: bool, seed: int) -> None:
    parts = by_area(mask, literal=literal)
    one, three, box, boxes, whole = (
        mode_prompts(mask, mode, rng=rng(seed), literal=literal) for mode in (1, 2, 3, 4, 5)
    )
    distance = chamfer_distance_inside if literal else distance_inside
    for points, count in ((one.points, 1), (three.points, 3)):
        assert len(points) == min(count, len(parts))
        for point, part in zip(points, parts, strict=False):
            depths = distance(part)
            assert point.positive
            assert depths[int(point.y), int(point.x)] == depths.max()
            assert literal or (point.y, point.x) == tuple(np.argwhere(depths == depths.max())[0])
    assert box.boxes == (corners(parts[0]),)
    assert boxes.boxes == tuple(corners(part) for part in parts[:3])
    assert whole.boxes == (corners(mask),)
    assert one.boxes == three.boxes == box.points == boxes.points == whole.points == ()


def test_four_parts_and_no_more_than_three_prompts() -> None:
    assert mode_prompts(FOUR, 1).points == (Point(20, 30),)
    assert mode_prompts(FOUR, 2).points == (Point(20, 30), Point(60, 15), Point(80, 45))
    assert mode_prompts(FOUR, 3).boxes == (Box(5, 15, 35, 45),)
    assert mode_prompts(FOUR, 4).boxes == (Box(5, 15, 35, 45), Box(51, 6, 69, 24), Box(74, 39, 86, 51))
    assert mode_prompts(FOUR, 5).boxes == (Box(5, 6, 86, 51),)


def test_of_equal_parts_the_authors_take_the_later() -> None:
    twins = disc(SIZE, (20, 30), 5) | disc(SIZE, (40, 70), 5)
    assert mode_prompts(twins, 1).points == (Point(30, 20),)
    assert mode_prompts(twins, 1, literal=True, rng=rng()).points == (Point(70, 40),)
    assert mode_prompts(twins, 4, literal=True).boxes == mode_prompts(twins, 4).boxes[::-1]


def test_equally_deep_pixels() -> None:
    bar = np.zeros(SIZE, dtype=bool)
    bar[10:15, 20:60] = True
    assert mode_prompts(bar, 1).points == (Point(22, 12),)
    for draw in ({"ties": "random"}, {"literal": True}):
        drawn = {mode_prompts(bar, 1, rng=rng(seed), **draw).points[0] for seed in range(300)}
        assert drawn == {Point(x, 12) for x in range(22, 58)}


def test_approximate_distances_have_another_deepest_pixel() -> None:
    """The middle of the diamond is 5 from (4, 3), by a knight's move and two across 4.9969; that of the square 5."""
    rows, columns = np.indices(SIZE)
    mask = abs(rows - 10) + abs(columns - 20) < 7
    mask[8:17, 27:36] = True
    mask[11, 21:30] = True
    assert mode_prompts(mask, 1).points == (Point(20, 10),)
    assert mode_prompts(mask, 1, literal=True, rng=rng()).points == (Point(31, 12),)


def test_what_is_refused() -> None:
    with pytest.raises(PromptError, match="mask is empty"):
        mode_prompts(np.zeros(SIZE, dtype=bool), 2)
    with pytest.raises(ValueRangeError, match="boolean"):
        mode_prompts(BIG.astype(int), 2)
    for mode in (0, 6, "1"):
        with pytest.raises(ValueRangeError, match="from 1 to 5"):
            mode_prompts(BIG, mode)
    with pytest.raises(ValueRangeError, match="literal=True"):
        mode_prompts(BIG, 1, literal=True)
    with pytest.raises(ValueRangeError, match="needs rng"):
        mode_prompts(BIG, 1, ties="random")
