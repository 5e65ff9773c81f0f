"""What ``--tidy`` changes: oracle IoU of the default model with and without, on images that training never saw.

    python -m benchmarks.tidying --data DATA --part validation --output docs/results/tidying.md

Needs the data sets of ``recipes/default.toml`` below DATA. Clicks and boxes come from the reference masks (oracle).
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

import promptseg
from promptseg.geometry.tidying import tidy
from promptseg.metrics import iou, paired_difference
from promptseg.prompts import box_around, centre_click
from tools.default_model.data import read_part
from tools.default_model.evaluate import masks_of

PROMPTERS = {"1 click": centre_click, "tight box": box_around}


def scores(data: Path, split: Path, part: str) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """For each data set and prompter, (IoU as the model gave it, IoU tidied) of each object."""
    segmenter = promptseg.load()
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for record in read_part(data, split, part=part):
        embedding = segmenter.embed(record.image)
        for reference in masks_of(record):
            for name, prompter in PROMPTERS.items():
                prompts = prompter(reference)
                mask = segmenter.segment(embedding, prompts).mask
                found[record.dataset, name].append((iou(reference, mask), iou(reference, tidy(mask, prompts))))
    return found


def table(found: dict[tuple[str, str], list[tuple[float, float]]]) -> str:
    """Means and the paired difference with its 95 % bootstrap interval over objects."""
    lines = ["| data | prompt | objects | as it comes | tidied | difference |", "|---|---|---|---|---|---|"]
    for (dataset, name), pairs in sorted(found.items()):
        plain, tidied = np.array(pairs).T
        change = paired_difference(tidied, plain, rng=np.random.default_rng(0))
        interval = f"{change.mean:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
        lines.append(f"| {dataset} | {name} | {len(pairs)} | {plain.mean():.3f} | {tidied.mean():.3f} | {interval} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", type=Path, default=Path("recipes/default_split.csv"))
    parser.add_argument("--part", default="validation")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    page = table(scores(arguments.data, arguments.split, arguments.part))
    print(page)
    if arguments.output:
        command = f"python -m benchmarks.tidying --data DATA --part {arguments.part} --output {arguments.output}"
        words = (
            "Mean **oracle** IoU of the embedded default model (clicks and boxes come from the reference), as the\n"
            f"model gives the mask and after `--tidy`, on the part `{arguments.part}` of `recipes/default_split.csv`;\n"
            "the difference with its 95 % bootstrap interval over objects."
        )
        arguments.output.write_text(f"# Tidying masks\n\n{words}\n\n    {command}\n\n{page}")


if __name__ == "__main__":
    main()
