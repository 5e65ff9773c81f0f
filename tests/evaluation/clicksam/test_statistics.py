from dataclasses import replace

import numpy as np
import pytest

from promptseg.evaluation.clicksam.statistics import QUESTIONS, Cell, Statistics, noted_difference
from promptseg.evaluation.clicksam.table import Row
from promptseg.metrics import Interval, bootstrap_interval

ROW = Row("split", "none", "oracle-clicks", "", "", "benign", "lesion", 2, 0.0, 0.0, 0.0, 1.0, 0.5, 4)
IOUS = {"a": (0.5, 0.7), "b": (0.6, 0.7), "c": (0.9, 0.7)}
GROUPS = {"a": "g1", "b": "g1", "c": "g2"}
CELL = Cell("split", "none", "oracle-clicks", 2)


def table() -> list[Row]:
    return [
        replace(ROW, arm=arm, image=image, group=GROUPS[image], iou=values[place])
        for place, arm in enumerate(("none", "clicksam"))
        for image, values in IOUS.items()
    ]


def test_mean_and_difference_by_hand() -> None:
    statistics = Statistics(table())
    mean, difference = statistics.mean(CELL), statistics.difference(CELL, of="clicksam")
    assert mean is not None
    assert difference is not None
    assert mean.mean == pytest.approx(2.0 / 3)
    assert mean.count == 3
    assert difference.mean == pytest.approx((0.2 + 0.1 - 0.2) / 3)


def test_near_duplicates_are_drawn_together() -> None:
    """Two groups: a resample is g1 g1, g2 g2 or one of each, so the means are .55, .9 and (.5 + .6 + .9) / 3."""
    statistics = Statistics(table())
    interval = statistics.mean(CELL)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((0.55, 0.9))
    same = bootstrap_interval([0.5, 0.6, 0.9], rng=np.random.default_rng(0), groups=["g1", "g1", "g2"])
    assert interval == same


def test_the_order_of_rows_pairs_nothing_wrongly() -> None:
    rows = table()
    shuffled = [rows[place] for place in (5, 0, 3, 2, 4, 1)]
    first, second = (Statistics(some).difference(CELL, of="clicksam") for some in (rows, shuffled))
    assert first is not None
    assert second is not None
    assert first.mean == pytest.approx(second.mean)


def test_what_an_arm_was_not_asked_is_none() -> None:
    statistics = Statistics(table())
    box = CELL._replace(prompter="tight-box", step=1)
    assert statistics.mean(box) is None
    assert statistics.difference(box, of="clicksam") is None
    assert statistics.curve("split", "none") == []
    assert statistics.clicks_made(CELL) == 4


def test_a_difference_in_words() -> None:
    words = [noted_difference(Interval(0, low, high, 0.95, 3)) for low, high in ((0.1, 0.2), (-0.2, -0.1), (-0.1, 0.1))]
    assert words == ["ahead", "behind", "not told apart"]


def test_the_questions_of_the_issue_are_asked() -> None:
    steps = [question.step for question in QUESTIONS if question.prompter == "simulated-user"]
    assert steps == [1, 3, 5, 9]
