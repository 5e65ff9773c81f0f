"""Ambiguity and reliability by hand, and models that say nothing of themselves."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import CLICK_NETWORK, MODEL, study_table, table_of

from promptseg.evaluation.study.analysis import ALL_PLACES, ambiguity, compare, reliability
from promptseg.evaluation.study.analysis.confidence import binned
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=200)
TABLE = study_table(images=8)
CELL = ["task", "model", "experiment", "prompter", "policy", "feedback", "step"]


@cache
def of_table() -> pd.DataFrame:
    return ambiguity(TABLE, SETTINGS)


def scored(predicted: list[float], ious: list[float], **same: object) -> pd.DataFrame:
    rows = [
        {"image": f"image-{number}", "predicted_score": score, "iou": iou}
        for number, (score, iou) in enumerate(zip(predicted, ious, strict=True))
    ]
    return table_of(rows, **same)


def test_by_hand() -> None:
    """Two masks in the bin from .8 (mean .85 against .6), one in that from .5 (.5 against .6): .25 x 2/3 + .1 / 3."""
    table = pd.concat(
        [
            scored([0.8, 0.9 - 1e-9, 0.5], [0.5, 0.7, 0.6], policy="best-score"),
            scored([0.1, 0.1, 0.1], [0.9, 0.8, 0.7], policy="oracle"),
        ]
    )
    found = ambiguity(table, SETTINGS)
    assert found["policy"].tolist() == ["best-score"]
    row = found.iloc[0]
    assert row["calibration_error"] == pytest.approx((0.25 * 2 + 0.1) / 3)
    assert row["rho"] == pytest.approx(stats.spearmanr([0.8, 0.9, 0.5], [0.5, 0.7, 0.6]).statistic)
    assert row[["mean_predicted", "mean_iou", "oracle_iou", "oracle_gain", "n_images"]].tolist() == pytest.approx(
        [2.2 / 3, 0.6, 0.8, 0.2, 3]
    )
    assert row["rho_low"] <= row["rho"] <= row["rho_high"]
    assert row["gain_low"] <= 0.2 <= row["gain_high"]


def test_the_gain_is_that_of_a_paired_comparison() -> None:
    wanted = {"task": "busi", "model": MODEL, "prompter": "mode-1", "policy": "single"}
    row = of_table()[(of_table()[list(wanted)] == pd.Series(wanted)).all(axis=1)].iloc[0]
    rows = TABLE[(TABLE["task"] == "busi") & (TABLE["model"] == MODEL) & (TABLE["prompter"] == "mode-1")]
    rows = rows[rows["policy"].isin(["single", "oracle"])]
    as_models = rows.assign(model=rows["policy"].map({"oracle": "x", "single": "y"}), policy="single")
    pair = compare(as_models, "iou", SETTINGS.model_copy(update={"compare": [["x", "y"]]})).iloc[0]
    found = row[["oracle_gain", "gain_low", "gain_high"]].tolist()
    assert found == pytest.approx(pair[["difference", "low", "high"]].tolist())


def test_who_predicts_nothing_and_has_no_oracle_still_stands_there() -> None:
    rows = of_table()[of_table()["model"] == CLICK_NETWORK]
    assert len(rows)
    unknown = ["rho", "rho_low", "rho_high", "calibration_error", "mean_predicted"]
    unknown += ["oracle_iou", "oracle_gain", "gain_low", "gain_high"]
    assert rows[unknown].isna().all().all()
    assert rows["mean_iou"].notna().all()
    assert of_table().loc[of_table()["model"] == MODEL].notna().all().all()


def test_one_row_for_each_cell_without_a_level() -> None:
    found = of_table()
    assert not found.duplicated(CELL).any()
    assert set(found["experiment"]) == {"modes", "clicks", "location"}
    assert set(found.loc[found["experiment"] == "location", "step"]) == {ALL_PLACES}
    assert "oracle" not in set(found["policy"])


def test_what_a_model_says_of_some_masks_counts_for_these() -> None:
    row = ambiguity(scored([0.4, math.nan, 0.6], [0.4, 0.5, 0.6]), SETTINGS).iloc[0]
    assert row[["rho", "mean_predicted", "mean_iou", "n_images"]].tolist() == pytest.approx([1, 0.5, 0.5, 3])
    assert row["calibration_error"] == pytest.approx(0)


@pytest.mark.parametrize(
    "table", [TABLE[:0], scored([0.5], [0.5]), scored([0.5, 0.5], [0.2, 0.7]), scored([math.nan], [0.5])]
)
def test_little_to_say(table: pd.DataFrame) -> None:
    found = ambiguity(table, SETTINGS)
    assert list(found.columns) == list(of_table().columns)
    assert found["rho"].isna().all()
    assert len(found) == min(len(table), 1)


def test_bins_hold_their_lower_bound_and_the_outer_ones_what_is_beyond() -> None:
    scores = pd.Series([-0.2, 0.0, 0.0999, 0.1, 0.95, 1.0, 1.3])
    assert binned(scores, 10).tolist() == [0, 0, 0, 1, 9, 9, 9]
    assert binned(scores, 2).tolist() == [0, 0, 0, 0, 1, 1, 1]


def test_reliability_by_hand() -> None:
    table = scored([0.95, 0.25, 1.05, 0.2], [0.9, 0.3, 0.7, 0.1])
    found = reliability(table, SETTINGS)
    assert found["task"].tolist() == ["busi", "busi"]
    assert found[["bin_low", "bin_high", "predicted", "iou", "n"]].to_numpy().tolist() == [
        pytest.approx([0.2, 0.3, 0.225, 0.2, 2]),
        pytest.approx([0.9, 1.0, 1.0, 0.8, 2]),
    ]
    assert ((found["low"] <= found["iou"]) & (found["iou"] <= found["high"])).all()


def test_reliability_over_all_tasks_is_of_all_masks() -> None:
    found = reliability(TABLE, SETTINGS, bins=5)
    predicted = TABLE[np.isfinite(TABLE["predicted_score"])]
    assert (
        found.loc[found["task"] != "all", "n"].sum() == len(predicted) == found.loc[found["task"] == "all", "n"].sum()
    )
    assert set(found["task"]) == {"all", "busi", "organs: liver", "organs: kidney"}
    assert CLICK_NETWORK not in set(found["model"])
    assert found["bin_high"].max() <= 1
    curves = found.groupby(["task", "model", "policy", "prompter"])["bin_low"]
    assert curves.apply(lambda bins: bins.is_monotonic_increasing).all()


def test_the_settings_of_reliability_are_those_of_a_recipe() -> None:
    one, other = reliability(TABLE[:40]), reliability(TABLE[:40], StatisticsSettings())
    pd.testing.assert_frame_equal(one, other)
    assert list(reliability(TABLE[:0]).columns) == list(one.columns)
