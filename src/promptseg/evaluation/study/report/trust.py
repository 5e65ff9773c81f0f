"""Ambiguity: whether a model's own score says how good its mask is, and what a better choice would win."""

import math
from collections.abc import Sequence

import pandas as pd

from promptseg.evaluation.charts import Axis, Mark, curves, density, heat_ramp
from promptseg.evaluation.study.analysis import ambiguity, reliability
from promptseg.evaluation.study.analysis.figures import figure, signed, spread
from promptseg.evaluation.study.report.blocks import Block, Cell, Chart, Charts, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame, choices, sizes
from promptseg.evaluation.study.report.headlines import Headline
from promptseg.evaluation.study.report.numbers import counted, plain
from promptseg.evaluation.study.report.tabling import Record, entrants_legend, grouped, records

__all__ = ["trust_section"]


def trust_section(findings: Findings) -> Section | None:
    """Predicted against true IoU; None if no model predicts a score."""
    ways = [way for way in findings.headlines if math.isnan(way.level)]
    rows = pd.concat([way.of(findings.table) for way in ways]) if ways else findings.table[:0]
    rows = rows[~rows["model"].isin([one.name for one in findings.peers])]
    shown = findings.chosen(rows)
    shown = shown[shown["predicted_score"].notna()]
    if not len(shown):
        return None
    found = ambiguity(rows, findings.settings, seed=findings.recipe.seed)
    blocks: list[Block] = [_clouds(findings, shown), _curves(findings, shown, ways)]
    panes: list[tuple[str, Sequence[Block]]] = []
    for way in ways:
        kept = findings.chosen(way.of(found.assign(level=math.nan)))
        if len(kept):
            panes.append((way.title, [_table(findings, kept, findings.chosen(way.of(rows)))]))
    blocks.append(Tabs("ambiguity", panes))
    lead = (
        "A model that knows when it is wrong can ask for another click. Each model predicts the IoU of its own masks; "
        "here that stands beside the true one, and beside the best of its candidates."
    )
    return Section("ambiguity", "Trust", "Can its own score be trusted?", lead, blocks)


def _clouds(findings: Findings, shown: Frame) -> Charts:
    charts = []
    for one in findings.present(shown):
        rows = shown[shown["model"] == one.name]
        axes = (Axis("predicted IoU", span=(0, 1)), Axis("true IoU", span=(0, 1)))
        inside = rows["predicted_score"].clip(0, 1)
        label = f"{one.name}: true against predicted IoU; strong colours stand for many masks"
        svg = density(inside.tolist(), rows["iou"].tolist(), axes, label)
        charts.append(
            Chart(one.name, svg, f"n = {counted(len(rows), 'mask')} of {sizes(rows)}; choice: {choices(rows, [one])}")
        )
    note = findings.note(
        shown, unit="mask (of one object, by one prompt)", more="dotted: equal; colours by the logarithm of the count"
    )
    ramp = heat_ramp((0, 1), ("one mask", "most masks"))
    return Charts("Predicted and true IoU", note, charts, legend=ramp)


def _curves(findings: Findings, shown: Frame, ways: Sequence[Headline]) -> Charts:
    """A chart for each way to prompt: over all tasks, with a line for each model."""
    found = reliability(shown, findings.settings, seed=findings.recipe.seed)
    every = "all" if findings.table["task"].nunique() > 1 and "all" in set(found["task"]) else found["task"].iloc[0]
    found = found[found["task"] == every]
    charts = []
    for prompter in dict.fromkeys(way.prompter for way in ways):
        title = next(way.title for way in reversed(ways) if way.prompter == prompter)
        of_prompter = found[found["prompter"] == prompter]
        series = []
        for one in findings.present(shown):
            kept = of_prompter[of_prompter["model"] == one.name]
            marks = [
                Mark(
                    row["predicted"],
                    row["iou"],
                    row["low"],
                    row["high"],
                    f"{one.name}: predicted {figure(row['predicted'])}, true {figure(row['iou'])}, n = {row['n']}",
                )
                for row in records(kept)
            ]
            series.append(one.series(marks))
        axes = (Axis("mean predicted IoU", span=(0, 1)), Axis("mean true IoU", span=(0, 1)))
        svg = curves(
            series,
            axes,
            f"{title}: true IoU of masks of about the same predicted IoU",
            height=300,
            diagonal=True,
            bands=False,
        )
        masks = counted(of_prompter["n"].sum(), "mask")
        if svg:
            charts.append(Chart(title, svg, f"n = {masks} of {sizes(shown[shown['prompter'] == prompter])}"))
    note = findings.note(shown, unit="mask, in ten bins of predicted IoU")
    legend = entrants_legend(findings.present(shown), lines=True)
    return Charts("Reliability: on the dotted line a model is right about itself", note, charts, legend=legend)


def _table(findings: Findings, found: Frame, rows: Frame) -> TableView:
    known = found["mean_predicted"].notna() | found["oracle_gain"].notna()
    by_cell = grouped(found[known], "task", "model")
    lines = []
    for task in findings.tasks:
        for one in findings.present(found):
            kept = by_cell.get((task, one.name), ())
            lines += [Row(f"{task}: {one.name}", _cells(row), tone=one.tone) for row in kept]
    heads = [
        "rho of predicted and true",
        "calibration error",
        "mean predicted",
        "mean true",
        "mean of the best candidate",
        "oracle gain",
        "images",
    ]
    return TableView("How far the model's own score can be trusted", findings.note(rows), "task, model", heads, lines)


def _cells(row: Record) -> list[Cell]:
    rho, gain = row["rho"], row["oracle_gain"]
    known_gain = math.isfinite(gain)
    return [
        Cell(
            plain(rho),
            f"[{plain(row['rho_low'])}, {plain(row['rho_high'])}]" if math.isfinite(rho) else "",
            rho,
        ),
        *(
            Cell(figure(row[name]), key=row[name])
            for name in ("calibration_error", "mean_predicted", "mean_iou", "oracle_iou")
        ),
        Cell(signed(gain), spread(row["gain_low"], row["gain_high"], sign=True) if known_gain else "", gain),
        Cell(f"{row['n_images']:,}", key=row["n_images"]),
    ]
