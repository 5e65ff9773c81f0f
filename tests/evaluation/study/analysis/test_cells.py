"""The unit of a study: means by hand, the names of tasks, and tables that are none."""

import math
from pathlib import Path

import pandas as pd
import pytest
from study_tables import study_table, table_of

from promptseg.errors import ReadError, UnknownNameError, ValueRangeError
from promptseg.evaluation.study.analysis import ALL_PLACES, CELL, image_means, read_table, with_tasks
from promptseg.evaluation.study.analysis.cells import by_image


def test_an_image_is_the_mean_over_its_objects_of_the_mean_over_repeats() -> None:
    """Object 0 has .2 and .4 in two repeats, object 1 has .9: the mean is .6, not that of the three rows."""
    table = table_of(
        [
            {"object": 0, "repeat": 0, "iou": 0.2},
            {"object": 0, "repeat": 1, "iou": 0.4},
            {"object": 1, "repeat": 0, "iou": 0.9},
        ]
    )
    found = image_means(table, "iou")
    assert list(found.columns) == [*CELL, "image", "group", "stratum", "value", "n_objects"]
    assert found["value"].tolist() == pytest.approx([0.6])
    assert found["n_objects"].tolist() == [2]


def test_masks_are_counted_with_repeats_and_judged_by_their_iou() -> None:
    rows = [{"iou": 0.0, "found_px": 0}, {"iou": 0.49, "repeat": 1}, {"iou": 0.5, "repeat": 2, "dice": 0.0}]
    found = by_image(table_of(rows), "dice")
    assert found[["n_masks", "n_empty", "n_failed", "n_objects"]].to_numpy().tolist() == [[3, 1, 2, 1]]


def test_cells_differ_by_every_column_and_equal_nan_is_one_cell() -> None:
    rows = [
        {"level": 0.1, "iou": 0.1},
        {"level": math.nan, "iou": 0.2},
        {"level": math.nan, "iou": 0.3, "image": "image-1"},
        {"feedback": True, "iou": 0.4},
        {"step": 2, "iou": 0.5},
        {"policy": "oracle", "iou": 0.6},
        {"prompter": "mode-2", "iou": 0.7},
        {"model": "other", "iou": 0.8},
        {"experiment": "clicks", "iou": 0.9},
        {"task": "another", "iou": 1.0},
    ]
    found = image_means(table_of(rows), "iou")
    assert found["value"].tolist() == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
    assert found.groupby(list(CELL), dropna=False).ngroups == 9


def test_places_on_an_object_are_one_figure() -> None:
    rows = [{"experiment": "location", "prompter": "probe", "step": step, "iou": step / 10} for step in (1, 2, 6)]
    found = image_means(table_of(rows), "iou")
    assert found["value"].tolist() == pytest.approx([0.3])
    assert found["step"].tolist() == [ALL_PLACES]


def test_a_task_is_a_data_set_or_one_of_its_classes() -> None:
    rows = [{"dataset": "organs", "label": "liver"}, {"dataset": "organs", "label": "kidney"}, {"dataset": "busi"}]
    found = with_tasks(table_of(rows).drop(columns="task"))
    assert found["task"].tolist() == ["organs: liver", "organs: kidney", "busi"]


def test_images_of_one_name_in_two_data_sets_are_two() -> None:
    found = by_image(table_of([{"dataset": "a"}, {"dataset": "b"}]), "iou")
    assert len(found) == 2
    assert found["cluster"].nunique() == 2


def test_categories_do_as_well_as_words() -> None:
    table = study_table(images=4)
    words = table.select_dtypes(exclude="number").columns.difference(["feedback"])
    found = image_means(table.astype(dict.fromkeys(words, "category")), "iou")
    pd.testing.assert_frame_equal(found, image_means(table, "iou"), check_dtype=False, check_categorical=False)


def test_a_metric_that_is_not_there() -> None:
    table = study_table(images=1)
    with pytest.raises(UnknownNameError, match="no metric 'hd95'; choose from dice, iou, box_iou"):
        image_means(table, "hd95")
    with pytest.raises(UnknownNameError, match="no metric 'seconds'"):
        image_means(table, "seconds")


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_scores_are_numbers(wrong: float) -> None:
    with pytest.raises(ValueRangeError, match="'iou' must be a finite number in each row, but is not in 1 of 2"):
        image_means(table_of([{"iou": wrong}, {}]), "iou")


def test_a_table_is_read_with_its_tasks(tmp_path: Path) -> None:
    table = study_table(images=2)
    table.drop(columns="task").to_parquet(tmp_path / "table.parquet")
    found = read_table(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(found, table, check_dtype=False)


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="check the path"):
        read_table(tmp_path / "missing.parquet")
    (tmp_path / "words.parquet").write_text("words")
    with pytest.raises(ReadError, match=r"words\.parquet: cannot be read as the table of a study"):
        read_table(tmp_path / "words.parquet")
    pd.DataFrame({"image": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ReadError, match="is no table of a study: it has no column dataset, label, group"):
        read_table(tmp_path / "other.parquet")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ReadError):
        read_table(tmp_path / "folder")
