"""Click chains: each is what a straightforward loop of one user makes, though all advance together."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeSegmenter
from study_scenes import AskedSegmenter, AtOnceSegmenter, scene

from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.recipe import ClickRule, ClicksSettings
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject, StudyPolicy
from promptseg.metrics import iou
from promptseg.prompts import deepest_error_click, next_click, random_error_click, study_click
from promptseg.types import BoolMask, Candidates, Point, Prompts

RULES: tuple[ClickRule, ...] = ("study", "ritm", "random", "deepest")
POLICIES: tuple[StudyPolicy, ...] = ("single", "first", "best-score", "oracle")
EVERY = ClicksSettings(count=5, prompters=list(RULES), policies=list(POLICIES), repeats=2)

ONE = EVERY.model_copy(update={"count": 1})


def next_point(
    rule: str, studied: StudiedObject, mask: BoolMask, clicked: Sequence[Point], rng: np.random.Generator
) -> Point | None:
    if rule == "study":
        return study_click(studied.mask, mask)
    if rule == "ritm":
        return next_click(studied.mask, mask, clicked=clicked)
    return random_error_click(studied.mask, mask, rng) if rule == "random" else deepest_error_click(studied.mask, mask)


def chosen(answer: Candidates, studied: StudiedObject, policy: StudyPolicy) -> int:
    if policy == "oracle":
        return int(np.argmax([iou(studied.mask, mask) for mask in answer.masks]))
    return answer.chosen if policy == "single" else answer.choose(policy).chosen


def plain_chain(where: Scene, first: Evaluation, count: int) -> list[tuple[tuple[Point, ...], BoolMask]]:
    """Clicks and masks of one user, with one call of the segmenter for each click."""
    studied, rule = first.object, first.prompter.removeprefix("clicks-")
    rng = where.rng(first.prompter, studied.label, studied.number, first.repeat)
    mask, points, prompt, steps = np.zeros_like(studied.mask), (), None, []
    for _ in range(count):
        point = next_point(rule, studied, mask, points, rng)
        if point is not None:
            points = (*points, point)
            prompts = Prompts(points=points, mask=prompt)
            way = "single" if first.policy == "single" else "first"
            answer = where.segmenter.segment(where.embedding, prompts, choose=way)
            index = chosen(answer, studied, first.policy)
            mask = answer.masks[index]
            if first.feedback:
                prompt = replace(answer.mask_prompt, logits=answer.low_res_logits[index])
        steps.append((points, mask))
    return steps


@pytest.mark.parametrize("segmenter", [FakeSegmenter, AtOnceSegmenter])
def test_every_chain_is_that_of_one_user_alone(segmenter: type[FakeSegmenter]) -> None:
    where = scene(segmenter())
    rows = list(EXPERIMENTS["clicks"](where, EVERY))
    chains: dict[tuple[object, ...], list[Evaluation]] = {}
    for row in rows:
        chains.setdefault((row.object, row.prompter, row.policy, row.feedback, row.repeat), []).append(row)
    assert len(chains) == 2 * (3 + 2) * 4 * 2  # objects; three rules and the random one twice; policies; feedback
    for chain in chains.values():
        assert [row.step for row in chain] == list(range(1, 6))
        for row, (points, mask) in zip(chain, plain_chain(where, chain[0], 5), strict=True):
            assert row.prompts.points == points
            np.testing.assert_array_equal(row.mask, mask)
            assert (row.prompts.mask is not None) == (row.feedback and len(points) > 1)


def test_a_step_is_one_pass_for_each_way_and_equal_prompts_are_asked_once() -> None:
    segmenter = AskedSegmenter()
    where = scene(segmenter)
    settings = ClicksSettings(count=4, prompters=["study", "ritm"], policies=["single", "first", "oracle"])
    list(EXPERIMENTS["clicks"](where, settings))
    assert len(segmenter.asked) <= 4 * 2
    assert [way for _, way in segmenter.asked[:2]] == ["single", "first"]
    # The first click of both rules on "parts" is the same, and so it is on the ring.
    assert segmenter.asked[0][0] == segmenter.asked[1][0] == 2


def test_a_segmenter_that_gives_both_at_once_is_asked_once_in_each_step() -> None:
    segmenter = AtOnceSegmenter()
    settings = ClicksSettings(count=4, policies=["single", "oracle"], feedback=[False])
    list(EXPERIMENTS["clicks"](scene(segmenter), settings))
    assert segmenter.asked[0] == (2, "both")
    assert len(segmenter.asked) <= 4
    segmenter.asked.clear()
    list(EXPERIMENTS["clicks"](scene(segmenter), settings.model_copy(update={"policies": ["oracle"]})))
    assert {way for _, way in segmenter.asked} == {"first"}


def test_a_finished_chain_repeats_its_last_mask() -> None:
    image, objects = scene().image, scene().objects
    grey = np.where(objects[1].mask, 200.0, 0.0)
    where = scene(image=replace(image, pixels=grey), objects=objects[1:])
    where = replace(where, embedding=where.segmenter.embed(where.image))
    for literal in (False, True):
        rows = list(EXPERIMENTS["clicks"](where, ClicksSettings(count=5, policies=["first"], literal=literal)))
        for feedback in (False, True):
            mine = [row for row in rows if row.feedback == feedback]
            assert [row.step for row in mine] == [1, 2, 3, 4, 5]
            assert iou(mine[0].object.mask, mine[0].mask) == 1
            assert all(row.mask is mine[0].mask and row.prompts is mine[0].prompts for row in mine)


def test_who_takes_no_mask_gets_none_and_who_offers_one_mask_has_one_policy() -> None:
    class Peer(AskedSegmenter):
        accepts = frozenset({"points"})
        policies = ("first",)
        default_policy = "first"

    rows = list(EXPERIMENTS["clicks"](scene(Peer()), ClicksSettings(count=2)))
    assert {(row.policy, row.feedback) for row in rows} == {("first", False)}
    assert len(rows) == 2 * 2
    other = list(EXPERIMENTS["clicks"](scene(Peer()), ClicksSettings(count=2, policies=["oracle", "best-score"])))
    assert {row.policy for row in other} == {"first"}
    boxes = scene(accepts=frozenset({"boxes"}))
    assert list(EXPERIMENTS["clicks"](boxes, ClicksSettings(count=2))) == []


def test_by_default_the_models_own_policy_and_the_oracle_are_followed() -> None:
    rows = list(EXPERIMENTS["clicks"](scene(), ClicksSettings(count=1)))
    assert {row.policy for row in rows} == {"best-score", "oracle"}


def test_only_rules_that_draw_are_repeated() -> None:
    settings = ClicksSettings(count=1, prompters=list(RULES), repeats=3, policies=["first"], feedback=[False])
    rows = list(EXPERIMENTS["clicks"](scene(), settings))
    repeats = {rule: {row.repeat for row in rows if row.prompter == f"clicks-{rule}"} for rule in RULES}
    assert repeats == {"study": {0}, "ritm": {0}, "random": {0, 1, 2}, "deepest": {0}}
    literal = list(EXPERIMENTS["clicks"](scene(), settings.model_copy(update={"literal": True})))
    assert {row.repeat for row in literal if row.prompter == "clicks-study"} == {0, 1, 2}


def test_the_first_click_is_the_same_for_every_policy_and_model() -> None:
    firsts = [
        {(row.object.label, row.prompter, row.repeat, row.prompts.points) for row in rows}
        for rows in (EXPERIMENTS["clicks"](scene(), ONE), EXPERIMENTS["clicks"](scene(AskedSegmenter()), ONE))
    ]
    assert firsts[0] == firsts[1]
    assert len(firsts[0]) == 2 * (3 + 2)


@pytest.mark.parametrize("literal", [False, True])
def test_literally_a_click_on_another_class_counts_as_missing(literal: bool) -> None:
    """The label error of the published code: what is too much on another organ is clicked as if it were missing."""
    grey = np.zeros((20, 40))
    first, second = np.zeros((20, 40), dtype=np.bool_), np.zeros((20, 40), dtype=np.bool_)
    first[8:11, 5:8] = True
    second[4:16, 8:30] = True
    grey[first | second] = 100.0
    where = scene()
    image = replace(where.image, pixels=grey)
    objects = (StudiedObject("first", 0, first), StudiedObject("second", 0, second))
    where = replace(where, image=image, embedding=where.segmenter.embed(image), objects=objects)
    settings = ClicksSettings(count=2, policies=["first"], feedback=[False], literal=literal)
    rows = [row for row in EXPERIMENTS["clicks"](where, settings) if row.object.label == "first"]
    assert rows[1].prompts.points[1].positive == literal


def test_many_chains_advance_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    few = EVERY.model_copy(update={"count": 3})
    together = list(EXPERIMENTS["clicks"](scene(), few))
    monkeypatch.setattr("promptseg.evaluation.study.experiments.asking._MOST_AT_ONCE", 7)
    blocks = list(EXPERIMENTS["clicks"](scene(), few))

    def summary(rows: Sequence[Evaluation]) -> set[tuple[object, ...]]:
        return {
            (row.object.label, row.prompter, row.policy, row.feedback, row.repeat, row.step, row.prompts.points)
            for row in rows
        }

    assert len(blocks) == len(together)
    assert summary(blocks) == summary(together)


def test_rules_may_make_different_numbers_of_clicks() -> None:
    settings = ClicksSettings(count=4, counts={"study": 2}, prompters=["study", "ritm"], feedback=[False])
    rows = list(EXPERIMENTS["clicks"](scene(), settings))
    most = {rule: max(row.step for row in rows if row.prompter == f"clicks-{rule}") for rule in ("study", "ritm")}
    assert most == {"study": 2, "ritm": 4}
    alone = list(EXPERIMENTS["clicks"](scene(), settings.model_copy(update={"prompters": ["ritm"]})))
    together = [row for row in rows if row.prompter == "clicks-ritm"]
    assert [row.prompts.points for row in together] == [row.prompts.points for row in alone]


def test_a_click_based_network_always_gets_its_mask_back() -> None:
    where = scene()
    assert {row.feedback for row in EXPERIMENTS["clicks"](where, ONE)} == {False, True}
    where.segmenter.needs_mask = True
    assert {row.feedback for row in EXPERIMENTS["clicks"](where, ONE)} == {True}
