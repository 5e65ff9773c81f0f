"""Every task for itself: all modes and choices, clicks needed, paired comparisons."""

from promptseg.evaluation.study.report.blocks import Block, Cell, Facts, Fold, Row, Section, TableView
from promptseg.evaluation.study.report.findings import Findings, sizes
from promptseg.evaluation.study.report.modes import modes_table
from promptseg.evaluation.study.report.numbers import counted, plain
from promptseg.evaluation.study.report.pairs import pairs_table
from promptseg.evaluation.study.report.tabling import NOTHING, Record, anchor, records
from promptseg.evaluation.study.report.wording import policy_title

__all__ = ["tasks_section"]


def tasks_section(findings: Findings) -> Section:
    """A fold for each task."""
    folds = []
    for task in findings.tasks:
        rows = findings.table[findings.table["task"] == task]
        folds.append(Fold(task, _task(findings, task), anchor=anchor(task), detail=sizes(rows)))
    lead = (
        "All mask choices, clicks needed and paired comparisons, task by task. The folder tables has all of it as CSV."
    )
    return Section("tasks", "Tasks", "Task by task", lead, folds)


def _task(findings: Findings, task: str) -> list[Block]:
    rows = findings.table[findings.table["task"] == task]
    blocks: list[Block] = [_facts(findings, task)]
    modes = findings.means[(findings.means["task"] == task) & (findings.means["experiment"] == "modes")]
    if len(modes):
        behind = rows[rows["experiment"] == "modes"]
        blocks.append(modes_table(findings, modes, behind, f"{findings.title} by mode and mask choice"))
    needed = _needed(findings, task)
    pairs = pairs_table(findings, task)
    return [*blocks, *([needed] if needed else []), *([pairs] if pairs else [])]


def _facts(findings: Findings, task: str) -> Facts:
    rows = findings.table[findings.table["task"] == task]
    objects = rows.drop_duplicates(["dataset", "label", "image", "object"])
    share = objects["area_px"] / objects["image_px"]
    low, middle, high = (100 * value for value in share.quantile([0.1, 0.5, 0.9]))
    masks = rows["found_px"]
    return Facts(
        [
            (
                "Size of objects",
                f"{middle:.2g} % of the image (median; one tenth below {low:.2g} %, one tenth above {high:.2g} %)",
            ),
            (
                "Masks",
                f"{len(masks):,}; {counted(int((masks == 0).sum()), 'is', 'are')} empty (they count, see the method)",
            ),
        ]
    )


def _needed(findings: Findings, task: str) -> TableView | None:
    found = findings.clicks[findings.clicks["task"] == task]
    if not len(found):
        return None
    targets = list(found["target"].unique())
    rules = found["prompter"].nunique() > 1
    lines = []
    for one in findings.present(found):
        of_model = found[found["model"] == one.name]
        for (prompter, policy, feedback), kept in of_model.groupby(["prompter", "policy", "feedback"], sort=False):
            by_target = {row["target"]: row for row in records(kept)}
            cells = [_noc(by_target[target]) if target in by_target else NOTHING for target in targets]
            words = [prompter] if rules else []
            words += [] if one.peer else [policy_title(policy)]
            words += ["mask handed back"] if feedback else []
            lines.append(Row(one.name, cells, tone=one.tone, detail=", ".join(words)))
    rows = findings.table[(findings.table["task"] == task) & (findings.table["experiment"] == "clicks")]
    most = int(found["max_clicks"].max())
    note = findings.note(rows, unit="object", choice="as named in each row", more=f"at most {counted(most, 'click')}")
    heads = [f"NoC@{100 * target:g}" for target in targets]
    return TableView("Clicks needed", note, "model", heads, lines)


def _noc(row: Record) -> Cell:
    noc, low, high = (row[name] for name in ("noc", "low", "high"))
    return Cell(plain(noc), f"[{plain(low)}, {plain(high)}]; {row['failures']} of {row['n_curves']} fail", noc)
