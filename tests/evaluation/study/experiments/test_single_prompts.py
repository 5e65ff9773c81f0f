"""Modes, noise and location: which prompts are asked, in how many passes, and that answers are those of one by one."""

import math
from collections.abc import Iterable

import numpy as np
import pytest
from fakes import FakeSegmenter
from study_scenes import AskedSegmenter, AtOnceSegmenter, scene

from promptseg.evaluation.study.experiments import EXPERIMENTS, PROMPTERS
from promptseg.evaluation.study.recipe import LocationSettings, ModesSettings, NoiseSettings
from promptseg.evaluation.study.scene import Evaluation, Scene
from promptseg.geometry.regions import tight_box
from promptseg.metrics import iou
from promptseg.prompts import mode_prompts
from promptseg.prompts.modes import Mode
from promptseg.types import Box, PromptKind

ALL_MODES = ModesSettings(extra=["centroid", "centroid-projected", "scribble"])
ALL_NOISE = NoiseSettings(click_miss=[0.0, 1.0], box_overlap=[1.0, 0.75, 0.5])
POINTS: frozenset[PromptKind] = frozenset({"points"})
BOXES: frozenset[PromptKind] = frozenset({"boxes"})


def key(row: Evaluation) -> tuple[object, ...]:
    """What must differ between rows, as the columns of the table's KEY."""
    level = None if math.isnan(row.level) else row.level
    return row.object.label, row.object.number, row.prompter, level, row.policy, row.feedback, row.repeat, row.step


def check_against_one_by_one(where: Scene, rows: Iterable[Evaluation]) -> None:
    """Each row's mask and score is what the segmenter answers to its prompts alone."""
    for row in rows:
        single = row.policy == "single"
        answer = where.segmenter.segment(where.embedding, row.prompts, choose="single" if single else "first")
        if row.policy == "oracle":
            index = int(np.argmax([iou(row.object.mask, mask) for mask in answer.masks]))
        else:
            index = answer.chosen if single else answer.choose(row.policy).chosen
        assert row.candidate == index
        assert row.predicted_score == float(answer.scores[index])
        np.testing.assert_array_equal(row.mask, answer.masks[index])


@pytest.mark.parametrize(
    ("name", "settings"), [("modes", ALL_MODES), ("noise", ALL_NOISE), ("location", LocationSettings(places=7))]
)
@pytest.mark.parametrize("segmenter", [FakeSegmenter, AtOnceSegmenter])
def test_rows_are_complete_and_right_and_the_same_again(
    segmenter: type[FakeSegmenter], name: str, settings: object
) -> None:
    where = scene(segmenter())
    rows = list(EXPERIMENTS[name](where, settings))
    keys = [key(row) for row in rows]
    assert len(set(keys)) == len(keys)
    assert {row.policy for row in rows} == set(where.policies)
    assert all(PROMPTERS[row.prompter].experiment == name for row in rows)
    assert all(row.seconds > 0 and not row.feedback for row in rows)
    check_against_one_by_one(where, rows)
    again = list(EXPERIMENTS[name](scene(), settings))
    assert keys == [key(row) for row in again]
    for row, other in zip(rows, again, strict=True):
        assert (row.prompts.points, row.prompts.boxes) == (other.prompts.points, other.prompts.boxes)
        np.testing.assert_array_equal(row.mask, other.mask)


def test_modes_ask_what_their_definition_says_in_one_pass_for_each_way() -> None:
    segmenter = AskedSegmenter()
    where = scene(segmenter)
    rows = list(EXPERIMENTS["modes"](where, ALL_MODES))
    assert len(rows) == 2 * 8 * 6
    for row in rows:
        if row.prompter.startswith("mode-"):
            mode: Mode = int(row.prompter[-1])  # type: ignore[assignment]
            wanted = mode_prompts(row.object.mask, mode)
            assert (row.prompts.points, row.prompts.boxes) == (wanted.points, wanted.boxes)
    different = 8 + 5  # for the ring in one part modes 1 and 2 are the same, and 3, 4 and 5
    assert segmenter.asked == [(different, "single"), (different, "first")]
    ring = [row for row in rows if row.object.label == "ring" and row.policy == "oracle"]
    masks = {row.prompter: row.mask for row in ring}
    assert masks["mode-3"] is masks["mode-4"] is masks["mode-5"]


def test_literal_modes_draw_among_equally_deep_pixels_the_same_for_every_model() -> None:
    rows = list(EXPERIMENTS["modes"](scene(), ModesSettings(modes=[1], literal=True)))
    other = list(EXPERIMENTS["modes"](scene(AskedSegmenter()), ModesSettings(modes=[1], literal=True)))
    assert [row.prompts.points for row in rows] == [row.prompts.points for row in other]
    seeds = [list(EXPERIMENTS["modes"](scene(seed=seed), ModesSettings(modes=[1], literal=True))) for seed in range(5)]
    assert len({row.prompts.points for rows in seeds for row in rows if row.object.label == "parts"}) > 1


def test_prompters_that_need_other_prompts_are_left_out() -> None:
    for accepts, modes, noises in (
        (POINTS, {"mode-1", "mode-2", "centroid", "centroid-projected", "scribble"}, {"click-jitter", "click-miss"}),
        (BOXES, {"mode-3", "mode-4", "mode-5"}, {"box-sam", "box-medsam", "box-sam-med2d", "box-overlap"}),
    ):
        where = scene(accepts=accepts)
        assert {row.prompter for row in EXPERIMENTS["modes"](where, ALL_MODES)} == modes
        assert {row.prompter for row in EXPERIMENTS["noise"](where, ALL_NOISE)} == noises
        located = list(EXPERIMENTS["location"](where, LocationSettings(places=2)))
        assert bool(located) == ("points" in accepts)


def test_no_noise_is_the_exact_prompt_once_and_noise_is_repeated() -> None:
    rows = [row for row in EXPERIMENTS["noise"](scene(policies=("first",)), ALL_NOISE) if row.object.label == "parts"]
    exact_box, exact_click = tight_box(rows[0].object.mask), mode_prompts(rows[0].object.mask, 1).points[0]
    for prompter, none in (("box-sam", 0), ("box-overlap", 1), ("click-jitter", 0), ("click-miss", 0)):
        still = [row for row in rows if row.prompter == prompter and row.level == none]
        assert [row.repeat for row in still] == [0]
        assert (*still[0].prompts.points, *still[0].prompts.boxes) in ((exact_box,), (exact_click,))
        moved = [row for row in rows if row.prompter == prompter and row.level != none]
        assert {row.repeat for row in moved} == {0, 1, 2}
        drawn = {(row.level, row.prompts.points, row.prompts.boxes) for row in moved}
        assert len(drawn) == len(moved)


def test_noise_is_as_strong_as_its_level_says() -> None:
    rows = [row for row in EXPERIMENTS["noise"](scene(policies=("first",)), ALL_NOISE) if row.object.label == "parts"]
    exact = tight_box(rows[0].object.mask)
    assert exact is not None
    for row in rows:
        if row.prompter == "box-overlap":
            assert box_overlap(row.prompts.boxes[0], exact) == pytest.approx(row.level, abs=0.011)
        elif row.prompter == "box-medsam":
            box = row.prompts.boxes[0]
            assert 0 <= exact.x0 - box.x0 <= row.level
            assert 0 <= box.y1 - exact.y1 <= row.level
        elif row.prompter == "box-sam-med2d":
            box = row.prompts.boxes[0]
            assert abs(exact.x0 - box.x0) <= row.level
            assert box.x1 - box.x0 <= exact.x1 - exact.x0
        elif row.prompter == "click-miss" and row.level == 1:
            (point,) = row.prompts.points
            assert not row.object.mask[round(point.y), round(point.x)]


def box_overlap(first: Box, second: Box) -> float:
    """IoU of two boxes, corners inclusive."""
    across = min(first.x1, second.x1) - max(first.x0, second.x0) + 1
    down = min(first.y1, second.y1) - max(first.y0, second.y0) + 1
    areas = [(box.x1 - box.x0 + 1) * (box.y1 - box.y0 + 1) for box in (first, second)]
    return across * down / (sum(areas) - across * down)


def test_what_is_drawn_depends_neither_on_other_levels_nor_on_the_model() -> None:
    few = list(EXPERIMENTS["noise"](scene(), NoiseSettings(box_sam=[0.2], click_jitter=[])))
    many = list(EXPERIMENTS["noise"](scene(AskedSegmenter(), policies=("first",)), ALL_NOISE))
    known = {key(row)[:4] + key(row)[6:]: row.prompts.boxes for row in many}
    assert all(known[key(row)[:4] + key(row)[6:]] == row.prompts.boxes for row in few if row.prompter == "box-sam")


def test_places_are_numbered_and_lie_on_the_object() -> None:
    rows = list(EXPERIMENTS["location"](scene(policies=("first",)), LocationSettings(places=9)))
    for label in ("parts", "ring"):
        mine = [row for row in rows if row.object.label == label]
        assert [row.step for row in mine] == list(range(1, 10))
        for row in mine:
            (point,) = row.prompts.points
            assert row.object.mask[round(point.y), round(point.x)]
            assert row.object.depth(point.x, point.y) > 0


def test_many_prompts_are_asked_a_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptseg.evaluation.study.experiments.asking._MOST_AT_ONCE", 5)
    segmenter = AskedSegmenter()
    rows = list(EXPERIMENTS["location"](scene(segmenter, policies=("first",)), LocationSettings(places=6)))
    assert len(rows) == 12
    assert [count for count, _ in segmenter.asked] == [5, 5, 2]


def test_every_prompter_has_its_entry() -> None:
    for name, settings in (("modes", ALL_MODES), ("noise", ALL_NOISE)):
        made = {row.prompter for row in EXPERIMENTS[name](scene(), settings)}
        assert made == {prompter for prompter, entry in PROMPTERS.items() if entry.experiment == name}
    assert all(entry.title and entry.note.endswith(".") for entry in PROMPTERS.values())
    assert {entry.experiment for entry in PROMPTERS.values()} == set(EXPERIMENTS)
