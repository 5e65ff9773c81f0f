"""Click after click: curves, and how many clicks are needed."""

import math
from collections.abc import Sequence
from typing import Final

from promptseg.evaluation.charts import Axis, Mark, curves, span_of
from promptseg.evaluation.study.report.blocks import Block, Cell, Chart, Charts, Fold, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame, sizes
from promptseg.evaluation.study.report.numbers import counted, plain
from promptseg.evaluation.study.report.tabling import (
    NOTHING,
    Record,
    anchor,
    entrants_legend,
    mark_of,
    records,
    spread_cell,
)
from promptseg.evaluation.study.report.wording import policy_title, prompter_title
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["clicks_section", "needed_table"]

_STEPS: Final = (1, 2, 3, 5, 9, 20)
"""Clicks of which the table has a column, with the last of all."""


def clicks_section(findings: Findings) -> Section | None:
    """What further clicks bring."""
    rows = findings.table[findings.table["experiment"] == "clicks"]
    if not len(rows):
        return None
    blocks: list[Block] = [_over_tasks(findings, rows), _steps_table(findings, rows), *_needed(findings, rows)]
    if len(findings.tasks) > 1:
        panes = [(_handed(feedback), [_by_task(findings, rows, feedback)]) for feedback in _feedbacks(rows)]
        blocks.append(Tabs("curves", panes))
    lead = (
        "Each click goes to an error of the mask before, so a user who sees every error at once. Curves are means; "
        "the shade is the interval."
    )
    return Section("clicks", "Clicks", "What do further clicks bring?", lead, blocks)


def needed_table(findings: Findings, frame: Frame, rows: Frame, title: str, target: float) -> TableView:
    """Tasks against entrants: clicks needed, and failures.

    Args:
        findings: of the report.
        frame: rows of the findings' ``clicks`` with one target and one kind of feedback.
        rows: of the table, behind it.
        title: of the table.
        target: of IoU.
    """
    who = findings.present(frame)
    lines = []
    for task in findings.tasks:
        by_name = {row["model"]: row for row in records(frame[frame["task"] == task])}
        if by_name:
            found = {row["noc"] for row in by_name.values()}
            best = min(found) if len(found) > 1 else math.nan
            cells = [_noc(by_name[one.name], best) if one.name in by_name else NOTHING for one in who]
            lines.append(Row(task, cells, link=anchor(task)))
    most = int(frame["max_clicks"].max())
    more = (
        f"clicks until the IoU reaches {target:g}, at most {most}; below: the {findings.width} interval, and sequences "
        "of clicks that never do"
    )
    return TableView(title, findings.note(rows, unit="object", more=more), "task", [one.name for one in who], lines)


def _noc(row: Record, best: float) -> Cell:
    noc, low, high = (row[name] for name in ("noc", "low", "high"))
    detail = f"[{plain(low)}, {plain(high)}]; {row['failures']} of {row['n_curves']} fail"
    return Cell(plain(noc), detail, noc, "best" if noc == best else "")


def _over_tasks(findings: Findings, rows: Frame) -> Charts:
    """A chart for each rule, feedback and kind of choice."""
    overall = findings.overall[findings.overall["experiment"] == "clicks"]
    charts = []
    for prompter in rows["prompter"].unique():
        of_rule, shown = overall[overall["prompter"] == prompter], rows[rows["prompter"] == prompter]
        several = len(rows["prompter"].unique()) > 1
        for feedback in _feedbacks(shown):
            for oracle in (False, True):
                frame, behind = (_part(findings, kept, feedback, oracle=oracle) for kept in (of_rule, shown))
                title = _handed(feedback) + (", oracle choice" if oracle else "")
                title = f"{prompter_title(prompter)}: {title[:1].lower()}{title[1:]}" if several else title
                if len(frame):
                    charts.append(Chart(title, _curves(findings, frame, title), f"n = {sizes(behind)}"))
    rules = ", ".join(prompter_title(name) for name in rows["prompter"].unique())
    note = findings.note(rows, unit="image, then task", choice="as named above each chart")
    title = f"{findings.title} after each click ({rules})"
    return Charts(title, note, charts, legend=entrants_legend(findings.present(rows), lines=True))


def _by_task(findings: Findings, rows: Frame, feedback: bool) -> Charts:
    """Small charts on one scale, one for each task."""
    prompter = rows["prompter"].iloc[0]
    means = findings.means[(findings.means["experiment"] == "clicks") & (findings.means["prompter"] == prompter)]
    frame = _part(findings, means, feedback, oracle=False)
    shown = _part(findings, rows[rows["prompter"] == prompter], feedback, oracle=False)
    span = span_of([*frame["low"], *frame["high"]], margin=0.04)
    charts = []
    for task in findings.tasks:
        of_task = frame[frame["task"] == task]
        if len(of_task):
            svg = _curves(findings, of_task, task, span=span, hints=False)
            charts.append(Chart(task, svg, f"n = {sizes(shown[shown['task'] == task])}"))
    title = f"Task by task ({prompter_title(prompter)})"
    return Charts(title, findings.note(shown), charts, legend=entrants_legend(findings.present(shown), lines=True))


def _curves(
    findings: Findings, frame: Frame, label: str, *, span: tuple[float, float] | None = None, hints: bool = True
) -> str:
    series = []
    for one in findings.entrants:
        found = records(frame[frame["model"] == one.name].sort_values("step"))
        marks: list[Mark] = [
            mark_of(row, findings.metric, row["step"], f"{one.name}, {counted(row['step'], 'click')}" if hints else "")
            for row in found
        ]
        if marks:
            series.append(one.series(marks))
    last = int(frame["step"].max())
    ticks = [(step, str(step)) for step in range(1, last + 1) if last <= 10 or step == 1 or step % 5 == 0]
    axes = (Axis("clicks", marks=ticks), Axis(findings.title, span=span))
    return curves(series, axes, f"{label}: {findings.title} of each model after each click", height=240)


def _steps_table(findings: Findings, rows: Frame) -> TableView:
    prompter = rows["prompter"].iloc[0]
    overall = findings.overall[
        (findings.overall["experiment"] == "clicks") & (findings.overall["prompter"] == prompter)
    ]
    last = int(overall["step"].max())
    steps = sorted({step for step in _STEPS if step <= last} | {last})
    lines = []
    for one in findings.entrants:
        of_model = overall[overall["model"] == one.name]
        for policy in sorted(of_model["policy"].unique(), key=lambda name: name == ORACLE_CHOICE):
            for feedback in _feedbacks(of_model):
                kept = of_model[(of_model["policy"] == policy) & (of_model["feedback"] == feedback)]
                found = {row["step"]: row for row in records(kept)}
                cells = [spread_cell(found[step], findings.metric) if step in found else NOTHING for step in steps]
                detail = f"{policy_title(policy)}{', mask handed back' if feedback else ''}"
                if found:
                    lines.append(Row(one.name, cells, tone=one.tone, detail="" if one.peer else detail))
    note = findings.note(rows[rows["prompter"] == prompter], unit="image, then task", choice="as named in each row")
    heads = [counted(step, "click") for step in steps]
    return TableView(f"{findings.title} after so many clicks ({prompter_title(prompter)})", note, "model", heads, lines)


def _needed(findings: Findings, rows: Frame) -> list[Block]:
    """Clicks needed, by target and feedback, with the headline policies."""
    prompter = rows["prompter"].iloc[0]
    needed = findings.clicks[findings.clicks["prompter"] == prompter].assign(experiment="clicks")
    panes: list[tuple[str, Sequence[Block]]] = []
    for feedback in _feedbacks(rows):
        of_feedback = _part(findings, needed, feedback, oracle=False)
        shown = _part(findings, rows[rows["prompter"] == prompter], feedback, oracle=False)
        for target in of_feedback["target"].unique():
            title = f"NoC@{100 * target:g}, {_handed(feedback)[:1].lower()}{_handed(feedback)[1:]}"
            frame = of_feedback[of_feedback["target"] == target]
            panes.append((title, [needed_table(findings, frame, shown, f"Clicks needed: {title}", target)]))
    if not panes:
        return []
    means = Fold("Mean over tasks", [_needed_means(findings, needed, rows)])
    return [Tabs("noc", panes), means] if len(findings.tasks) > 1 else [Tabs("noc", panes)]


def _needed_means(findings: Findings, needed: Frame, rows: Frame) -> TableView:
    targets = list(needed["target"].unique())
    keys = ["model", "policy", "feedback"]
    found = needed.groupby([*keys, "target"], sort=False)[["noc", "failures", "n_curves"]]
    means = found.agg({"noc": "mean", "failures": "sum", "n_curves": "sum"}).reset_index()
    lines = []
    for one in findings.entrants:
        for (policy, feedback), kept in means[means["model"] == one.name].groupby(["policy", "feedback"], sort=False):
            by_target = {row["target"]: row for row in records(kept)}
            cells = [
                Cell(plain(row["noc"]), f"{row['failures']} of {row['n_curves']} fail", row["noc"])
                for row in (by_target[target] for target in targets)
            ]
            detail = f"{policy_title(policy)}{', mask handed back' if feedback else ''}"
            lines.append(Row(one.name, cells, tone=one.tone, detail="" if one.peer else detail))
    note = findings.note(
        rows,
        unit="object, then task",
        choice="as named in each row",
        more="unweighted mean over tasks; failures are summed",
    )
    heads = [f"NoC@{100 * target:g}" for target in targets]
    return TableView("Clicks needed, mean over tasks", note, "model", heads, lines)


def _part(findings: Findings, frame: Frame, feedback: bool, *, oracle: bool) -> Frame:
    """Rows of one kind of feedback; peers, which take no mask, stand beside both, but not beside the oracle."""
    peers = frame["model"].isin([one.name for one in findings.peers])
    if oracle:
        return frame[(frame["policy"] == ORACLE_CHOICE) & (frame["feedback"] == feedback)]
    kept = findings.chosen(frame[(frame["feedback"] == feedback) | peers])
    return kept[kept["policy"] != ORACLE_CHOICE]


def _feedbacks(rows: Frame) -> list[bool]:
    return sorted(bool(value) for value in rows["feedback"].unique())


def _handed(feedback: bool) -> str:
    return "Mask handed back" if feedback else "No mask handed back"
