"""Which images train, choose and test: the paper's own way, a group-safe split, and the curated data set."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from promptseg.data.samples import Sample
from promptseg.data.splits import LEFT_OUT, Split, SplitRow, check_no_leak
from promptseg.errors import DatasetError, ReadError
from promptseg.io.files import shown

__all__ = ["PROTOCOLS", "NearDuplicates", "Protocol", "ProtocolEntry", "make_protocol", "read_near_duplicates"]

NEAR_DUPLICATES: Final = "near_duplicates.csv"


@final
@dataclass(frozen=True)
class ProtocolEntry:
    """What is known of a protocol before the data are.

    Attributes:
        title: for people.
        note: what its figures mean, in a sentence.
        honest: whether training never sees what is tested.
    """

    title: str
    note: str
    honest: bool


PROTOCOLS: Final[dict[str, ProtocolEntry]] = {
    "literal": ProtocolEntry(
        "literal: train = test",
        "Trained and tested on the same images, all lesion images of the data set, as in the paper's notebook: these "
        "are resubstitution scores and say nothing of new images.",
        honest=False,
    ),
    "split": ProtocolEntry(
        "group-safe split",
        "Test images, and near-duplicates of them, were seen neither in training nor when settings were chosen.",
        honest=True,
    ),
    "curated": ProtocolEntry(
        "Curated BUSI",
        "The group-safe split without the images that Curated BUSI v1.0 (doi 10.5281/zenodo.19047974) removes as "
        "duplicates.",
        honest=True,
    ),
}
"""Protocols in the order of results."""


@final
@dataclass(frozen=True)
class Protocol:
    """The images of one protocol.

    Attributes:
        name: from :data:`PROTOCOLS`.
        split: with a row for each lesion image; what the protocol does not use is left out.
        test: the samples that are tested, in the order of the data set.
    """

    name: str
    split: Split
    test: tuple[Sample, ...]

    def count(self, part: str) -> int:
        """Images in a part."""
        return sum(row.part == part for row in self.split.rows)


@final
@dataclass(frozen=True)
class NearDuplicates:
    """What the file ``near_duplicates.csv`` beside BUSI tells of its images.

    Attributes:
        groups: of each image by name.
        curated: names of the images that Curated BUSI v1.0 keeps.
    """

    groups: Mapping[str, str]
    curated: frozenset[str]


def read_near_duplicates(data: Path) -> NearDuplicates | None:
    """The table in the folder of the data set or in the one above; None if neither has it.

    Raises:
        ReadError: the file lacks a column, or cannot be read.
    """
    path = next((place / NEAR_DUPLICATES for place in (data, data.parent) if (place / NEAR_DUPLICATES).is_file()), None)
    if path is None:
        return None
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
        return NearDuplicates(
            {row["image"]: row["group"] for row in rows},
            frozenset(row["image"] for row in rows if row["in_curated_busi_v1"].strip() == "1"),
        )
    except KeyError as error:
        raise ReadError(f"{shown(path)}: has no column {error.args[0]!r}") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{shown(path)}: cannot be read ({error})") from None


def make_protocol(
    name: str, samples: Sequence[Sample], given: Split, near_duplicates: NearDuplicates | None
) -> Protocol:
    """Deal out the lesion images.

    Args:
        name: from :data:`PROTOCOLS`.
        samples: the lesion images of the data set.
        given: with the parts train, validation and test; images that it does not hold are left out, except by
            ``literal``.
        near_duplicates: needed for ``curated``; for ``literal`` it names the groups of images not in ``given``.

    Raises:
        DatasetError: a part would be empty, or the curated images are not known.
        LeakError: near-duplicates stand in training and test.
    """
    if name == "curated" and near_duplicates is None:
        raise DatasetError(f"the protocol 'curated' needs {NEAR_DUPLICATES} beside the images; leave the protocol out")
    by_name = {(row.dataset, row.name): row for row in given.rows}
    groups = near_duplicates.groups if near_duplicates else {}
    rows = []
    for sample in samples:
        row = by_name.get((sample.dataset, sample.name))
        group = row.group if row else groups.get(sample.name, sample.name)
        part = "train" if name == "literal" else row.part if row else LEFT_OUT
        if name == "curated" and near_duplicates and sample.name not in near_duplicates.curated:
            part = LEFT_OUT
        rows.append(SplitRow(sample.dataset, sample.name, group, sample.stratum, part))
    split = Split(tuple(rows))
    if name == "literal":
        return Protocol(name, split, split.part("train", samples))
    missing = {"train", "validation", "test"} - set(split.parts)
    if missing:
        raise DatasetError(
            f"the protocol {name!r} has no image for {', '.join(sorted(missing))}: the split names other images than "
            "the data; give one of this data set (promptseg data split makes it)"
        )
    check_no_leak(split, samples=samples)
    return Protocol(name, split, split.part("test", samples))
