"""The top of the report: what the study says in words, and its main tables."""

from collections.abc import Sequence
from typing import Final

from promptseg.evaluation.study.analysis import FEWEST_GROUPS, rankings
from promptseg.evaluation.study.analysis.figures import figure, signed, spread
from promptseg.evaluation.study.report.blocks import Block, Cell, Charts, Fold, Listing, Row, Section, TableView, Tabs
from promptseg.evaluation.study.report.findings import Findings, Frame
from promptseg.evaluation.study.report.headlines import Headline
from promptseg.evaluation.study.report.numbers import counted, plain
from promptseg.evaluation.study.report.tabling import (
    NOTHING,
    Record,
    anchor,
    by_entrant,
    dots,
    entrants_legend,
    records,
)
from promptseg.evaluation.study.report.wording import joined

__all__ = ["answer", "summary_section", "useful_section"]

_NAMED_TASKS: Final = 3
"""Up to so many tasks are named in a sentence, more are counted."""

_UPPER: Final = "All prompts were made from the reference, so figures are upper ones: they compare models, not users."


def answer(findings: Findings) -> list[str]:
    """Which models are useful for which task, in a few sentences; nothing that was not tested is said."""
    sentences = []
    for way in findings.headlines:
        rows = way.of(findings.useful)
        if len(rows):
            sentences.append(f"With {way.phrase}, {_useful_words(findings, rows)}.")
    if not sentences:
        start = "No trivial peer was given the same prompts as a model, so this study cannot say whether one is useful."
        return [start, _UPPER]
    peers = joined([one.name for one in findings.peers])
    meaning = (
        f"Useful means ahead of the best trivial peer ({peers}) with the same prompts: a {findings.width} interval of "
        f"the difference that leaves out 0{_after_holm(findings)}. {_UPPER}"
    )
    return [*sentences, meaning]


def summary_section(findings: Findings) -> Section:
    """The main ways to prompt: charts, and a table of tasks against models for each."""
    charts, panes = [], []
    for way in findings.headlines:
        rows = findings.chosen(way.of(findings.table))
        frame, overall = (findings.chosen(way.of(kept)) for kept in (findings.means, findings.overall))
        note = findings.note(rows)
        charts.append(dots(findings, frame, overall, way.title, f"n = {note.n}"))
        title = f"{findings.title} by task and model"
        blocks: list[Block] = [by_entrant(findings, frame, overall, title, note)]
        if len(findings.tasks) > 1 and len(findings.entrants) > 1:
            blocks.append(Fold("Ranking over tasks", [_ranking(findings, way, frame)]))
        panes.append((way.title, blocks))
    blocks = []
    if charts:
        note = findings.note(findings.top)
        heading = f"Mean {findings.title}, with intervals"
        blocks = [
            Charts(heading, note, charts, legend=entrants_legend(findings.entrants), shown=len(charts)),
            Tabs("summary", panes),
        ]
    lead = (
        f"{findings.title} of each model where it was prompted in the main ways; the best of each task is marked. "
        "Press a heading to sort."
    )
    return Section("summary", "Summary", "How good are the masks?", lead, blocks)


def useful_section(findings: Findings) -> Section | None:
    """Models against the best trivial peer."""
    if not len(findings.useful):
        return None
    panes: list[tuple[str, Sequence[Block]]] = []
    for way in findings.headlines:
        rows = way.of(findings.useful)
        if len(rows):
            fold = Fold(
                "In words", [Listing([str(text) for text in rows["sentence"]])], detail=counted(len(rows), "sentence")
            )
            panes.append((way.title, [_against_peers(findings, way, rows), fold]))
    lead = (
        "Each figure is the model's mean less that of the best trivial peer of the task, on the same images with the "
        f"same prompts. Green: the interval lies above 0 ({FEWEST_GROUPS} groups of images at least); red: below."
    )
    return Section("peers", "Peers", "Is it better than something trivial?", lead, [Tabs("peers", panes)])


def _after_holm(findings: Findings) -> str:
    """How many of the claims hold after correction for their number."""
    claims = findings.useful[findings.useful["useful"]]
    kept = int((claims["holm_p"] < 1 - findings.settings.level).sum())
    if kept == len(claims):
        return ""
    return f" (of {counted(len(claims), 'such case')} {kept} hold by Holm's correction too)"


def _useful_words(findings: Findings, rows: Frame) -> str:
    """In how many tasks the models are useful; those of which the same is said stand together."""
    said: dict[str, list[str]] = {}
    for one in findings.models:
        of_model = rows[rows["model"] == one.name]
        if len(of_model):
            said.setdefault(_useful_in(of_model, higher=findings.higher), []).append(one.name)
    return "; ".join(f"{joined(names)} {'is' if len(names) == 1 else 'are'} {words}" for words, names in said.items())


def _useful_in(rows: Frame, *, higher: bool) -> str:
    tasks, useful = list(rows["task"]), list(rows.loc[rows["useful"], "task"])
    worse = [row["task"] for row in records(rows) if _worse(row, higher=higher)]
    every = f"on {tasks[0]}" if len(tasks) == 1 else f"on {'both' if len(tasks) == 2 else f'all {len(tasks)}'} tasks"
    if len(useful) == len(tasks):
        return f"useful {every}"
    if len(worse) == len(tasks):
        return f"worse than the best trivial peer {every}"
    if useful:
        words = f"useful on {_some(useful, len(tasks))}"
    else:
        any_of = "either task" if len(tasks) == 2 else f"any of {len(tasks)} tasks"
        words = f"not shown to be useful on {tasks[0] if len(tasks) == 1 else any_of}"
    return f"{words}, and worse than the best trivial peer on {_some(worse, len(tasks))}" if worse else words


def _some(tasks: list[str], of: int) -> str:
    named = f" ({', '.join(tasks)})" if len(tasks) <= _NAMED_TASKS else ""
    return f"{len(tasks)} of {of} tasks{named}"


def _against_peers(findings: Findings, way: Headline, rows: Frame) -> TableView:
    who = [one for one in findings.models if one.name in set(rows["model"])]
    lines = []
    for task in findings.tasks:
        by_name = {row["model"]: row for row in records(rows[rows["task"] == task])}
        cells = []
        for one in who:
            row = by_name.get(one.name)
            if row is None:
                cells.append(NOTHING)
                continue
            mark = "ahead" if row["useful"] else "behind" if _worse(row, higher=findings.higher) else ""
            mark += " unsure" if mark and row["holm_p"] >= 1 - findings.settings.level else ""
            detail = f"{spread(row['low'], row['high'], findings.metric, sign=True)} {row['peer']}"
            cells.append(Cell(signed(row["difference"], findings.metric), detail, float(row["difference"]), mark))
        if by_name:
            lines.append(Row(task, cells, link=anchor(task)))
    note = findings.note(
        findings.chosen(way.of(findings.table)),
        more=f"{findings.width} bootstrap intervals of the paired difference; below each the best peer by its mean; "
        "not filled: the signed rank test with Holm's correction disagrees",
    )
    return TableView(f"{findings.title} less that of the best peer", note, "task", [one.name for one in who], lines)


def _worse(row: Record, *, higher: bool) -> bool:
    low, high, groups = (row[name] for name in ("low", "high", "n_groups"))
    return bool(groups >= FEWEST_GROUPS and (high < 0 if higher else low > 0))


def _ranking(findings: Findings, way: Headline, frame: Frame) -> TableView:
    found = rankings(frame.assign(feedback=way.feedback), of="model", better="higher" if findings.higher else "lower")
    by_name = {row["model"]: row for row in records(found)}
    rows = [
        Row(
            one.name,
            [
                Cell(figure(row["mean"], findings.metric), key=row["mean"]),
                Cell(figure(row["median"], findings.metric), key=row["median"]),
                Cell(plain(row["wins"], 1).removesuffix(".0"), key=row["wins"]),
                Cell(plain(row["mean_rank"]), key=row["mean_rank"]),
                Cell(f"{row['n_tasks']}", key=row["n_tasks"]),
            ],
            tone=one.tone,
        )
        for one in findings.entrants
        if (row := by_name.get(one.name))
    ]
    note = findings.note(
        findings.chosen(way.of(findings.table)), unit="task", more="of equal ones each has the mean of their ranks"
    )
    heads = ["mean over tasks", "median over tasks", "tasks won", "mean rank", "tasks"]
    return TableView("Ranking of models and peers", note, "model", heads, rows)
