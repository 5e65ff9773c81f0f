"""Depths of clicks by hand."""

import math

import pandas as pd
import pytest
from scipy import stats
from study_tables import study_table, table_of

from promptseg.evaluation.study.analysis import by_depth, depth_effect
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=200)
TABLE = study_table(images=8)


def clicks(*images: list[tuple[float, float]], **same: object) -> pd.DataFrame:
    """Clicks of (depth, IoU) on the object of each image."""
    rows = [
        {"image": f"image-{number}", "step": step, "depth": depth, "iou": iou}
        for number, places in enumerate(images)
        for step, (depth, iou) in enumerate(places, start=1)
    ]
    return table_of(rows, experiment="location", prompter="probe", **same)


def test_the_mean_of_a_bin_is_over_images_of_their_means() -> None:
    """Image 0 has three clicks between 0 and .1, image 1 one: .2 and .6 make .4."""
    table = clicks([(0.05, 0.1), (0.06, 0.2), (0.07, 0.3), (1.0, 0.9)], [(0.01, 0.6)])
    found = by_depth(table, "iou", SETTINGS)
    assert found[["bin_low", "bin_high", "mean", "n_images", "n_clicks"]].to_numpy().tolist() == [
        pytest.approx([0, 0.1, 0.4, 2, 4]),
        pytest.approx([0.9, 1, 0.9, 1, 1]),
    ]
    assert (found["low"].iloc[0], found["high"].iloc[0]) == pytest.approx((0.2, 0.6))
    assert by_depth(table, "iou", SETTINGS, bins=1)["n_clicks"].tolist() == [5]


def test_bins_stand_in_order_for_each_model_and_policy() -> None:
    found = by_depth(TABLE, "iou", SETTINGS)
    assert list(found.columns) == [
        "task", "model", "policy", "bin_low", "bin_high", "mean", "low", "high", "n_images", "n_clicks"
    ]  # fmt: skip
    curves = found.groupby(["task", "model", "policy"])["bin_low"]
    assert curves.apply(lambda bins: bins.is_monotonic_increasing).all()
    assert ((found["low"] <= found["mean"]) & (found["mean"] <= found["high"])).all()


def test_the_effect_of_depth_is_within_objects() -> None:
    """The easy object has shallow clicks: over all clicks deeper is worse, on each object it is better."""
    table = clicks([(0.1, 0.8), (0.2, 0.9)], [(0.8, 0.1), (0.9, 0.2)])
    found = depth_effect(table, "iou", SETTINGS).iloc[0]
    assert stats.spearmanr(table["depth"], table["iou"]).statistic < 0
    assert found[["rho", "rho_low", "rho_high"]].tolist() == [1, 1, 1]
    assert found["n_images"] == 0
    assert found[["centre_mean", "border_mean", "difference", "low", "high"]].isna().all()


def test_correlations_with_ties_are_those_of_scipy() -> None:
    images = [[(0.1, 0.5), (0.1, 0.6), (0.5, 0.6), (0.9, 0.4)], [(0.2, 0.1), (0.3, 0.1), (0.3, 0.7), (0.9, 0.8)]]
    wanted = [stats.spearmanr(*zip(*places, strict=True)).statistic for places in images]
    assert depth_effect(clicks(*images), "iou", SETTINGS)["rho"][0] == pytest.approx(sum(wanted) / 2)


def test_the_same_score_everywhere_is_no_effect_and_the_same_depth_says_nothing() -> None:
    flat, small = [(0.1, 0.5), (0.9, 0.5)], [(1.0, 0.2), (1.0, 0.8)]
    assert depth_effect(clicks(flat, small), "iou", SETTINGS)["rho"].tolist() == [0]
    assert depth_effect(clicks(small), "iou", SETTINGS)["rho"].isna().tolist() == [True]


def test_centre_and_border_are_of_the_same_images() -> None:
    table = clicks([(0.1, 0.4), (0.2, 0.6), (0.5, 0.0), (0.7, 0.8)], [(0.9, 0.1)], [(0.3, 0.2), (1.0, 0.5)])
    found = depth_effect(table, "iou", SETTINGS).iloc[0]
    assert found[["centre_mean", "border_mean", "difference", "n_images"]].tolist() == pytest.approx(
        [0.65, 0.35, 0.3, 2]
    )
    assert found["low"] == pytest.approx(0.3)


def test_on_a_whole_study() -> None:
    found = depth_effect(TABLE, "iou", SETTINGS)
    assert (found["rho"] > 0.5).all()
    assert (found["low"] > 0).all()
    assert found.notna().all().all()


@pytest.mark.parametrize(
    "table", [TABLE[:0], TABLE[TABLE["experiment"] == "modes"], clicks([(math.nan, 0.5)])], ids=["none", "modes", "nan"]
)
def test_nothing_was_clicked(table: pd.DataFrame) -> None:
    for function in (by_depth, depth_effect):
        found = function(table, "iou", SETTINGS)
        assert found.empty
        assert list(found.columns) == list(function(TABLE, "iou", SETTINGS).columns)
