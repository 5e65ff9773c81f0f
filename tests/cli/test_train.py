"""``promptseg train`` on a folder of pictures, from the check to the mask."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Calling
from phantom_samples import phantoms, write_folder, write_inputs

from promptseg.cli import train
from promptseg.data.sources import open_source


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = write_inputs(tmp_path)
    write_folder(tmp_path / "data" / "phantoms", phantoms())
    path.write_text(path.read_text().replace('path = "data"', 'path = "data/phantoms"'))
    return path


def test_from_a_folder_of_pictures_to_a_mask(recipe: Path, tmp_path: Path, call: Calling) -> None:
    run, image = tmp_path / "run", tmp_path / "data" / "phantoms" / "images" / "1.png"
    quick = ("--set", "training.epochs=1", "--device", "cpu")
    told = call("train", recipe, "--output", run, *quick)
    assert told.status == 0, told.err
    assert told.out == ""
    assert "checking the data: 12 images" in told.err
    assert "step 4 of 4: loss" in told.err
    assert "promptseg segment IMAGE --point X,Y --model" in told.err
    assert (run / "curves.png").read_bytes().startswith(b"\x89PNG")
    mask = tmp_path / "mask.png"
    assert call("segment", image, "--point", "30,20", "--model", run, "--output", mask).status == 0
    assert mask.is_file()
    again = call("train", recipe, "--output", run, *quick)
    assert again.status == 1
    assert "go on with --resume" in again.err
    resumed = call("train", recipe, "--output", run, *quick, "--resume", "--json")
    assert resumed.status == 0
    assert json.loads(resumed.out)["steps"] == 4


def test_a_dry_run_says_what_would_be_done_and_does_nothing(recipe: Path, tmp_path: Path, call: Calling) -> None:
    told = call("train", recipe, "--output", tmp_path / "run", "--dry-run")
    assert told.status == 0, told.err
    assert "8 to learn from with 8 objects, 4 to choose by" in told.out
    assert "trained: all" in told.out
    assert "8 of 2 images, 2 epochs" in told.out
    assert not (tmp_path / "run").exists()
    as_json = call("train", recipe, "--output", tmp_path / "run", "--dry-run", "--json", "--processes", "2")
    assert json.loads(as_json.out)["steps"].startswith("4 of 4 images")


def test_mistakes_are_one_line(recipe: Path, tmp_path: Path, call: Calling) -> None:
    ended = call("train", recipe, "--output", tmp_path / "run", "--set", "training.epoch=3", "--set", "seed=x")
    assert ended.status == 1
    assert ended.err.count("\n") == 1
    assert "training.epoch: unknown setting (did you mean 'epochs'?)" in ended.err
    assert "seed: expected a valid integer; got 'x'" in ended.err


def test_without_the_extra_it_says_what_to_install(
    recipe: Path, tmp_path: Path, call: Calling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "_NEEDED", ("no_such_package",))
    ended = call("train", recipe, "--output", tmp_path / "run")
    assert ended.status == 1
    assert 'pip install "promptseg[train]"' in ended.err


def test_the_pictures_are_the_phantoms(recipe: Path) -> None:
    """The folder of the tests above holds what the samples of the other tests do."""
    (first, *_) = open_source("folder", recipe.parent / "data" / "phantoms")
    np.testing.assert_array_equal(first.read_objects()[0].mask, phantoms()[0].read_objects()[0].mask)
