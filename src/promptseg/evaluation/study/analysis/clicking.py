"""How many clicks a user needs."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from promptseg.evaluation.study.analysis.cells import Frame, check_metric, numbered
from promptseg.evaluation.study.analysis.resampling import Draws, intervals
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.metrics import noc, nof

__all__ = ["clicks_needed"]

_KEYS: Final = ("task", "model", "prompter", "policy", "feedback")
_COLUMNS: Final = (
    *_KEYS,
    "target",
    "noc",
    "low",
    "high",
    "failures",
    "failures_as_published",
    "n_objects",
    "n_curves",
    "n_groups",
    "max_clicks",
)


def clicks_needed(
    table: Frame,
    targets: Sequence[float],
    settings: StatisticsSettings,
    *,
    max_clicks: int | None = None,
    seed: int = 0,
) -> Frame:
    """Number of clicks until the IoU reaches a target (NoC), and how often it never does.

    As published, the figure is the mean over objects, not over images; the interval draws groups of images. An object
    that never reaches the target counts with ``max_clicks``.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`; rows of other experiments than ``clicks`` do
            not count.
        targets: values of IoU.
        settings: resamples and level.
        max_clicks: after which one gives up; by default the most clicks that the rule made in the table. Published
            tables have 20, so a figure compares only with one of the same number.
        seed: of the bootstrap.

    Returns:
        ``task``, ``model``, ``prompter``, ``policy``, ``feedback``, ``target``, ``noc``, ``low``, ``high``,
        ``failures`` (sequences of clicks that do not reach the target), ``failures_as_published`` (that need
        ``max_clicks`` or more), ``n_objects``, ``n_curves`` (objects times repeats), ``n_groups`` and ``max_clicks``.

    Raises:
        ValueRangeError: if a target or an IoU is not from 0 to 1.
    """
    rows = table[table["experiment"] == "clicks"]
    check_metric(rows, "iou")
    most = rows.groupby("prompter", observed=True)["step"].max() if max_clicks is None else pd.Series()
    if len(most) > 1:
        one_rule = ((rows[rows["prompter"] == rule], int(count)) for rule, count in most.items())
        parts = [clicks_needed(part, targets, settings, max_clicks=count, seed=seed) for part, count in one_rule]
        return pd.concat(parts, ignore_index=True)
    given_up = max_clicks or (int(most.iloc[0]) if len(most) else 1)
    of_object = (*_KEYS, "dataset", "image", "group", "label", "object")
    rows = rows.sort_values("step", kind="stable")
    cells = rows.groupby([*of_object, "repeat"], sort=False, observed=True)
    curves = cells["iou"].agg(list).reset_index()
    found = [_of_target(curves, target, given_up, Draws(settings, seed)) for target in targets]
    return pd.concat(found or [_of_target(curves[:0], 0.5, given_up, Draws(settings, seed))], ignore_index=True)


def _of_target(curves: Frame, target: float, most: int, draws: Draws) -> Frame:
    clicks = [float(noc(ious, target=target, max_clicks=most)) for ious in curves["iou"]]
    of_object = [name for name in curves.columns if name not in {"repeat", "iou"}]
    objects = curves.assign(value=clicks).groupby(of_object, sort=False)["value"].mean().reset_index()
    objects["cluster"] = objects["dataset"].astype("str") + "\x1f" + objects["group"].astype("str")
    found = intervals(objects, _KEYS, draws).rename(columns={"mean": "noc"})
    by_cell = curves.groupby(numbered(curves, _KEYS))["iou"]
    for name, as_published in (("failures", False), ("failures_as_published", True)):
        lost = [nof(list(ious), target=target, max_clicks=most, as_published=as_published) for _, ious in by_cell]
        found[name] = pd.array(lost, dtype="int64")
    found["n_curves"] = by_cell.size().to_numpy()
    found["n_objects"] = objects.groupby(numbered(objects, _KEYS)).size().to_numpy()
    return found.assign(target=target, max_clicks=most)[list(_COLUMNS)]
