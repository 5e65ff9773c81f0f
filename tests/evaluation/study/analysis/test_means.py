"""Means of a study against the metrics' own intervals, and rankings by hand."""

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from study_tables import MODEL, study_table, table_of

from promptseg.errors import UnknownNameError
from promptseg.evaluation.study.analysis import CELL, by_stratum, overall_means, rankings, task_means
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=300)
TABLE = study_table(images=8)
OVER_TASKS = [name for name in CELL if name != "task"]


def one(found: pd.DataFrame, **wanted: Any) -> pd.Series:
    """The row of these values."""
    for name, value in wanted.items():
        found = found[found[name] == value]
    assert len(found) == 1
    return found.iloc[0]


MODE_3 = {"model": MODEL, "experiment": "modes", "prompter": "mode-3", "policy": "single"}


def test_a_task_mean_is_the_mean_over_its_images() -> None:
    found = one(task_means(TABLE, "iou", SETTINGS), task="busi", **MODE_3)
    rows = TABLE[(TABLE["task"] == "busi") & (TABLE[list(MODE_3)] == pd.Series(MODE_3)).all(axis=1)]
    assert found["mean"] == pytest.approx(rows["iou"].mean())
    assert found["low"] < found["mean"] < found["high"]
    assert found[["n_images", "n_groups", "n_objects", "n_masks"]].tolist() == [8, 4, 8, 8]
    assert found["n_empty"] == (rows["found_px"] == 0).sum()
    assert found["n_failed"] == (rows["iou"] < 0.5).sum()


def test_columns_order_and_no_nan_but_the_level() -> None:
    found = task_means(TABLE, "dice", SETTINGS)
    assert list(found.columns) == [
        *CELL, "mean", "low", "high", "n_images", "n_groups", "n_objects", "n_masks", "n_empty", "n_failed"
    ]  # fmt: skip
    assert found.drop(columns="level").notna().all().all()
    assert found["task"].drop_duplicates().tolist() == ["busi", "organs: liver", "organs: kidney"]
    assert not found.duplicated(list(CELL)).any()
    assert ((found["low"] <= found["mean"]) & (found["mean"] <= found["high"])).all()


def test_figures_do_not_depend_on_what_else_is_asked_for() -> None:
    whole = task_means(TABLE, "iou", SETTINGS, seed=3)
    part = task_means(TABLE[(TABLE["task"] == "busi") & (TABLE["model"] == MODEL)], "iou", SETTINGS, seed=3)
    of_whole = whole[(whole["task"] == "busi") & (whole["model"] == MODEL)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, of_whole)
    assert not np.allclose(task_means(TABLE, "iou", SETTINGS, seed=4)["low"], whole["low"])


def test_over_tasks_each_task_has_the_same_weight() -> None:
    """Of one task nine images, of the other one: the mean is that of .2 and .8."""
    rows = [{"task": "a", "dataset": "a", "image": f"{number}", "iou": 0.2} for number in range(9)]
    found = overall_means(table_of([*rows, {"task": "b", "dataset": "b", "iou": 0.8}]), "iou", SETTINGS)
    assert found[["mean", "low", "high"]].to_numpy()[0] == pytest.approx([0.5, 0.5, 0.5])
    assert found[["n_tasks", "n_images", "n_groups", "n_objects"]].to_numpy().tolist() == [[2, 10, 10, 10]]
    assert list(found.columns)[: len(OVER_TASKS)] == OVER_TASKS


def test_over_tasks_agrees_with_the_means_of_tasks() -> None:
    tasks, found = task_means(TABLE, "iou", SETTINGS), overall_means(TABLE, "iou", SETTINGS)
    wanted = tasks.groupby(OVER_TASKS, dropna=False, sort=False)["mean"].mean().to_numpy()
    assert found["mean"].to_numpy() == pytest.approx(wanted)
    assert set(found["n_tasks"]) == {3}
    widths = tasks.assign(width=tasks["high"] - tasks["low"]).groupby(OVER_TASKS, dropna=False, sort=False)["width"]
    assert ((found["high"] - found["low"]) < widths.mean().to_numpy()).mean() > 0.9


def test_one_task_over_tasks_is_that_task() -> None:
    table = TABLE[TABLE["task"] == "busi"]
    overall, task = overall_means(table, "iou", SETTINGS), task_means(table, "iou", SETTINGS)
    pd.testing.assert_frame_equal(overall.drop(columns="n_tasks"), task.drop(columns="task"))


def test_strata_apart() -> None:
    found = by_stratum(TABLE, "iou", SETTINGS)
    both = [one(found, task="busi", stratum=name, **MODE_3) for name in ("benign", "malignant")]
    assert np.mean([row["mean"] for row in both]) == pytest.approx(
        one(task_means(TABLE, "iou", SETTINGS), task="busi", **MODE_3)["mean"]
    )
    assert [row["n_images"] for row in both] == [4, 4]


def test_images_without_a_stratum_are_in_none() -> None:
    rows = [{"image": "a", "stratum": " "}, {"image": "b", "stratum": "benign", "iou": 0.9}]
    found = by_stratum(table_of(rows), "iou", SETTINGS)
    assert found[["stratum", "mean", "n_images"]].to_numpy().tolist() == [["benign", 0.9, 1]]


@pytest.mark.parametrize("function", [task_means, overall_means, by_stratum])
@pytest.mark.parametrize("rows", [0, 1])
def test_small_tables(function: Any, rows: int) -> None:
    few = function(TABLE[:rows], "iou", SETTINGS)
    assert list(few.columns) == list(function(TABLE, "iou", SETTINGS).columns)
    assert len(few) == rows


def means_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    same = {"experiment": "modes", "prompter": "mode-1", "level": math.nan, "policy": "single", "feedback": False}
    return pd.DataFrame([{**same, "step": 1, **row} for row in rows])


def test_ranks_by_hand_with_ties_shared() -> None:
    scores = {"x": [0.9, 0.5, 0.7], "y": [0.8, 0.5, 0.6], "z": [0.7, 0.4, 0.8]}
    rows = [{"task": f"{task}", "model": model, "mean": scores[model][task]} for task in range(3) for model in scores]
    found = rankings(means_of(rows)).set_index("model")
    assert found["mean"].to_dict() == pytest.approx({"x": 0.7, "y": 1.9 / 3, "z": 1.9 / 3})
    assert found["median"].to_dict() == {"x": 0.7, "y": 0.6, "z": 0.7}
    assert found["wins"].to_dict() == {"x": 1.5, "y": 0.5, "z": 1}
    assert found["mean_rank"].to_dict() == pytest.approx({"x": 4.5 / 3, "y": 6.5 / 3, "z": 7 / 3})
    assert found["n_tasks"].tolist() == [3, 3, 3]
    assert found.index[0] == "x"
    lower = rankings(means_of(rows), better="lower").set_index("model")
    assert lower["wins"].to_dict() == {"x": 0, "y": 1, "z": 2}


def test_prompters_contend_for_each_model_and_policy_apart() -> None:
    found = rankings(task_means(TABLE[TABLE["experiment"] == "modes"], "iou", SETTINGS), of="prompter")
    assert found.groupby(["model", "policy"])["wins"].sum().to_numpy() == pytest.approx(3.0)
    assert (found.groupby(["model", "policy"])["mean_rank"].first() >= 1).all()


def test_masks_chosen_by_the_reference_contend_among_themselves() -> None:
    rows = [
        {"task": "a", "model": "x", "policy": "oracle", "mean": 0.9},
        {"task": "a", "model": "x", "policy": "single", "mean": 0.6},
        {"task": "a", "model": "y", "policy": "best-score", "mean": 0.7},
    ]
    found = rankings(means_of(rows))
    assert found[["model", "policy", "wins"]].to_numpy().tolist() == [
        ["x", "oracle", 1.0],
        ["y", "best-score", 1.0],
        ["x", "single", 0.0],
    ]


def test_levels_are_contenders_among_prompters_and_contests_among_models() -> None:
    rows = [
        {"task": "a", "model": model, "prompter": "box-sam", "experiment": "noise", "level": level, "mean": mean}
        for model, level, mean in (("x", 0.0, 0.9), ("x", 0.1, 0.7), ("y", 0.0, 0.8), ("y", 0.1, 0.75))
    ]
    assert rankings(means_of(rows), of="prompter")["wins"].tolist() == [1, 0, 1, 0]
    found = rankings(means_of(rows), of="model")
    assert found.loc[found["wins"] == 1, ["model", "level"]].to_numpy().tolist() == [["x", 0.0], ["y", 0.1]]


def test_other_contenders_are_unknown() -> None:
    with pytest.raises(UnknownNameError, match="unknown contenders 'step'; choose from prompter, model"):
        rankings(means_of([]), of="step")
