"""Inexact prompts, and no prompts at all: noise, and segment everything."""

from collections.abc import Sequence

from promptseg.evaluation.charts import Axis, curves, span_of
from promptseg.evaluation.study.report.blocks import Block, Chart, Charts, Fold, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame, sizes
from promptseg.evaluation.study.report.numbers import counted
from promptseg.evaluation.study.report.tabling import (
    NOTHING,
    by_entrant,
    entrants_legend,
    mark_of,
    records,
    spread_cell,
)
from promptseg.evaluation.study.report.wording import LEVELS, prompter_note, prompter_title

__all__ = ["everything_section", "noise_section"]


def noise_section(findings: Findings) -> Section | None:
    """How scores fall when prompts are inexact."""
    rows = findings.chosen(findings.table[findings.table["experiment"] == "noise"])
    if not len(rows):
        return None
    overall = findings.chosen(findings.overall[findings.overall["experiment"] == "noise"])
    means = findings.chosen(findings.means[findings.means["experiment"] == "noise"])
    panes: list[tuple[str, Sequence[Block]]] = []
    for prompter in rows["prompter"].unique():
        shown = rows[rows["prompter"] == prompter]
        blocks: list[Block] = [_table(findings, overall[overall["prompter"] == prompter], shown, prompter)]
        if len(findings.tasks) > 1:
            charts = _by_task(findings, means[means["prompter"] == prompter], shown, prompter)
            blocks.append(Fold("Task by task", [charts]))
        panes.append((prompter_title(prompter), blocks))
    blocks = [_over_tasks(findings, overall, rows), Tabs("noise", panes)]
    lead = "The same models with boxes and clicks as people make them: moved, widened, or missing the object."
    return Section("noise", "Noise", "What if the prompt is inexact?", lead, blocks)


def everything_section(findings: Findings) -> Section | None:
    """How well masks that nobody asked for cover the objects."""
    rows = findings.table[findings.table["experiment"] == "everything"]
    if not len(rows):
        return None
    means = findings.means[findings.means["experiment"] == "everything"]
    overall = findings.overall[findings.overall["experiment"] == "everything"]
    panes: list[tuple[str, Sequence[Block]]] = []
    for level in sorted(rows["level"].unique()):
        shown = rows[rows["level"] == level]
        of_level, over_tasks = (kept[kept["level"] == level] for kept in (means, overall))
        title = f"{findings.title} of the mask that covers each object best"
        untouched = f"{(shown['found_px'] == 0).sum():,} of {counted(len(shown), 'evaluation')}"
        note = findings.note(shown, more=f"an object that no mask touches counts with an empty one: {untouched}")
        panes.append((f"Grid of {level:g} by {level:g}", [by_entrant(findings, of_level, over_tasks, title, note)]))
    blocks: list[Block] = [Tabs("everything", panes)]
    if rows["level"].nunique() > 1:
        blocks.insert(0, _over_tasks(findings, overall, rows))
    lead = (
        "A grid of clicks that knows nothing of the object. Of all masks the one that covers an object best is scored: "
        "which one that is, only the reference tells."
    )
    return Section("everything", "Everything", "What if nobody points at anything?", lead, blocks)


def _over_tasks(findings: Findings, overall: Frame, rows: Frame) -> Charts:
    span = span_of([*overall["low"], *overall["high"]], margin=0.05)
    charts = []
    for prompter in rows["prompter"].unique():
        frame, shown = overall[overall["prompter"] == prompter], rows[rows["prompter"] == prompter]
        svg = _curves(findings, frame, prompter, span)
        charts.append(Chart(prompter_title(prompter), svg, f"n = {sizes(shown)}. {prompter_note(prompter)}"))
    note = findings.note(rows, unit="image, then task" if len(findings.tasks) > 1 else "")
    legend = entrants_legend(findings.present(rows), lines=True)
    return Charts(f"{findings.title} by level, mean over tasks", note, charts, legend=legend)


def _by_task(findings: Findings, means: Frame, rows: Frame, prompter: str) -> Charts:
    span = span_of([*means["low"], *means["high"]], margin=0.05)
    charts = []
    for task in findings.tasks:
        of_task = means[means["task"] == task]
        if len(of_task):
            svg = _curves(findings, of_task, prompter, span)
            charts.append(Chart(task, svg, f"n = {sizes(rows[rows['task'] == task])}"))
    legend = entrants_legend(findings.present(rows), lines=True)
    return Charts(prompter_title(prompter), findings.note(rows), charts, legend=legend, shown=len(charts))


def _curves(findings: Findings, frame: Frame, prompter: str, span: tuple[float, float]) -> str:
    levels = sorted(frame["level"].unique())
    series = []
    for one in findings.present(frame):
        found = records(frame[frame["model"] == one.name].sort_values("level"))
        series.append(one.series([mark_of(row, findings.metric, row["level"]) for row in found]))
    across = span_of(levels, margin=0.04)
    marks = [(level, f"{level:g}") for level in levels] if len(levels) <= 6 else ()
    axes = (Axis(LEVELS.get(prompter, "level"), span=across, marks=marks), Axis(findings.title, span=span))
    return curves(series, axes, f"{prompter_title(prompter)}: {findings.title} by level", height=220)


def _table(findings: Findings, overall: Frame, rows: Frame, prompter: str) -> TableView:
    levels = sorted(overall["level"].unique())
    lines = []
    for one in findings.present(overall):
        found = {row["level"]: row for row in records(overall[overall["model"] == one.name])}
        cells = [spread_cell(found[level], findings.metric) if level in found else NOTHING for level in levels]
        lines.append(Row(one.name, cells, tone=one.tone))
    note = findings.note(rows, unit="image, then task" if len(findings.tasks) > 1 else "")
    heads = [f"{level:g}" for level in levels]
    return TableView(f"{findings.title} by level ({LEVELS.get(prompter, 'level')})", note, "model", heads, lines)
