"""What the report says of whom, and which figures it chooses to show: rules that look at no score."""

from typing import Any

import pandas as pd
import pytest
from study_reports import recipe_of, whole_table
from study_tables import CLICK_NETWORK, MODEL, PEERS, WEAK_MODEL, table_of

from promptseg.evaluation.charts.marks import SHAPES
from promptseg.evaluation.study.report.entrants import COLOURS, PEER_COLOURS, entrants, headline_policy
from promptseg.evaluation.study.report.findings import Findings, choices, find, headline_rows, sizes
from promptseg.evaluation.study.report.headlines import headlines
from promptseg.evaluation.study.report.method import missing
from promptseg.evaluation.study.report.places import tight_boxes
from promptseg.evaluation.study.report.summary import answer
from promptseg.evaluation.study.report.wording import policy_title, prompter_note, prompter_title

LETTERS = [f"image-{number}" for number in range(12)]


def pairs(**policies: str) -> pd.DataFrame:
    rows = [(experiment, policy) for experiment, names in policies.items() for policy in names.split()]
    return pd.DataFrame(rows, columns=["experiment", "policy"])


def peers_and_model(model: float, ellipse: float, *, dataset: str = "busi") -> list[dict[str, Any]]:
    """A box for each image, answered by a model and by the ellipse."""
    return [
        {"image": image, "prompter": "mode-4", "model": name, "dataset": dataset, "iou": mean + sign * 0.01}
        for name, mean in ((MODEL, model), ("ellipse", ellipse))
        for image, sign in zip(LETTERS, (1, -1) * 6, strict=True)
    ]


def found(rows: list[dict[str, Any]]) -> Findings:
    table = table_of(rows)
    return find(table, recipe_of(table), {})


def test_models_come_in_the_order_of_the_recipe_and_peers_last() -> None:
    who = entrants(whole_table(), recipe_of(whole_table()))
    assert [one.name for one in who] == [MODEL, WEAK_MODEL, CLICK_NETWORK, *PEERS]
    assert [one.peer for one in who] == [False] * 3 + [True] * 2
    assert len({(one.tone, one.shape) for one in who}) == len(who)


def test_ten_models_and_five_peers_look_different() -> None:
    names = [f"model {number}" for number in range(10)]
    peers = ["ellipse", "disc", "grabcut", "random-walker", "geodesic-active-contour"]
    table = table_of([{"model": name} for name in [*names, *peers]])
    recipe = recipe_of(table, model=[{"name": name} for name in names], peers={"names": peers})
    who = entrants(table, recipe)
    assert [one.name for one in who] == [*names, *peers]
    assert len({(one.tone, one.shape) for one in who}) == 15
    assert len(COLOURS) % len(SHAPES)  # so that colours and shapes meet anew in each round


@pytest.mark.parametrize("pair", [*COLOURS, *PEER_COLOURS])
def test_colours_are_seen_on_both_papers(pair: tuple[str, str]) -> None:
    for colour, paper in zip(pair, ("#ffffff", "#1a1f26"), strict=True):
        assert contrast(colour, paper) >= 3  # what WCAG 2.1 asks of graphics


def contrast(first: str, second: str) -> float:
    """By the relative luminance of WCAG 2.1."""
    lights = []
    for colour in (first, second):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize(
    ("policies", "listed", "expected"),
    [
        (pairs(modes="single first best-score oracle", clicks="best-score oracle"), [], "best-score"),
        (pairs(modes="single first best-score oracle", clicks="single best-score oracle"), [], "single"),
        (pairs(modes="first oracle"), [], "first"),
        (pairs(modes="single first oracle"), ["oracle", "first", "single"], "first"),
        (pairs(everything="oracle"), [], "oracle"),
    ],
)
def test_the_headline_policy_is_a_rule(policies: pd.DataFrame, listed: list[str], expected: str) -> None:
    recipe = recipe_of(whole_table(), model=[{"name": MODEL, "policies": listed}])
    assert headline_policy(policies, recipe, MODEL) == expected


def test_a_model_without_its_headline_policy_is_shown_with_another() -> None:
    rows = [{"policy": "single"}, {"policy": "oracle"}, {"policy": "oracle", "experiment": "everything"}]
    table = table_of(rows)
    kept = headline_rows(table, entrants(table, recipe_of(table)))
    assert kept[["experiment", "policy"]].to_numpy().tolist() == [["modes", "single"], ["everything", "oracle"]]


def test_headlines_are_a_click_a_box_and_the_last_click() -> None:
    assert [(way.key, way.prompter, way.step, way.feedback) for way in headlines(whole_table())] == [
        ("click", "mode-1", 1, False),
        ("box", "mode-4", 1, False),
        ("clicks-without", "clicks-study", 3, False),
        ("clicks-with", "clicks-study", 3, True),
    ]


def test_a_study_of_noise_has_the_most_exact_prompt_as_headline() -> None:
    rows = [{"experiment": "noise", "prompter": "box-overlap", "level": level} for level in (0.5, 0.75)]
    assert [(way.prompter, way.level) for way in headlines(table_of(rows))] == [("box-overlap", 0.75)]
    rows += [{"experiment": "noise", "prompter": "box-sam", "level": level} for level in (0.2, 0.0)]
    assert [(way.prompter, way.level) for way in headlines(table_of(rows))] == [("box-sam", 0.0)]


def test_peers_stand_beside_models_that_got_their_masks_back() -> None:
    way = headlines(whole_table())[-1]
    rows = way.of(whole_table())
    assert set(rows.loc[rows["feedback"], "model"]) == {MODEL, WEAK_MODEL, CLICK_NETWORK}
    assert set(rows.loc[~rows["feedback"], "model"]) == {"disc"}


def test_a_model_ahead_of_the_ellipse_is_called_useful() -> None:
    assert answer(found(peers_and_model(0.9, 0.7)))[0] == "With a box of each part, default is useful on busi."


def test_a_model_behind_the_ellipse_is_called_worse() -> None:
    said = answer(found(peers_and_model(0.6, 0.7)))[0]
    assert said == "With a box of each part, default is worse than the best trivial peer on busi."


def test_nothing_is_claimed_where_the_interval_holds_0() -> None:
    rows = peers_and_model(0.7, 0.7) + [
        {"image": f"x{number}", "prompter": "mode-4", "model": name, "iou": iou}
        for number, ious in enumerate([(0.9, 0.5), (0.5, 0.9)])
        for name, iou in zip((MODEL, "ellipse"), ious, strict=True)
    ]
    assert answer(found(rows))[0] == "With a box of each part, default is not shown to be useful on busi."


def test_tasks_are_counted_and_named() -> None:
    rows = [
        *peers_and_model(0.9, 0.7, dataset="a"),
        *peers_and_model(0.6, 0.7, dataset="b"),
        *peers_and_model(0.9, 0.7, dataset="c"),
    ]
    assert answer(found(rows))[0] == (
        "With a box of each part, default is useful on 2 of 3 tasks (a, c), and worse than the best trivial peer on "
        "1 of 3 tasks (b)."
    )


def test_no_peer_no_claim() -> None:
    rows = [row for row in peers_and_model(0.9, 0.7) if row["model"] == MODEL]
    assert "cannot say whether one is useful" in answer(found(rows))[0]


def test_claims_that_do_not_survive_holm_are_counted() -> None:
    gains = (0.2, 0.21, 0.22, 0.23, 0.24, -0.001, -0.002)
    rows = [
        {"image": image, "prompter": "mode-4", "model": name, "iou": iou}
        for image, gain in zip(LETTERS, gains, strict=False)
        for name, iou in ((MODEL, 0.7 + gain), ("ellipse", 0.7))
    ]
    said = answer(found(rows))
    assert said[0] == "With a box of each part, default is useful on busi."
    assert "(of 1 such case 0 hold by Holm's correction too)" in said[-1]  # p = 10 / 128 by hand


def test_sizes_name_what_differs() -> None:
    rows = [{"image": "a", "object": number, "group": "g"} for number in range(3)] + [{"image": "b", "group": "g"}]
    assert sizes(found(rows).table) == "2 images (4 objects, 1 group)"
    assert sizes(found([{"image": "a"}]).table) == "1 image"


def test_choices_name_who_has_which() -> None:
    findings = found([{"model": MODEL, "policy": "single"}, {"model": WEAK_MODEL, "policy": "oracle"}])
    assert choices(findings.table, findings.models) == "oracle (by the reference) (default-zeroshot); single (default)"


def test_what_is_missing_is_said() -> None:
    findings = found([{"image": image, "model": name} for image in "ab" for name in (MODEL, "disc")])
    said = " ".join(missing(findings))
    assert "Experiments that were not done: clicks, noise, location, everything." in said
    assert "No predicted score: default." in said
    assert "busi (2)" in said


def test_the_box_of_an_object_is_that_of_mode_5() -> None:
    boxes = '{"points": [], "boxes": [[1, 2, 3, 4]]}'
    rows = [{"prompter": "mode-5", "n_boxes": 1, "prompts": boxes, "model": name} for name in (MODEL, "ellipse")] + [
        {"prompter": "mode-3", "n_boxes": 1, "image": "other"}
    ]
    found_boxes = tight_boxes(table_of(rows))
    assert found_boxes[["image", "x0", "y0", "x1", "y1"]].to_numpy().tolist() == [["image-0", 1.0, 2.0, 3.0, 4.0]]


def test_unknown_names_stand_for_themselves() -> None:
    assert prompter_title("mode-9") == "mode-9"
    assert prompter_note("mode-9") == ""
    assert policy_title("first") == "first"
