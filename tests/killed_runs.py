"""Train in processes that are killed at random moments and resumed until the run is complete: ``killed_runs.py DIR``.

The processes are forked from one that has imported everything, so each begins at once.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from phantom_samples import phantoms, quick_recipe

from promptseg.training.session import Options, train


def main(folder: Path, kills: int, changes: list[str]) -> None:
    recipe = quick_recipe(folder, *changes)
    run = folder / "killed"
    moments = random.Random(7)
    for kill in range(kills + 1):
        child = os.fork()
        if child == 0:
            train(recipe, run, options=Options(resume=True, device="cpu", quiet=True), samples=phantoms())
            os._exit(0)
        if kill == kills or not killed(child, run, moments, at_once=kill == 0):
            break
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def killed(child: int, run: Path, moments: random.Random, *, at_once: bool) -> bool:
    """Kill a process some time after it began (``at_once``), or after its next checkpoint; False if it has ended."""
    before = newest(run)
    while not at_once and newest(run) == before:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return False
        time.sleep(0.002)
    time.sleep(moments.uniform(0, 0.3))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def newest(run: Path) -> str:
    return max((path.name for path in run.glob("checkpoints/step-*.pt")), default="")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
