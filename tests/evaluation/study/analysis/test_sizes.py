"""Sizes of objects by hand, and against scipy."""

import pandas as pd
import pytest
from scipy import stats
from study_tables import study_table, table_of

from promptseg.evaluation.study.analysis import by_size, size_across_tasks
from promptseg.evaluation.study.recipe import StatisticsSettings

SETTINGS = StatisticsSettings(resamples=200)
TABLE = study_table(images=5)


def sized(areas: list[int], ious: list[float], **same: object) -> pd.DataFrame:
    rows = [
        {"image": f"image-{number}", "area_px": area, "iou": iou}
        for number, (area, iou) in enumerate(zip(areas, ious, strict=True))
    ]
    return table_of(rows, **same)


def test_thirds_and_correlation() -> None:
    areas, ious = [500, 100, 300, 200, 600, 400], [0.8, 0.1, 0.5, 0.3, 0.6, 0.7]
    found = by_size(sized(areas, ious), "iou", SETTINGS).iloc[0]
    assert found[["small", "medium", "large"]].tolist() == pytest.approx([0.2, 0.6, 0.7])
    assert found["rho"] == pytest.approx(stats.spearmanr(areas, ious).statistic)
    assert found["rho_low"] <= found["rho"] <= found["rho_high"]
    assert found["n_images"] == 6


def test_the_size_is_the_share_of_the_image() -> None:
    """300 of 10,000 pixels are less than 100 of 1,000."""
    table = sized([300, 100], [0.2, 0.9])
    table.loc[table["area_px"] == 300, "image_px"] = 10_000
    assert by_size(table, "iou", SETTINGS)["rho"].tolist() == [1]


def test_objects_of_an_image_are_averaged_first() -> None:
    rows = [
        {"image": "a", "object": 0, "area_px": 100, "iou": 0.0},
        {"image": "a", "object": 1, "area_px": 900, "iou": 0.4},
        {"image": "b", "area_px": 400, "iou": 0.3},
    ]
    found = by_size(table_of(rows), "iou", SETTINGS)
    assert found["rho"].tolist() == [-1]
    assert found["n_images"].tolist() == [2]
    assert found[["small", "medium", "large"]].isna().all().all()


def test_across_tasks_against_scipy() -> None:
    sizes, means = [100, 300, 200, 700], [0.3, 0.5, 0.6, 0.7]
    parts = [
        sized([size - 10, size + 10], [mean - 0.1, mean + 0.1], dataset=f"set-{size}")
        for size, mean in zip(sizes, means, strict=True)
    ]
    found = size_across_tasks(pd.concat(parts), "iou").iloc[0]
    wanted = stats.spearmanr(sizes, means)
    assert (found["rho"], found["p"], found["n_tasks"]) == pytest.approx((wanted.statistic, wanted.pvalue, 4))


def test_two_tasks_tell_nothing() -> None:
    parts = [sized([100], [0.3], dataset="a"), sized([200], [0.5], dataset="b")]
    found = size_across_tasks(pd.concat(parts), "iou")
    assert found[["rho", "p"]].isna().all().all()
    assert found["n_tasks"].tolist() == [2]


def test_levels_do_not_count() -> None:
    found = by_size(TABLE, "dice", SETTINGS)
    assert set(found["experiment"]) == {"modes", "clicks", "location"}
    assert found.notna().all().all()
    assert set(size_across_tasks(TABLE, "dice")["n_tasks"]) == {3}


@pytest.mark.parametrize("rows", [0, 1])
def test_little_to_say(rows: int) -> None:
    table = TABLE[TABLE["experiment"] == "modes"][:rows]
    found = by_size(table, "iou", SETTINGS)
    assert len(found) == rows
    assert found["rho"].isna().all()
    assert list(found.columns) == list(by_size(TABLE[:200], "iou", SETTINGS).columns)
    across = size_across_tasks(table, "iou")
    assert across["rho"].isna().all()
    assert list(across.columns) == [
        "model", "experiment", "prompter", "policy", "feedback", "step", "rho", "p", "n_tasks"
    ]  # fmt: skip
