"""How the default model is made: the split, the simulated users, the losses and the prompts of the evaluation."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from promptseg.types import Box
from tools.default_model.data import Store, simulate, standardise
from tools.default_model.losses import mask_losses, true_iou
from tools.default_model.oracle_prompts import clicksam_clicks, ellipse, jittered, tight
from tools.default_model.recipe import Recipe, read_recipe
from tools.default_model.simulate import click, correct, depth, first_prompts, tight_boxes

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "default.toml"


@pytest.fixture(scope="module")
def recipe() -> Recipe:
    return read_recipe(RECIPE)


@pytest.fixture(scope="module")
def target() -> Tensor:
    """Three objects on a 64 x 64 grid: a square, a thin bar, two parts."""
    masks = torch.zeros(3, 64, 64)
    masks[0, 20:40, 10:30] = 1.0
    masks[1, 5:7, 10:60] = 1.0
    masks[2, 10:20, 10:20] = 1.0
    masks[2, 40:60, 40:60] = 1.0
    return masks


def test_no_group_lies_in_two_parts_of_the_split(recipe: Recipe) -> None:
    parts: dict[str, set[str]] = {}
    with recipe.split.open() as file:
        for row in csv.DictReader(file):
            parts.setdefault(row["group"], set()).add(row["part"])
    assert all(len(found) == 1 for found in parts.values())
    assert set().union(*parts.values()) == {"train", "validation", "test", "left-out"}


def test_clicks_lie_in_their_region(target: Tensor) -> None:
    generator = torch.Generator().manual_seed(0)
    for deep in (0.0, 1.0):
        place, found = click(target, torch.full((3,), deep), depth(target), generator)
        cell = ((place - 0.5) / 2).round().long()
        assert bool(found.all())
        assert bool((target[torch.arange(3), cell[:, 1], cell[:, 0]] == 1).all())


def test_a_deep_click_is_in_the_middle_of_the_larger_part(target: Tensor) -> None:
    place, _ = click(target, torch.ones(3), depth(target), torch.Generator().manual_seed(1))
    assert torch.allclose(place[0], torch.tensor([39.5, 59.5]), atol=4.0)
    assert torch.allclose(place[2], torch.tensor([99.5, 99.5]), atol=4.0)


def test_nothing_is_found_in_an_empty_region() -> None:
    empty = torch.zeros(1, 64, 64)
    assert not bool(click(empty, torch.ones(1), depth(empty), torch.Generator())[1].any())


def test_boxes_are_tight(target: Tensor) -> None:
    assert tight_boxes(target)[0].tolist() == [20.0, 40.0, 59.0, 79.0]


def test_every_object_gets_some_prompt_and_corrections_name_the_error(target: Tensor, recipe: Recipe) -> None:
    generator = torch.Generator().manual_seed(4)
    for _ in range(12):
        shown = first_prompts(target, recipe.prompts, generator)
        pointed = (shown.labels_MP >= 0).any(dim=1)
        boxed = ~torch.isnan(shown.boxes_M4).any(dim=1)
        masked = ~torch.isnan(shown.masks_M1GG).flatten(1).any(dim=1)
        assert bool((pointed | boxed | masked).all())
    nothing, everything = torch.full_like(target, -5.0), torch.full_like(target, 5.0)
    for logits, label in ((nothing, 1), (everything, 0)):
        labels = correct(shown, target, logits, recipe.prompts, generator).labels_MP[:, -1]
        assert set(labels.tolist()) <= {label, -1}


def test_losses_of_a_perfect_and_an_empty_mask(target: Tensor, recipe: Recipe) -> None:
    sure = (target * 2 - 1) * 20
    logits = torch.stack((sure, torch.full_like(sure, -20.0)), dim=1)
    losses = mask_losses(logits, target, recipe.loss, balanced=0.0)
    assert float(losses[:, 0].max()) < 1e-3
    area = target.flatten(1).sum(1)
    expected = 1 - 1 / (area + 1) + 20 * area / 4096
    assert torch.allclose(losses[:, 1], expected, atol=1e-3)
    assert true_iou(logits, target).tolist() == [[1.0, 0.0]] * 3


def test_standardised_images_have_mean_zero_and_deviation_one_inside() -> None:
    image = torch.rand(2, 1, 16, 16)
    inside = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    inside[:, :, :10, :12] = True
    out = standardise(image, inside)
    assert float(out[~inside].abs().max()) == 0.0
    for b in range(2):
        assert float(out[b][inside[b]].mean()) == pytest.approx(0.0, abs=1e-5)
        assert float(out[b][inside[b]].std(correction=0)) == pytest.approx(1.0, abs=1e-4)


def test_batches_follow_from_the_seed(recipe: Recipe) -> None:
    store = Store(simulate(6, longest_px=recipe.data.longest_px, seed=(1,)), recipe.data)
    first, second = (store.draw(np.random.default_rng(3), batch=2, objects=2, size=64) for _ in range(2))
    assert first.image_B1SS.shape == (2, 1, 64, 64)
    assert torch.equal(first.image_B1SS, second.image_B1SS)
    assert torch.equal(first.target_BNSS, second.target_BNSS)


def test_the_ellipse_in_a_box_covers_pi_over_four_of_it() -> None:
    box = Box(10.0, 20.0, 69.0, 49.0)
    mask = ellipse(box, (100, 100))
    assert mask.sum() == pytest.approx(math.pi / 4 * 60 * 30, rel=0.01)
    assert tight(mask) == box


def test_jittered_boxes_stay_on_the_image_and_within_the_limit() -> None:
    box = Box(5.0, 5.0, 480.0, 300.0)
    for seed in range(20):
        moved = jittered(box, (310, 500), np.random.default_rng(seed))
        assert 0 <= moved.x0 <= moved.x1 <= 499
        assert 0 <= moved.y0 <= moved.y1 <= 309
        assert abs(moved.x0 - box.x0) <= 20
        assert abs(moved.y1 - box.y1) <= 20


def test_clicksam_clicks_name_right_missed_and_superfluous_regions() -> None:
    reference, prediction = np.zeros((512, 512), dtype=bool), np.zeros((512, 512), dtype=bool)
    reference[100:300, 100:300] = True
    prediction[200:400, 100:300] = True
    clicks = clicksam_clicks(reference, prediction, np.random.default_rng(0))
    for point in clicks:
        assert reference[int(point.y), int(point.x)] == point.positive
    # 20,000 pixels each: trunc(1 + 2 (4.301 - 3)) = 3 clicks for right, missed and superfluous
    assert [point.positive for point in clicks] == [True] * 6 + [False] * 3
    assert clicksam_clicks(reference, reference, np.random.default_rng(0)) == []
