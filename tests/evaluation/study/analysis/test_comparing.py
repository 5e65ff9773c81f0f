"""Paired comparisons: the tests by hand and by brute force, and who is compared with whom."""

import itertools
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_tables import CLICK_NETWORK, MODEL, WEAK_MODEL, study_table, table_of

from promptseg.errors import ValueRangeError
from promptseg.evaluation.peers import PEERS
from promptseg.evaluation.study.analysis import FEWEST_GROUPS, PEER_NAMES, compare, holm
from promptseg.evaluation.study.analysis.comparing import signed_rank
from promptseg.evaluation.study.analysis.resampling import Draws
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.metrics import paired_difference

SETTINGS = StatisticsSettings(resamples=300)
TABLE = study_table(images=12)
SWAPPED = {"policy_first": "policy_second", "policy_second": "policy_first"}


@cache
def of_table() -> pd.DataFrame:
    """Comparisons of the whole table, made once."""
    return compare(TABLE, "iou", SETTINGS)


def two_models(first: list[float], second: list[float], **same: Any) -> pd.DataFrame:
    """One score of two models on each image."""
    rows = [
        {"model": model, "image": f"image-{number:02}", "iou": iou}
        for model, scores in (("x", first), ("y", second))
        for number, iou in enumerate(scores)
    ]
    return table_of(rows, **same)


def test_holm_by_hand() -> None:
    """Sorted: .01 x 4, .02 x 3, .03 x 2, .04 x 1; none may be less than the one before."""
    assert holm([0.03, 0.01, 0.04, 0.02]).tolist() == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]).tolist() == [1, 1]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_holm_is_the_closed_test_of_bonferroni(p_values: list[float]) -> None:
    """Each hypothesis is rejected if all sets of hypotheses that hold it are, each by its smallest p times its size."""
    places = range(len(p_values))
    subsets = [subset for size in range(1, len(p_values) + 1) for subset in itertools.combinations(places, size)]
    wanted = [
        max(min(1, len(subset) * min(p_values[one] for one in subset)) for subset in subsets if place in subset)
        for place in places
    ]
    assert holm(p_values).tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("wrong", [[0.5, float("nan")], [1.5], [[0.5]]])
def test_p_values_are_numbers_from_0_to_1(wrong: list[Any]) -> None:
    with pytest.raises(ValueRangeError, match="from 0 to 1"):
        holm(wrong)


def test_the_signed_rank_test_against_all_signs() -> None:
    """Under no difference every sign of every rank is as likely: 2^8 sums of ranks."""
    differences = np.array([0.3, -0.1, 0.25, 0.4, -0.05, 0.6, 0.7, 0.15])
    ranks = np.argsort(np.argsort(np.abs(differences))) + 1
    found = ranks[differences > 0].sum()
    sums = [np.dot(ranks, signs) for signs in itertools.product((0, 1), repeat=8)]
    wanted = 2 * min(np.mean([total >= found for total in sums]), np.mean([total <= found for total in sums]))
    assert signed_rank(differences) == pytest.approx(min(wanted, 1))
    assert signed_rank([*differences, 0, 0]) == pytest.approx(min(wanted, 1))


def test_no_difference_has_p_1() -> None:
    assert signed_rank([0.0, 0.0, 0.0]) == 1
    assert signed_rank([]) == 1


def test_the_difference_is_that_of_the_metrics() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.random(20), rng.random(20)
    found = compare(two_models(first.tolist(), second.tolist()), "iou", SETTINGS, seed=5).iloc[0]
    names = [f"busi\x1fimage-{number:02}" for number in range(20)]
    one = paired_difference(first, second, rng=Draws(SETTINGS, 5).rng(names), resamples=300)
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((one.mean, one.low, one.high))
    assert found["wilcoxon_p"] == found["holm_p"] == pytest.approx(signed_rank(first - second))
    assert (found["first"], found["second"], found["n_images"], found["n_groups"]) == ("x", "y", 20, 20)


def test_near_duplicates_count_once_in_the_test() -> None:
    """Eight images in two groups are two differences, however many images agree."""
    table = two_models([0.9] * 8, [0.5] * 8)
    table["group"] = [f"group-{int(name[-2:]) // 4}" for name in table["image"]]
    found = compare(table, "iou", SETTINGS).iloc[0]
    assert found["wilcoxon_p"] == 0.5
    assert (found["n_images"], found["n_groups"]) == (8, 2)


@pytest.mark.parametrize(("count", "verdict"), [(FEWEST_GROUPS, "ahead"), (FEWEST_GROUPS - 1, "not told apart")])
def test_few_groups_are_never_told_apart(count: int, verdict: str) -> None:
    found = compare(two_models([0.9] * count, [0.5] * count), "iou", SETTINGS).iloc[0]
    assert found["low"] > 0
    assert found["verdict"] == verdict


def test_verdicts_of_either_side_and_of_distances() -> None:
    better, worse = [0.9] * 8, [0.5] * 8
    assert compare(two_models(better, worse), "iou", SETTINGS)["verdict"].tolist() == ["ahead"]
    assert compare(two_models(worse, better), "iou", SETTINGS)["verdict"].tolist() == ["behind"]
    mixed = two_models([0.9, 0.1] * 4, [0.5] * 8)
    assert compare(mixed, "iou", SETTINGS)["verdict"].tolist() == ["not told apart"]
    far = two_models(better, worse)
    far["hd95"] = 100 * far["iou"]
    found = compare(far, "hd95", SETTINGS).iloc[0]
    assert (found["difference"], found["verdict"]) == (pytest.approx(40), "behind")


def test_only_images_of_both_count() -> None:
    table = two_models([0.9, 0.8, 0.1], [0.5, 0.5, 0.5])
    found = compare(table[~((table["model"] == "y") & (table["image"] == "image-02"))], "iou", SETTINGS)
    assert found["difference"].tolist() == pytest.approx([0.35])
    assert found["n_images"].tolist() == [2]


def test_masks_of_equal_policy_are_compared() -> None:
    found = of_table()[of_table()["experiment"] == "modes"]
    pairs = set(zip(found["first"], found["second"], found["policy_first"], found["policy_second"], strict=True))
    assert {pair for pair in pairs if pair[:2] == (MODEL, CLICK_NETWORK)} == {
        (MODEL, CLICK_NETWORK, "single", "single")
    }
    assert {pair[2:] for pair in pairs if pair[:2] == (MODEL, WEAK_MODEL)} == {
        ("best-score", "best-score"),
        ("oracle", "oracle"),
    }


def test_models_without_a_policy_in_common_are_compared_by_what_they_have_but_never_with_the_oracle() -> None:
    """After clicks the weak model has ``best-score`` and ``oracle``, the click network only ``single``."""
    found = of_table()[of_table()["experiment"] == "clicks"]
    pairs = found[(found["first"] == WEAK_MODEL) & (found["second"] == CLICK_NETWORK)]
    assert set(zip(pairs["policy_first"], pairs["policy_second"], strict=True)) == {("best-score", "single")}
    oracle = (found["policy_first"] == "oracle") != (found["policy_second"] == "oracle")
    assert not oracle.any()


def test_names_of_peers_are_those_that_can_be_built() -> None:
    assert set(PEERS) == PEER_NAMES


def test_two_peers_are_not_compared_unless_asked_for() -> None:
    found = of_table()
    assert not (found["first"].isin(list(PEER_NAMES)) & found["second"].isin(list(PEER_NAMES))).any()
    both = table_of([{"model": model} for model in ("ellipse", "disc")])
    asked = SETTINGS.model_copy(update={"compare": [["disc", "ellipse"], ["disc", "nobody"]]})
    assert compare(both, "iou", SETTINGS).empty
    assert compare(both, "iou", asked)[["first", "second"]].to_numpy().tolist() == [["disc", "ellipse"]]


def test_the_other_way_round_everything_is_reversed() -> None:
    pairs = [[MODEL, WEAK_MODEL], [WEAK_MODEL, MODEL]]
    there, back = (compare(TABLE, "iou", SETTINGS.model_copy(update={"compare": [pair]})) for pair in pairs)
    keys = ["task", "experiment", "prompter", "level", "feedback", "step", "policy_first"]
    there, back = (found.sort_values(keys) for found in (there, back.rename(columns=SWAPPED)))
    assert len(there) == len(back) > 100
    assert there["difference"].to_numpy() == pytest.approx(-back["difference"].to_numpy())
    assert there["low"].to_numpy() == pytest.approx(-back["high"].to_numpy())
    assert there["holm_p"].to_numpy() == pytest.approx(back["holm_p"].to_numpy())


def test_a_family_is_a_task_in_an_experiment() -> None:
    found = of_table()
    for _, family in found.groupby(["task", "experiment"]):
        assert family["holm_p"].to_numpy() == pytest.approx(holm(family["wilcoxon_p"]))
    assert (found["holm_p"] >= found["wilcoxon_p"]).all()


@pytest.mark.parametrize("rows", [0, 1])
def test_nothing_to_compare(rows: int) -> None:
    found = compare(TABLE[:rows], "iou", SETTINGS)
    assert found.empty
    assert list(found.columns) == list(of_table().columns)
