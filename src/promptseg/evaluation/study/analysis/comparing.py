"""Paired comparisons: two models on the same images with the same prompts, or two models' best against each other."""

from collections.abc import Collection, Sequence
from itertools import combinations
from typing import Final, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from promptseg.errors import ValueRangeError
from promptseg.evaluation.study.analysis.cells import Frame, by_image, higher_is_better, numbered
from promptseg.evaluation.study.analysis.resampling import Draws, Floats, intervals
from promptseg.evaluation.study.recipe import PeerSettings, StatisticsSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["FEWEST_GROUPS", "PEER_NAMES", "SAME", "compare", "holm", "paired", "signed_rank", "tested", "verdicts"]

FEWEST_GROUPS: Final = 6
"""With fewer groups of images nothing is told apart: even if all of them agree, a sign test's p is above .05."""

PEER_NAMES: Final[frozenset[str]] = frozenset(get_args(get_args(PeerSettings.model_fields["names"].annotation)[0]))
"""Names that mean trivial peers."""

SAME: Final = ("task", "experiment", "prompter", "level", "step")
"""Columns that name a prompt, of which all models get the same."""

_PAIR: Final = ("policy_first", "policy_second", "first", "second")
_COLUMNS: Final = (
    "task",
    "experiment",
    "prompter",
    "level",
    "policy_first",
    "policy_second",
    "feedback",
    "step",
    "first",
    "second",
    "difference",
    "low",
    "high",
    "wilcoxon_p",
    "holm_p",
    "n_images",
    "n_groups",
    "verdict",
)


def compare(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Differences between models on the images that both were asked about, with the same prompts.

    Pairs are those of ``settings.compare``, or all pairs of names but those of two trivial peers. Masks of equal policy
    are compared. Where the two have no policy but ``oracle`` in common (one gives a single mask, of the other's
    candidates the best-scored was corrected), each policy of the first is compared with each of the second.

    The interval is the percentile bootstrap of the mean difference, over groups of images. The p-value is that of
    Wilcoxon's signed rank test of the groups' mean differences, so that near-duplicates do not count twice. Holm's
    correction is over a family: all comparisons of one task in one experiment.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        metric: one of its columns.
        settings: resamples, level and pairs.
        seed: of the bootstrap.

    Returns:
        ``task``, ``experiment``, ``prompter``, ``level``, ``policy_first``, ``policy_second``, ``feedback``, ``step``,
        ``first``, ``second``, ``difference`` (first - second), ``low``, ``high``, ``wilcoxon_p``, ``holm_p``,
        ``n_images``, ``n_groups`` and ``verdict``: whether the first is ``ahead`` or ``behind`` (the interval excludes
        zero, from :data:`FEWEST_GROUPS` groups on), else ``not told apart``.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = by_image(table, metric)
    pairs = _pairs(images["model"].unique().tolist(), settings.compare)
    both = [paired(images[images["model"] == first], images[images["model"] == second]) for first, second in pairs]
    differences = pd.concat([_equal_policies(pair) for pair in both] or [paired(images[:0], images[:0])])
    found = tested(differences, (*SAME, "feedback", *_PAIR), Draws(settings, seed))
    found["holm_p"] = found.groupby(["task", "experiment"], sort=False, observed=True)["wilcoxon_p"].transform(holm)
    found["verdict"] = verdicts(found, higher=higher_is_better(metric))
    return found[list(_COLUMNS)]


def paired(first: Frame, second: Frame, *, on: Sequence[str] = (*SAME, "feedback")) -> Frame:
    """Each pair of rows of one image that agree in some columns; ``value`` is the difference, first - second.

    Args:
        first: of :func:`~promptseg.evaluation.study.analysis.cells.by_image`.
        second: likewise.
        on: columns that agree; the other columns that name a figure come with the endings ``_first`` and ``_second``,
            but the models as ``first`` and ``second``.
    """
    keys = [*on, "image", "dataset", "group", "cluster"]
    kept = [*keys, *(name for name in ("model", "policy", "feedback", "value") if name not in keys)]
    both = first[kept].merge(second[kept], on=keys, how="inner", suffixes=("_first", "_second"))
    both = both.rename(columns={"model_first": "first", "model_second": "second"})
    return both.assign(value=both["value_first"] - both["value_second"])


def tested(differences: Frame, keys: Sequence[str], draws: Draws) -> Frame:
    """Mean difference of each cell with its interval, p-value and counts."""
    found = intervals(differences, keys, draws).rename(columns={"mean": "difference"})
    cell = numbered(differences, keys)
    found["n_images"] = differences.groupby(cell)["value"].size().to_numpy(dtype=np.int64)
    of_groups = differences.groupby([cell, differences["cluster"]], observed=True)["value"].mean()
    found["wilcoxon_p"] = (
        of_groups.groupby(level=0).agg(lambda values: signed_rank(values.to_numpy())).to_numpy(np.float64)
    )
    return found


def signed_rank(differences: ArrayLike) -> float:
    """Two-sided p-value of Wilcoxon's signed rank test; zeros are left out, and with nothing left it is 1.

    Source: Wilcoxon 1945, doi 10.2307/3001968; scipy computes it, exactly for few differences.

    Args:
        differences: (N,) of pairs.

    >>> signed_rank([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]), signed_rank([0, 0])
    (0.03125, 1.0)
    """
    values = np.asarray(differences, dtype=np.float64)
    values = values[values != 0]
    return float(stats.wilcoxon(values).pvalue) if len(values) else 1.0


def holm(p_values: ArrayLike) -> Floats:
    """Holm's step-down correction (1979, jstor.org/stable/4615733): each at most 1, in the order given.

    Args:
        p_values: (N,) of one family.

    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]

    Raises:
        ValueRangeError: if one is not a number from 0 to 1.
    """
    given = np.asarray(p_values, dtype=np.float64)
    if given.ndim != 1 or not ((given >= 0) & (given <= 1)).all():
        raise ValueRangeError("p_values must be numbers from 0 to 1 in a row")
    order = np.argsort(given, kind="stable")
    stepped = np.maximum.accumulate(given[order] * np.arange(len(given), 0, -1))
    corrected = np.empty_like(given)
    corrected[order] = np.minimum(stepped, 1)
    return corrected


def _pairs(models: Sequence[str], asked: Collection[Sequence[str]]) -> list[tuple[str, str]]:
    if asked:
        return [(first, second) for first, second in asked if first in models and second in models]
    return [pair for pair in combinations(models, 2) if not PEER_NAMES.issuperset(pair)]


def _equal_policies(both: Frame) -> Frame:
    """Pairs of equal policy, or of any but ``oracle`` where the two models share none of these in the cell."""
    equal = both["policy_first"] == both["policy_second"]
    oracle = (both["policy_first"] == ORACLE_CHOICE) | (both["policy_second"] == ORACLE_CHOICE)
    cells = (equal & ~oracle).groupby([both[name] for name in (*SAME, "feedback")], dropna=False, observed=True)
    return both[equal | (~oracle & ~cells.transform("any"))]


def verdicts(found: Frame, *, higher: bool) -> list[str]:
    """Whether the first of each pair is ahead or behind, or not told apart."""
    enough = found["n_groups"] >= FEWEST_GROUPS
    above, below = (found["low"] > 0) & enough, (found["high"] < 0) & enough
    ahead, behind = (above, below) if higher else (below, above)
    return [str(word) for word in np.select([ahead, behind], ["ahead", "behind"], "not told apart")]
