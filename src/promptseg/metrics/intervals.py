"""How sure a mean is: percentile bootstrap over images, optionally over groups of them.

What is drawn again and again must be independent. Slices of one patient, or objects of one image, are not: give their
patient or image as ``groups``, and whole groups are drawn.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from promptseg.errors import ValueRangeError

__all__ = ["RESAMPLES", "Interval", "bootstrap_interval", "paired_difference", "times_drawn"]

RESAMPLES: Final = 2000
"""Resamples of a bootstrap unless told otherwise."""

_DRAWS_AT_ONCE: Final = 1 << 22
"""Bound on the draws that are in memory at once, and so on memory: some 100 MB."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval.

    Attributes:
        mean: of the values as they are; with classes, the mean of the classes' means.
        low: lower end.
        high: upper end.
        level: share of resamples inside, for instance 0.95.
        count: how many values.
    """

    mean: float
    low: float
    high: float
    level: float
    count: int


def bootstrap_interval(
    values: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: Sequence[Any] | None = None,
    classes: Sequence[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Interval:
    """Mean with percentile bootstrap interval (Efron 1979, doi 10.1214/aos/1176344552).

    One value gives an interval of no width: nothing is known of how values vary. A resample in which a class does not
    occur takes the mean of the others.

    Args:
        values: (N,) finite numbers.
        rng: the source of randomness; the same state gives the same interval.
        groups: (N,) what each value belongs to (patient, image); whole groups are drawn. Each its own by default.
        classes: (N,) class of each value; the estimate is then the mean over classes of the mean in the class.
        resamples: how many.
        level: share of the resamples that the interval holds.

    >>> interval = bootstrap_interval([0.8, 0.9, 0.7], rng=np.random.default_rng(0))
    >>> round(interval.mean, 3), interval.low <= 0.8 <= interval.high
    (0.8, True)

    Raises:
        ValueRangeError: if there is no value, one is NaN or infinite, a length differs, or a setting is out of range.
    """
    numbers = _checked(values, resamples=resamples, level=level)
    group_of = _numbered(groups, len(numbers), "groups")
    class_of = _numbered(classes, len(numbers), "classes", default=0)
    shape = int(group_of.max()) + 1, int(class_of.max()) + 1
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (group_of, class_of), numbers)
    np.add.at(counts, (group_of, class_of), 1)
    estimate = float(_means(sums.sum(axis=0)[None], counts.sum(axis=0)[None])[0])
    means = np.concatenate(
        [_means(times @ sums, times @ counts) for times in times_drawn(rng, groups=shape[0], resamples=resamples)]
    )
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level, len(numbers))


def paired_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    rng: np.random.Generator,
    groups: Sequence[Any] | None = None,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> Interval:
    """Mean of first - second with its interval: two methods on the same images. Zero inside means not told apart.

    Args:
        first: (N,) values of one method.
        second: (N,) values of the other, in the same order.
        rng: as for :func:`bootstrap_interval`, likewise the rest.
        groups: what each pair belongs to.
        resamples: how many.
        level: share of the resamples that the interval holds.

    Raises:
        ValueRangeError: as for :func:`bootstrap_interval`, or if the lengths differ.
    """
    one, other = (_checked(values, resamples=resamples, level=level) for values in (first, second))
    if len(one) != len(other):
        raise ValueRangeError(f"first and second must have the same length, got {len(one)} and {len(other)}")
    return bootstrap_interval(one - other, rng=rng, groups=groups, resamples=resamples, level=level)


def times_drawn(rng: np.random.Generator, *, groups: int, resamples: int) -> Iterator[Floats]:
    """How often each group is drawn in each resample; pieces of (R, G), so many resamples at a time as memory allows.

    For figures that share their draws; :func:`bootstrap_interval` draws in the same way.

    Args:
        rng: the source of randomness.
        groups: how many there are, and how many are drawn.
        resamples: how many.
    """
    at_once = max(1, _DRAWS_AT_ONCE // groups)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(groups, size=(rows, groups)) + groups * np.arange(rows)[:, None]
        yield np.bincount(drawn.ravel(), minlength=rows * groups).reshape(rows, groups).astype(np.float64)


def _checked(values: ArrayLike, *, resamples: int, level: float) -> Floats:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers) or not np.isfinite(numbers).all():
        raise ValueRangeError(f"values must be one or more finite numbers in a row, got shape {numbers.shape} or NaN")
    if resamples < 1 or not 0 < level < 1:
        raise ValueRangeError(f"resamples must be 1 or more and level between 0 and 1, got {resamples} and {level}")
    return numbers


def _numbered(names: Sequence[Any] | None, length: int, what: str, *, default: int | None = None) -> NDArray[np.intp]:
    """Names as numbers from 0; without names each its own, or all the ``default``."""
    if names is None:
        return np.arange(length) if default is None else np.full(length, default)
    if len(names) != length:
        raise ValueRangeError(f"{what} must have one entry for each of the {length} values, got {len(names)}")
    _, numbers = np.unique(np.asarray(names), return_inverse=True)
    return numbers


def _means(sums: Floats, counts: Floats) -> Floats:
    """(R,) mean over the classes that occur of the means in the class, from (R, L) sums and counts."""
    occurs = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=occurs)
    averaged: Floats = means.sum(axis=1) / occurs.sum(axis=1)
    return averaged
