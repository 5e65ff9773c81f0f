"""The published schedule, seen through the energies that it asks for."""

import numpy as np
from numpy.typing import NDArray
from random_masks import disc
from scipy import stats

from promptseg.prompts.annealing import anneal
from promptseg.prompts.inverse_distance import inverse_distance_energy

REGION = disc((41, 61), (20, 30), 20)[:, 10:51]


class Recorded:
    """An energy that changes by the same amount with each call, and what it was asked."""

    def __init__(self, change: float) -> None:
        self.change = change
        self.asked: list[NDArray[np.float64]] = []

    def __call__(self, pixels_xy: NDArray[np.floating], clicks_xy: NDArray[np.floating]) -> float:
        assert len(pixels_xy) == REGION.sum()
        self.asked.append(np.array(clicks_xy))
        return self.change * len(self.asked)


def test_windows_shrink_hyperbolically_to_a_pixel() -> None:
    widest = np.zeros(50)
    for seed in range(20):
        energy = Recorded(1.0)
        last = anneal(REGION, 3, np.random.default_rng(seed), steps=50, energy=energy)
        moves = np.abs(np.diff(energy.asked, axis=0)).max(axis=(1, 2))
        widest = np.maximum(widest, moves)
        assert len(energy.asked) == 51
        assert np.array_equal(last, np.unique(energy.asked[-1], axis=0))
    share = np.arange(1, 51) / 50
    allowed = np.maximum(1, np.round((1 - share) / (1 + share) * 41))
    assert (widest <= allowed).all()
    assert widest[-5:].max() == allowed[-5:].max()
    assert (widest[5:] > 0.6 * allowed[5:]).all()


def test_a_fall_far_beyond_the_temperature_is_never_kept() -> None:
    energy = Recorded(-1e9)
    best = anneal(REGION, 2, np.random.default_rng(0), steps=30, energy=energy)
    assert np.array_equal(best, np.unique(energy.asked[0], axis=0))


def test_falls_are_kept_as_often_as_the_temperature_says() -> None:
    fall = np.sqrt(2000 * 0.1) * np.log(2)  # in the first of two steps the temperature is sqrt(2000 * 0.1)
    kept = 0
    for seed in range(400):
        energy = Recorded(-fall)
        anneal(REGION, 1, np.random.default_rng(seed), steps=2, energy=energy)
        start, first, second = (clicks[0] for clicks in energy.asked)
        assert min(np.abs(second - first).max(), np.abs(second - start).max()) <= 1
        kept += np.abs(second - first).max() <= 1
    assert stats.binomtest(int(kept), 400, 0.5).pvalue > 0.01


def test_more_steps_reach_more() -> None:
    pixels = np.argwhere(REGION)[:, ::-1].astype(float)
    reached = [
        np.mean(
            [inverse_distance_energy(pixels, anneal(REGION, 4, np.random.default_rng(s), steps=n)) for s in range(5)]
        )
        for n in (1, 30, 300)
    ]
    assert reached == sorted(reached)
