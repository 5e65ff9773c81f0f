from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from fakes import FakeSegmenter

from promptseg.evaluation.clicksam.arms import ARMS, Ellipse, PaintedClicks, Promptable, prompters_of
from promptseg.evaluation.clicksam.measuring import EmbedOnce
from promptseg.evaluation.clicksam.prompting import CLICKS, PROMPTERS, Step, prompted
from promptseg.evaluation.peers.shapes import ellipse_mask
from promptseg.types import BoolMask, Box, Embedding, Image, MaskPrompt, Point, Policy

REFERENCE = np.zeros((40, 60), dtype=bool)
REFERENCE[10:31, 20:45] = True
PIXELS = np.where(REFERENCE, 200, 40).astype(np.uint8)
PIXELS[10:31, 38:45] = 150
IMAGE = Image(PIXELS)


class Named(FakeSegmenter):
    """A fake of another name that remembers what it was asked."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.asked: list[tuple[int, bool]] = []

    def segment(self, embedding: Embedding, prompts: Any, *, choose: Policy | None = None) -> Any:
        self.asked.append((len(prompts.points), prompts.mask is not None))
        if isinstance(prompts.mask, MaskPrompt):
            assert prompts.mask.model == self.name
            prompts = replace(prompts, mask=replace(prompts.mask, model=FakeSegmenter.name))
        return super().segment(embedding, prompts, choose=choose)


class Marks:
    """Paints nothing: remembers what was marked."""

    def __init__(self, mask: BoolMask) -> None:
        self.mask = mask
        self.marked: list[Sequence[Point]] = []

    def predict(self, image: Image, points: Sequence[Point]) -> BoolMask:
        assert image.size == self.mask.shape
        self.marked.append(points)
        return self.mask


def ask(arm: Promptable | PaintedClicks | Ellipse, prompter: str, image: str = "a") -> list[Step]:
    return prompted(arm.look(IMAGE, EmbedOnce.of(IMAGE)), REFERENCE, prompter, image=image, seed=0)


def test_stage_1_answers_the_first_click_and_stage_2_the_rest() -> None:
    first, final = Named("one"), Named("two")
    arm = Promptable(first, final, first)
    opened, corrected = ask(arm, "oracle-clicks")
    assert opened.prompts.points == (Point(32, 20),)
    assert first.asked == [(1, False)]
    assert final.asked == [(corrected.n_clicks, False)]
    assert corrected.n_clicks > 1
    ask(arm, "simulated-user")
    assert first.asked[1:] == [(1, False)]
    assert final.asked[1][1], "the mask of stage 1 is handed to stage 2"
    assert first.embedded == 2
    assert final.embedded == 0, "both stages share the encoder"


def test_a_perfect_first_mask_keeps_the_click_of_stage_1() -> None:
    image = Image(np.where(REFERENCE, 200, 40).astype(np.uint8))
    first, final = Named("one"), Named("two")
    session = Promptable(first, final, first).look(image, EmbedOnce.of(image))
    opened, corrected = prompted(session, REFERENCE, "oracle-clicks", image="a", seed=0)
    assert (opened.shown.mask == REFERENCE).all()
    assert corrected.n_clicks == 1
    assert final.asked == [(1, False)]


def test_the_simulated_user_makes_nine_clicks_or_stops_where_nothing_is_wrong() -> None:
    steps = ask(Promptable(Named("a"), Named("a"), Named("a")), "simulated-user")
    assert [step.step for step in steps] == list(range(1, CLICKS + 1))
    counts = [step.n_clicks for step in steps]
    assert counts == sorted(counts)
    for sooner, later in pairwise(steps):
        assert later.prompts.points[: sooner.n_clicks] == sooner.prompts.points


def test_painted_clicks_lie_on_errors_only() -> None:
    half = REFERENCE.copy()
    half[:, 32:] = False
    baseline, clicked = Marks(half), Marks(REFERENCE)
    opened, corrected = ask(PaintedClicks(baseline, clicked), "oracle-clicks")
    assert (opened.n_clicks, list(baseline.marked[0])) == (0, [])
    assert corrected.n_clicks > 0
    assert all(not half[round(p.y), round(p.x)] and p.positive for p in clicked.marked[0])
    assert np.isnan(corrected.shown.score)


def test_all_arms_get_the_same_jittered_box_and_each_image_another() -> None:
    arms = Promptable(Named("a"), Named("a"), Named("a")), Ellipse()
    boxes = [ask(arm, "jittered-box")[0].prompts.boxes for arm in arms]
    assert boxes[0] == boxes[1]
    assert ask(arms[1], "jittered-box", image="b")[0].prompts.boxes != boxes[0]
    assert ask(arms[1], "tight-box")[0].prompts.boxes == (Box(20, 10, 44, 30),)


def test_the_ellipse_fills_pi_quarters_of_its_box() -> None:
    mask = ellipse_mask(Box(10, 20, 109, 79), (120, 140))
    assert mask.sum() == pytest.approx(np.pi / 4 * 100 * 60, rel=2e-3)
    assert mask.any(axis=0).nonzero()[0][[0, -1]].tolist() == [10, 109]


def test_each_arm_is_asked_all_that_it_understands() -> None:
    assert prompters_of("clicksam") == list(PROMPTERS)
    assert prompters_of("click-train") == ["oracle-clicks", "simulated-user"]
    assert prompters_of("ellipse") == ["tight-box", "jittered-box"]
    assert all(prompters_of(arm) for arm in ARMS)
