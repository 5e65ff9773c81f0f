"""Size: whether large objects are segmented better, within a task and across tasks."""

import math
from typing import Final

import numpy as np
from scipy import stats

from promptseg.evaluation.study.analysis.cells import Frame, by_image, numbered
from promptseg.evaluation.study.analysis.ranks import correlation, spearman
from promptseg.evaluation.study.analysis.resampling import Draws
from promptseg.evaluation.study.recipe import StatisticsSettings

__all__ = ["by_size", "size_across_tasks"]

_ASKED: Final = ("model", "experiment", "prompter", "policy", "feedback", "step")
_KEYS: Final = ("task", *_ASKED)
_THIRDS: Final = ("small", "medium", "large")


def by_size(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """How the score of an image goes with the share of the image that the object takes (mean over its objects).

    Prompts with a level (noise, segment everything) do not count.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``experiment``, ``prompter``, ``policy``, ``feedback``, ``step``; ``rho``, Spearman's
        correlation over images, ``rho_low``, ``rho_high``; ``small``, ``medium``, ``large``, the means of the thirds of
        the images by size; ``n_images``. NaN where it cannot be computed: nothing varies, or fewer than three images.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images, draws = _sized(table, metric), Draws(settings, seed)
    found = images.drop_duplicates(list(_KEYS))[list(_KEYS)].reset_index(drop=True)
    cells = [group for _, group in images.groupby(numbered(images, _KEYS))]
    rhos = [correlation(group, "size", "value", draws) for group in cells]
    for name, end in (("rho", "rho"), ("rho_low", "low"), ("rho_high", "high")):
        found[name] = np.array([getattr(rho, end) for rho in rhos], dtype=np.float64)
    thirds = np.array([_thirds(group) for group in cells], dtype=np.float64).reshape(len(cells), len(_THIRDS))
    found[list(_THIRDS)] = thirds
    found["n_images"] = np.array([len(group) for group in cells], dtype=np.int64)
    return found[[*_KEYS, "rho", "rho_low", "rho_high", *_THIRDS, "n_images"]]


def size_across_tasks(table: Frame, metric: str) -> Frame:
    """Whether tasks of large objects have better means: Spearman's correlation over tasks of mean size and mean score.

    Args:
        table: as for :func:`by_size`.
        metric: one of its columns.

    Returns:
        ``model``, ``experiment``, ``prompter``, ``policy``, ``feedback``, ``step``, ``rho``, ``p`` (of no correlation,
        by Student's t, doubtful for few tasks) and ``n_tasks``. NaN with fewer than three tasks, or if nothing varies.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = _sized(table, metric)
    tasks = images.groupby(list(_KEYS), sort=False, observed=True)[["size", "value"]].mean().reset_index()
    found = tasks.drop_duplicates(list(_ASKED))[list(_ASKED)].reset_index(drop=True)
    cells = [group for _, group in tasks.groupby(numbered(tasks, _ASKED))]
    results = [_tested(group) for group in cells]
    found["rho"] = np.array([rho for rho, _ in results], dtype=np.float64)
    found["p"] = np.array([p for _, p in results], dtype=np.float64)
    found["n_tasks"] = np.array([len(group) for group in cells], dtype=np.int64)
    return found


def _sized(table: Frame, metric: str) -> Frame:
    rows = table[table["level"].isna()]
    sized = rows.assign(size=rows["area_px"] / rows["image_px"])
    return by_image(sized, metric, extra=["size"])


def _thirds(images: Frame) -> list[float]:
    """Mean score of the smaller, the middle and the larger third of the images; equal ones in their order."""
    if len(images) < len(_THIRDS):
        return [math.nan] * len(_THIRDS)
    ordered = images.sort_values("size", kind="stable")["value"].to_numpy(dtype=np.float64)
    return [float(part.mean()) for part in np.array_split(ordered, len(_THIRDS))]


def _tested(tasks: Frame) -> tuple[float, float]:
    if len(tasks) < 3 or math.isnan(spearman(tasks["size"], tasks["value"])):
        return math.nan, math.nan
    result = stats.spearmanr(tasks["size"], tasks["value"])
    return float(result.statistic), float(result.pvalue)
