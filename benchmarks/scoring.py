"""Scoring of many mask files: promptseg beside the few lines that one would write without it, on the same files.

    python benchmarks/scoring.py [--pairs 1000] [--side 512] [--rounds 3]

The plain version reads with Pillow, computes Dice and IoU with numpy, and HD95 with binary erosion and a distance
transform of the whole picture (scipy). Both run in this process, in turns; the best round counts, and the scores must
agree. Needs no data: pairs of random ellipses are written to a temporary folder.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image as Picture
from scipy import ndimage

from promptseg.evaluation.pairing import pair_files
from promptseg.evaluation.scoring import ScoreSettings, score_files

METRICS = {"dice, iou": ("dice", "iou"), "dice, iou, hd95": ("dice", "iou", "hd95")}


def write_pairs(folder: Path, count: int, side: int) -> None:
    """Ellipses of 4 to 25 % of the side as half axes, and the same moved and scaled."""
    rng = np.random.default_rng(0)
    rows, columns = np.indices((side, side))
    for name in ("references", "predictions"):
        (folder / name).mkdir()
    for number in range(count):
        centre, axes = rng.uniform(0.3, 0.7, 2) * side, rng.uniform(0.04, 0.25, 2) * side
        for name in ("references", "predictions"):
            inside = ((rows - centre[0]) / axes[0]) ** 2 + ((columns - centre[1]) / axes[1]) ** 2 <= 1
            Picture.fromarray(inside.astype(np.uint8) * 255).save(folder / name / f"{number:05d}.png")
            centre, axes = centre + rng.normal(0, 0.01, 2) * side, axes * rng.uniform(0.9, 1.1, 2)


def plain_hd95(reference: np.ndarray, prediction: np.ndarray) -> float:
    """The larger directed 95th percentile, with distances of the whole picture."""
    edges = [mask & ~ndimage.binary_erosion(mask) for mask in (reference, prediction)]
    forth = ndimage.distance_transform_edt(~edges[1])[edges[0]]
    back = ndimage.distance_transform_edt(~edges[0])[edges[1]]
    return float(max(np.percentile(forth, 95), np.percentile(back, 95)))


def plain(folder: Path, metrics: tuple[str, ...]) -> list[list[float]]:
    """Rows of scores, as a script of a dozen lines computes them."""
    rows = []
    for path in sorted((folder / "references").iterdir()):
        reference = np.array(Picture.open(path)) > 0
        prediction = np.array(Picture.open(folder / "predictions" / path.name)) > 0
        shared = (reference & prediction).sum()
        scores = {
            "dice": 2 * shared / (reference.sum() + prediction.sum()),
            "iou": shared / (reference | prediction).sum(),
        }
        if "hd95" in metrics:
            scores["hd95"] = plain_hd95(reference, prediction)
        rows.append([float(scores[name]) for name in metrics])
    return rows


def ours(folder: Path, metrics: tuple[str, ...]) -> list[list[float]]:
    """Rows of scores by promptseg."""
    scores = score_files(pair_files(folder / "references", folder / "predictions"), ScoreSettings(metrics=metrics))
    return [list(row.scores.values()) for row in scores.rows]


def cpu_seconds(function: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    start = time.process_time()
    function()
    return time.process_time() - start


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description="Scoring of mask files: promptseg beside a plain script.")
    for name, default in (("pairs", 1000), ("side", 512), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args()
    print(
        f"{options.pairs} pairs of {options.side} x {options.side} PNG; CPU seconds, best of {options.rounds} rounds\n"
    )
    print("| metrics | plain | promptseg | plain / promptseg |")
    print("|---|---|---|---|")
    with TemporaryDirectory() as place:
        folder = Path(place)
        write_pairs(folder, options.pairs, options.side)
        for title, metrics in METRICS.items():
            np.testing.assert_allclose(ours(folder, metrics), plain(folder, metrics))
            rounds = [
                [cpu_seconds(lambda way=way, metrics=metrics: way(folder, metrics)) for way in (plain, ours)]
                for _ in range(options.rounds)
            ]
            theirs, mine = np.min(rounds, axis=0)
            print(f"| {title} | {theirs:.2f} | {mine:.2f} | {theirs / mine:.1f} |")


if __name__ == "__main__":
    main()
