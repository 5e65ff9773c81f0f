"""Clicks needed against the functions of the metrics, and by hand."""

import numpy as np
import pandas as pd
import pytest
from study_tables import study_table, table_of

from promptseg.errors import ValueRangeError
from promptseg.evaluation.study.analysis import clicks_needed
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.metrics import noc, nof

SETTINGS = StatisticsSettings(resamples=200)


def curves(*ious: list[float], **same: object) -> pd.DataFrame:
    """One object on each image, clicked on again and again."""
    rows = [
        {"image": f"image-{number}", "step": step, "iou": iou}
        for number, curve in enumerate(ious)
        for step, iou in enumerate(curve, start=1)
    ]
    return table_of(rows, experiment="clicks", prompter="clicks-ritm", **same)


def test_by_hand() -> None:
    """The first reaches .8 with click 2, the second with the last, the third never."""
    found = clicks_needed(curves([0.5, 0.8, 0.7], [0.1, 0.2, 0.9], [0.1, 0.1, 0.1]), [0.8], SETTINGS).iloc[0]
    assert found["noc"] == pytest.approx((2 + 3 + 3) / 3)
    assert found[["failures", "failures_as_published", "n_objects", "n_curves", "max_clicks"]].tolist() == [
        1,
        2,
        3,
        3,
        3,
    ]
    assert found["low"] <= found["noc"] <= found["high"]


def test_who_gives_up_later_needs_more_clicks() -> None:
    found = clicks_needed(curves([0.1, 0.1], [0.9, 0.9]), [0.8], SETTINGS, max_clicks=20).iloc[0]
    assert (found["noc"], found["max_clicks"]) == (10.5, 20)


def test_against_the_metrics() -> None:
    table = study_table(images=9, clicks=6, labels={"busi": ["lesion"]})
    found = clicks_needed(table, [0.75, 0.85], SETTINGS)
    assert set(found["max_clicks"]) == {6}
    clicks = table[table["experiment"] == "clicks"].sort_values("step")
    keys = ["task", "model", "prompter", "policy", "feedback"]
    for row in found.to_dict("records"):
        rows = clicks[(clicks[keys] == pd.Series(row)[keys]).all(axis=1)]
        ious = [group["iou"].tolist() for _, group in rows.groupby("image")]
        target = row["target"]
        assert row["noc"] == pytest.approx(np.mean([noc(curve, target=target, max_clicks=6) for curve in ious]))
        assert row["failures"] == nof(ious, target=target, max_clicks=6)
        assert row["failures_as_published"] == nof(ious, target=target, max_clicks=6, as_published=True)


def test_steps_count_in_their_order_wherever_they_stand() -> None:
    table = curves([0.2, 0.9, 0.5], [0.9, 0.1, 0.1])
    shuffled = table.sample(frac=1, random_state=3)
    assert clicks_needed(shuffled, [0.8], SETTINGS)["noc"].tolist() == [1.5]


def test_repeats_are_averaged_and_their_failures_counted() -> None:
    again = pd.concat([curves([0.9, 0.9], [0.1, 0.9]), curves([0.1, 0.1], [0.1, 0.9], repeat=1)])
    found = clicks_needed(again, [0.8], SETTINGS).iloc[0]
    assert found["noc"] == pytest.approx(((1 + 2) / 2 + 2) / 2)
    assert found[["failures", "n_objects", "n_curves"]].tolist() == [1, 2, 4]


def test_several_objects_of_an_image_are_drawn_together() -> None:
    table = pd.concat([curves([0.9, 0.9], object=0), curves([0.1, 0.1], object=1)])
    found = clicks_needed(table, [0.8], SETTINGS).iloc[0]
    assert found[["noc", "low", "high"]].tolist() == [1.5, 1.5, 1.5]
    assert found[["n_objects", "n_groups"]].tolist() == [2, 1]


def test_no_clicks_and_no_targets() -> None:
    table = study_table(images=2)
    columns = list(clicks_needed(table, [0.8], SETTINGS).columns)
    for found in (
        clicks_needed(table, [], SETTINGS),
        clicks_needed(table[table["experiment"] == "modes"], [0.8], SETTINGS),
        clicks_needed(table[:0], [0.8], SETTINGS, max_clicks=9),
    ):
        assert found.empty
        assert list(found.columns) == columns


def test_a_target_is_an_iou() -> None:
    with pytest.raises(ValueRangeError, match="target must lie from 0 to 1"):
        clicks_needed(study_table(images=1), [85], SETTINGS)


def test_each_rule_gives_up_after_its_own_clicks() -> None:
    longer = curves([0.1] * 5).assign(prompter="clicks-study")
    found = clicks_needed(pd.concat([curves([0.1] * 3), longer]), [0.8], SETTINGS).set_index("prompter")
    assert found["max_clicks"].to_dict() == {"clicks-ritm": 3, "clicks-study": 5}
    assert found["noc"].to_dict() == {"clicks-ritm": 3, "clicks-study": 5}
