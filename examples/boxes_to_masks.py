"""A folder of images and a table of boxes to a folder of masks, one label for each box.

    python examples/boxes_to_masks.py IMAGES boxes.csv MASKS [--model NAME|FILE] [--cache FOLDER]

The table has the columns ``file,x0,y0,x1,y1``, in pixels of each image, and a row for each object. Embeddings are kept
in the folder ``--cache``, so that a second run with other boxes is quick. A file that cannot be read is named and
passed over; the exit status is then 1.
"""

import argparse
import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

import promptseg
from promptseg import Box, Prompts, PromptsegError, Segmenter
from promptseg.models import CachedSegmenter


def boxes_by_file(table: Path) -> dict[str, list[Box]]:
    """The rows of the table, grouped by file, in their order."""
    boxes: dict[str, list[Box]] = defaultdict(list)
    with table.open(newline="", encoding="utf-8") as rows:
        for row in csv.DictReader(rows):
            boxes[row["file"]].append(Box(*(float(row[name]) for name in ("x0", "y0", "x1", "y1"))))
    return boxes


def write_mask(segmenter: Segmenter, source: Path, boxes: list[Box], output: Path) -> None:
    """Segment all boxes of an image in one pass; where objects overlap, the later one is on top."""
    image = promptseg.read(source)
    if not isinstance(image, promptseg.Image):
        raise promptseg.PromptsegError(f"{source} has several frames or slices; this example takes single images")
    objects = segmenter.segment(segmenter.embed(image), [Prompts(boxes=[box]) for box in boxes])
    labels = np.zeros(image.size, dtype=np.uint8)
    for label, candidates in enumerate(objects, start=1):
        labels[candidates.mask] = label
    promptseg.write(labels, output, like=image)


def main() -> int:
    """Do all files of the table; 1 where one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("masks", type=Path)
    parser.add_argument("--model", default="default")
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    segmenter = CachedSegmenter(promptseg.load(arguments.model), folder=arguments.cache)
    arguments.masks.mkdir(parents=True, exist_ok=True)
    failed = 0
    for file, boxes in boxes_by_file(arguments.table).items():
        try:
            write_mask(segmenter, arguments.images / file, boxes, arguments.masks / f"{Path(file).stem}.png")
        except PromptsegError as error:
            print(f"{file}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
