"""Bootstrap intervals: against a plain loop, scipy, the nominal coverage, and by hand where nothing is random."""

import math

import numpy as np
import pytest
from scipy import stats

from promptseg.errors import ValueRangeError
from promptseg.metrics import bootstrap_interval, paired_difference

VALUES = np.random.default_rng(5).beta(8, 2, size=60)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_against_a_plain_loop() -> None:
    source = rng(11)
    loop = [np.mean([VALUES[place] for place in source.integers(60, size=60)]) for _ in range(4000)]
    found = bootstrap_interval(VALUES, rng=rng(), resamples=4000)
    assert found.mean == pytest.approx(VALUES.mean())
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=0.002)
    assert (found.level, found.count) == (0.95, 60)


def test_against_scipy() -> None:
    theirs = stats.bootstrap((VALUES,), np.mean, n_resamples=4000, method="percentile", rng=rng(3)).confidence_interval
    found = bootstrap_interval(VALUES, rng=rng(), resamples=4000)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    """Of 400 samples of 40 values 90 % should cover; the percentile bootstrap is known to fall short by a few."""
    source = rng(1)
    covered = 0
    for _ in range(400):
        sample = source.beta(6, 3, size=40)
        found = bootstrap_interval(sample, rng=source, resamples=400, level=0.9)
        covered += found.low <= 6 / 9 <= found.high
    assert 0.85 <= covered / 400 <= 0.94


def test_groups_are_drawn_whole() -> None:
    """Ten values that are copies in two groups say no more than two values."""
    groups = ["a"] * 5 + ["b"] * 5
    found = bootstrap_interval([0.0] * 5 + [1.0] * 5, rng=rng(), groups=groups)
    assert (found.mean, found.low, found.high, found.count) == (0.5, 0, 1, 10)
    alone = bootstrap_interval([0.0] * 5 + [1.0] * 5, rng=rng())
    assert alone.low > 0.1


def test_groups_of_different_sizes_weigh_by_their_values() -> None:
    """Either group twice, or both: means of 0, 1 and 3/4."""
    found = bootstrap_interval([0, 1, 1, 1], rng=rng(), groups=[1, 2, 2, 2], level=0.999)
    assert (found.mean, found.low, found.high) == (0.75, 0, 1)


def test_coverage_holds_for_groups_and_fails_without() -> None:
    source = rng(2)
    covered = {True: 0, False: 0}
    for _ in range(200):
        centres = source.normal(size=30)
        sample = np.repeat(centres, 6) + 0.1 * source.normal(size=180)
        for grouped in covered:
            groups = np.repeat(np.arange(30), 6) if grouped else None
            found = bootstrap_interval(sample, rng=source, groups=groups, resamples=300)
            covered[grouped] += found.low <= 0 <= found.high
    assert covered[True] / 200 > 0.88
    assert covered[False] / 200 < 0.7


def test_with_classes_the_mean_is_that_of_the_classes() -> None:
    values, classes = [1.0, 1.0, 1.0, 0.0], [1, 1, 1, 2]
    found = bootstrap_interval(values, rng=rng(), classes=classes, level=0.999)
    assert found.mean == 0.5
    assert (found.low, found.high) == (0, 1)
    assert bootstrap_interval(values, rng=rng()).mean == 0.75


def test_classes_against_a_plain_loop() -> None:
    source, classes, groups = rng(4), np.tile([0, 1, 2], 20), np.repeat(np.arange(20), 3)
    loop = []
    for _ in range(4000):
        drawn = source.integers(20, size=20)
        rows = np.concatenate([np.flatnonzero(groups == group) for group in drawn])
        loop.append(np.mean([VALUES[rows[classes[rows] == one]].mean() for one in range(3)]))
    found = bootstrap_interval(VALUES, rng=rng(), groups=groups.tolist(), classes=classes.tolist(), resamples=4000)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(loop, [0.025, 0.975])), abs=0.002)


def test_one_value_has_no_width() -> None:
    found = bootstrap_interval([0.3], rng=rng())
    assert (found.mean, found.low, found.high, found.count) == (0.3, 0.3, 0.3, 1)


def test_the_same_seed_gives_the_same_interval_also_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = bootstrap_interval(VALUES, rng=rng(8))
    monkeypatch.setattr("promptseg.metrics.intervals._DRAWS_AT_ONCE", 700)
    pieces = bootstrap_interval(VALUES, rng=rng(8))
    assert (pieces.low, pieces.high) == pytest.approx((whole.low, whole.high), rel=1e-12)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    better = VALUES + 0.02 + 0.001 * rng(6).normal(size=60)
    found = paired_difference(better, VALUES, rng=rng())
    assert found.low <= 0.02 <= found.high
    assert found.high - found.low < 0.002
    t_interval = stats.ttest_rel(better, VALUES).confidence_interval()
    assert (found.low, found.high) == pytest.approx((t_interval.low, t_interval.high), abs=2e-4)
    assert paired_difference(VALUES, better, rng=rng()).mean == pytest.approx(-found.mean)


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ([], {}),
        ([0.5, math.nan], {}),
        ([[0.5]], {}),
        ([0.5], {"resamples": 0}),
        ([0.5], {"level": 1}),
        ([0.5], {"groups": [1, 2]}),
        ([0.5], {"classes": []}),
    ],
)
def test_values_out_of_range(values: list[float], settings: dict[str, object]) -> None:
    with pytest.raises(ValueRangeError):
        bootstrap_interval(values, rng=rng(), **settings)


def test_pairs_have_one_length() -> None:
    with pytest.raises(ValueRangeError, match="same length, got 2 and 1"):
        paired_difference([1, 2], [1], rng=rng())
