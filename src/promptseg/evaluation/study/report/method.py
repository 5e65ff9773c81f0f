"""How the study was made: recipe, versions, times, definitions, and what is missing."""

from pathlib import Path

from promptseg.evaluation.study.analysis import FEWEST_GROUPS
from promptseg.evaluation.study.report.blocks import (
    Block,
    Cell,
    Code,
    Facts,
    Fold,
    Listing,
    Note,
    Row,
    Section,
    TableView,
)
from promptseg.evaluation.study.report.findings import Findings
from promptseg.evaluation.study.report.numbers import counted, seconds
from promptseg.evaluation.study.report.tabling import NOTHING
from promptseg.evaluation.study.report.wording import DEFINITIONS, policy_title, prompter_note, prompter_title

__all__ = ["method_section", "missing"]

_EXPERIMENTS = ("modes", "clicks", "noise", "location", "everything")
_PEER_EXPERIMENTS = ("modes", "clicks", "noise")
_FEW_IMAGES = 30


def method_section(findings: Findings, folder: Path) -> Section:
    """All that a reader needs to judge the figures, and to make them again.

    Args:
        findings: of the report.
        folder: of the study; its ``recipe.toml`` is shown where there is one.
    """
    prompters = [name for name in findings.table["prompter"].unique() if prompter_note(name)]
    definitions = [(name, text.format(groups=FEWEST_GROUPS)) for name, text in DEFINITIONS]
    how = [
        ("Metric", f"{findings.title}; empty masks: {findings.recipe.empty}"),
        ("Intervals", f"{findings.width}, {findings.settings.resamples:,} resamples, seed {findings.recipe.seed}"),
        (
            "Mask choice shown",
            "; ".join(f"{one.name}: {policy_title(one.policy)}" for one in findings.models)
            or "peers give one mask each",
        ),
    ]
    blocks: list[Block] = [
        Facts([*how, *findings.facts.items()], title="This run"),
        Listing(missing(findings), title="What is missing or weak"),
        _times(findings),
        Fold("What the words mean", [Facts(definitions)]),
        Fold("How prompts were made", [Facts([(prompter_title(name), prompter_note(name)) for name in prompters])]),
        Fold("Recipe", [Code(_recipe(findings, folder))]),
    ]
    lead = "Every figure on this page is computed from table.parquet beside it, which has one row for each evaluation."
    return Section("method", "Method", "How this was made", lead, blocks)


def missing(findings: Findings) -> list[str]:
    """What the study did not do or cannot say."""
    said = [
        "All prompts were made from the reference; no person clicked.",
        "The figures hold for these images, prompts and mask choices, and for no other clinic, machine or user.",
    ]
    done = set(findings.table["experiment"].unique())
    left_out = [name for name in _EXPERIMENTS if name not in done]
    if left_out:
        said.append(f"Experiments that were not done: {', '.join(left_out)}.")
    if not findings.peers:
        said.append("No trivial peer took part, so nothing is called useful.")
    for one in findings.entrants:
        took = set(findings.table.loc[findings.table["model"] == one.name, "experiment"].unique())
        absent = [name for name in (_PEER_EXPERIMENTS if one.peer else _EXPERIMENTS) if name in done - took]
        if absent:
            said.append(
                f"{one.name} took no part in: {', '.join(absent)} (not asked, or it does not understand such prompts)."
            )
    silent = [
        one.name
        for one in findings.models
        if findings.table.loc[findings.table["model"] == one.name, "predicted_score"].isna().all()
    ]
    if silent:
        said.append(f"No predicted score: {', '.join(silent)}.")
    images = findings.table.drop_duplicates(["task", "dataset", "image"]).groupby("task").size()
    few = [f"{task} ({images[task]})" for task in findings.tasks if images[task] < _FEW_IMAGES]
    if few:
        said.append(
            f"Tasks of fewer than {_FEW_IMAGES} images, whose intervals are wide or too narrow: {', '.join(few)}."
        )
    return said


def _times(findings: Findings) -> TableView:
    table = findings.table
    experiments = [name for name in _EXPERIMENTS if name in set(table["experiment"].unique())]
    lines = []
    for one in findings.entrants:
        rows = table[table["model"] == one.name]
        embedding = rows.drop_duplicates(["dataset", "image"])["embed_seconds"]
        cells = [
            Cell(f"{len(rows):,}", key=len(rows)),
            Cell(seconds(rows["seconds"].sum()), key=float(rows["seconds"].sum())),
            Cell(seconds(embedding.median()), key=float(embedding.median())),
        ]
        for name in experiments:
            times = rows.loc[rows["experiment"] == name, "seconds"]
            cells.append(Cell(seconds(times.median()), key=float(times.median())) if len(times) else NOTHING)
        lines.append(Row(one.name, cells, tone=one.tone))
    note = Note(
        n=f"{counted(len(table), 'evaluation')}",
        unit="evaluation (one mask for one object); embedding: image",
        prompts="oracle, made from the reference",
        choice="all",
        more="an evaluation's time is its share of the batch in which it ran, on this machine; medians but for the sum",
    )
    heads = ["evaluations", "sum", "embedding of an image", *(f"{name}, each" for name in experiments)]
    return TableView("Time", note, "model", heads, lines)


def _recipe(findings: Findings, folder: Path) -> str:
    path = folder / "recipe.toml"
    return path.read_text(encoding="utf-8") if path.is_file() else findings.recipe.model_dump_json(indent=2)
