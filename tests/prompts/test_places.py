"""Places on an object: by force, which depths they have, and that each pixel of a depth is as likely."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, disc, filled
from scipy import stats

from promptseg.errors import PromptError, ValueRangeError
from promptseg.geometry.distances import distance_inside
from promptseg.prompts import probe_clicks

DISC = disc((80, 140), (35, 90), 30)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def bins_of(mask: Mask) -> np.ndarray:
    depths = distance_inside(mask) / distance_inside(mask).max()
    return np.minimum(np.floor(depths * 10), 9).astype(int)


@given(filled, st.integers(1, 90), st.integers(0, 99))
def test_places_are_spread_over_depths(mask: Mask, count: int, seed: int) -> None:
    clicks = probe_clicks(mask, rng(seed), count=count)
    pixels = [(int(click.y), int(click.x)) for click in clicks]
    assert len(set(pixels)) == len(pixels) == min(count, mask.sum())
    assert all(click.positive and mask[place] for click, place in zip(clicks, pixels, strict=True))
    found = [int(bins_of(mask)[place]) for place in pixels]
    assert found == sorted(found)
    taken = np.bincount(found, minlength=10)
    there = np.bincount(bins_of(mask)[mask], minlength=10)
    not_emptied = taken[taken < there]
    if not_emptied.size:
        assert not_emptied.min() >= taken.max() - 1
    assert clicks == probe_clicks(mask, rng(seed), count=count)


def test_a_disc_gives_each_depth_alike() -> None:
    found = [bins_of(DISC)[int(click.y), int(click.x)] for click in probe_clicks(DISC, rng())]
    assert np.bincount(found).tolist() == [3] * 10


def test_within_a_depth_each_pixel_is_as_likely() -> None:
    ring = bins_of(DISC) == 4
    draws = [
        click for seed in range(400) for click in probe_clicks(DISC, rng(seed)) if ring[int(click.y), int(click.x)]
    ]
    angles = np.arctan2([click.y - 35 for click in draws], [click.x - 90 for click in draws])
    quarters = np.bincount(np.floor((angles + np.pi / 4) / (np.pi / 2)).astype(int) % 4)
    assert quarters.sum() == 1200
    assert stats.chisquare(quarters).pvalue > 0.01


def test_what_is_left_of_a_turn_falls_on_any_depth() -> None:
    found = [
        bins_of(DISC)[int(click.y), int(click.x)]
        for seed in range(200)
        for click in probe_clicks(DISC, rng(seed), count=4)
    ]
    assert stats.chisquare(np.bincount(found, minlength=10)).pvalue > 0.01


def test_what_is_refused() -> None:
    with pytest.raises(PromptError, match="mask is empty"):
        probe_clicks(np.zeros((4, 5), dtype=bool), rng())
    with pytest.raises(ValueRangeError, match="boolean"):
        probe_clicks(DISC.astype(int), rng())
    for count in (0, 2.5, True):
        with pytest.raises(ValueRangeError, match="whole number of 1 or more"):
            probe_clicks(DISC, rng(), count=count)
