"""The policies for empty masks: the table of the documentation, cell by cell, for every metric."""

import math

import numpy as np
import pytest

from promptseg.errors import UnknownNameError
from promptseg.metrics import EMPTY_POLICIES, METRICS, check_empty_policy, score_pair
from promptseg.metrics.empty import value_if_empty

NAN, DIAGONAL = math.nan, 13.0
OBJECT = np.zeros((5, 12), dtype=bool)
OBJECT[1:3, 4:6] = True
NOTHING = np.zeros_like(OBJECT)
OVERLAPS = ("dice", "iou", "box_iou", "nsd")
DISTANCES = ("hd", "hd95", "assd")

EXPECTED = {
    # policy: (both empty, only the reference, only the prediction) for overlaps, and for distances
    "one_if_both_empty": ((1, 0, 0), (0, DIAGONAL, DIAGONAL)),
    "skip": ((NAN, NAN, 0), (NAN, NAN, DIAGONAL)),
    "zero": ((0, 0, 0), (DIAGONAL, DIAGONAL, DIAGONAL)),
    "nan": ((NAN, 0, 0), (NAN, NAN, NAN)),
}
CASES = [(NOTHING, NOTHING), (NOTHING, OBJECT), (OBJECT, NOTHING)]


@pytest.mark.parametrize("empty", EMPTY_POLICIES)
@pytest.mark.parametrize("case", range(3))
def test_every_cell_of_the_table(empty: str, case: int) -> None:
    scores = score_pair(*CASES[case], list(METRICS), empty=empty, tolerance=1)
    for_overlaps, for_distances = EXPECTED[empty]
    expected = dict.fromkeys(OVERLAPS, for_overlaps[case]) | dict.fromkeys(DISTANCES, for_distances[case])
    wrong = 0 if case == 0 else 4 / 60
    left_out = empty == "skip" and case < 2
    expected |= {"mae": NAN if left_out else wrong, "pixel_accuracy": NAN if left_out else 1 - wrong}
    assert scores == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("empty", EMPTY_POLICIES)
def test_where_both_masks_hold_an_object_no_policy_matters(empty: str) -> None:
    moved = np.roll(OBJECT, 1, axis=1)
    default = score_pair(OBJECT, moved, list(METRICS), tolerance=1)
    assert score_pair(OBJECT, moved, list(METRICS), empty=empty, tolerance=1) == default
    assert value_if_empty((True, True), empty=empty, best=1, worst=0) is None


def test_the_worst_distance_is_in_millimetres_where_the_spacing_is_known() -> None:
    scores = score_pair(OBJECT, NOTHING, ["hd95"], spacing_mm=(2, 0.5))
    assert scores["hd95"] == pytest.approx(math.hypot(5 * 2, 12 * 0.5))


def test_one_pixel_apart_across_the_whole_image_is_better_than_nothing() -> None:
    first, last = NOTHING.copy(), NOTHING.copy()
    first[0, 0], last[-1, -1] = True, True
    assert score_pair(first, last, ["hd"])["hd"] < DIAGONAL


@pytest.mark.parametrize("name", sorted(METRICS))
def test_a_policy_that_does_not_exist(name: str) -> None:
    with pytest.raises(UnknownNameError, match="choose one of one_if_both_empty, skip, zero, nan"):
        score_pair(OBJECT, OBJECT, [name], empty="one", tolerance=1)
    with pytest.raises(UnknownNameError, match="'one'"):
        check_empty_policy("one")
