"""Paired comparisons of entrants, and means by stratum."""

from promptseg.evaluation.study.analysis.figures import signed, spread
from promptseg.evaluation.study.report.blocks import Cell, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame
from promptseg.evaluation.study.report.headlines import Headline
from promptseg.evaluation.study.report.numbers import p_value
from promptseg.evaluation.study.report.tabling import NOTHING, Record, records, spread_cell

__all__ = ["pairs_section", "pairs_table", "strata_section"]

_VERDICTS = ("ahead", "behind", "not told apart")


def pairs_section(findings: Findings) -> Section | None:
    """Over all tasks: how often one entrant is ahead of another."""
    found = findings.comparisons
    if not len(found):
        return None
    ways = [way for way in findings.headlines if len(_of(way, found))]
    lines = []
    for first, second in _pairs(found):
        cells = []
        for way in ways:
            of_way = _of(way, found)
            verdicts = of_way[(of_way["first"] == first) & (of_way["second"] == second)]["verdict"]
            cells.append(_counts(list(verdicts)) if len(verdicts) else NOTHING)
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
    ways = [way for way in findings.headlines if len(_of(way, found))]
    lines = []
    for first, second in _pairs(found):
        cells = []
        for way in ways:
            of_way = _of(way, found)
            rows = records(of_way[(of_way["first"] == first) & (of_way["second"] == second)])
            cells.append(_difference(rows[0], findings.metric) if rows else NOTHING)
        lines.append(Row(f"{first} less {second}", cells))
    more = f"paired; {findings.width} bootstrap interval; p of Wilcoxon's signed rank test, corrected by Holm"
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


def _counts(verdicts: list[str]) -> Cell:
    counts = {name: verdicts.count(name) for name in _VERDICTS}
    text = f"{counts['ahead']} ahead, {counts['behind']} behind"
    mark = "ahead" if counts["ahead"] == len(verdicts) else "behind" if counts["behind"] == len(verdicts) else ""
    return Cell(text, f"{counts['not told apart']} not told apart", counts["ahead"] - counts["behind"], mark)


def _difference(row: Record, metric: str) -> Cell:
    difference, low, high, holm = (row[name] for name in ("difference", "low", "high", "holm_p"))
    mark = str(row["verdict"]) if row["verdict"] in {"ahead", "behind"} else ""
    return Cell(
        signed(difference, metric), f"{spread(low, high, metric, sign=True)} p {p_value(holm)}", difference, mark
    )
