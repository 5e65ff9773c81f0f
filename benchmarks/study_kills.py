"""A study that is killed at ten random moments and resumed, beside one that was not: are the tables the same?

Run: python -m benchmarks.study_kills [--kills 10] [--images 24] [--workers 2]
The embedded default on simulated ultrasound, by the command line as a user would; SIGKILL to all its processes.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image as Pillow

from promptseg.data.phantoms import ultrasound_phantom
from promptseg.evaluation.study.rows import KEY, TIMES

RECIPE = """
name = "killed"
[[data]]
name = "phantoms"
path = "data"
source = "folder"
options = { labels = ["lesion"] }
[[model]]
name = "default"
[peers]
names = ["ellipse"]
[experiments.modes]
[experiments.clicks]
[experiments.location]
places = 10
[statistics]
resamples = 200
"""
PROGRAM = "from promptseg.cli.main import run\nif __name__ == '__main__':\n    run()\n"


def write_inputs(folder: Path, images: int) -> None:
    """Phantoms, a recipe, and a program that is the command line."""
    for kind in ("images", "masks"):
        (folder / "data" / kind).mkdir(parents=True)
    for number in range(images):
        phantom = ultrasound_phantom(np.random.default_rng(number), size=(240, 320))
        Pillow.fromarray(phantom.image).save(folder / "data" / "images" / f"{number:03d}.png")
        Pillow.fromarray(phantom.mask).save(folder / "data" / "masks" / f"{number:03d}.png")
    (folder / "study.toml").write_text(RECIPE)
    (folder / "promptseg_study.py").write_text(PROGRAM)


def begin(folder: Path, output: str, workers: int, *more: str) -> subprocess.Popen[bytes]:
    """Start the command in a process group of its own."""
    words = ["study", folder / "study.toml", "-o", folder / output, "--workers", workers, "--device", "cpu", *more]
    command = [sys.executable, folder / "promptseg_study.py", *words]
    return subprocess.Popen(list(map(str, command)), start_new_session=True, stderr=subprocess.DEVNULL)


def uninterrupted(folder: Path, workers: int) -> tuple[float, float]:
    """Seconds until the first unit was finished, and until the end."""
    start = time.perf_counter()
    process = begin(folder, "whole", workers)
    first = None
    while process.poll() is None:
        if first is None and parts(folder / "whole"):
            first = time.perf_counter() - start
        time.sleep(0.05)
    if process.returncode:
        sys.exit("the uninterrupted study failed")
    seconds = time.perf_counter() - start
    return seconds if first is None else first, seconds


def parts(folder: Path) -> int:
    """Finished units."""
    return len(list(folder.glob("parts/*/[0-9]*.parquet")))


def main() -> None:
    """Print one line for each kill, and what became of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_inputs(folder, options.images)
        first, seconds = uninterrupted(folder, options.workers)
        units = 2 * options.images
        print(f"uninterrupted: {seconds:.0f} s for {units} units, the first of them after {first:.0f} s")
        for kill in range(1, options.kills + 1):
            process = begin(folder, "killed", options.workers, "--resume")
            lived = first + moments.uniform(-0.5 * first, 0.12 * (seconds - first))
            time.sleep(lived)
            ended = process.poll()
            if ended is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            word = "had ended by itself" if ended is not None else "killed"
            print(f"{kill}: {word} after {lived:.1f} s, {parts(folder / 'killed')} of {units} units are there")
        if begin(folder, "killed", options.workers, "--resume").wait():
            sys.exit("the resumed study failed")
        compare(*(pd.read_parquet(folder / output / "table.parquet") for output in ("whole", "killed")))


def compare(whole: pd.DataFrame, killed: pd.DataFrame) -> None:
    """Say whether two tables agree in all but times; status 1 if not."""
    print(f"rows: {len(whole)} and {len(killed)}; doubled: {int(killed.duplicated(subset=list(KEY)).sum())}")
    without = [table.drop(columns=list(TIMES)) for table in (whole, killed)]
    same = without[0].equals(without[1])
    print("identical in every column but times" if same else f"DIFFERENT: {differences(*without)}")
    sys.exit(not same)


def differences(whole: pd.DataFrame, killed: pd.DataFrame) -> str:
    """How many rows differ in which columns."""
    if len(whole) != len(killed):
        return "other rows"
    counts = {
        name: int(((whole[name] != killed[name]) & ~(whole[name].isna() & killed[name].isna())).sum())
        for name in whole.columns
    }
    return ", ".join(f"{name} in {count} rows" for name, count in counts.items() if count)


if __name__ == "__main__":
    main()
