"""Size: whether small objects are harder, within a task and over tasks."""

import math
from collections.abc import Sequence
from typing import Final

from promptseg.evaluation.charts import Axis, Mark, points, span_of
from promptseg.evaluation.study.analysis import by_size, size_across_tasks
from promptseg.evaluation.study.analysis.figures import figure
from promptseg.evaluation.study.report.blocks import Block, Cell, Chart, Charts, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame, sizes
from promptseg.evaluation.study.report.headlines import Headline
from promptseg.evaluation.study.report.numbers import counted, p_value, plain
from promptseg.evaluation.study.report.tabling import entrants_legend, grouped, records

__all__ = ["size_section"]

_MOST_DOTS: Final = 200
"""Of one model in one chart; of more images every second, third, ... in order of size is drawn."""

_ALL_DOTS: Final = 30_000
"""On the whole page, so that it stays small."""

_CROWD: Final = 150
"""With more dots than that on a chart all are small discs."""

_RADII: Final = (3.2, 1.9)
"""Of few dots, and of many."""

_FEWEST_TASKS: Final = 4
"""Tasks from which on a chart over tasks is drawn."""


def size_section(findings: Findings) -> Section | None:
    """Score against the share of the image that the object takes."""
    ways = [way for way in findings.headlines if math.isnan(way.level)]
    panes: list[tuple[str, Sequence[Block]]] = []
    for way in ways:
        rows = findings.chosen(way.of(findings.table))
        rows = rows[~rows["model"].isin([one.name for one in findings.peers])]
        if len(rows):
            panes.append((way.title, _pane(findings, way, rows)))
    if not panes:
        return None
    lead = (
        "Each dot is an image: how much of it the object takes, and how good the mask is. Trivial peers are left out."
    )
    return Section("size", "Size", "Are small objects harder?", lead, [Tabs("size", panes)])


def _pane(findings: Findings, way: Headline, rows: Frame) -> list[Block]:
    found = by_size(rows, findings.metric, findings.settings, seed=findings.recipe.seed)
    blocks: list[Block] = [_dots(findings, rows, found), _table(findings, rows, found)]
    if findings.table["task"].nunique() >= _FEWEST_TASKS:
        blocks.append(_over_tasks(findings, way, rows))
    return blocks


def _dots(findings: Findings, rows: Frame, found: Frame) -> Charts:
    who = findings.present(rows)
    images = _of_images(rows, findings.metric)
    room = _ALL_DOTS // (len(findings.headlines) * len(findings.tasks) * len(who))
    most = max(20, min(_MOST_DOTS, room))
    charts = []
    for task in findings.tasks:
        of_task = images[images["task"] == task]
        if not len(of_task):
            continue
        series, thinned = [], False
        for one in who:
            kept = of_task[of_task["model"] == one.name].sort_values(["share", "image"])
            every = max(1, math.ceil(len(kept) / most))
            thinned |= every > 1
            drawn = kept.iloc[::every]
            series.append(one.series([Mark(x, y) for x, y in zip(drawn["share"], drawn["score"], strict=True)]))
        axes = (Axis("% of the image", logarithmic=True), Axis(findings.title, span=_unit(findings, images)))
        label, radius = f"{task}: {findings.title} by size of the object", _RADII[len(of_task) > _CROWD]
        svg = points(series, axes, label, height=220, radius=radius)
        rhos = {row["model"]: row["rho"] for row in records(found[found["task"] == task])}
        said = ", ".join(f"{one.name} {plain(rhos[one.name])}" for one in who if one.name in rhos)
        drawn_words = f"; at most {most} dots of each model are drawn" if thinned else ""
        charts.append(Chart(task, svg, f"n = {sizes(rows[rows['task'] == task])}{drawn_words}; rho: {said}"))
    note = findings.note(rows, more="rho: Spearman's, of size and score, over the images of the task")
    return Charts(f"{findings.title} by size", note, charts, legend=entrants_legend(who))


def _table(findings: Findings, rows: Frame, found: Frame) -> TableView:
    by_cell = grouped(found, "task", "model")
    lines = []
    for task in findings.tasks:
        for one in findings.present(rows):
            for row in by_cell.get((task, one.name), ()):
                rho = row["rho"]
                detail = f"[{plain(row['rho_low'])}, {plain(row['rho_high'])}]" if math.isfinite(rho) else ""
                thirds = [
                    Cell(figure(row[name], findings.metric), key=row[name]) for name in ("small", "medium", "large")
                ]
                cells = [Cell(plain(rho), detail, rho), *thirds, Cell(f"{row['n_images']:,}", key=row["n_images"])]
                lines.append(Row(f"{task}: {one.name}", cells, tone=one.tone))
    heads = ["rho of size and score", "small third", "medium third", "large third", "images"]
    return TableView("Within each task", findings.note(rows), "task, model", heads, lines)


def _over_tasks(findings: Findings, way: Headline, rows: Frame) -> Charts:
    who = findings.present(rows)
    images = _of_images(rows, findings.metric)
    means = images.groupby(["model", "task"], sort=False)[["share", "score"]].mean().reset_index()
    across = {row["model"]: row for row in records(size_across_tasks(rows, findings.metric))}
    charts = []
    for one in who:
        kept = means[means["model"] == one.name]
        marks = [Mark(x, y) for x, y in zip(kept["share"], kept["score"], strict=True)]
        axes = (
            Axis("mean % of the image", logarithmic=True),
            Axis(f"mean {findings.title}", span=_unit(findings, means)),
        )
        label = f"{one.name}: mean {findings.title} of each task by its mean size"
        svg = points([one.series(marks)], axes, label, height=220, radius=3.6)
        row = across[one.name]
        caption = f"n = {counted(row['n_tasks'], 'task')}; rho {plain(row['rho'])}, p {p_value(row['p'])}"
        charts.append(Chart(one.name, svg, caption))
    more = "p: of no correlation over tasks, doubtful for few tasks"
    return Charts(f"Over tasks: {way.phrase}", findings.note(rows, unit="task", more=more), charts)


def _of_images(rows: Frame, metric: str) -> Frame:
    """One row for each image and model: mean share and mean score."""
    shares = rows.assign(share=100 * rows["area_px"] / rows["image_px"], score=rows[metric])
    keys = ["task", "model", "image"]
    return shares.groupby(keys, sort=False)[["share", "score"]].mean().reset_index()


def _unit(findings: Findings, frame: Frame) -> tuple[float, float]:
    low, high = span_of(frame["score"], margin=0.04)
    return (max(0.0, low), high) if findings.metric in {"iou", "dice", "box_iou"} else (low, high)
