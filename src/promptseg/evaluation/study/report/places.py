"""Location: whether it matters where on the object the user clicks."""

import json
import math
from collections.abc import Mapping
from typing import Final

import pandas as pd

from promptseg.evaluation.charts import Axis, Mark, curves, heat_map, heat_ramp, span_of
from promptseg.evaluation.study.analysis import BORDER, CENTRE, by_depth, depth_effect
from promptseg.evaluation.study.analysis.figures import figure, signed, spread
from promptseg.evaluation.study.report.blocks import Block, Cell, Chart, Charts, Row, Section, TableView, Words
from promptseg.evaluation.study.report.findings import Findings, Frame, sizes
from promptseg.evaluation.study.report.numbers import counted, plain
from promptseg.evaluation.study.report.tabling import Record, entrants_legend, grouped, records

__all__ = ["places_section", "tight_boxes"]

_CELLS: Final = 9
"""Cells of a map along each side of the object's box."""

_FEWEST_IMAGES: Final = 3
"""A cell of a map with clicks in fewer images stays empty."""

_OBJECT: Final = ["dataset", "label", "image", "object"]


def places_section(findings: Findings) -> Section | None:
    """Scores by the depth of the click, and maps over the object."""
    rows = findings.chosen(findings.table[findings.table["experiment"] == "location"])
    if not len(rows):
        return None
    blocks: list[Block] = [_by_depth(findings, rows), _table(findings, rows), *_maps(findings, rows)]
    lead = (
        "One click on many places of the object, from its border (depth 0) to its deepest pixel (depth 1): a flat "
        "curve means that the user need not aim."
    )
    return Section("location", "Place", "Does it matter where one clicks?", lead, blocks)


def _by_depth(findings: Findings, rows: Frame) -> Charts:
    found = by_depth(rows, findings.metric, findings.settings, seed=findings.recipe.seed)
    who = findings.present(rows)
    span = span_of([*found["low"], *found["high"]], margin=0.04)
    charts = []
    for task in findings.tasks:
        of_task = found[found["task"] == task]
        series = []
        for one in who:
            marks = [
                Mark((row["bin_low"] + row["bin_high"]) / 2, row["mean"], row["low"], row["high"])
                for row in records(of_task[of_task["model"] == one.name])
            ]
            series.append(one.series(marks))
        axes = (Axis("depth of the click", span=(0, 1)), Axis(findings.title, span=span))
        svg = curves(series, axes, f"{task}: {findings.title} by depth of the click", height=220)
        if svg:
            shown = rows[rows["task"] == task]
            clicks = counted(of_task.groupby("model")["n_clicks"].sum().max(), "click")
            charts.append(Chart(task, svg, f"n = {sizes(shown)}; {clicks} for each model"))
    note = findings.note(rows, unit="image (mean over its clicks in one of ten bins of depth)")
    return Charts(f"{findings.title} by depth of the click", note, charts, legend=entrants_legend(who, lines=True))


def _table(findings: Findings, rows: Frame) -> TableView:
    found = depth_effect(rows, findings.metric, findings.settings, seed=findings.recipe.seed)
    by_cell = grouped(found, "task", "model")
    lines = []
    for task in findings.tasks:
        for one in findings.present(rows):
            kept = by_cell.get((task, one.name), ())
            lines += [Row(f"{task}: {one.name}", _cells(row, findings.metric), tone=one.tone) for row in kept]
    more = (
        f"border: depth below {BORDER:.2f}, middle: above {CENTRE:.2f}; rho is within objects; {findings.width} "
        "bootstrap intervals over groups of images"
    )
    heads = ["middle", "border", "middle less border", "rho of depth and score", "images"]
    return TableView(
        "Clicks in the middle and at the border", findings.note(rows, more=more), "task, model", heads, lines
    )


def _cells(row: Record, metric: str) -> list[Cell]:
    difference, rho = row["difference"], row["rho"]
    gain = spread(row["low"], row["high"], metric, sign=True) if math.isfinite(difference) else ""
    return [
        Cell(figure(row["centre_mean"], metric), key=row["centre_mean"]),
        Cell(figure(row["border_mean"], metric), key=row["border_mean"]),
        Cell(signed(difference, metric), gain, difference),
        Cell(plain(rho), f"[{plain(row['rho_low'])}, {plain(row['rho_high'])}]" if math.isfinite(rho) else "", rho),
        Cell(f"{row['n_images']:,}", key=row["n_images"]),
    ]


def _maps(findings: Findings, rows: Frame) -> list[Block]:
    """Mean score by place in the object's box, where the table holds that box."""
    boxes = tight_boxes(findings.table)
    placed = _placed(rows, boxes, findings.metric)
    if not len(placed):
        return [Words(["No map over the object: the table holds no box of whole objects (mode 5 was not studied)."])]
    means = _cell_means(placed)
    span = span_of(means["mean"])
    charts = []
    for one in findings.present(rows):
        kept = means[means["model"] == one.name]
        cells = {(int(row["row"]), int(row["column"])): float(row["mean"]) for row in records(kept)}
        svg = heat_map(
            cells,
            (_CELLS, _CELLS),
            span,
            f"{one.name}: mean {findings.title} by place of the click in the object's box",
        )
        shown = placed[placed["model"] == one.name]
        if svg:
            charts.append(Chart(one.name, svg, f"n = {counted(len(shown), 'click')}, {sizes(shown)}"))
    note = findings.note(
        rows,
        unit=f"image (mean over its clicks in a cell); a cell needs {_FEWEST_IMAGES}",
        more="left to right and top to bottom: the object's tight box; all tasks together",
    )
    ramp = heat_ramp(span, (figure(span[0], findings.metric), figure(span[1], findings.metric)))
    return [Charts("Map over the object", note, charts, legend=ramp)] if charts else []


def tight_boxes(table: Frame) -> Frame:
    """The box of each object that mode 5 drew: columns of the object, ``x0``, ``y0``, ``x1``, ``y1``.

    Args:
        table: of the study; without rows of mode 5 no object has one.
    """
    rows = table[(table["prompter"] == "mode-5") & (table["n_boxes"] == 1)].drop_duplicates(_OBJECT)
    corners = [_first_box(text) for text in rows["prompts"]]
    boxes = pd.DataFrame(corners, columns=["x0", "y0", "x1", "y1"], index=rows.index, dtype="float64")
    return pd.concat([rows[_OBJECT], boxes], axis=1).dropna()


def _placed(rows: Frame, boxes: Frame, metric: str) -> Frame:
    """Clicks with their cell of the map."""
    both = rows.merge(boxes, on=_OBJECT, how="inner")
    points = pd.DataFrame([_first_point(text) for text in both["prompts"]], columns=["x", "y"], dtype="float64")
    both = both.assign(x=points["x"].to_numpy(), y=points["y"].to_numpy(), score=both[metric])
    for place, low, high, cell in (("x", "x0", "x1", "column"), ("y", "y0", "y1", "row")):
        share = (both[place] - both[low] + 0.5) / (both[high] - both[low] + 1)
        both[cell] = (share * _CELLS).clip(0, _CELLS - 1).fillna(-1).astype(int)
    return both[(both["column"] >= 0) & (both["row"] >= 0)]


def _cell_means(placed: Frame) -> Frame:
    keys = ["model", "row", "column"]
    images = placed.groupby([*keys, "dataset", "image"], sort=False)["score"].mean().reset_index()
    means = images.groupby(keys, sort=False)["score"].agg(mean="mean", n="size").reset_index()
    return means[means["n"] >= _FEWEST_IMAGES]


def _first_box(text: str) -> tuple[float, float, float, float]:
    boxes = _prompts(text).get("boxes") or [[math.nan] * 4]
    x0, y0, x1, y1 = boxes[0]
    return x0, y0, x1, y1


def _first_point(text: str) -> tuple[float, float]:
    points = _prompts(text).get("points") or [[math.nan, math.nan]]
    return points[0][0], points[0][1]


def _prompts(text: str) -> Mapping[str, list[list[float]]]:
    prompts: Mapping[str, list[list[float]]] = json.loads(text)
    return prompts
