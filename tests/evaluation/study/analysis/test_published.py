"""The tables of 28 tasks that Mazurowski et al. published, typed in with four and three digits, and what follows.

What their unrounded files give and these cannot is said where it is tested.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_tables import MODEL, study_table

from promptseg.errors import ReadError, UnknownNameError
from promptseg.evaluation.study.analysis import (
    CELL,
    best_modes,
    gain,
    rankings,
    read_task_table,
    table_means,
    task_means,
    wide_table,
)
from promptseg.evaluation.study.recipe import StatisticsSettings

FIXTURES = Path(__file__).parents[1] / "fixtures"
MODES = read_task_table(FIXTURES / "modes_of_28_tasks.csv")
CLICKS = read_task_table(FIXTURES / "clicks_of_28_tasks.csv")
OTHER_NAMES = {"MRI-Spine: SP": "MRI-Spine: SC", "CT-Hepaticvessel": "CT-Hepatovessel"}
"""Two tasks have other names in the two files."""


def test_means_and_medians_of_the_modes() -> None:
    found = table_means(MODES).set_index("column")
    columns = ["m1", "m1-orc", "m2", "m2-orc", "m3", "m3-orc", "m4", "m4-orc", "m5", "m5-orc"]
    assert found.index.tolist() == columns
    assert set(found["n_tasks"]) == {28}
    means = [0.4610, 0.5150, 0.4826, 0.5141, 0.5891, 0.6771, 0.6542, 0.7438, 0.5829, 0.6791]
    medians = [0.4799, 0.5319, 0.5116, 0.5310, 0.5760, 0.7260, 0.7066, 0.7826, 0.6353, 0.7398]
    assert found["mean"].round(4).tolist() == means
    assert found["median"].tolist() == pytest.approx(medians, abs=0.0000501)


def test_the_best_mode() -> None:
    """Of their unrounded files mode 4 is best in 23 tasks, 3 in 3, 5 in 2; in five tasks four digits leave a tie."""
    found = best_modes(MODES).set_index("prompter")
    assert found.index[0] == "mode-4"
    assert found["alone"].to_dict() == {"mode-1": 0, "mode-2": 0, "mode-3": 0, "mode-4": 22, "mode-5": 1}
    assert found["best_or_equal"].to_dict() == {"mode-1": 0, "mode-2": 0, "mode-3": 5, "mode-4": 26, "mode-5": 6}
    for mode, published in {"mode-3": 3, "mode-4": 23, "mode-5": 2}.items():
        assert found["alone"][mode] <= published <= found["best_or_equal"][mode]
    assert found["wins"].sum() == pytest.approx(28)
    assert found["wins"]["mode-4"] == pytest.approx(22 + 4 / 3)
    assert set(found["policy"]) == {"first"}


def test_what_boxes_gain_over_clicks() -> None:
    parts, largest = gain(MODES, "m4", "m2"), gain(MODES, "m3", "m1")
    assert parts["gain"].mean().round(3) == 0.172
    assert largest["gain"].mean().round(3) == 0.128
    assert (parts["gain"] > 0).all()
    assert largest.loc[largest["gain"] < 0, "task"].tolist() == ["Xray-Chest"]
    assert largest.loc[largest["gain"] < 0, "gain"].round(3).tolist() == [-0.004]


def test_extremes_of_one_click_and_of_all() -> None:
    one = MODES[MODES["column"] == "m1"].set_index("task")["mean"]
    assert (one.idxmin(), one.min()) == ("MRI-Spine: GM", 0.1136)
    assert one.drop("CT-Spleen").idxmax() == "Xray-Hip: Ilium"
    assert one["Xray-Hip: Ilium"] == 0.8650
    plain = MODES.loc[MODES["policy"] == "first", "mean"]
    assert (plain.min(), plain.max()) == (0.1136, 0.9118)


def test_means_after_clicks() -> None:
    """Three digits of each task give .459 for one click; the mean of the unrounded files is .4595."""
    found = table_means(CLICKS).set_index("column")["mean"]
    columns = [
        f"{model} {step}" for model in ("SAM", "SAM-orc", "RITM", "SimpleClick", "FocalClick") for step in (1, 9)
    ]
    assert found.index.tolist() == columns
    published = [0.460, 0.611, 0.508, 0.642, 0.132, 0.688, 0.191, 0.674, 0.224, 0.614]
    assert found.tolist() == pytest.approx(published, abs=0.0006)
    longer = [0.4595, 0.6112, 0.5080, 0.6424, 0.1322, 0.6875, 0.1910, 0.6744, 0.2240, 0.6142]
    assert found.tolist() == pytest.approx(longer, abs=0.0003)


def test_where_segment_anything_is_best() -> None:
    found = rankings(CLICKS, of="model").set_index(["policy", "step", "model"])["wins"]
    assert found["first"][1].to_dict() == {"SAM": 24, "FocalClick": 4, "SimpleClick": 0, "RITM": 0}
    assert found["first"][9]["SAM"] == 7
    others = CLICKS[(CLICKS["step"] == 1) & (CLICKS["policy"] == "first")].pivot(
        index="task", columns="model", values="mean"
    )
    lost = others.index[others["SAM"] < others.drop(columns="SAM").max(axis=1)]
    assert set(lost) == {"MRI-Breast: Breast", "US-Breast", "US-Nerve", "US-Muscle"}


def test_boxes_against_the_first_click_of_the_competitors() -> None:
    """Oracle mode 3 wins all 28 tasks; with the first mask it loses two."""
    first = CLICKS[(CLICKS["step"] == 1) & (CLICKS["model"] != "SAM")].groupby("task")["mean"].max()
    boxes = MODES.replace({"task": OTHER_NAMES}).set_index("task")
    plain, oracle = (boxes.loc[boxes["column"] == column, "mean"] for column in ("m3", "m3-orc"))
    assert set(plain.index) == set(first.index)
    assert set(plain.index[plain < first[plain.index]]) == {"US-Nerve", "US-Muscle"}
    assert (oracle > first[oracle.index]).all()


def test_where_more_clicks_do_harm() -> None:
    found = gain(CLICKS, "SAM 9", "SAM 1").set_index("task")["gain"]
    worse = found[found < 0].round(3)
    assert worse.to_dict() == {"MRI-Brain: GD": -0.038, "Xray-Hip: Ilium": -0.121, "Xray-Hip: Femur": -0.035}


@pytest.mark.parametrize(("long", "layout"), [(MODES, "modes"), (CLICKS, "clicks")])
def test_a_published_table_there_and_back(long: pd.DataFrame, layout: str, tmp_path: Path) -> None:
    wide = wide_table(long, layout)
    published = pd.read_csv(FIXTURES / f"{layout}_of_28_tasks.csv")
    pd.testing.assert_frame_equal(wide, published, check_dtype=False)
    wide.to_csv(tmp_path / "again.csv", index=False)
    pd.testing.assert_frame_equal(read_task_table(tmp_path / "again.csv"), long)


@pytest.mark.parametrize("experiment", ["modes", "clicks"])
def test_a_study_has_the_same_layout(experiment: str, tmp_path: Path) -> None:
    """With several models and policies their names stand in the columns, and nothing is lost."""
    means = task_means(study_table(images=4), "iou", StatisticsSettings(resamples=10))
    wide = wide_table(means, experiment)
    assert wide["task"].tolist() == ["busi", "organs: liver", "organs: kidney"]
    wide.to_csv(tmp_path / "wide.csv", index=False, float_format="%.17g")
    found = read_task_table(tmp_path / "wide.csv", policy="?")
    wanted = means[means["experiment"] == experiment]
    keys = ["task", "model", "prompter", "feedback", "step"]
    if experiment == "modes":
        several = wanted[(wanted["model"] == MODEL) & (wanted["policy"] != "oracle")]
        pairs = found[found["model"] == MODEL].merge(several, on=[*keys, "policy"])
        assert len(pairs) == len(several)
        assert (pairs["mean_x"] == pairs["mean_y"]).all()
        assert {"default m1 (single)", "default m5-orc", "disc m1"} <= set(wide.columns)
    else:
        assert {"default 1", "default+mask 4", "default-orc+mask 2", "default-clicks 3"} <= set(wide.columns)
    assert np.sort(found["mean"]) == pytest.approx(np.sort(wanted["mean"]))
    one = wide_table(means[(means["model"] == MODEL) & means["policy"].isin(["first", "oracle"])])
    assert one.columns.tolist() == ["task", *(f"m{mode}" for mode in range(1, 6)), *(f"m{k}-orc" for k in range(1, 6))]


def test_the_modes_of_a_study() -> None:
    found = best_modes(task_means(study_table(images=4), "iou", StatisticsSettings(resamples=10)))
    assert found.groupby(["model", "policy"])["wins"].sum().tolist() == pytest.approx([3] * 7)
    assert "oracle" not in set(found["policy"])


def test_a_rule_of_clicks_can_be_chosen() -> None:
    means = pd.concat([CLICKS, CLICKS.assign(prompter="clicks-ritm", mean=0.5)])
    assert wide_table(means, "clicks")["SAM 1"].nunique() > 1
    assert set(wide_table(means, "clicks", prompter="clicks-ritm")["SAM 1"]) == {0.5}
    assert wide_table(means, "clicks", prompter="clicks-random").columns.tolist() == ["task"]


def test_an_empty_field_is_no_evaluation(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("task,m1,m4-orc\na,.5,\nb,.7,.9\n\n")
    found = read_task_table(tmp_path / "table.csv", model="MedSAM", policy="single")
    assert list(found.columns) == [*CELL, "mean", "column"]
    assert found[["task", "model", "prompter", "policy", "mean"]].to_numpy().tolist() == [
        ["a", "MedSAM", "mode-1", "single", 0.5],
        ["b", "MedSAM", "mode-1", "single", 0.7],
        ["b", "MedSAM", "mode-4", "oracle", 0.9],
    ]
    assert table_means(found)["n_tasks"].tolist() == [2, 1]
    assert gain(found, "m4-orc", "m1")["gain"].tolist() == pytest.approx([0.2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image,m1\na,.5\n", "the first column must be 'task'"),
        ("task\na\n", "the first column must be 'task'"),
        ("\n", "the first column must be 'task'"),
        ("task,m6\na,.5\n", "column 'm6' is neither a mode"),
        ("task,m1\na,.5,.6\n", "line 2 has 3 fields, not 2"),
        ("task,m1\na,.5\nb,high\n", "line 3 must hold numbers after the task, got 'high'"),
        ("task,m1\na,nan\n", "line 2 must hold numbers"),
        ("task,m1\na,.5\na,.6\n", "task 'a' stands there twice"),
        ("task,m1,m1\na,.5,.6\n", "task 'a' stands there twice, or a column does"),
        ("\xff", "cannot be read as a table of tasks"),
    ],
)
def test_what_is_no_table_of_tasks(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(ReadError, match=message):
        read_task_table(tmp_path / "table.csv")


def test_names_that_are_not_there() -> None:
    with pytest.raises(UnknownNameError, match="no column 'm6'; choose from m1, m1-orc"):
        gain(MODES, "m6", "m1")
    with pytest.raises(UnknownNameError, match="no layout is known for experiment 'noise'"):
        wide_table(MODES, "noise")
