"""Clicks and boxes on a known object: by force, and by the laws that the random ones follow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, filled
from scipy import stats

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.geometry.distances import distance_inside
from promptseg.geometry.regions import tight_box
from promptseg.prompts import LOOSENINGS, box_around, centre_click, centroid_click, jitter_box, loose_box, widen_box
from promptseg.types import Box, Point

SIZE = 300, 500
BOX = Box(100, 120, 199, 159)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def corners(box: Box) -> list[float]:
    return [box.x0, box.y0, box.x1, box.y1]


@given(filled, st.sampled_from(["first", "random"]), st.integers(0, 9))
def test_the_centre_click_is_on_the_object_and_deepest(mask: Mask, ties: str, seed: int) -> None:
    prompts = centre_click(mask, ties=ties, rng=rng(seed))
    (point,) = prompts.points
    assert point.positive
    assert not prompts.boxes
    distances = distance_inside(mask)
    assert distances[int(point.y), int(point.x)] == distances.max() > 0


def test_the_centre_of_a_disc() -> None:
    assert centre_click(disc((30, 60), (11, 40), 8)).points == (Point(40, 11),)


@given(filled)
def test_the_centroid_and_the_pixel_nearest_to_it(mask: Mask) -> None:
    rows, columns = np.nonzero(mask)
    (centroid,) = centroid_click(mask, how="centroid").points
    assert (centroid.x, centroid.y) == pytest.approx((columns.mean(), rows.mean()))
    (projected,) = centroid_click(mask).points
    assert mask[int(projected.y), int(projected.x)]
    distance = np.hypot(projected.x - centroid.x, projected.y - centroid.y)
    assert distance == pytest.approx(np.hypot(columns - centroid.x, rows - centroid.y).min())
    assert centroid_click(mask, how="edt").points == centre_click(mask).points


def test_the_centroid_of_nothing() -> None:
    for how in ("centroid", "centroid_projected", "edt"):
        with pytest.raises(PromptError, match="mask is empty"):
            centroid_click(np.zeros((4, 5), dtype=bool), how=how)
    with pytest.raises(ValueRangeError, match="boolean"):
        centroid_click(np.ones((4, 5)))
    with pytest.raises(UnknownNameError, match="centroid, centroid_projected, edt"):
        centroid_click(np.ones((4, 5), dtype=bool), how="middle")


def test_the_centre_of_a_ring_is_on_the_ring() -> None:
    ring = disc((41, 41), (20, 20), 15) & ~disc((41, 41), (20, 20), 9)
    (point,) = centre_click(ring).points
    assert ring[int(point.y), int(point.x)]


@given(filled)
def test_the_box_is_the_tight_one(mask: Mask) -> None:
    prompts = box_around(mask)
    assert prompts.boxes == (tight_box(mask),)
    assert not prompts.points


def test_jitter_follows_the_law_of_segment_anything() -> None:
    """Sigma is a tenth of 100 x 40 px; 20 px of limit are never met by the 4 px of y, and cut x at two sigma."""
    moved = np.array([corners(jitter_box(BOX, SIZE, rng(seed))) for seed in range(2000)]) - corners(BOX)
    assert np.abs(moved).max() == 20
    for axis, sigma in ((1, 4), (3, 4)):
        assert stats.kstest(moved[:, axis] / sigma, "norm").pvalue > 0.01
    for axis in (0, 2):
        assert np.mean(np.abs(moved[:, axis]) == 20) == pytest.approx(2 * stats.norm.sf(2), abs=0.015)
        inner = moved[np.abs(moved[:, axis]) < 20, axis] / 10
        assert stats.kstest(inner, stats.truncnorm(-2, 2).cdf).pvalue > 0.01
    assert np.abs(np.corrcoef(moved.T) - np.eye(4)).max() < 0.08


def test_widening_goes_outwards_by_each_whole_number_alike() -> None:
    moved = np.array([corners(widen_box(BOX, SIZE, rng(seed))) for seed in range(4200)]) - corners(BOX)
    outwards = moved * [-1, -1, 1, 1]
    assert set(np.unique(outwards)) == set(range(21))
    for axis in range(4):
        assert stats.chisquare(np.bincount(outwards[:, axis].astype(int), minlength=21)).pvalue > 0.01


@given(filled, st.sampled_from(sorted(LOOSENINGS)), st.integers(0, 99))
def test_loose_boxes_stay_on_the_image_and_repeat_with_the_seed(mask: Mask, how: str, seed: int) -> None:
    (box,) = loose_box(mask, how, rng=rng(seed)).boxes
    height, width = mask.shape
    assert 0 <= box.x0 <= box.x1 <= width - 1
    assert 0 <= box.y0 <= box.y1 <= height - 1
    assert loose_box(mask, how, rng=rng(seed)).boxes == (box,)
    if how == "widen":
        tight = tight_box(mask)
        assert box.contains(Point(tight.x0, tight.y0))
        assert box.contains(Point(tight.x1, tight.y1))


def test_no_looseness_no_change() -> None:
    assert jitter_box(BOX, SIZE, rng(), fraction=0) == BOX
    assert widen_box(BOX, SIZE, rng(), limit_px=0) == BOX


def test_nothing_to_point_at() -> None:
    nothing = np.zeros((3, 4), dtype=bool)
    for place in (centre_click, box_around, lambda mask: loose_box(mask, "jitter", rng=rng())):
        with pytest.raises(PromptError, match="mask is empty"):
            place(nothing)
    with pytest.raises(UnknownNameError, match="choose one of jitter, widen"):
        loose_box(~nothing, "wobble", rng=rng())
    with pytest.raises(UnknownNameError, match="choose one of first, random"):
        centre_click(~nothing, ties="last")
    with pytest.raises(ValueRangeError, match="needs rng"):
        centre_click(~nothing, ties="random")
