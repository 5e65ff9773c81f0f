"""From a data set to a split: who belongs together, who is dropped, and what shares were reached."""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, final

from promptseg._version import __version__
from promptseg.data.grouping import cross_stratum, group_names, read_columns, same_value_pairs, subject_pairs
from promptseg.data.near_duplicates import DuplicateRules, fingerprint_samples, near_duplicates
from promptseg.data.samples import Sample
from promptseg.data.sources.listing import natural
from promptseg.data.splits import LEFT_OUT, Split, SplitSettings, check_no_leak, make_split, split_digest, write_split
from promptseg.data.strata import object_shares, size_strata
from promptseg.errors import DatasetError, ValueRangeError
from promptseg.io.atomic import replacing
from promptseg.io.files import shown

__all__ = ["Condition", "Division", "DivisionPlan", "condition", "divide", "shares_reached", "write_division"]

_CONDITION: Final = re.compile(r"(?P<column>[^=!]+)(?P<sign>!?=)(?P<value>.*)", re.DOTALL)


@final
@dataclass(frozen=True)
class Condition:
    """What a row of a user's table must say for its image to be kept.

    Attributes:
        column: of the table.
        value: as text.
        equal: whether it must be that value, or must not.
    """

    column: str
    value: str
    equal: bool = True


@final
@dataclass(frozen=True)
class DivisionPlan:
    """How a data set is to be divided.

    Attributes:
        settings: shares, folds, seed.
        duplicates: when images count as near-duplicates; None not to look for them.
        by_size: keep small, medium and large objects in proportion too; masks are read for this.
        table: a CSV with a row for each image; its column ``group``, where it has one, joins images.
        keep: conditions on the table's columns, all of which an image must meet.
        drop_cross_class: leave out groups of several strata, such as one lesion called benign and malignant.
        one_per_group: keep the first image of each group alone.
    """

    settings: SplitSettings = field(default_factory=SplitSettings)
    duplicates: DuplicateRules | None = field(default_factory=DuplicateRules)
    by_size: bool = True
    table: Path | None = None
    keep: tuple[Condition, ...] = ()
    drop_cross_class: bool = False
    one_per_group: bool = False

    def __post_init__(self) -> None:
        if self.keep and self.table is None:
            raise ValueRangeError("conditions on columns need a table with these columns")


@final
@dataclass(frozen=True)
class Division:
    """A split and how it came about.

    Attributes:
        split: the rows.
        plan: what was asked for.
        left_out: for each reason, how many images were left out.
        pairs: how many pairs of near-duplicates were found.
    """

    split: Split
    plan: DivisionPlan
    left_out: Mapping[str, int]
    pairs: int


def condition(text: str) -> Condition:
    """``column=value`` or ``column!=value``.

    Raises:
        ValueRangeError: it is neither.
    """
    match = _CONDITION.fullmatch(text)
    if match is None:
        raise ValueRangeError(f"a condition must be column=value or column!=value, got {text!r}")
    return Condition(match["column"].strip(), match["value"].strip(), match["sign"] == "=")


def divide(samples: Sequence[Sample], plan: DivisionPlan) -> Division:
    """Group what belongs together, drop what is to be dropped, and divide the rest.

    Raises:
        DatasetError: the table does not fit, or there are too few groups for the parts.
        ReadError: an image cannot be read.
    """
    pairs = subject_pairs(samples)
    rows = [{}] * len(samples) if plan.table is None else read_columns(plan.table, samples)
    pairs += same_value_pairs(
        [
            (sample.dataset, row["group"]) if row.get("group") else None
            for sample, row in zip(samples, rows, strict=True)
        ]
    )
    alike = [] if plan.duplicates is None else near_duplicates(fingerprint_samples(samples), plan.duplicates)
    groups = group_names(samples, [*pairs, *((pair.first, pair.second) for pair in alike)])
    strata = [sample.stratum for sample in samples]
    dropped = _dropped(rows, groups, strata, plan)
    reached = size_strata(strata, object_shares(samples)) if plan.by_size else strata
    split = make_split(samples, groups, strata=reached, settings=plan.settings, left_out=dropped)
    check_no_leak(split, samples=samples)
    return Division(split, plan, dict(Counter(dropped.values())), len(alike))


def shares_reached(split: Split) -> dict[str, dict[str, int]]:
    """Images of each part: ``all``, and those of each class (its stratum without the size); training first."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in split.rows:
        counts[row.part].update(("all", row.stratum.partition("/")[0]))
    return {part: dict(counts[part]) for part in sorted(counts, key=_place)}


def write_division(division: Division, path: Path, *, source: Mapping[str, Any]) -> Path:
    """Write the split as CSV, and beside it, with the ending ``.json``, how it was made.

    Args:
        division: what to write.
        path: of the CSV.
        source: how the data set was opened (kind, options), for the record; no path of this machine.

    Returns:
        The path of the JSON.

    Raises:
        ValueRangeError: the CSV itself is called ``.json``.
        WriteError: one of them cannot be written.
    """
    record = path.with_suffix(".json")
    if record == path:
        raise ValueRangeError(f"{shown(path)}: the split is a CSV file; call it .csv, its record is called .json")
    plan = asdict(division.plan)
    plan["table"] = None if division.plan.table is None else division.plan.table.name
    facts = {
        "promptseg": __version__,
        "split": path.name,
        "sha256": split_digest(division.split),
        "source": dict(source),
        "plan": plan,
        "near_duplicate_pairs": division.pairs,
        "left_out": dict(division.left_out),
        "groups": len({row.group for row in division.split.rows}),
        "parts": shares_reached(division.split),
    }
    write_split(division.split, path)
    with replacing(record) as file:
        file.write((json.dumps(facts, indent=1, ensure_ascii=False) + "\n").encode("utf-8"))
    return record


def _place(part: str) -> tuple[int, tuple[tuple[int, int, str], ...]]:
    """Training first, what was left out last."""
    usual = ("train", "validation", "test")
    return usual.index(part) if part in usual else 9 if part == LEFT_OUT else 3, natural(part)


def _dropped(
    rows: Sequence[Mapping[str, str]], groups: Sequence[str], strata: Sequence[str], plan: DivisionPlan
) -> dict[int, str]:
    """Which images are dropped, and why."""
    dropped: dict[int, str] = {}
    for one in plan.keep:
        if not any(one.column in row for row in rows):
            raise DatasetError(f"{shown(plan.table or '')}: has no column {one.column!r} for --keep-where")
        for index, row in enumerate(rows):
            if (row.get(one.column) == one.value) != one.equal:
                dropped.setdefault(index, f"{one.column}{'=' if one.equal else '!='}{one.value} does not hold")
    if plan.drop_cross_class:
        mixed = set(cross_stratum(groups, strata))
        dropped.update({index: "group of several classes" for index, group in enumerate(groups) if group in mixed})
    if plan.one_per_group:
        taken: set[str] = set()
        for index, group in enumerate(groups):
            if index not in dropped:
                if group in taken:
                    dropped[index] = "another image of its group is kept"
                taken.add(group)
    return dropped
