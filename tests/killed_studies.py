"""Do a study in processes that are killed at random moments and resumed until it is complete.

``killed_studies.py DIR KILLS`` prints after each process how many units were finished.
The processes are forked from one that has imported everything, so each begins at once.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from phantom_study import fake_segmenter, no_report, study_recipe

from promptseg.evaluation.study import study
from promptseg.evaluation.study.study import Options, run_study


def main(folder: Path, kills: int) -> None:
    recipe = study_recipe(folder)
    moments = random.Random(5)
    finished: list[int] = []
    for kill in range(kills + 1):
        child = os.fork()
        if child == 0:
            study._report = no_report
            run_study(recipe, folder / "killed", options=Options(resume=True, device="cpu"), open_one=fake_segmenter)
            os._exit(0)
        if kill < kills:
            wait_for_a_part(folder / "killed", child, at_once=kill == 0)
            time.sleep(moments.uniform(0, 0.1))
            os.kill(child, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        finished.append(len(list((folder / "killed").glob("parts/*/[0-9]*.parquet"))))
    sys.stdout.write(" ".join(map(str, finished)))
    sys.exit(status)


def wait_for_a_part(folder: Path, child: int, *, at_once: bool) -> None:
    """Until one more unit is finished, or the process has ended."""
    before = len(list(folder.glob("parts/*/*.parquet")))
    while not at_once and len(list(folder.glob("parts/*/*.parquet"))) == before:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            return
        time.sleep(0.001)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
