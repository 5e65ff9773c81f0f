"""Location: how the score depends on the depth of the click in the object."""

from typing import Final

import numpy as np

from promptseg.evaluation.study.analysis.cells import Frame, check_metric, numbered
from promptseg.evaluation.study.analysis.confidence import BINS, binned, with_bounds
from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings

__all__ = ["BORDER", "CENTRE", "by_depth", "depth_effect"]

BORDER: Final = 1 / 3
"""Clicks of a lower depth are at the border."""

CENTRE: Final = 2 / 3
"""Clicks of this depth or deeper are at the centre."""

_KEYS: Final = ("task", "model", "policy")
_OF_IMAGE: Final = ("dataset", "image", "cluster")


def by_depth(table: Frame, metric: str, settings: StatisticsSettings, *, bins: int = BINS, seed: int = 0) -> Frame:
    """Mean score of single clicks of about the same depth: in each image that has some, then over images.

    The depth of a click is its distance to the border over the greatest of the object, so 1 at the deepest pixel.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`; rows of other experiments than ``location``
            do not count.
        metric: one of its columns.
        settings: resamples and level.
        bins: of equal width from 0 to 1.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``policy``, ``bin_low``, ``bin_high``, ``mean``, ``low``, ``high``, ``n_images`` and
        ``n_clicks``; no row for an empty bin.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    clicks = _clicks(table, metric)
    clicks["bin"] = binned(clicks["depth"], bins)
    keys = [*_KEYS, "bin"]
    images = _means(clicks, [*keys, *_OF_IMAGE])
    found = intervals(images, keys, Draws(settings, seed), together=_KEYS)
    found["n_images"] = images.groupby(numbered(images, keys)).size().to_numpy(dtype=np.int64)
    found["n_clicks"] = clicks.groupby(numbered(clicks, keys)).size().to_numpy(dtype=np.int64)
    return with_bounds(found, keys, bins)[
        [*_KEYS, "bin_low", "bin_high", "mean", "low", "high", "n_images", "n_clicks"]
    ]


def depth_effect(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Whether clicks in the middle do better than clicks at the border.

    The correlation is within objects: Spearman's, of depth and score over the places on one object, 0 where the score
    is the same everywhere; then the mean over objects and images. So it does not mix up easy objects with deep clicks.
    Objects on which all clicks have the same depth are left out.

    Args:
        table: as for :func:`by_depth`, likewise the rest.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``policy``; ``rho``, ``rho_low``, ``rho_high``; ``centre_mean`` and ``border_mean`` (over
        images with clicks of both kinds, see :data:`CENTRE` and :data:`BORDER`), their ``difference``, ``low``,
        ``high``; ``n_images`` (of these). NaN where no object or image qualifies.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    clicks, draws = _clicks(table, metric), Draws(settings, seed)
    found = clicks.drop_duplicates(list(_KEYS))[list(_KEYS)].reset_index(drop=True)
    rho = intervals(_correlations(clicks), _KEYS, draws).drop(columns="n_groups")
    rho = rho.rename(columns={"mean": "rho", "low": "rho_low", "high": "rho_high"})
    keys = [*_KEYS, *_OF_IMAGE]
    centre, border = _means(clicks[clicks["depth"] >= CENTRE], keys), _means(clicks[clicks["depth"] < BORDER], keys)
    both = centre.merge(border, on=keys, suffixes=("_centre", "_border"))
    both = both.assign(value=both["value_centre"] - both["value_border"])
    difference = intervals(both, _KEYS, draws).drop(columns="n_groups").rename(columns={"mean": "difference"})
    cells = both.groupby(numbered(both, _KEYS))
    for end in ("centre", "border"):
        difference[f"{end}_mean"] = cells[f"value_{end}"].mean().to_numpy(dtype=np.float64)
    difference["n_images"] = cells.size().to_numpy(dtype=np.int64)
    for part in (rho, difference):
        found = found.merge(part, on=list(_KEYS), how="left")
    found["n_images"] = found["n_images"].fillna(0).astype("int64")
    columns = ["rho", "rho_low", "rho_high", "centre_mean", "border_mean", "difference", "low", "high", "n_images"]
    return found[[*_KEYS, *columns]]


def _clicks(table: Frame, metric: str) -> Frame:
    check_metric(table, metric)
    rows = table[(table["experiment"] == "location") & np.isfinite(table["depth"])]
    cluster = rows["dataset"].astype("str") + "\x1f" + rows["group"].astype("str")
    return rows.assign(value=rows[metric].astype("float64"), cluster=cluster)


def _means(rows: Frame, keys: list[str]) -> Frame:
    return rows.groupby(keys, sort=False, observed=True)["value"].mean().reset_index()


def _correlations(clicks: Frame) -> Frame:
    """The mean over objects of each image of the correlation within the object."""
    keys = [*_KEYS, *_OF_IMAGE, "label", "object"]
    cells = clicks.groupby(keys, sort=False, observed=True)
    ranks = clicks.assign(one=cells["depth"].rank(), other=cells["value"].rank())
    centred = ranks[["one", "other"]] - ranks.groupby(keys, sort=False, observed=True)[["one", "other"]].transform(
        "mean"
    )
    ranks = ranks.assign(
        shared=centred["one"] * centred["other"], of_one=centred["one"] ** 2, of_other=centred["other"] ** 2
    )
    sums = ranks.groupby(keys, sort=False, observed=True)[["shared", "of_one", "of_other"]].sum().reset_index()
    sums = sums[sums["of_one"] > 0]
    spread = np.sqrt(sums["of_one"] * sums["of_other"])
    return _means(sums.assign(value=(sums["shared"] / spread.where(spread > 0, 1))), [*_KEYS, *_OF_IMAGE])
