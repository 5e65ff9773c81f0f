"""Whether models are useful: against the best peer, in figures and in words."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from study_tables import CLICK_NETWORK, MODEL, study_table, table_of

from promptseg.evaluation.study.analysis import compare, holm, usefulness
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=300)
TABLE = study_table(images=12)


@cache
def of_table() -> pd.DataFrame:
    """Figures of the whole table, made once."""
    return usefulness(TABLE, "iou", SETTINGS)


def against_peers(model: list[float], **peers: list[float]) -> pd.DataFrame:
    rows = [
        {"model": name, "image": f"image-{number:02}", "iou": iou, "prompter": "mode-3"}
        for name, scores in {MODEL: model, **peers}.items()
        for number, iou in enumerate(scores)
    ]
    return table_of(rows)


def test_the_sentence_of_a_useful_model() -> None:
    found = usefulness(against_peers([0.834] * 8, ellipse=[0.794] * 8, disc=[0.5] * 8), "iou", SETTINGS)
    assert found["peer"].tolist() == ["ellipse"]
    assert found["useful"].tolist() == [True]
    assert found[["mean", "peer_mean", "difference"]].to_numpy()[0] == pytest.approx([0.834, 0.794, 0.04])
    assert found["sentence"][0] == (
        "On busi, default (single) with mode-3 is useful: IoU .834 against .794 of the ellipse, +.040 [+.040, +.040], "
        "n = 8 images (95% interval, prompts from the reference)."
    )


def test_a_model_that_loses_is_not_useful_and_the_sentence_says_so() -> None:
    found = usefulness(against_peers([0.7] * 8, ellipse=[0.8] * 8), "iou", SETTINGS).iloc[0]
    assert not found["useful"]
    assert "default (single) with mode-3 is worse than the ellipse: IoU .700 against .800" in found["sentence"]
    assert "-.100 [-.100, -.100]" in found["sentence"]


def test_an_interval_that_holds_zero() -> None:
    found = usefulness(against_peers([0.9, 0.7] * 4, ellipse=[0.8] * 8), "iou", SETTINGS).iloc[0]
    assert not found["useful"]
    assert "is not told apart from the ellipse" in found["sentence"]


def test_too_few_images_tell_nothing() -> None:
    found = usefulness(against_peers([0.9] * 5, ellipse=[0.2] * 5), "iou", SETTINGS).iloc[0]
    assert not found["useful"]
    assert "n = 5 images (95% interval, prompts from the reference, too few to tell)." in found["sentence"]


def test_where_holm_disagrees_the_sentence_says_so() -> None:
    """Four images of twenty decide: the interval is above zero, the ranks are not."""
    table = against_peers([0.85] * 12 + [0.7] * 8, ellipse=[0.5] * 12 + [0.71] * 8)
    found = usefulness(table, "iou", SETTINGS).iloc[0]
    assert found["useful"]
    assert "Holm" not in found["sentence"]
    table = against_peers([0.9] * 4 + [0.5] * 16, ellipse=[0.1] * 4 + [0.51] * 16)
    found = usefulness(table, "iou", SETTINGS).iloc[0]
    assert found["low"] > 0
    assert found["holm_p"] > 0.05
    assert f"not so after Holm's correction, p = {found['holm_p']:.3f}".replace("0.", ".") in found["sentence"]


def test_groups_feedback_levels_clicks_and_the_oracle_are_named() -> None:
    clicks = {"experiment": "clicks", "prompter": "clicks-ritm", "step": 3}
    noise = {"experiment": "noise", "prompter": "box-sam", "level": 0.1}
    rows = [
        {"model": MODEL, "policy": "oracle", "feedback": True, **clicks},
        {"model": MODEL, **noise},
        {"model": "disc", **clicks},
        {"model": "disc", **noise},
    ]
    rows = [{**row, "image": f"image-{number}"} for row in rows for number in range(2)]
    after_clicks, with_noise = usefulness(table_of(rows, group="all"), "iou", SETTINGS)["sentence"]
    assert (
        "default (oracle) with clicks-ritm, click 3, mask handed back, is not told apart from the disc" in after_clicks
    )
    assert (
        "n = 2 images in 1 group (95% interval, prompts from the reference, masks chosen by the reference"
        in after_clicks
    )
    assert "default (single) with box-sam at 0.1 is not told apart" in with_noise


def test_the_peer_of_the_best_mean_is_the_one_to_beat() -> None:
    found = of_table()
    assert set(found.loc[found["prompter"] == "mode-3", "peer"]) == {"ellipse"}
    assert set(found.loc[found["prompter"] == "mode-1", "peer"]) == {"disc"}
    assert not found["model"].isin(["ellipse", "disc"]).any()
    assert not found["experiment"].isin(["location", "everything"]).any()
    table = TABLE[TABLE["prompter"] == "mode-1"]
    table = table.assign(hd95=100 * (1 - table["iou"]))
    table = pd.concat([table, table[table["model"] == "disc"].assign(model="grabcut", hd95=1.0)], ignore_index=True)
    assert set(usefulness(table, "hd95", SETTINGS)["peer"]) == {"grabcut"}


def test_figures_are_those_of_the_comparison() -> None:
    boxes = TABLE[TABLE["prompter"] == "mode-3"]
    useful, pairs = of_table(), compare(boxes, "iou", SETTINGS)
    one = useful.query(f"task == 'busi' and model == '{MODEL}' and policy == 'single' and prompter == 'mode-3'")
    other = pairs.query(f"task == 'busi' and first == '{MODEL}' and second == 'ellipse' and prompter == 'mode-3'")
    columns = ["difference", "low", "high", "n_images", "n_groups"]
    assert one[columns].to_numpy() == pytest.approx(other[columns].to_numpy(dtype=float))


def test_holm_is_over_the_whole_table() -> None:
    found = of_table()
    assert found["holm_p"].between(0, 1).all()
    assert found["useful"].dtype == np.bool_
    alone = usefulness(TABLE[TABLE["prompter"] == "mode-3"], "iou", SETTINGS)
    merged = found.merge(alone, on=["task", "model", "policy", "prompter"])
    assert (merged["holm_p_x"] >= merged["holm_p_y"]).all()
    assert (merged["difference_x"] == merged["difference_y"]).all()
    assert holm([0.01] * 3).tolist() == pytest.approx([0.03] * 3)


@pytest.mark.parametrize("table", [TABLE[:0], TABLE[TABLE["model"] == CLICK_NETWORK], TABLE[TABLE["model"] == "disc"]])
def test_without_a_peer_or_a_model_there_is_nothing_to_say(table: pd.DataFrame) -> None:
    found = usefulness(table, "iou", SETTINGS)
    assert found.empty
    assert list(found.columns) == list(of_table().columns)
