"""Who trains and who tests: a table that travels with results, and that never separates what belongs together."""

import csv
import hashlib
import io
import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from promptseg.data.numbers import check_number, check_whole
from promptseg.data.samples import Sample
from promptseg.errors import DatasetError, LeakError, ReadError, ValueRangeError
from promptseg.io.atomic import replacing
from promptseg.io.files import existing, one_line, reason, shown

__all__ = [
    "LEFT_OUT",
    "Split",
    "SplitRow",
    "SplitSettings",
    "check_no_leak",
    "fold_split",
    "make_split",
    "read_split",
    "split_digest",
    "write_split",
]

LEFT_OUT: Final = "left-out"
"""The part of images that were dropped on purpose; they stand in the file so that everybody sees which."""

COLUMNS: Final = ("dataset", "name", "group", "stratum", "part")
_SHOWN: Final = 3
_ENCODING: Final = "utf-8"


@final
@dataclass(frozen=True)
class SplitRow:
    """One image of a split.

    Attributes:
        dataset: name of its data set.
        name: of the image in it.
        group: what must stay together has one group, across data sets.
        stratum: what the split keeps in proportion, or "".
        part: ``train``, ``validation``, ``test``, ``fold-1``, ..., or :data:`LEFT_OUT`.
    """

    dataset: str
    name: str
    group: str
    stratum: str
    part: str


@final
@dataclass(frozen=True)
class Split:
    """Which image is in which part; each image once.

    Attributes:
        rows: one for each image.

    Raises:
        DatasetError: an image stands there twice.
    """

    rows: tuple[SplitRow, ...]

    def __post_init__(self) -> None:
        counts = Counter((row.dataset, row.name) for row in self.rows)
        twice = [f"{dataset} {name}" for (dataset, name), count in counts.items() if count > 1]
        if twice:
            raise DatasetError(f"a split has each image once, but {_some(twice)} stand there several times")

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of the parts in order of their first row, without :data:`LEFT_OUT`."""
        return tuple(dict.fromkeys(row.part for row in self.rows if row.part != LEFT_OUT))

    @cached_property
    def _row_of(self) -> dict[tuple[str, str], SplitRow]:
        return {(row.dataset, row.name): row for row in self.rows}

    def part(self, part: str, samples: Iterable[Sample]) -> tuple[Sample, ...]:
        """Those of the samples that are in a part, in their order.

        The split may hold further data sets of which there is no sample, and samples that it does not hold are in no
        part. But of a data set that has samples, each image that the part names must be there.

        Raises:
            DatasetError: there is no such part, an image of it is missing, or nothing is left.
        """
        if part not in self.parts:
            raise DatasetError(f"the split has no part {part!r}; it has {', '.join(self.parts) or 'none'}")
        available = {(sample.dataset, sample.name): sample for sample in samples}
        datasets = {dataset for dataset, _ in available}
        wanted = {key for key, row in self._row_of.items() if row.part == part and row.dataset in datasets}
        missing = [f"{dataset} {name}" for dataset, name in self._row_of if (dataset, name) in wanted - set(available)]
        if missing:
            raise DatasetError(
                f"{len(missing)} of {len(wanted)} images of the part {part!r} are not in the data: {_some(missing)}; "
                "complete the data set, or make a split of what is there"
            )
        if not wanted:
            known = sorted({row.dataset for row in self.rows})
            raise DatasetError(
                f"the part {part!r} holds no image of {', '.join(sorted(datasets)) or 'no data set'}; the split is of "
                f"{', '.join(known)}"
            )
        return tuple(sample for key, sample in available.items() if key in wanted)

    def group_of(self, sample: Sample) -> str:
        """The group of a sample.

        Raises:
            DatasetError: the split does not hold it.
        """
        row = self._row_of.get((sample.dataset, sample.name))
        if row is None:
            raise DatasetError(f"the split does not hold {sample.dataset} {sample.name}")
        return row.group


@final
@dataclass(frozen=True)
class SplitSettings:
    """How to divide.

    Attributes:
        test: share of the images for testing.
        validation: share of the images for choosing among checkpoints; the rest is for training.
        folds: divide what does not test into that many equal parts ``fold-1``, ... instead; 0 for no folds.
        seed: another one gives another split.
    """

    test: float = 0.2
    validation: float = 0.1
    folds: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        check_number(self.test, "test", least=0, below=1)
        check_number(self.validation, "validation", least=0, below=1)
        if self.test + self.validation >= 1:
            raise ValueRangeError(f"test and validation must leave something, got {self.test + self.validation:g}")
        check_whole(self.folds, "folds", least=0)
        check_whole(self.seed, "seed", least=0)
        if self.folds == 1:
            raise ValueRangeError("folds must be 0 for none, or a whole number from 2, got 1")

    def shares(self) -> dict[str, float]:
        """The parts and their shares, which sum to 1; parts of share 0 are left out."""
        if self.folds:
            rest = (1 - self.test) / self.folds
            shares = {**{f"fold-{number}": rest for number in range(1, self.folds + 1)}, "test": self.test}
        else:
            shares = {"train": 1 - self.test - self.validation, "validation": self.validation, "test": self.test}
        return {part: share for part, share in shares.items() if share > 0}


def make_split(
    samples: Sequence[Sample],
    groups: Sequence[str],
    *,
    strata: Sequence[str] | None = None,
    settings: SplitSettings | None = None,
    left_out: Mapping[int, str] | Collection[int] = (),
) -> Split:
    """Divide samples so that no group is divided and each stratum has about the wanted shares in each part.

    Groups are taken one after the other, the largest first and equal ones in random order, each to the part in which
    the sum over strata and parts of (images - wanted)² / wanted grows least; no part stays empty. Same input, same
    split, on any machine.

    Args:
        samples: all images.
        groups: the group of each.
        strata: what to keep in proportion, for each; by default the samples' own.
        settings: shares, folds and seed.
        left_out: indices of samples to drop; they stand in the split as :data:`LEFT_OUT`.

    Raises:
        DatasetError: there are fewer groups than parts.
        ValueRangeError: the sequences differ in length.
    """
    settings = settings or SplitSettings()
    strata = [sample.stratum for sample in samples] if strata is None else strata
    if not len(samples) == len(groups) == len(strata):
        raise ValueRangeError(
            f"samples, groups and strata must be of one length, got {len(samples)}, {len(groups)} and {len(strata)}"
        )
    kept = [index for index in range(len(samples)) if index not in left_out]
    shares = settings.shares()
    members: dict[str, list[int]] = defaultdict(list)
    for index in kept:
        members[groups[index]].append(index)
    if len(members) < len(shares):
        raise DatasetError(f"{len(members)} groups cannot fill {len(shares)} parts ({', '.join(shares)})")
    assigned = _assigned(members, strata, shares, settings.seed)
    rows = tuple(
        SplitRow(sample.dataset, sample.name, group, stratum, LEFT_OUT if index in left_out else assigned[group])
        for index, (sample, group, stratum) in enumerate(zip(samples, groups, strata, strict=True))
    )
    return Split(rows)


def fold_split(split: Split, fold: int) -> Split:
    """One run of a cross-validation: ``fold-N`` tests, the next fold (after the last the first) validates.

    Args:
        split: with the parts ``fold-1``, ...; a part ``test`` is left out, it stays unseen.
        fold: from 1.

    Raises:
        DatasetError: there is no such fold, or there are fewer than two.
    """
    folds = sorted({part for part in split.parts if part.startswith("fold-")}, key=lambda part: int(part[5:]))
    if f"fold-{fold}" not in folds or len(folds) < 2:
        raise DatasetError(f"the split has no fold {fold!r} among two or more; it has {', '.join(split.parts)}")
    after = folds[(folds.index(f"fold-{fold}") + 1) % len(folds)]
    names = {f"fold-{fold}": "test", after: "validation" if len(folds) > 2 else "train", "test": LEFT_OUT}
    return Split(
        tuple(replace(row, part=names.get(row.part, "train" if row.part in folds else row.part)) for row in split.rows)
    )


def check_no_leak(
    split: Split,
    *,
    train: str | Collection[str] = ("train", "validation"),
    test: str | Collection[str] = ("test",),
    samples: Iterable[Sample] = (),
) -> None:
    """Refuse a split in which a group, or a subject of ``samples``, stands in training and in test.

    Args:
        split: to check.
        train: parts that are learned from or chosen by.
        test: parts that are reported.
        samples: where given, their subjects count as groups too.

    Raises:
        LeakError: names the first groups.
    """
    train, test = ({parts} if isinstance(parts, str) else set(parts) for parts in (train, test))
    parts_of: dict[str, set[str]] = defaultdict(set)
    for row in split.rows:
        parts_of[f"group {row.group}"].add(row.part)
    part_of = {(row.dataset, row.name): row.part for row in split.rows}
    for sample in samples:
        if sample.subject is not None and (sample.dataset, sample.name) in part_of:
            parts_of[f"subject {sample.dataset} {sample.subject}"].add(part_of[sample.dataset, sample.name])
    leaking = [group for group, parts in parts_of.items() if parts & train and parts & test]
    if leaking:
        raise LeakError(
            f"train and test share {len(leaking)} groups of near-duplicates or subjects: {_some(leaking)}; make a "
            "split that keeps groups together (promptseg data split)"
        )


def read_split(path: str | os.PathLike[str]) -> Split:
    """Read a CSV with the columns dataset, name, group and part, and maybe stratum; others are passed over.

    Raises:
        DatasetError: a column is missing, a value is empty, there is no row, or an image stands there twice.
        ReadError: it cannot be read, or is no text.
    """
    place = existing(path)
    try:
        with place.open(newline="", encoding=_ENCODING + "-sig") as file:
            reader = csv.DictReader(file)
            columns = reader.fieldnames or []
            missing = [name for name in COLUMNS if name not in columns and name != "stratum"]
            if missing:
                raise DatasetError(f"{shown(place)}: is no split; the columns {', '.join(missing)} are missing")
            rows = tuple(SplitRow(*(row.get(name) or "" for name in COLUMNS)) for row in reader if any(row.values()))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{shown(place)}: is no CSV in UTF-8 ({one_line(error)})") from None
    except OSError as error:
        raise ReadError(f"{shown(place)}: cannot be read ({reason(error)})") from None
    bare = [number for number, row in enumerate(rows, 2) if not (row.dataset and row.name and row.group and row.part)]
    if not rows:
        raise DatasetError(f"{shown(place)}: holds no row")
    if bare:
        raise DatasetError(f"{shown(place)}: line {bare[0]} lacks a dataset, name, group or part")
    return Split(rows)


def write_split(split: Split, path: str | os.PathLike[str]) -> None:
    """Write a split as CSV in UTF-8: dataset, name, group, stratum, part. The same split gives the same bytes.

    Raises:
        WriteError: it cannot be written; what was there is untouched.
    """
    with replacing(path) as file:
        file.write(_csv(split))


def split_digest(split: Split) -> str:
    """SHA-256 of what :func:`write_split` writes, to tell whether two runs had the same split."""
    return hashlib.sha256(_csv(split)).hexdigest()


def _csv(split: Split) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows((row.dataset, row.name, row.group, row.stratum, row.part) for row in split.rows)
    return text.getvalue().encode(_ENCODING)


def _assigned(
    members: Mapping[str, Sequence[int]], strata: Sequence[str], shares: Mapping[str, float], seed: int
) -> dict[str, str]:
    """The part of each group."""
    number = {stratum: i for i, stratum in enumerate(sorted(set(strata)))}
    counts: dict[str, NDArray[np.float64]] = {}
    for group, indices in members.items():
        counts[group] = np.bincount([number[strata[index]] for index in indices], minlength=len(number)).astype(float)
    total = np.sum(list(counts.values()), axis=0)
    wanted = np.outer(list(shares.values()), np.maximum(total, 1e-9))
    filled = np.zeros_like(wanted)
    order = sorted(members)
    order = [order[place] for place in np.random.default_rng(seed).permutation(len(order))]
    order.sort(key=lambda group: -len(members[group]))
    names = list(shares)
    assigned: dict[str, str] = {}
    for place, group in enumerate(order):
        added = counts[group]
        growth = (((filled + added - wanted) ** 2 - (filled - wanted) ** 2) / wanted).sum(axis=1)
        empty = filled.sum(axis=1) == 0
        if len(order) - place <= np.count_nonzero(empty):
            growth[~empty] = np.inf  # as many groups are left as parts are empty
        part = int(np.argmin(growth))
        filled[part] += added
        assigned[group] = names[part]
    return assigned


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(shown(name) for name in names[:_SHOWN]) + more
