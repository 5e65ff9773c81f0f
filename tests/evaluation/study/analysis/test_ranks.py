"""Rank correlations against scipy, and their resamples against plain repetition of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from promptseg.evaluation.study.analysis.ranks import correlation, spearman
from promptseg.evaluation.study.analysis.resampling import Draws
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=200)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=20))
def test_against_scipy_with_ties(pairs: list[tuple[int, int]]) -> None:
    one, other = zip(*pairs, strict=True)
    found = spearman(one, other)
    if len(set(one)) == 1 or len(set(other)) == 1:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(stats.spearmanr(one, other).statistic)


@pytest.mark.parametrize("ties", [False, True])
def test_resamples_are_ranked_anew(ties: bool) -> None:
    rng = np.random.default_rng(2)
    one, other = rng.normal(size=(2, 14))
    if ties:
        one, other = one.round(0), other.round(0)
    frame = pd.DataFrame({"one": one, "other": other, "cluster": [f"g{place}" for place in rng.integers(6, size=14)]})
    draws = Draws(SETTINGS)
    found = correlation(frame, "one", "other", draws)
    clusters = sorted(frame["cluster"].unique())
    (_, times), *_ = draws.pieces(clusters)
    loop = []
    for drawn in times.astype(int):
        often = [drawn[clusters.index(name)] for name in frame["cluster"]]
        loop.append(spearman(np.repeat(one, often), np.repeat(other, often)))
    said = np.array(loop)[np.isfinite(loop)]
    assert found.rho == pytest.approx(stats.spearmanr(one, other).statistic)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(said, [0.025, 0.975])))


def test_pieces_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"one": rng.random(9), "other": rng.random(9), "cluster": [*"abcabcdef"]})
    whole = correlation(frame, "one", "other", Draws(SETTINGS))
    monkeypatch.setattr("promptseg.evaluation.study.analysis.ranks._WEIGHTS_AT_ONCE", 50)
    assert correlation(frame, "one", "other", Draws(SETTINGS)) == pytest.approx(whole)


@pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.5, 0.5]])
def test_what_does_not_vary_has_no_correlation(values: list[float]) -> None:
    frame = pd.DataFrame({"one": values, "other": np.arange(len(values)), "cluster": [*"abc"][: len(values)]})
    assert np.isnan(correlation(frame, "one", "other", Draws(SETTINGS))).all()


def test_one_group_has_no_width() -> None:
    frame = pd.DataFrame({"one": [1, 2, 3], "other": [1, 3, 2], "cluster": "a"})
    assert correlation(frame, "one", "other", Draws(SETTINGS)) == pytest.approx((0.5, 0.5, 0.5))
