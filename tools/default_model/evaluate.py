"""Measure a weights file on held-out images with prompts made from the reference (oracle prompts).

Run: python -m tools.default_model.evaluate --weights FILE --recipe recipes/default.toml --data DATA --part test
     --output rows.csv
Writes one row for each (image, object, prompter, step); tools.default_model.report makes the tables.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from promptseg.geometry.tidying import inside_boxes
from promptseg.models.compact import CompactNet
from promptseg.prompts.correction import next_click
from promptseg.types import Point
from tools.default_model.data import read_part, simulate
from tools.default_model.oracle_prompts import clicksam_clicks, ellipse, jittered, tight
from tools.default_model.recipe import read_recipe
from tools.default_model.sources import Record, read_grey, read_mask
from tools.default_model.subject import Answer, Subject, load_weights

BoolMask = npt.NDArray[np.bool_]
CLICKS = {"single": 20, "best-score": 9, "best-score-then-single": 9}
OBJECTS_OF_AN_IMAGE = 6
WHOLE = ("busi", "liver_ct", "sunnybrook", "hippocampus", "chasedb1", "phantoms")
PHANTOMS = 60
CHAINS = tuple(CLICKS)


@dataclasses.dataclass(frozen=True)
class Row:
    """IoU of one mask. `policy` names the mask taken; `score` is the network's own prediction of the IoU."""

    dataset: str
    name: str
    group: str
    object: int
    prompter: str
    step: int
    policy: str
    iou: float
    score: float


def overlap(reference: BoolMask, mask: BoolMask) -> float:
    """IoU of two masks; the reference is not empty."""
    return float((reference & mask).sum() / (reference | mask).sum())


def masks_of(record: Record) -> list[BoolMask]:
    """The reference masks to test: the whole object where a data set has one, else single parts, the first few."""
    objects = [record.objects[0]] if record.dataset in WHOLE else [o for o in record.objects if len(o) == 1]
    masks = [np.isin(record.labels, labels) for labels in objects]
    return [mask for mask in masks if mask.sum() >= 30][:OBJECTS_OF_AN_IMAGE]


def read_hippocampus(data: Path) -> Iterator[Record]:
    """The slice with the largest hippocampus of each volume: a data set that training never saw."""
    import nibabel

    for path in sorted((data / "msd_hippocampus" / "images").glob("*.nii.gz")):
        volume = np.asarray(nibabel.load(path).dataobj, dtype=np.float32)
        labels = np.asarray(nibabel.load(data / "msd_hippocampus" / "labels" / path.name).dataobj) > 0
        z = int(labels.sum(axis=(0, 1)).argmax())
        low, high = np.percentile(volume, (0.5, 99.5))
        image = (np.clip((volume[:, :, z] - low) / max(high - low, 1e-6), 0.0, 1.0) * 255.0).astype(np.uint8)
        yield Record("hippocampus", path.name.split(".")[0], image, labels[:, :, z].astype(np.int16), ((1,),))


def read_chasedb1(data: Path) -> Iterator[Record]:
    """The vessels of each retina, the whole tree as one object: another data set that training never saw."""
    for path in sorted((data / "chasedb1" / "images").glob("*.*")):
        [mask_path] = (data / "chasedb1" / "masks").glob(f"{path.stem}*")
        yield Record("chasedb1", path.stem, read_grey(path), read_mask(mask_path), ((1,),))


def answers(prompter: str, step: int, answer: Answer, reference: BoolMask) -> list[tuple[str, int, str, float, float]]:
    """The single mask, the best-scored alternative and the best alternative by the reference."""
    ious = [overlap(reference, mask) for mask in answer.masks]
    best, oracle = answer.best, int(np.argmax(ious[1:])) + 1
    return [
        (prompter, step, policy, ious[i], float(answer.scores[i]))
        for policy, i in (("single", 0), ("best-score", best), ("oracle-of-3", oracle))
    ]


def click_chain(subject: Subject, reference: BoolMask, chain: str) -> list[tuple[str, int, str, float, float]]:
    """Simulated clicks; the mask that a policy shows is the one that is corrected and fed back."""
    rows, points = [], list[Point]()
    shown, previous = np.zeros_like(reference), None
    for step in range(1, CLICKS[chain] + 1):
        point = next_click(reference, shown, clicked=points)
        if point is not None:
            points.append(point)
        answer = subject.segment(points=points, previous=previous)
        single = chain == "single" or (chain == "best-score-then-single" and step > 1)
        index = 0 if single else answer.best
        shown, previous = answer.masks[index], answer.logits[index]
        rows.append((f"clicks:{chain}", step, chain, overlap(reference, shown), float(answer.scores[index])))
    return rows


def prompted(
    subject: Subject, reference: BoolMask, rng: np.random.Generator
) -> list[tuple[str, int, str, float, float]]:
    """All prompters on one object."""
    size = (reference.shape[0], reference.shape[1])
    first = next_click(reference, np.zeros_like(reference))
    clicked = [first] if first is not None else []
    answer = subject.segment(points=clicked)
    rows = answers("click", 1, answer, reference)
    bare = subject.segment(previous=answer.logits[0])
    rows += answers("mask-only", 1, bare, reference)[:1]
    for name, box in (("box", tight(reference)), ("jittered-box", jittered(tight(reference), size, rng))):
        answer = subject.segment(box=box)
        rows += answers(name, 1, answer, reference)
        confined = answer.masks[0] & inside_boxes([box], size)
        rows.append((name, 1, "single-exact-box", overlap(reference, confined), float(answer.scores[0])))
        rows.append((name, 1, "ellipse", overlap(reference, ellipse(box, size)), float("nan")))
    answer = subject.segment(points=clicked)
    clicks = clicksam_clicks(reference, answer.masks[0], rng)
    for name, feedback in (("clicksam", None), ("clicksam-feedback", answer.logits[0])):
        second = subject.segment(points=clicks, previous=feedback) if clicks else answer
        rows += answers(name, 1, second, reference)[:2]
    for chain in CHAINS:
        rows += click_chain(subject, reference, chain)
    return rows


def main() -> None:
    """Evaluate and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--part", choices=("train", "validation", "test"), required=True)
    parser.add_argument("--only", default=None, help="one data set")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    recipe = read_recipe(options.recipe)
    net, _ = load_weights(options.weights)
    records = read_part(options.data, recipe.split, part=options.part)
    records += simulate(PHANTOMS, longest_px=384, seed=(recipe.seed, 77 if options.part == "test" else 78))
    if options.part == "test":
        records += [*read_hippocampus(options.data), *read_chasedb1(options.data)]
    with recipe.split.open() as file:
        groups = {(row["dataset"], row["name"]): row["group"] for row in csv.DictReader(file)}
    with options.output.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in dataclasses.fields(Row)])
        for record in records:
            if options.only in (None, record.dataset):
                writer.writerows(dataclasses.astuple(row) for row in measure(net, record, groups))


def measure(net: CompactNet, record: Record, groups: dict[tuple[str, str], str]) -> Iterator[Row]:
    """All rows of one image; the noise of its prompts follows from its name."""
    rng = np.random.default_rng(zlib.crc32(f"{record.dataset}/{record.name}".encode()))
    subject = Subject(net, record.image)
    group = groups.get((record.dataset, record.name), record.name)
    for number, reference in enumerate(masks_of(record)):
        for prompter, step, policy, iou, score in prompted(subject, reference, rng):
            yield Row(record.dataset, record.name, group, number, prompter, step, policy, iou, score)


if __name__ == "__main__":
    main()
