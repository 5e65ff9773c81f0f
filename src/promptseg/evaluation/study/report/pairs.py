"""Paired comparisons of entrants, and means by stratum."""

from promptseg.evaluation.study.analysis.figures import signed, spread
from promptseg.evaluation.study.report.blocks import Cell, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame
from promptseg.evaluation.study.report.headlines import Headline
from promptseg.evaluation.study.report.numbers import p_value
from promptseg.evaluation.study.report.tabling import NOTHING, Record, records, spread_cell

__all__ = ["pairs_section", "pairs_table", "strata_section"]


def pairs_section(findings: Findings) -> Section | None:
    """Over all tasks: how often one entrant is ahead of another."""
    found = findings.comparisons
    if not len(found):
        return None
    ways = [way for way in findings.headlines if len(_of(way, found))]
    lines = []
    agreed = found.assign(agreed=found["holm_p"] < 1 - findings.settings.level)
    verdicts = {way.key: _verdicts(_of(way, agreed)) for way in ways}
    for pair in _pairs(found):
        cells = [_counts(verdicts[way.key][pair]) if pair in verdicts[way.key] else NOTHING for way in ways]
        first, second = pair
        lines.append(Row(f"{first} against {second}", cells))
    note = findings.note(findings.top, unit="task", more="paired by image; details of each task stand below")
    view = TableView("On how many tasks the first is ahead", note, "pair", [way.title for way in ways], lines)
    lead = (
        "Two are compared on the same images with the same prompts. Ahead and behind: the interval of the mean "
        "difference leaves out 0."
    )
    return Section("pairs", "Pairs", "Who is ahead of whom?", lead, [view])


def pairs_table(findings: Findings, task: str) -> TableView | None:
    """All pairs on one task, with the difference for each main way to prompt; None if there is none."""
    found = findings.comparisons[findings.comparisons["task"] == task]
    if not len(found):
        return None
    by_way = {
        way: {(row["first"], row["second"]): row for row in records(_of(way, found))} for way in findings.headlines
    }
    ways = [way for way in findings.headlines if by_way[way]]
    lines = []
    for first, second in _pairs(found):
        rows = [by_way[way].get((first, second)) for way in ways]
        cells = [_difference(findings, row) if row else NOTHING for row in rows]
        lines.append(Row(f"{first} less {second}", cells))
    more = (
        f"paired; {findings.width} bootstrap interval; p of Wilcoxon's signed rank test, corrected by Holm; not "
        "filled: the two disagree"
    )
    note = findings.note(findings.top[findings.top["task"] == task], more=more)
    return TableView(f"Paired differences of the {findings.title}", note, "pair", [way.title for way in ways], lines)


def strata_section(findings: Findings) -> Section | None:
    """Means of the strata of each task; None if no task has two."""
    counts = findings.strata.groupby("task")["stratum"].nunique()
    tasks = [task for task in findings.tasks if counts.get(task, 0) > 1]
    if not tasks:
        return None
    panes = []
    for way in findings.headlines:
        found = findings.chosen(way.of(findings.strata))
        if len(found):
            panes.append((way.title, [_strata(findings, way, found, tasks)]))
    lead = "The images of a task apart by what their data set says of them, such as benign and malignant."
    return Section("strata", "Strata", "Are some kinds of images harder?", lead, [Tabs("strata", panes)])


def _strata(findings: Findings, way: Headline, found: Frame, tasks: list[str]) -> TableView:
    who = findings.present(found)
    lines = []
    for task in tasks:
        of_task = found[found["task"] == task]
        for stratum in sorted(of_task["stratum"].unique()):
            by_name = {row["model"]: row for row in records(of_task[of_task["stratum"] == stratum])}
            cells = [spread_cell(by_name[one.name], findings.metric) if one.name in by_name else NOTHING for one in who]
            images = max(row["n_images"] for row in by_name.values())
            lines.append(Row(f"{task}: {stratum}", cells, detail=f"n = {images}"))
    rows = findings.chosen(way.of(findings.table))
    note = findings.note(rows[rows["task"].isin(tasks)])
    return TableView(f"{findings.title} by stratum", note, "task, stratum", [one.name for one in who], lines)


def _of(way: Headline, found: Frame) -> Frame:
    """Comparisons of one way to prompt; of feedback, models alone."""
    return way.of(found.assign(model=""))


def _pairs(found: Frame) -> list[tuple[str, str]]:
    pairs = found[["first", "second"]].drop_duplicates()
    return [(str(first), str(second)) for first, second in pairs.itertuples(index=False)]


def _verdicts(found: Frame) -> dict[tuple[str, str], list[tuple[str, bool]]]:
    """Of each pair, task by task, the verdict and whether the corrected test agrees."""
    verdicts: dict[tuple[str, str], list[tuple[str, bool]]] = {}
    for row in records(found):
        verdicts.setdefault((row["first"], row["second"]), []).append((row["verdict"], row["agreed"]))
    return verdicts


def _counts(verdicts: list[tuple[str, bool]]) -> Cell:
    ahead, behind = (sum(name == wanted for name, _ in verdicts) for wanted in ("ahead", "behind"))
    agreed = sum(agrees for name, agrees in verdicts if name in {"ahead", "behind"})
    told = ahead + behind
    detail = f"{len(verdicts) - told} not told apart" + (f"; {agreed} of {told} after Holm" if agreed < told else "")
    mark = "ahead" if ahead == len(verdicts) else "behind" if behind == len(verdicts) else ""
    return Cell(f"{ahead} ahead, {behind} behind", detail, ahead - behind, mark)


def _difference(findings: Findings, row: Record) -> Cell:
    difference, low, high, holm = (row[name] for name in ("difference", "low", "high", "holm_p"))
    told = row["verdict"] in {"ahead", "behind"}
    mark = f"{row['verdict']}{'' if holm < 1 - findings.settings.level else ' unsure'}" if told else ""
    metric = findings.metric
    detail = f"{spread(low, high, metric, sign=True)} p {p_value(holm)}"
    return Cell(signed(difference, metric), detail, difference, mark)
