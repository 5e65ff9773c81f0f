"""Ambiguity: whether a model knows how good its masks are, and what a perfect choice among them would gain."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import pandas as pd

from promptseg.evaluation.study.analysis.cells import ALL_PLACES, Frame, by_image, check_metric, numbered
from promptseg.evaluation.study.analysis.comparing import SAME, paired
from promptseg.evaluation.study.analysis.ranks import correlation
from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["BINS", "ambiguity", "binned", "reliability", "with_bounds"]

BINS: Final = 10
"""Bins of equal width from 0 to 1, for predicted scores and for depths."""

_KEYS: Final = ("task", "model", "experiment", "prompter", "policy", "feedback", "step")
_COLUMNS: Final = (
    *_KEYS,
    "rho",
    "rho_low",
    "rho_high",
    "calibration_error",
    "mean_predicted",
    "mean_iou",
    "oracle_iou",
    "oracle_gain",
    "gain_low",
    "gain_high",
    "n_images",
)


def ambiguity(table: Frame, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    r"""How well predicted scores follow the true IoU, and what the best candidate would have gained.

    Prompts with a level (noise, segment everything) do not count, nor do masks chosen by the reference: they are what
    the others are compared with.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``experiment``, ``prompter``, ``policy``, ``feedback``, ``step``; ``rho``, Spearman's
        correlation over images of predicted score and IoU, ``rho_low``, ``rho_high``; ``calibration_error``, the mean
        over masks of \|mean predicted - mean IoU\| of the mask's bin of :data:`BINS` (expected calibration error);
        ``mean_predicted``, ``mean_iou``; ``oracle_iou``, the mean of the masks that ``oracle`` takes;
        ``oracle_gain`` (over the policy, on the same images), ``gain_low``, ``gain_high``; ``n_images``.
        NaN where it cannot be computed: the model predicts no score, nothing varies, or ``oracle`` was not evaluated.

    Raises:
        ValueRangeError: if an IoU is not a finite number.
    """
    rows = table[table["level"].isna()]
    images = by_image(rows, "iou", extra=["predicted_score"])
    chosen = images[images["policy"] != ORACLE_CHOICE]
    draws = Draws(settings, seed)
    cells = chosen.groupby(numbered(chosen, _KEYS))
    found = chosen.drop_duplicates(list(_KEYS))[list(_KEYS)].reset_index(drop=True)
    known = [group[np.isfinite(group["predicted_score"])] for _, group in cells]
    rhos = [correlation(group, "predicted_score", "value", draws) for group in known]
    for name, end in (("rho", "rho"), ("rho_low", "low"), ("rho_high", "high")):
        found[name] = np.array([getattr(rho, end) for rho in rhos], dtype=np.float64)
    found["mean_predicted"] = np.array([group["predicted_score"].mean() for group in known], dtype=np.float64)
    found["mean_iou"] = cells["value"].mean().to_numpy(dtype=np.float64)
    found["n_images"] = cells.size().to_numpy(dtype=np.int64)
    found = found.merge(_calibration_errors(rows), on=list(_KEYS), how="left")
    return found.merge(_oracle_gains(images, draws), on=list(_KEYS), how="left")[list(_COLUMNS)]


def reliability(table: Frame, settings: StatisticsSettings | None = None, *, bins: int = BINS, seed: int = 0) -> Frame:
    """Mean IoU of masks of about the same predicted score; on the diagonal the model is right about itself.

    All masks of a prompter count alike, those of every step, level and repeat; intervals draw groups of images.
    Predicted scores below 0 or above 1 count in the outer bins.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        settings: resamples and level.
        bins: of equal width from 0 to 1.
        seed: of the bootstrap.

    Returns:
        ``task`` (``all`` too, where there are several), ``model``, ``policy``, ``prompter``, ``bin_low``, ``bin_high``,
        ``predicted`` (mean), ``iou`` (mean), ``low``, ``high`` and ``n`` masks; no row for an empty bin.

    Raises:
        ValueRangeError: if an IoU is not a finite number.
    """
    check_metric(table, "iou")
    names = ["task", "dataset", "group", "model", "policy", "prompter", "predicted_score", "iou"]
    masks = table.loc[np.isfinite(table["predicted_score"]), names]
    if masks["task"].nunique() > 1:
        masks = pd.concat([masks, masks.assign(task="all")], ignore_index=True)
    keys = ["task", "model", "policy", "prompter", "bin"]
    masks = masks.assign(
        bin=binned(masks["predicted_score"], bins),
        cluster=masks["dataset"].astype("str") + "\x1f" + masks["group"].astype("str"),
        value=masks["iou"],
    )
    found = intervals(masks, keys, Draws(settings or StatisticsSettings(), seed), together=keys[:-1])
    found = found.rename(columns={"mean": "iou"})
    cells = masks.groupby(numbered(masks, keys))
    found["predicted"] = cells["predicted_score"].mean().to_numpy(dtype=np.float64)
    found["n"] = cells.size().to_numpy(dtype=np.int64)
    return with_bounds(found, keys, bins)[[*keys[:4], "bin_low", "bin_high", "predicted", "iou", "low", "high", "n"]]


def binned(values: "pd.Series[float]", bins: int) -> "pd.Series[int]":
    """The bin of each value, from 0; values outside 0 to 1 are in the outer bins, 1 is in the last."""
    return np.floor(values * bins).clip(0, bins - 1).astype("int64")


def with_bounds(found: Frame, keys: Sequence[str], bins: int) -> Frame:
    """The table with the bounds of its column ``bin``, the bins of a cell in order; cells stay where they appear."""
    cell = numbered(found, [name for name in keys if name != "bin"])
    ordered = found.assign(cell=cell).sort_values(["cell", "bin"], ignore_index=True)
    return ordered.assign(bin_low=ordered["bin"] / bins, bin_high=(ordered["bin"] + 1) / bins)


def _calibration_errors(rows: Frame) -> Frame:
    """Expected calibration error of each cell that has predicted scores, masks counting alike."""
    masks = rows[np.isfinite(rows["predicted_score"])]
    place = masks["experiment"] == "location"
    masks = masks.assign(step=masks["step"].where(~place, ALL_PLACES), bin=binned(masks["predicted_score"], BINS), n=1)
    bins = masks.groupby([*_KEYS, "bin"], sort=False, observed=True)
    sums = bins.agg({"predicted_score": "sum", "iou": "sum", "n": "sum"}).reset_index()
    sums["gap"] = (sums["predicted_score"] - sums["iou"]).abs()
    cells = sums.groupby(list(_KEYS), sort=False, observed=True)[["gap", "n"]].sum().reset_index()
    return cells.assign(calibration_error=cells["gap"] / cells["n"])[[*_KEYS, "calibration_error"]]


def _oracle_gains(images: Frame, draws: Draws) -> Frame:
    """What ``oracle`` would gain over each policy on the images of both."""
    oracle = images["policy"] == ORACLE_CHOICE
    both = paired(images[oracle], images[~oracle], on=[*SAME, "feedback", "model"])
    both = both.rename(columns={"policy_second": "policy"})
    found = intervals(both, _KEYS, draws)
    found["oracle_iou"] = both.groupby(numbered(both, _KEYS))["value_first"].mean().to_numpy(dtype=np.float64)
    found = found.rename(columns={"mean": "oracle_gain", "low": "gain_low", "high": "gain_high"})
    return found[[*_KEYS, "oracle_iou", "oracle_gain", "gain_low", "gain_high"]]
