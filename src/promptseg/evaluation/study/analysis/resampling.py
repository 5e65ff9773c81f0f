"""Bootstrap intervals of many figures at once: those of the same groups share their draws.

Which groups are drawn follows from the seed and from the names of the groups alone, so a figure does not depend on what
else is asked for, and figures of the same images (two models, two prompters) meet the same resamples.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, final
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from promptseg.evaluation.study.analysis.cells import Frame, numbered
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.metrics.intervals import times_drawn

__all__ = ["Draws", "Floats", "Ints", "intervals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

_KEPT: Final = 8
"""Sets of groups whose draws stay in memory."""

_CELLS_AT_ONCE: Final = 1024
"""Figures that are resampled together, to bound memory: some 50 MB."""


@final
class Draws:
    """How often each group is drawn in each resample."""

    def __init__(self, settings: StatisticsSettings, seed: int = 0) -> None:
        """Remember the settings.

        Args:
            settings: how many resamples, and the level of intervals.
            seed: of the bootstrap.
        """
        self.resamples = settings.resamples
        self.level = settings.level
        self._seed = seed
        self._kept: dict[str, list[Floats]] = {}

    def rng(self, clusters: Sequence[str]) -> np.random.Generator:
        """The randomness of a set of groups."""
        return np.random.default_rng((self._seed, crc32("\n".join(clusters).encode())))

    def pieces(self, clusters: Sequence[str]) -> Iterator[tuple[slice, Floats]]:
        """Which resamples, and (R, G) how often each group is drawn in them; as many at a time as memory allows.

        Args:
            clusters: (G,) names of groups, sorted.
        """
        key = "\n".join(clusters)
        pieces: Iterator[Floats] = iter(self._kept.get(key, ()))
        if key not in self._kept:
            pieces = times_drawn(self.rng(clusters), groups=len(clusters), resamples=self.resamples)
        start, seen = 0, []
        for times in pieces:
            yield slice(start, start + len(times)), times
            start += len(times)
            seen.append(times)
            if start < self.resamples:
                seen.clear()  # too large to be kept
        if seen and len(seen[0]) == self.resamples:
            self._kept[key] = seen
            while len(self._kept) > _KEPT:
                self._kept.pop(next(iter(self._kept)))

    def ends(self, resampled: Floats) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals of (R, ...) resampled figures."""
        low, high = np.quantile(resampled, [(1 - self.level) / 2, (1 + self.level) / 2], axis=0)
        return low, high


def intervals(values: Frame, keys: Sequence[str], draws: Draws, *, parts: str | None = None) -> Frame:
    """Mean of ``value`` in each cell, with its interval.

    Without parts this is :func:`promptseg.metrics.bootstrap_interval` of the cell's values and groups. With parts, the
    mean is that over parts of the mean in the part; the groups of a data set are drawn together for all its parts, and
    a resample in which a part does not occur takes the mean of the others.

    Args:
        values: a row for each image: the keys, ``value``, ``cluster`` and, with parts, ``dataset``.
        keys: columns that name a cell.
        draws: of groups.
        parts: a column, such as the task.

    Returns:
        The keys, ``mean``, ``low``, ``high`` and ``n_groups``, in the order in which cells appear.
    """
    frame = values.reset_index(drop=True)
    cell = numbered(frame, keys).to_numpy()
    part = numbered(frame, [*keys, parts]).to_numpy() if parts else cell
    drawn = numbered(frame, [*keys, "dataset"]).to_numpy() if parts else cell
    cluster, names = pd.factorize(frame["cluster"], sort=True)
    found = frame.drop_duplicates(list(keys))[list(keys)].reset_index(drop=True)
    mean, low, high = (np.zeros(len(found)) for _ in range(3))
    value = frame["value"].to_numpy(dtype=np.float64)
    order = np.lexsort((cluster, part, drawn, cell))
    sets = _Sets(value[order], cell[order], part[order], drawn[order], cluster[order])
    for start in range(0, len(found), _CELLS_AT_ONCE):
        here = slice(start, start + _CELLS_AT_ONCE)
        mean[here], resampled = _resampled(sets.of_cells(here.start, here.stop), draws, [str(name) for name in names])
        low[here], high[here] = draws.ends(resampled)
    n_groups = frame.assign(cell=cell).groupby("cell")["cluster"].nunique().to_numpy()
    return found.assign(mean=mean, low=low, high=high, n_groups=n_groups)


@final
class _Sets:
    """Values sorted by cell, then by what is drawn together."""

    def __init__(self, value: Floats, cell: Ints, part: Ints, drawn: Ints, cluster: Ints) -> None:
        self._value, self._cell, self._part, self._drawn, self._cluster = value, cell, part, drawn, cluster

    def of_cells(self, start: int, stop: int) -> "_Sets":
        """Those of some cells, which are then numbered from 0."""
        here = slice(*np.searchsorted(self._cell, [start, stop]))
        cell, part, drawn = self._cell[here] - start, self._part[here], self._drawn[here]
        return _Sets(self._value[here], cell, part, drawn, self._cluster[here])

    def blocks(self) -> Iterator[tuple[Ints, list[tuple[Floats, Ints, Ints, Ints]]]]:
        """Sets of clusters, with all that is drawn from them: values, cells, parts and clusters, sorted."""
        edges = np.flatnonzero(np.diff(self._drawn, prepend=-1, append=-1))
        blocks: dict[bytes, tuple[Ints, list[tuple[Floats, Ints, Ints, Ints]]]] = {}
        for first, last in pairwise(edges):
            here = slice(first, last)
            clusters = np.unique(self._cluster[here])
            block = blocks.setdefault(clusters.tobytes(), (clusters, []))
            block[1].append((self._value[here], self._cell[here], self._part[here], self._cluster[here]))
        yield from blocks.values()

    @property
    def count(self) -> int:
        """How many cells there are."""
        return int(self._cell[-1]) + 1 if len(self._cell) else 0


def _resampled(sets: _Sets, draws: Draws, names: Sequence[str]) -> tuple[Floats, Floats]:
    """(C,) means of cells and (R, C) resampled means."""
    once, once_parts = np.zeros((1, sets.count)), np.zeros((1, sets.count))
    totals, parts = np.zeros((draws.resamples, sets.count)), np.zeros((draws.resamples, sets.count))
    for clusters, members in sets.blocks():
        value, cell, part, cluster = (np.concatenate(columns) for columns in zip(*members, strict=True))
        _, first, column = np.unique(part, return_index=True, return_inverse=True)
        row = np.searchsorted(clusters, cluster)
        sums, counts = np.zeros((len(clusters), len(first))), np.zeros((len(clusters), len(first)))
        np.add.at(sums, (row, column), value)
        np.add.at(counts, (row, column), 1)
        _add(once, once_parts, cell[first], sums.sum(axis=0)[None], counts.sum(axis=0)[None])
        for here, times in draws.pieces([names[number] for number in clusters]):
            _add(totals[here], parts[here], cell[first], times @ sums, times @ counts)
    return (once / once_parts)[0], totals / parts


def _add(totals: Floats, parts: Floats, cells: Ints, sums: Floats, counts: Floats) -> None:
    """Add (R, P) means of parts to the (R, C) totals of their cells, where the part occurs."""
    occurs = counts > 0
    means = np.divide(sums, counts, out=np.zeros_like(sums), where=occurs)
    if len(np.unique(cells)) == len(cells):
        totals[:, cells] += means
        parts[:, cells] += occurs
        return
    for column, cell in enumerate(cells):
        totals[:, cell] += means[:, column]
        parts[:, cell] += occurs[:, column]
