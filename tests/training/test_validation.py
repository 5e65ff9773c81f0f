"""Simulated users of the validation, against a network that draws what it is told."""

from pathlib import Path

import numpy as np
import pytest
from drawing_network import DrawingNetwork
from phantom_samples import phantoms, quick_recipe

from promptseg.models.predictor import PromptSegmenter
from promptseg.models.preprocessing import Preprocessing
from promptseg.training.planning import make_plan
from promptseg.training.recipe import DataSettings, ValidationSettings
from promptseg.training.validation import Validation, prompter
from promptseg.types import Candidates, Prompts

DATA = DataSettings(source="folder", path="x", split="y")


def disc(radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    return np.hypot(rows - 30, columns - 30) <= radius


def asked(name: str, mask: np.ndarray, *, radius: float = 6.0) -> list[Prompts]:
    segmenter = PromptSegmenter(
        DrawingNetwork(radius=radius),
        Preprocessing("letterbox", 64, 1, "standardise"),
        name="d",
        default_policy="single",
    )
    embedding = segmenter.embed(np.zeros((64, 64), dtype=np.uint8))
    heard: list[Prompts] = []

    def ask(prompts: Prompts) -> Candidates:
        heard.append(prompts)
        return segmenter.segment(embedding, prompts)

    prompter(name)(ask, mask)
    return heard


def test_each_user_says_what_it_should() -> None:
    (one,) = asked("click", disc(15))
    assert [(point.x, point.y) for point in one.points] == [(30, 30)]
    (box,) = asked("box", disc(15))
    assert (box.boxes[0].x0, box.boxes[0].y1) == (15, 45)
    several = asked("clicks:4", disc(15))
    assert [len(prompts.points) for prompts in several] == [1, 2, 3, 4]
    assert [prompts.mask is None for prompts in several] == [True, False, False, False]
    first, second = asked("clicksam", disc(20), radius=10)
    assert len(first.points) == 1
    assert len(second.points) > 1


def test_a_perfect_mask_needs_no_more_clicks() -> None:
    drawn = disc(5.99)
    assert len(asked("clicks:5", drawn)) <= 2


@pytest.mark.parametrize("metric", ["iou", "dice"])
def test_scores_are_shared_among_processes(tmp_path: Path, metric: str) -> None:
    plan = make_plan(quick_recipe(tmp_path), samples=phantoms())
    validation = Validation(plan.validation, DATA, ValidationSettings(metric=metric), shelf=None)
    whole = validation.scores(plan.segmenter)
    halves = [validation.scores(plan.segmenter, rank=rank, processes=2) for rank in (0, 1)]
    assert len(whole) == 4
    assert [value for pair in zip(*halves, strict=True) for value in pair] == pytest.approx(whole)
    assert all(0 <= value <= 1 for value in whole)
