"""Which images must stay together: near-duplicates, images of one subject, and groups that somebody knows."""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from promptseg.data.samples import Sample
from promptseg.errors import DatasetError, ReadError
from promptseg.io.files import existing, one_line, reason, shown

__all__ = ["cross_stratum", "group_names", "joined", "read_columns", "same_value_pairs", "subject_pairs"]


def joined(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """Number the connected groups of ``count`` items; a group has the index of its first member.

    >>> joined(5, [(1, 4), (4, 2)])
    [0, 1, 1, 3, 1]
    """
    parent = list(range(count))

    def root(item: int) -> int:
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    for first, second in pairs:
        low, high = sorted((root(first), root(second)))
        parent[high] = low
    return [root(item) for item in range(count)]


def group_names(samples: Sequence[Sample], pairs: Iterable[tuple[int, int]]) -> list[str]:
    """The group of each sample, called by data set and name of its first member, such as ``busi:benign (10)``."""
    return [f"{samples[first].dataset}:{samples[first].name}" for first in joined(len(samples), pairs)]


def subject_pairs(samples: Sequence[Sample]) -> list[tuple[int, int]]:
    """Pairs that join all images of each subject of each data set."""
    return same_value_pairs(
        [None if sample.subject is None else (sample.dataset, sample.subject) for sample in samples]
    )


def same_value_pairs(values: Sequence[object]) -> list[tuple[int, int]]:
    """Pairs that join all items of each value; None is no value.

    >>> same_value_pairs(["a", None, "a", "a", None])
    [(0, 2), (0, 3)]
    """
    members: dict[object, list[int]] = defaultdict(list)
    for index, value in enumerate(values):
        if value is not None:
            members[value].append(index)
    return [(indices[0], other) for indices in members.values() for other in indices[1:]]


def cross_stratum(groups: Sequence[str], strata: Sequence[str]) -> list[str]:
    """Groups whose members are of several strata, such as benign and malignant, in order of their first member."""
    found: dict[str, set[str]] = defaultdict(set)
    for group, stratum in zip(groups, strata, strict=True):
        found[group].add(stratum)
    return [group for group, of in found.items() if len(of) > 1]


def read_columns(path: str | os.PathLike[str], samples: Sequence[Sample]) -> list[Mapping[str, str]]:
    """What a user's CSV says of each sample: its row, or an empty one.

    A row is of the sample whose name stands in the column ``name`` or ``image``, and whose data set stands in the
    column ``dataset`` if there is one.

    Raises:
        DatasetError: neither column is there, a sample has two rows, or no row is of any sample.
        ReadError: it cannot be read, or is no text.
    """
    place = existing(path)
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            columns = list(reader.fieldnames or [])
            key = next((name for name in ("name", "image") if name in columns), None)
            if key is None:
                raise DatasetError(f"{shown(place)}: has no column name or image; it has {', '.join(columns)}")
            rows = [{name: value or "" for name, value in row.items() if name} for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ReadError(f"{shown(place)}: is no CSV in UTF-8 ({one_line(error)})") from None
    except OSError as error:
        raise ReadError(f"{shown(place)}: cannot be read ({reason(error)})") from None
    keys = [(row.get("dataset", ""), row[key]) for row in rows]
    twice = [name for (_, name), count in Counter(keys).items() if count > 1]
    if twice:
        raise DatasetError(f"{shown(place)}: {shown(twice[0])} has several rows")
    by_key = dict(zip(keys, rows, strict=True))
    found: list[Mapping[str, str]] = [
        by_key.get((sample.dataset if "dataset" in columns else "", sample.name), {}) for sample in samples
    ]
    if not any(found):
        raise DatasetError(f"{shown(place)}: none of its {len(rows)} rows is of an image of the data set")
    return found
