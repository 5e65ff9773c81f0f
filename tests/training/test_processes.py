"""Two processes on a CPU train one network."""

from pathlib import Path

import numpy as np
import pytest
from phantom_samples import curve, phantoms, quick_recipe
from two_processes import train_and_tell

from promptseg.errors import LeakError, TrainingError
from promptseg.training.processes import spawn
from promptseg.training.session import Options, train

CHANGES = ("curriculum.name=box", "curriculum.outwards_px=0", "training.log_every=1", "validation.every=9")


def test_two_processes_have_the_same_weights_and_the_losses_of_one(tmp_path: Path) -> None:
    """The loss has no score, so the decoder's score head gets no gradient: that must not stop anything."""
    spawn(
        train_and_tell, (quick_recipe(tmp_path, *CHANGES, "training.accumulate=2"), tmp_path / "both"), {}, processes=2
    )
    told = [(tmp_path / "both" / f"weights-{rank}").read_text() for rank in (0, 1)]
    assert told[0] == told[1]
    alone = quick_recipe(tmp_path / "alone", *CHANGES, "training.batch=8")
    train(alone, tmp_path / "one", options=Options(device="cpu", quiet=True), samples=phantoms())
    both, one = (np.array(curve(tmp_path / name)[1:])[:, 4].astype(float) for name in ("both", "one"))
    assert len(both) == 2
    np.testing.assert_allclose(both, one, rtol=1e-4)


def test_an_error_of_one_process_is_told_in_one_line(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path)
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"validation": "train"})})
    with pytest.raises((LeakError, TrainingError), match="both learned from and chosen by"):
        train(recipe, tmp_path / "run", options=Options(device="cpu", processes=2, quiet=True), samples=phantoms())
