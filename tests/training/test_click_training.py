"""A click-based network goes through the same loop: from random weights, from another model's encoder, to a model."""

from pathlib import Path

import numpy as np
import pytest
import torch
from phantom_samples import curve, phantoms, quick_recipe, tiny_network
from random_networks import CLICKS, click_network, small_mobile_sam

import promptseg
from promptseg.errors import CheckpointError, RecipeError, ValueRangeError
from promptseg.models.click_segmenter import ClickSegmenter
from promptseg.models.fresh import drawn_anew
from promptseg.models.saving import save_network
from promptseg.training.planning import make_plan
from promptseg.training.recipe import Recipe
from promptseg.training.session import Options, train

CPU = Options(device="cpu", quiet=True)
CLICK_RECIPE = (
    "model.fresh=true",
    "model.trained=all",
    "curriculum.name=ritm",
    "curriculum.decay=0.5",
    "loss.preset=ritm",
    "loss.score=1.0",
)


def click_recipe(folder: Path, *changes: str, count: int = 12, validation: int = 4) -> Recipe:
    """A recipe for phantoms and the small click-based network."""
    folder.mkdir(parents=True, exist_ok=True)
    save_network(click_network(), folder / "clicks.safetensors", model="default-clicks")
    name = f"model.name={folder / 'clicks.safetensors'}"
    return quick_recipe(folder, name, *CLICK_RECIPE, *changes, count=count, validation=validation)


def test_it_learns_and_the_folder_is_a_click_based_model(tmp_path: Path) -> None:
    changes = ("training.epochs=4", "training.batch=3", "training.log_every=8", "loss.preset=promptseg")
    recipe = click_recipe(
        tmp_path, *changes, "validation.prompter=clicks:2", "validation.every=4", count=60, validation=12
    )
    outcome = train(recipe, tmp_path / "run", options=CPU, samples=phantoms(60))
    losses = [float(row[4]) for row in curve(tmp_path / "run")[1:]]
    assert np.mean(losses[-3:]) < 0.8 * np.mean(losses[:2])
    assert outcome.best is not None
    assert outcome.best > 0.4
    segmenter = promptseg.load(tmp_path / "run", device="cpu")
    assert isinstance(segmenter, ClickSegmenter)
    scale = segmenter.network.net.prompts.scale
    assert abs(float(scale) - 0.05) > 1e-3


def test_it_begins_with_the_encoder_that_is_named(tmp_path: Path) -> None:
    plan = make_plan(click_recipe(tmp_path, f"model.encoder_from={tmp_path / 'tiny.safetensors'}"), samples=phantoms())
    source, own = tiny_network().module.state_dict(), click_network(seed=0).module.state_dict()
    drawn = 0
    for name, value in plan.segmenter.network.module.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(value, source[name])
        else:
            drawn += not torch.equal(value, own[name])
    assert drawn > 10
    assert plan.record.model == "default-clicks"
    assert plan.record.policy == "single"


def test_fresh_weights_follow_from_the_seed(tmp_path: Path) -> None:
    digests = [
        make_plan(click_recipe(tmp_path / f"{number}", f"seed={seed}"), samples=phantoms()).record.base_sha256
        for number, seed in enumerate((3, 3, 4))
    ]
    assert digests[0] == digests[1] != digests[2]
    kept = make_plan(click_recipe(tmp_path / "kept", "model.fresh=false"), samples=phantoms()).segmenter.network
    assert torch.equal(
        kept.module.state_dict()["prompts.mix.weight"], click_network().module.state_dict()["prompts.mix.weight"]
    )
    assert kept.side == CLICKS.size


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("model.fresh=false", "model.encoder_from=default"), r"`encoder_from` needs `fresh = true`"),
        (("model.start=somewhere",), r"either `start` or `fresh`"),
    ],
)
def test_contradictions_are_named(changes: tuple[str, ...], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        click_recipe(tmp_path, *changes)


@pytest.mark.parametrize("name", ["box", "sam", "sam-med2d", "mixed"])
def test_users_who_show_boxes_are_refused_before_anything_starts(name: str, tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path, "model.name=default-clicks", f"curriculum.name={name}")
    with pytest.raises(RecipeError, match=f"'{name}' shows boxes.*take single-click, clicksam, ritm"):
        make_plan(recipe, samples=phantoms())


def test_a_validation_with_boxes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"validation\.prompter"):
        make_plan(click_recipe(tmp_path, "validation.prompter=box"), samples=phantoms())


def test_an_encoder_of_other_sizes_and_models_that_cannot_be_fresh_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not of one kind and size"):
        make_plan(click_recipe(tmp_path, "model.encoder_from=default"), samples=phantoms())

    with pytest.raises(ValueRangeError, match="can begin without weights"):
        drawn_anew(small_mobile_sam().network, seed=1)
