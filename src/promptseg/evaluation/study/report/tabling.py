"""Tables and rows of dots of figures that every section has: tasks against entrants."""

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final

from promptseg.evaluation.charts import Mark, Series, dot_rows, legend
from promptseg.evaluation.study.analysis.figures import figure, spread
from promptseg.evaluation.study.report.blocks import Cell, Chart, Note, Row, TableView
from promptseg.evaluation.study.report.entrants import Entrant
from promptseg.evaluation.study.report.findings import Findings, Frame

__all__ = [
    "MANY_DOTS",
    "NOTHING",
    "anchor",
    "by_entrant",
    "dots",
    "entrants_legend",
    "grouped",
    "mark_of",
    "records",
    "spread_cell",
]

MANY_DOTS: Final = 72
"""Charts of rows of dots show tasks apart up to so many tasks times entrants."""

NOTHING: Final = Cell("\N{EN DASH}", key=math.nan, mark="quiet")
"""What was not asked."""

Record = dict[Hashable, Any]
"""A row of a frame, by column."""


def records(frame: Frame) -> list[Record]:
    """The rows of a frame, each by column."""
    names = list(frame.columns)
    columns = [frame[name].tolist() for name in names]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def spread_cell(row: Record, metric: str, *, mark: str = "", value: str = "mean") -> Cell:
    """A mean with its interval below."""
    low, high = row["low"], row["high"]
    known = math.isfinite(low) and math.isfinite(high)
    return Cell(figure(row[value], metric), spread(low, high, metric) if known else "", float(row[value]), mark)


def mark_of(row: Record, metric: str, x: float = 0.0, name: str = "") -> Mark:
    """A mean with its interval for a chart; with a name there is a hint."""
    hint = f"{name}: {figure(row['mean'], metric)} {spread(row['low'], row['high'], metric)}" if name else ""
    return Mark(x, row["mean"], row["low"], row["high"], hint)


def grouped(frame: Frame, *names: str) -> dict[Any, list[Record]]:
    """The rows of a frame by what stands in one column, or in several as a tuple."""
    found: dict[Any, list[Record]] = {}
    for row in records(frame):
        key = row[names[0]] if len(names) == 1 else tuple(row[name] for name in names)
        found.setdefault(key, []).append(row)
    return found


def by_entrant(findings: Findings, frame: Frame, overall: Frame, title: str, note: Note) -> TableView:
    """Tasks against entrants, the best of each task marked; the mean over tasks stays below.

    Args:
        findings: of the report.
        frame: ``task``, ``model``, ``mean``, ``low``, ``high``: one row for each task and model.
        overall: likewise without ``task``.
        title: of the table.
        note: of the table.
    """
    who = findings.present(frame)
    rows = []
    by_task = grouped(frame, "task")
    for task in findings.tasks:
        of_task = {row["model"]: row for row in by_task.get(task, ())}
        if of_task:
            cells = _cells(findings, who, of_task)
            rows.append(Row(task, cells, link=anchor(task)))
    foot = []
    if len(rows) > 1:
        cells = _cells(findings, who, {row["model"]: row for row in records(overall)})
        foot.append(Row("mean over tasks", cells))
    return TableView(title, note, "task", [one.name for one in who], rows, foot, groups=_groups(who))


def dots(findings: Findings, frame: Frame, overall: Frame, title: str, caption: str) -> Chart:
    """A lane for each entrant: the mean over tasks, and each task if there are not too many."""
    who = findings.present(frame)
    tasks = [task for task in findings.tasks if task in set(frame["task"])]
    rows: list[tuple[str, list[Series]]] = []
    if len(tasks) > 1:
        rows.append((f"mean over {len(tasks)} tasks", _lanes(findings, who, overall)))
    if len(tasks) == 1 or len(findings.tasks) * len(findings.entrants) <= MANY_DOTS:
        rows += [(task, _lanes(findings, who, frame[frame["task"] == task])) for task in tasks]
    label = f"{title}: {findings.title} of {', '.join(one.name for one in who)}; the table below has the same figures"
    return Chart(title, dot_rows(rows, label), caption)


def entrants_legend(who: Sequence[Entrant], *, lines: bool = False) -> str:
    """Whose colour is which."""
    return legend([one.series() for one in who], lines=lines)


def anchor(task: str) -> str:
    """The id of a task's part of the page."""
    return "task-" + "".join(letter if letter.isalnum() else "-" for letter in task.lower())


def _lanes(findings: Findings, who: Sequence[Entrant], frame: Frame) -> list[Series]:
    by_name = {row["model"]: row for row in records(frame)}
    return [
        one.series([mark_of(by_name[one.name], findings.metric, name=one.name)] if one.name in by_name else [])
        for one in who
    ]


def _cells(findings: Findings, who: Sequence[Entrant], by_name: Mapping[str, Record]) -> list[Cell]:
    known = [row["mean"] for row in by_name.values() if math.isfinite(row["mean"])]
    best = (max(known) if findings.higher else min(known)) if len(set(known)) > 1 else math.nan
    return [
        spread_cell(row, findings.metric, mark="best" if row["mean"] == best else "") if row else NOTHING
        for row in (by_name.get(one.name) for one in who)
    ]


def _groups(who: Sequence[Entrant]) -> list[tuple[str, int]]:
    models, peers = (sum(one.peer is kind for one in who) for kind in (False, True))
    return [("models", models), ("trivial peers", peers)] if models and peers else []
