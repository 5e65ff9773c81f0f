"""All tables of a study as files: CSV for programs, LaTeX for a paper."""

from pathlib import Path

import pandas as pd

from promptseg.evaluation.study.analysis.cells import Frame
from promptseg.evaluation.study.analysis.clicking import clicks_needed
from promptseg.evaluation.study.analysis.comparing import compare
from promptseg.evaluation.study.analysis.confidence import ambiguity, reliability
from promptseg.evaluation.study.analysis.latex import clicks_latex, modes_latex
from promptseg.evaluation.study.analysis.means import by_stratum, overall_means, rankings, task_means
from promptseg.evaluation.study.analysis.places import by_depth, depth_effect
from promptseg.evaluation.study.analysis.published import wide_table
from promptseg.evaluation.study.analysis.sizes import by_size, size_across_tasks
from promptseg.evaluation.study.analysis.useful import usefulness
from promptseg.evaluation.study.recipe import ClicksSettings, StudyRecipe
from promptseg.io.atomic import replacing
from promptseg.metrics import METRICS

__all__ = ["write_tables"]


def write_tables(table: Frame, recipe: StudyRecipe, folder: Path) -> list[Path]:
    """Write every figure of a study.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        recipe: of the study: its seed, its statistics and the targets of its clicks.
        folder: made where it does not exist; files of the same names are replaced.

    Returns:
        The files, a CSV for each function of this package: ``means``, ``overall`` and ``strata`` hold every metric of
        the table, the others the primary one; ``modes.tex`` and ``clicks.tex`` for a paper, and ``modes_wide.csv`` and
        ``clicks_wide.csv`` in the layout of the published tables. A table without rows is not written.

    Raises:
        UnknownNameError: if the primary metric is not in the table.
        ValueRangeError: if a score is not a finite number.
        WriteError: if a file cannot be written; no file is left half-written.
    """
    primary, settings, seed = recipe.statistics.primary, recipe.statistics, recipe.seed
    folder.mkdir(parents=True, exist_ok=True)
    metrics = [primary, *(name for name in METRICS if name in table.columns and name != primary)]
    means = [task_means(table, metric, settings, seed=seed) for metric in metrics]
    overall = [overall_means(table, metric, settings, seed=seed) for metric in metrics]
    strata = [by_stratum(table, metric, settings, seed=seed) for metric in metrics]
    clicks_settings = recipe.experiments.clicks or ClicksSettings()
    clicks = clicks_needed(table, clicks_settings.targets, settings, seed=seed)
    frames = {
        "means": _with_metric(means, metrics),
        "overall": _with_metric(overall, metrics),
        "strata": _with_metric(strata, metrics),
        "ranking_of_models": rankings(means[0], of="model", better=METRICS[primary].better),
        "ranking_of_prompters": rankings(means[0], of="prompter", better=METRICS[primary].better),
        "comparisons": compare(table, primary, settings, seed=seed),
        "usefulness": usefulness(table, primary, settings, seed=seed),
        "clicks_needed": clicks,
        "ambiguity": ambiguity(table, settings, seed=seed),
        "reliability": reliability(table, settings, seed=seed),
        "depth": by_depth(table, primary, settings, seed=seed),
        "depth_effect": depth_effect(table, primary, settings, seed=seed),
        "size": by_size(table, primary, settings, seed=seed),
        "size_across_tasks": size_across_tasks(table, primary),
        "modes_wide": wide_table(means[0], "modes"),
        "clicks_wide": wide_table(means[0], "clicks"),
    }
    written = [
        _written(folder / f"{name}.csv", frame.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
        for name, frame in frames.items()
        if len(frame)
    ]
    if len(frames["modes_wide"]):
        text = modes_latex(means[0], overall[0], primary, settings)
        written.append(_written(folder / "modes.tex", text))
    if len(clicks):
        text = clicks_latex(means[0], clicks, primary, settings)
        written.append(_written(folder / "clicks.tex", text))
    return written


def _with_metric(frames: list[Frame], metrics: list[str]) -> Frame:
    """The tables of several metrics as one, the metric in the first column."""
    named = [frame.assign(metric=metric) for frame, metric in zip(frames, metrics, strict=True)]
    together = pd.concat(named, ignore_index=True)
    return together[["metric", *(name for name in together.columns if name != "metric")]]


def _written(path: Path, text: str) -> Path:
    with replacing(path) as file:
        file.write(text.encode())
    return path
