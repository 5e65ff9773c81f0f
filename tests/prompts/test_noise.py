"""Inexact clicks by the laws they follow, and strokes by what every stroke must be."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, filled
from scipy import ndimage, stats

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.geometry.distances import distance_inside
from promptseg.prompts import jitter_click, miss_click, scribble
from promptseg.types import Point

SIZE = 120, 200
DISC = disc(SIZE, (60, 120), 30)
RING = DISC & ~disc(SIZE, (60, 120), 24)
BAR = np.zeros(SIZE, dtype=bool)
BAR[50:61, 20:181] = True


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def on(region: Mask, point: Point) -> bool:
    return bool(region[round(point.y), round(point.x)])


def a_click(region: Mask) -> Point:
    row, column = np.argwhere(region)[-1].tolist()
    return Point(column, row, positive=False)


@given(filled, st.integers(0, 99), st.sampled_from([0.0, 0.1, 3.0]))
def test_a_jittered_click_stays(region: Mask, seed: int, fraction: float) -> None:
    moved = jitter_click(a_click(region), region, rng(seed), fraction=fraction)
    assert on(region, moved)
    assert not moved.positive
    assert moved == jitter_click(a_click(region), region, rng(seed), fraction=fraction)
    assert fraction > 0 or moved == a_click(region)
    anywhere = jitter_click(a_click(region), region, rng(seed), fraction=fraction, stay=False)
    assert 0 <= anywhere.x <= region.shape[1] - 1
    assert 0 <= anywhere.y <= region.shape[0] - 1


def test_the_noise_of_a_click_is_gaussian_and_scales_with_the_region() -> None:
    generator = rng()
    middle = Point(120, 60)
    for radius in (10, 30):
        region = disc(SIZE, (60, 120), radius)
        moved = [jitter_click(middle, region, generator, fraction=0.1, stay=False) for _ in range(600)]
        shifts = np.array([(point.x - 120, point.y - 60) for point in moved])
        deviation = 0.1 * math.sqrt(4 / math.pi * region.sum())
        assert stats.kstest(shifts.ravel() / deviation, "norm").pvalue > 0.01
        assert abs(stats.pearsonr(*shifts.T).statistic) < 0.1


@given(filled, st.integers(0, 99))
def test_a_click_that_misses_lands_beside_its_region(region: Mask, seed: int) -> None:
    click = a_click(region)
    assert miss_click(click, region, rng(seed), probability=0) == click
    missed = miss_click(click, region, rng(seed), probability=1, reach=0)
    if region.all():
        assert missed == click
    else:
        assert not on(region, missed)
        assert on(ndimage.binary_dilation(region, np.ones((3, 3))), missed)
        assert not missed.positive


def test_how_often_and_how_far_a_click_misses() -> None:
    generator = rng()
    clicks = [miss_click(Point(120, 60), DISC, generator, probability=0.25, reach=0.2) for _ in range(800)]
    missed = [click for click in clicks if not on(DISC, click)]
    assert stats.binomtest(len(missed), 800, 0.25).pvalue > 0.01
    far = [math.hypot(click.x - 120, click.y - 60) for click in missed]
    assert min(far) > 30
    assert 40 < max(far) <= 30 + 0.2 * 60.1 + 1


@given(filled, st.sampled_from(["medial", "random"]), st.integers(1, 9), st.integers(0, 99))
def test_a_stroke_lies_on_one_part(region: Mask, course: str, count: int, seed: int) -> None:
    stroke = scribble(region, rng(seed), course=course, count=count, positive=False)
    assert 1 <= len(stroke) <= count
    assert len(set(stroke)) == len(stroke)
    labels, _ = ndimage.label(region, np.ones((3, 3)))
    assert len({labels[int(point.y), int(point.x)] for point in stroke}) == 1
    assert all(on(region, point) and not point.positive for point in stroke)
    assert stroke == scribble(region, rng(seed), course=course, count=count, positive=False)


@pytest.mark.parametrize("course", ["medial", "random"])
@pytest.mark.parametrize("region", [DISC, RING, BAR], ids=["disc", "ring", "bar"])
def test_a_stroke_is_one_line(course: str, region: Mask) -> None:
    for seed in range(5):
        stroke = scribble(region, rng(seed), course=course, count=1000)
        steps = [math.dist((a.x, a.y), (b.x, b.y)) for a, b in pairwise(stroke)]
        assert max(steps) < 3


def test_a_medial_stroke_follows_the_middle() -> None:
    for seed in range(5):
        stroke = scribble(BAR, rng(seed), count=20)
        assert len(stroke) == 20
        assert abs(stroke[-1].x - stroke[0].x) > 0.5 * 160
        assert np.mean([abs(point.y - 55) for point in stroke[2:-2]]) < 1.5
        ring = scribble(RING, rng(seed), count=20)
        assert np.mean([distance_inside(RING)[int(point.y), int(point.x)] for point in ring]) > 2
        gaps = np.hypot(*np.diff([(point.x, point.y) for point in scribble(BAR, rng(seed))], axis=0).T)
        assert gaps.max() < 1.2 * gaps.min()


def test_random_strokes_differ() -> None:
    assert len({scribble(DISC, rng(seed), course="random") for seed in range(10)}) == 10


def test_parts_are_drawn_by_area() -> None:
    region = disc(SIZE, (60, 50), 20) | disc(SIZE, (60, 150), 10)
    left = [scribble(region, rng(seed), course="random", count=1)[0].x < 100 for seed in range(150)]
    assert stats.binomtest(sum(left), 150, region[:, :100].sum() / region.sum()).pvalue > 0.01


def test_what_is_refused() -> None:
    empty, point = np.zeros(SIZE, dtype=bool), Point(3, 4)
    for action in (jitter_click, miss_click):
        with pytest.raises(PromptError, match="region is empty"):
            action(point, empty, rng())
        with pytest.raises(ValueRangeError, match="boolean"):
            action(point, DISC.astype(int), rng())
    for fraction in (-0.1, math.nan, math.inf):
        with pytest.raises(ValueRangeError, match="fraction must be 0 or more"):
            jitter_click(point, DISC, rng(), fraction=fraction)
        with pytest.raises(ValueRangeError, match="reach must be 0 or more"):
            miss_click(point, DISC, rng(), reach=fraction)
    for probability in (-0.1, 1.1, math.nan):
        with pytest.raises(ValueRangeError, match="probability must be from 0 to 1"):
            miss_click(point, DISC, rng(), probability=probability)
    with pytest.raises(PromptError, match="region is empty"):
        scribble(empty, rng())
    with pytest.raises(UnknownNameError, match="medial, random"):
        scribble(DISC, rng(), course="straight")
    for count in (0, 2.5, True):
        with pytest.raises(ValueRangeError, match="count must be a whole number"):
            scribble(DISC, rng(), count=count)
