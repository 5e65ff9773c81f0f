"""The table of metrics: every entry keeps the same promises."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from random_masks import Mask, any_pairs, disc

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.metrics import METRICS, check_metrics, score_pair

REFERENCE, PREDICTION = disc((40, 60), (20, 25), 12), disc((40, 60), (18, 30), 11)


@pytest.mark.parametrize("name", sorted(METRICS))
def test_an_entry_says_what_its_function_takes(name: str) -> None:
    metric = METRICS[name]
    parameters = inspect.signature(metric.function).parameters
    assert metric.function.__name__ == name
    assert ("spacing_mm" in parameters) == ("distances" in parameters) == metric.uses_spacing
    assert ("tolerance" in parameters) == metric.uses_tolerance
    assert parameters["empty"].default == "one_if_both_empty"
    assert metric.uses_spacing or metric.unit == "share"


@given(any_pairs)
def test_a_copy_is_perfect_and_nothing_is_better(pair: tuple[Mask, Mask]) -> None:
    best = score_pair(pair[0], pair[0], list(METRICS), tolerance=0)
    scores = score_pair(*pair, list(METRICS), tolerance=0)
    for name, metric in METRICS.items():
        assert best[name] == (1 if metric.better == "higher" else 0)
        assert scores[name] <= best[name] if metric.better == "higher" else scores[name] >= best[name]


def test_all_at_once_is_one_by_one() -> None:
    settings = {"spacing_mm": (0.5, 0.25), "tolerance": 1.0}
    together = score_pair(REFERENCE, PREDICTION, list(METRICS), **settings)
    for name, metric in METRICS.items():
        taken = {"spacing_mm": metric.uses_spacing, "tolerance": metric.uses_tolerance}
        alone = metric.function(REFERENCE, PREDICTION, **{key: settings[key] for key, used in taken.items() if used})
        assert together[name] == alone


def test_names_are_forgiving_and_kept_in_order() -> None:
    assert check_metrics(["Box-IoU", " dice", "box_iou"]) == ("box_iou", "dice")


@pytest.mark.parametrize(
    ("names", "error", "words"),
    [
        (["dise"], UnknownNameError, "unknown metric 'dise'; choose from dice, iou"),
        ([], ValueRangeError, "no metric"),
        (["nsd"], ValueRangeError, "'nsd' needs a tolerance"),
    ],
)
def test_what_cannot_be_asked_for(names: list[str], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        score_pair(REFERENCE, PREDICTION, names)


def test_a_probability_map_needs_a_metric_that_takes_one() -> None:
    probability = np.where(PREDICTION, 0.9, 0.2)
    assert 0 < score_pair(REFERENCE, probability, ["mae"])["mae"] < 1
    with pytest.raises(ValueRangeError, match="prediction must be a boolean array, got float64"):
        score_pair(REFERENCE, probability, ["mae", "dice"])
