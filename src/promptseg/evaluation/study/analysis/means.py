"""Means with intervals: of a task, over tasks, of a stratum; and who is best."""

from typing import Final, Literal

import pandas as pd

from promptseg.errors import UnknownNameError
from promptseg.evaluation.study.analysis.cells import CELL, Frame, by_image
from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["by_stratum", "overall_means", "rankings", "task_means"]

_COUNTS: Final = {"n_objects": "sum", "n_masks": "sum", "n_empty": "sum", "n_failed": "sum"}
_OVER_TASKS: Final = tuple(name for name in CELL if name != "task")

_CONTESTS: Final = {
    "prompter": (("model", "experiment", "policy", "feedback", "step"), ("prompter", "level")),
    "model": (("experiment", "prompter", "level", "feedback", "step"), ("model", "policy")),
}
"""What is held equal, and who contends."""


def task_means(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Mean over the images of a task, with its percentile bootstrap interval over groups of images.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        :data:`~promptseg.evaluation.study.analysis.CELL`, ``mean``, ``low``, ``high``, ``n_images``, ``n_groups``,
        ``n_objects``, ``n_masks`` (with all repeats, and places of the experiment ``location``), ``n_empty`` (of these,
        without a pixel) and ``n_failed`` (of an IoU below :data:`~promptseg.evaluation.study.analysis.FAILED_IOU`).

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = by_image(table, metric)
    found = intervals(images, CELL, Draws(settings, seed))
    return _counted(found, images, CELL)[[*CELL, "mean", "low", "high", "n_images", "n_groups", *_COUNTS]]


def overall_means(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Mean over tasks of the mean of the task, each task of the same weight.

    The interval is of the same tasks with other images: groups are drawn within each data set, for all of its tasks
    together. How tasks would vary is no part of it.

    Args:
        table: as for :func:`task_means`, likewise the rest.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        As of :func:`task_means`, with ``n_tasks`` instead of ``task``. An image counts once for each task.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = by_image(table, metric)
    found = intervals(images, _OVER_TASKS, Draws(settings, seed), parts="task")
    counted = _counted(found, images, _OVER_TASKS)
    return counted[[*_OVER_TASKS, "mean", "low", "high", "n_tasks", "n_images", "n_groups", *_COUNTS]]


def by_stratum(table: Frame, metric: str, settings: StatisticsSettings, *, seed: int = 0) -> Frame:
    """Means as of :func:`task_means`, for each stratum of a task apart; images without a stratum are left out.

    Args:
        table: as for :func:`task_means`, likewise the rest.
        metric: one of its columns.
        settings: resamples and level.
        seed: of the bootstrap.

    Returns:
        :data:`~promptseg.evaluation.study.analysis.CELL`, ``stratum``, ``mean``, ``low``, ``high``, ``n_images`` and
        ``n_groups``.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    images = by_image(table, metric)
    images = images[images["stratum"].astype("str").str.strip() != ""]
    keys = (*CELL, "stratum")
    found = intervals(images, keys, Draws(settings, seed))
    return _counted(found, images, keys)[[*keys, "mean", "low", "high", "n_images", "n_groups"]]


def rankings(means: Frame, *, of: str = "model", better: Literal["higher", "lower"] = "higher") -> Frame:
    """Who is best over the tasks.

    Prompters (with their level) contend where model, experiment, policy, feedback and step are equal. Models (with
    their policy) contend where experiment, prompter, level, feedback and step are equal; those whose mask was chosen by
    the reference contend among themselves. In each task the best has rank 1; of equal ones each has the mean of their
    ranks, and they share the win.

    Args:
        means: of :func:`task_means`, or of a published table.
        of: ``model`` or ``prompter``.
        better: whether a higher mean is better, or a lower one.

    Returns:
        :data:`~promptseg.evaluation.study.analysis.CELL` without ``task``, then over the contender's tasks ``mean``,
        ``median``, ``wins``, ``mean_rank`` and ``n_tasks``; the best first within each contest.

    Raises:
        UnknownNameError: if ``of`` is neither.
    """
    if of not in _CONTESTS:
        raise UnknownNameError(f"unknown contenders {of!r}; choose from {', '.join(_CONTESTS)}")
    equal, contenders = _CONTESTS[of]
    rows = means.assign(
        oracle=means["policy"] == ORACLE_CHOICE, merit=means["mean"] if better == "higher" else -means["mean"]
    )
    contest = [*equal, "oracle"]
    rows["rank"] = rows.groupby([*contest, "task"], dropna=False, sort=False, observed=True)["merit"].rank(
        ascending=False
    )
    best = (
        rows.groupby([*contest, "task"], dropna=False, sort=False, observed=True)["merit"].transform("max")
        == rows["merit"]
    )
    tied = best.groupby([rows[name] for name in [*contest, "task"]], dropna=False, sort=False, observed=True).transform(
        "sum"
    )
    rows["win"] = best / tied
    rows["contest"] = rows.groupby(contest, dropna=False, sort=False, observed=True).ngroup()
    found = rows.groupby(["contest", *contest, *contenders], dropna=False, sort=False, observed=True).agg(
        mean=("mean", "mean"),
        median=("mean", "median"),
        wins=("win", "sum"),
        mean_rank=("rank", "mean"),
        n_tasks=("task", "nunique"),
    )
    found = found.reset_index().sort_values(["contest", "mean_rank"], kind="stable", ignore_index=True)
    return found[[*_OVER_TASKS, "mean", "median", "wins", "mean_rank", "n_tasks"]]


def _counted(found: Frame, images: Frame, keys: tuple[str, ...]) -> Frame:
    """The figures with how much stands behind them; both are in the order in which cells appear."""
    cells = images.groupby(list(keys), dropna=False, sort=False, observed=True)
    counts = cells.agg(
        _COUNTS | {"image": "size", "task": "nunique"} if "task" not in keys else _COUNTS | {"image": "size"}
    )
    return pd.concat(
        [found, counts.reset_index(drop=True).rename(columns={"image": "n_images", "task": "n_tasks"})], axis=1
    )
