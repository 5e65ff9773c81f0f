"""Rank correlation with its bootstrap interval."""

import math
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from promptseg.evaluation.study.analysis.cells import Frame
from promptseg.evaluation.study.analysis.resampling import Draws, Floats, Ints

__all__ = ["Correlation", "correlation", "spearman"]

_WEIGHTS_AT_ONCE: Final = 1 << 16
"""Few enough for the processor's cache."""


class Correlation(NamedTuple):
    """Spearman's rank correlation and its interval; NaN where it cannot be computed."""

    rho: float
    low: float
    high: float


def spearman(first: ArrayLike, second: ArrayLike) -> float:
    """Spearman's rank correlation; equal values have the mean of their ranks.

    NaN if there are fewer than two values, or all values of one kind are equal: then it is not defined.

    Args:
        first: (N,) numbers.
        second: (N,) numbers.

    >>> spearman([1, 2, 3], [10, 30, 20]), spearman([1, 2], [5, 5])
    (0.5, nan)
    """
    one, other = (stats.rankdata(values) - (np.size(values) + 1) / 2 for values in (first, second))
    spread = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / spread if spread > 0 else math.nan


def correlation(frame: Frame, first: str, second: str, draws: Draws) -> Correlation:
    """Spearman's correlation of two columns with its percentile bootstrap interval over groups.

    Each resample is ranked anew. Resamples in which one of the two does not vary are left out.

    Args:
        frame: a row for each image: the two columns and ``cluster``.
        first: a column of finite numbers.
        second: likewise.
        draws: of groups.
    """
    one, other = (frame[name].to_numpy(dtype=np.float64) for name in (first, second))
    rho = spearman(one, other)
    if math.isnan(rho):
        return Correlation(rho, rho, rho)
    clusters, group = np.unique(frame["cluster"].to_numpy(dtype=str), return_inverse=True)
    numbers = [np.unique(values, return_inverse=True)[1] for values in (one, other)]
    at_once = max(1, _WEIGHTS_AT_ONCE // len(group))
    pieces = [
        _resampled(np.ascontiguousarray(times[start : start + at_once].T)[group], *numbers)
        for _, times in draws.pieces(clusters.tolist())
        for start in range(0, len(times), at_once)
    ]
    resampled = np.concatenate(pieces)
    (low,), (high,) = draws.ends(resampled[:, None])
    return Correlation(rho, float(low), float(high))


def _resampled(weights: Floats, one: Ints, other: Ints) -> Floats:
    """(R,) correlations where each of (N, R) values stands as often as its weight; NaN where one does not vary."""
    total = weights.sum(axis=0)
    first, second = _midranks(weights, one) - total / 2, _midranks(weights, other) - total / 2
    heavy = weights * first
    shared, of_first = (np.einsum("nr,nr->r", heavy, ranks) for ranks in (second, first))
    spread = np.sqrt(of_first * np.einsum("nr,nr,nr->r", weights, second, second))
    found: Floats = np.divide(shared, spread, out=np.full_like(spread, np.nan), where=spread > 1e-9)
    return found


def _midranks(weights: Floats, number: Ints) -> Floats:
    """(N, R) mean rank, less 1/2, of each value among all with their weights; ``number`` orders values, from 0."""
    order = np.argsort(number, kind="stable")
    ends = np.flatnonzero(np.diff(number[order], append=len(order)))
    below = np.cumsum(weights[order], axis=0)
    if len(ends) < len(order):
        below = below[ends]
    ranks = below.copy()
    ranks[1:] += below[:-1]
    ranks /= 2
    found: Floats = ranks[number]
    return found
