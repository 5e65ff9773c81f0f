"""Bootstrap intervals of many figures at once: those of the same groups share their draws.

Which groups are drawn follows from the seed and from the names of the groups alone, so a figure does not depend on what
else is asked for, and figures of the same images (two models, two prompters) meet the same resamples.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
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
        """Lower and upper ends of the intervals of (R, C) resampled figures; NaN says nothing and is left out."""
        shares = [(1 - self.level) / 2, (1 + self.level) / 2]
        low, high = np.quantile(resampled, shares, axis=0)
        for column in np.flatnonzero(np.isnan(low)):
            said = resampled[:, column][np.isfinite(resampled[:, column])]
            low[column], high[column] = np.quantile(said, shares)
        return low, high


def intervals(
    values: Frame, keys: Sequence[str], draws: Draws, *, parts: str | None = None, together: Sequence[str] | None = None
) -> Frame:
    """Mean of ``value`` in each cell, with its interval.

    Without parts this is :func:`promptseg.metrics.bootstrap_interval` of the cell's values and groups. With parts, the
    mean is that over parts of the mean in the part; the groups of a data set are drawn together for all its parts, and
    a resample in which a part does not occur takes the mean of the others.

    Args:
        values: a row for each image: the keys, ``value``, ``cluster`` and, with parts, ``dataset``.
        keys: columns that name a cell.
        draws: of groups.
        parts: a column, such as the task.
        together: columns that name the cells of which all groups are drawn together, each resample for all of them;
            a resample in which a cell does not occur says nothing of it. By default each cell has its own draws.

    Returns:
        The keys, ``mean``, ``low``, ``high`` and ``n_groups``, in the order in which cells appear.
    """
    frame = values.reset_index(drop=True)
    found = frame.drop_duplicates(list(keys))[list(keys)].reset_index(drop=True)
    rows = _Rows.of(frame, keys, [*keys, parts] if parts else keys, together or ([*keys, "dataset"] if parts else keys))
    mean, low, high = (np.zeros(len(found)) for _ in range(3))
    for start in range(0, len(found), _CELLS_AT_ONCE):
        here = slice(start, min(start + _CELLS_AT_ONCE, len(found)))
        mean[here], resampled = _resampled(rows, here, draws)
        low[here], high[here] = draws.ends(resampled)
    cell = numbered(frame, keys).rename("cell")
    return found.assign(
        mean=mean, low=low, high=high, n_groups=frame.groupby(cell)["cluster"].nunique().to_numpy(dtype=np.int64)
    )


@final
@dataclass(frozen=True, eq=False)
class _Rows:
    """Values, and where each belongs, sorted by cell.

    Attributes:
        value: (N,).
        cell: (N,) number of its cell.
        part: (N,) number of its part.
        drawn: (N,) place in ``sets`` of the clusters that are drawn together.
        place: (N,) place of its cluster among them.
        sets: sorted names of clusters; no two are the same.
    """

    value: Floats
    cell: Ints
    part: Ints
    drawn: Ints
    place: Ints
    sets: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, frame: Frame, keys: Sequence[str], parts: Sequence[str], together: Sequence[str]) -> "_Rows":
        """Sort the rows of a table; the arguments name cells, parts, and what is drawn together."""
        drawn = numbered(frame, together).to_numpy(dtype=np.intp)
        cluster, unique = pd.factorize(frame["cluster"], sort=True)
        names = [str(name) for name in unique]
        pairs, row = np.unique(drawn * len(names) + cluster, return_inverse=True)
        of_pair, cluster_of_pair = np.divmod(pairs, max(len(names), 1))
        edges = np.searchsorted(of_pair, np.arange(of_pair.max(initial=-1) + 2))
        sets: dict[tuple[str, ...], int] = {}
        number = np.zeros(len(edges) - 1, dtype=np.intp)
        for one, (first, last) in enumerate(pairwise(edges)):
            clusters = tuple(names[place] for place in cluster_of_pair[first:last])
            number[one] = sets.setdefault(clusters, len(sets))
        cell = numbered(frame, keys).to_numpy(dtype=np.intp)
        order = np.argsort(cell, kind="stable")
        columns = (
            frame["value"].to_numpy(dtype=np.float64),
            cell,
            numbered(frame, parts).to_numpy(dtype=np.intp),
            number[drawn],
            row - edges[drawn],
        )
        return cls(*(column[order] for column in columns), sets=tuple(sets))  # type: ignore[misc]


def _resampled(rows: _Rows, cells: slice, draws: Draws) -> tuple[Floats, Floats]:
    """(C,) means of some cells and (R, C) resampled means; NaN where a cell does not occur in a resample."""
    here = slice(*np.searchsorted(rows.cell, [cells.start, cells.stop]))
    value, cell, part, drawn, place = (
        column[here] for column in (rows.value, rows.cell - cells.start, rows.part, rows.drawn, rows.place)
    )
    count = cells.stop - cells.start
    once, once_parts = np.zeros((1, count)), np.zeros((1, count))
    totals, parts = np.zeros((draws.resamples, count)), np.zeros((draws.resamples, count))
    for number in np.unique(drawn):
        mine, clusters = drawn == number, rows.sets[number]
        _, first, column = np.unique(part[mine], return_index=True, return_inverse=True)
        sums, counts = np.zeros((len(clusters), len(first))), np.zeros((len(clusters), len(first)))
        np.add.at(sums, (place[mine], column), value[mine])
        np.add.at(counts, (place[mine], column), 1)
        cell_of_part = cell[mine][first]
        _add(once, once_parts, cell_of_part, sums.sum(axis=0)[None], counts.sum(axis=0)[None])
        for some, times in draws.pieces(clusters):
            _add(totals[some], parts[some], cell_of_part, times @ sums, times @ counts)
    return (once / once_parts)[0], np.divide(totals, parts, out=np.full_like(totals, np.nan), where=parts > 0)


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
