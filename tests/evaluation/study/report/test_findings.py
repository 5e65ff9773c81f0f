"""What the sections of a report start from."""

import math

import pandas as pd

from promptseg.evaluation.study.report.findings import _of_all_tasks


def test_a_mean_over_fewer_tasks_is_not_shown_beside_one_over_all() -> None:
    same = {"experiment": "modes", "level": math.nan, "feedback": False, "step": 1}
    overall = pd.DataFrame(
        [
            {**same, "model": "default", "prompter": "mode-1", "n_tasks": 6},
            {**same, "model": "disc", "prompter": "mode-1", "n_tasks": 5},
            {**same, "model": "ellipse", "prompter": "mode-4", "n_tasks": 5},
        ]
    )
    assert _of_all_tasks(overall)["model"].tolist() == ["default", "ellipse"]
