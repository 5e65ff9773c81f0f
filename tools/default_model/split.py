"""Divide the images into training, validation and test parts without near-duplicates across test and the rest.

Run: python -m tools.default_model.split --data DATA --output recipes/default_split.csv
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from promptseg.data.grouping import joined
from tools.default_model.sources import READERS, Record

THRESHOLD = 0.93
TEST_SHARE = {"busi": 129 / 518, "usgra": 0.2, "dsb2018": 0.2, "liver_ct": 0.2, "sunnybrook": 0.3}
VALIDATION_SHARE = {"busi": 0.06, "usgra": 0.05, "dsb2018": 0.05, "liver_ct": 0.05, "sunnybrook": 0.0}


def thumbnail(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """64 x 64 thumbnail with mean 0 and norm 1, flat: the dot product of two is their correlation."""
    small = Image.fromarray(image).resize((64, 64), Image.Resampling.BOX)
    values = np.asarray(small, dtype=np.float64).ravel()
    values = values - values.mean()
    return np.asarray(values / max(float(np.linalg.norm(values)), 1e-9))


def known_pairs(records: list[Record], data: Path) -> list[tuple[int, int]]:
    """Pairs that belong together for a known reason: BUSI's duplicate table, patients of liver_ct and sunnybrook."""
    groups = {}
    with (data / "busi" / "near_duplicates.csv").open() as file:
        for row in csv.DictReader(file):
            groups[row["image"]] = row["group"]
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for i, record in enumerate(records):
        if record.dataset == "busi":
            members["busi", groups.get(record.name, record.name)].append(i)
        elif record.dataset in ("liver_ct", "sunnybrook"):
            members[record.dataset, record.name.split("_")[0]].append(i)
    return [(m[0], other) for m in members.values() for other in m[1:]]


def similar_pairs(records: list[Record]) -> list[tuple[int, int]]:
    """Pairs of one data set whose thumbnails correlate by `THRESHOLD` or more."""
    thumbnails = np.stack([thumbnail(r.image) for r in records])
    close = np.triu(thumbnails @ thumbnails.T >= THRESHOLD, 1)
    rows, columns = np.nonzero(close)
    return [
        (int(i), int(j))
        for i, j in zip(rows, columns, strict=True)
        if records[i].dataset == records[j].dataset and records[i].dataset in ("busi", "usgra", "dsb2018")
    ]


def assign_parts(records: list[Record], groups: list[int], rng: np.random.Generator) -> list[str]:
    """Give whole groups to test and validation until their shares are full, the rest to training.

    Groups are drawn at random, except that groups of more than a tenth of a data set always train.
    """
    parts = ["train"] * len(records)
    for dataset in READERS:
        chosen = [i for i, r in enumerate(records) if r.dataset == dataset]
        members: dict[int, list[int]] = defaultdict(list)
        for i in chosen:
            members[groups[i]].append(i)
        order = [g for g in members if len(members[g]) <= 0.1 * len(chosen) or dataset == "sunnybrook"]
        rng.shuffle(order)
        for part, share in (("test", TEST_SHARE[dataset]), ("validation", VALIDATION_SHARE[dataset])):
            wanted, filled = round(share * len(chosen)), 0
            while order and filled < wanted:
                group = order.pop()
                for i in members[group]:
                    parts[i] = part
                filled += len(members[group])
    return parts


def main() -> None:
    """Write the split as a CSV file: dataset, name, group, part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=2024)
    options = parser.parse_args()
    records = [record for reader in READERS.values() for record in reader(options.data)]
    groups = joined(len(records), known_pairs(records, options.data) + similar_pairs(records))
    parts = assign_parts(records, groups, np.random.default_rng(options.seed))
    with options.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("dataset", "name", "group", "part"))
        for record, group, part in zip(records, groups, parts, strict=True):
            writer.writerow((record.dataset, record.name, f"{record.dataset}:{records[group].name}", part))
    for dataset in READERS:
        row = [parts[i] for i, r in enumerate(records) if r.dataset == dataset]
        print(dataset, {part: row.count(part) for part in ("train", "validation", "test")})


if __name__ == "__main__":
    main()
