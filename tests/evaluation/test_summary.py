"""Summaries of rows, by hand, and the table as CSV."""

import csv
import math
import statistics
from pathlib import Path

import numpy as np
import pytest

from promptseg.errors import WriteError
from promptseg.evaluation.scoring import Row, Scores, ScoreSettings
from promptseg.evaluation.summary import aggregation_of, summarise, write_rows
from promptseg.metrics import bootstrap_interval

VALUES = [0.9, 0.8, 0.4, 0.7, 0.95]


def table(values: list[float], *, label: int = 1) -> list[Row]:
    return [Row(f"image {place}", label, {"dice": value, "hd95": 10 * value}) for place, value in enumerate(values)]


def scores_of(rows: list[Row], unit: str = "px") -> Scores:
    return Scores(tuple(rows), unit, ScoreSettings(metrics=("dice", "hd95")))


def test_one_label() -> None:
    dice, hd95 = summarise(scores_of(table(VALUES)), seed=4)
    assert dice.interval == bootstrap_interval(VALUES, rng=np.random.default_rng(4))
    assert (dice.median, dice.count, dice.left_out, dice.label) == (0.8, 5, 0, None)
    assert hd95.interval.mean == pytest.approx(10 * dice.interval.mean)
    assert hd95.interval.low == pytest.approx(10 * dice.interval.low)
    assert aggregation_of(scores_of(table(VALUES))) == "mean over images"


def test_several_labels_are_averaged_after_the_images() -> None:
    """Label 2 occurs once: it weighs as much as label 1 with its five images."""
    rows = [*table(VALUES), *table([0.1, *[math.nan] * 4], label=2)]
    overall, first, second = [summary for summary in summarise(scores_of(rows)) if summary.metric == "dice"]
    assert overall.interval.mean == pytest.approx((statistics.mean(VALUES) + 0.1) / 2)
    assert (overall.count, overall.left_out) == (6, 4)
    assert (first.label, first.interval.mean) == (1, pytest.approx(statistics.mean(VALUES)))
    assert (second.label, second.interval.mean, second.count, second.left_out) == (2, 0.1, 1, 4)
    assert overall.median == statistics.median([*VALUES, 0.1])
    assert aggregation_of(scores_of(rows)) == "mean over labels of the mean over images"


def test_images_are_drawn_with_all_their_labels() -> None:
    """Two labels with the same values say no more than one."""
    alone = summarise(scores_of(table(VALUES)))[0].interval
    twice = summarise(scores_of([*table(VALUES), *table(VALUES, label=2)]))[0].interval
    assert (twice.low, twice.high) == pytest.approx((alone.low, alone.high))


def test_nothing_counted_is_none_and_not_nan() -> None:
    (summary, _) = summarise(scores_of(table([math.nan, math.nan])))
    assert (summary.interval, summary.median, summary.count, summary.left_out) == (None, None, 0, 2)


def test_the_seed_alone_decides() -> None:
    scores = scores_of(table(np.random.default_rng(0).uniform(size=50).tolist()))
    assert summarise(scores, seed=1) == summarise(scores, seed=1)
    assert summarise(scores, seed=1) != summarise(scores, seed=2)


def test_rows_come_back_from_the_file(tmp_path: Path) -> None:
    rows = [*table([1 / 3, math.nan]), Row('odd, "name"\n', 2, {"dice": 1.0, "hd95": 2.5})]
    write_rows(scores_of(rows, "mm"), tmp_path / "o.csv")
    with (tmp_path / "o.csv").open(newline="", encoding="utf-8") as file:
        heading, *lines = csv.reader(file)
    assert heading == ["name", "label", "dice", "hd95_mm"]
    assert lines[0] == ["image 0", "1", repr(1 / 3), repr(10 * (1 / 3))]
    assert lines[1] == ["image 1", "1", "", ""]
    assert lines[2] == ['odd, "name"\n', "2", "1.0", "2.5"]


def test_a_table_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "o.csv"
    place.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match=r"o\.csv"):
        write_rows(scores_of(table(VALUES)), place)
    assert place.read_text() == "old"
    assert list(tmp_path.iterdir()) == [place]
