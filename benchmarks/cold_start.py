"""From the command to the mask on the disk, beside what ``import torch`` alone costs.

    python benchmarks/cold_start.py --output docs/results/cold-start.md

CPU seconds (user and system, all threads) and wall seconds: minimum and median of several rounds, in which the commands
take turns.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from promptseg.data.phantoms import ultrasound_phantom

RUN = "from promptseg.cli.main import run; run()"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="page to write; printed otherwise")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        picture, mask = Path(folder, "scan.png"), Path(folder, "mask.png")
        Image.fromarray(ultrasound_phantom(np.random.default_rng(0), size=(480, 640)).image).save(picture)
        segment = ["segment", str(picture), "--point", "320,240", "--output", str(mask)]
        commands = {
            "`python -c pass`": ["-c", "pass"],
            '`python -c "import torch"`': ["-c", "import torch"],
            "`promptseg --help`": ["-c", RUN, "--help"],
            "`promptseg segment` (480 x 640 PNG, one click, the default model)": ["-c", RUN, *segment],
        }
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for _ in range(chosen.rounds + 1):
            for name, words in commands.items():
                taken[name].append(_timed(words))
    page = _page({name: seconds[1:] for name, seconds in taken.items()}, chosen.rounds)
    if chosen.output is None:
        print(page)
    else:
        chosen.output.write_text(page, encoding="utf-8")


def _timed(words: list[str]) -> tuple[float, float]:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    after, end = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, end - start


def _page(taken: dict[str, list[tuple[float, float]]], rounds: int) -> str:
    torch_cpu = min(cpu for cpu, _ in taken['`python -c "import torch"`'])
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, torch {version('torch')}"
    )
    lines = [
        "# Cold start",
        "",
        "From the command to the mask on the disk, in a fresh process each time, with the files in the disk's cache.",
        f"{machine}; seconds of {rounds} rounds in which the commands take turns. CPU is user and system time.",
        "",
        "    python benchmarks/cold_start.py --output docs/results/cold-start.md",
        "",
        "| command | CPU min | CPU median | wall min | CPU min over that of `import torch` |",
        "|---|---|---|---|---|",
    ]
    for name, seconds in taken.items():
        cpu, wall = [value for value, _ in seconds], [value for _, value in seconds]
        ratio = min(cpu) / torch_cpu
        lines.append(f"| {name} | {min(cpu):.2f} | {median(cpu):.2f} | {min(wall):.2f} | {ratio:.2f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
