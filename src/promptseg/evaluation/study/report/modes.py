"""The five prompt modes, over tasks."""

from collections.abc import Sequence

from promptseg.evaluation.charts import Series, dot_rows
from promptseg.evaluation.study.analysis import rankings
from promptseg.evaluation.study.report.blocks import Block, Cell, Chart, Charts, Fold, Row, Section, TableView
from promptseg.evaluation.study.report.entrants import Entrant
from promptseg.evaluation.study.report.findings import Findings, Frame, sizes
from promptseg.evaluation.study.report.numbers import plain
from promptseg.evaluation.study.report.tabling import NOTHING, Record, entrants_legend, mark_of, records, spread_cell
from promptseg.evaluation.study.report.wording import policy_title, prompter_title
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["modes_section", "modes_table"]


def modes_section(findings: Findings) -> Section | None:
    """Which way to prompt is best."""
    rows = findings.table[findings.table["experiment"] == "modes"]
    if not len(rows):
        return None
    overall = findings.overall[findings.overall["experiment"] == "modes"]
    oracle = overall["policy"] == ORACLE_CHOICE
    parts = [("Masks as a user gets them", findings.chosen(overall), findings.chosen(rows))]
    if oracle.any():
        parts.append(("Masks chosen by the reference (oracle)", overall[oracle], rows[rows["policy"] == ORACLE_CHOICE]))
    charts = [
        Chart(title, _dots(findings, frame, title), f"n = {sizes(shown)}")
        for title, frame, shown in parts
        if len(frame)
    ]
    note = findings.note(rows, unit="image, then task", choice="as named above each chart")
    blocks: list[Block] = [
        Charts("By mode", note, charts, legend=entrants_legend(findings.entrants)),
        modes_table(findings, overall, rows, f"{findings.title} by mode and mask choice"),
    ]
    if len(findings.tasks) > 1:
        blocks.append(Fold("Ranking of modes over tasks", [_ranking(findings, rows)]))
    lead = (
        "A click or a box, for the largest part or for each of up to three: the modes of Mazurowski et al. (2023), "
        "means over tasks."
    )
    return Section("modes", "Modes", "Which way to prompt is best?", lead, blocks)


def modes_table(findings: Findings, frame: Frame, rows: Frame, title: str) -> TableView:
    """Entrants with each mask choice against modes; the best mode of each row is marked.

    Args:
        findings: of the report.
        frame: ``model``, ``policy``, ``prompter``, ``mean``, ``low``, ``high``.
        rows: of the table, behind it.
        title: of the table.
    """
    prompters = _in_order(frame)
    lines = []
    for one in findings.entrants:
        of_model = frame[frame["model"] == one.name]
        for policy in _policies(one, of_model):
            found = {row["prompter"]: row for row in records(of_model[of_model["policy"] == policy])}
            best = (max if findings.higher else min)(row["mean"] for row in found.values())
            cells = [
                spread_cell(found[name], findings.metric, mark="best" if found[name]["mean"] == best else "")
                if name in found
                else NOTHING
                for name in prompters
            ]
            lines.append(Row(one.name, cells, tone=one.tone, detail="" if one.peer else policy_title(policy)))
    note = findings.note(rows, choice="as named in each row")
    return TableView(title, note, "model, mask choice", [prompter_title(name) for name in prompters], lines)


def _dots(findings: Findings, frame: Frame, title: str) -> str:
    lanes: list[tuple[str, list[Series]]] = []
    for prompter in _in_order(frame):
        found = {row["model"]: row for row in records(frame[frame["prompter"] == prompter])}
        series = [
            one.series([mark_of(found[one.name], findings.metric, name=one.name)])
            for one in findings.entrants
            if one.name in found
        ]
        lanes.append((prompter_title(prompter), series))
    return dot_rows(lanes, f"{title}: {findings.title} of each model by mode; the table below has the same figures")


def _ranking(findings: Findings, rows: Frame) -> TableView:
    means = findings.chosen(findings.means[findings.means["experiment"] == "modes"])
    found = rankings(means, of="prompter", better="higher" if findings.higher else "lower")
    who = findings.present(found)
    lines = []
    for prompter in _in_order(found):
        by_name = {row["model"]: row for row in records(found[found["prompter"] == prompter])}
        cells = [_rank(by_name[one.name]) if one.name in by_name else NOTHING for one in who]
        lines.append(Row(prompter_title(prompter), cells))
    note = findings.note(
        findings.chosen(rows), unit="task", more="mean rank over tasks, 1 is the best mode; below: tasks won"
    )
    return TableView("Mean rank of each mode", note, "mode", [one.name for one in who], lines)


def _rank(row: Record) -> Cell:
    rank, wins = row["mean_rank"], row["wins"]
    return Cell(plain(rank), f"{wins:.3g} of {row['n_tasks']} won", rank)


def _in_order(frame: Frame) -> Sequence[str]:
    """Modes 1 to 5, then the others as they come."""
    names = list(frame["prompter"].unique())
    return sorted(names, key=lambda name: (not name.startswith("mode-"), name if name.startswith("mode-") else ""))


def _policies(one: Entrant, frame: Frame) -> Sequence[str]:
    """The headline policy first, the oracle's last."""
    present = list(frame["policy"].unique())
    return sorted(present, key=lambda name: (name != one.policy, name == ORACLE_CHOICE, name))
