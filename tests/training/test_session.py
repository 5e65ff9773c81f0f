"""Whole runs of a tiny network on phantoms: it learns, it resumes to the last bit, it refuses what cannot be right."""

import json
import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from phantom_samples import PhantomSample, curve, phantoms, quick_recipe

import promptseg
from promptseg.data.splits import read_split, write_split
from promptseg.errors import DatasetError, LeakError, PromptsegError, TrainingError
from promptseg.training.checkpoints import newest_checkpoint
from promptseg.training.locks import lock
from promptseg.training.loop import Loop
from promptseg.training.planning import describe, make_plan
from promptseg.training.session import Options, train

CPU = Options(device="cpu", quiet=True)
RESUME = Options(device="cpu", quiet=True, resume=True)


def run_killed(folder: Path, *changes: str, kills: int) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).resolve().parents[1] / "killed_runs.py"
    command = [sys.executable, str(script), str(folder), str(kills), *changes]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr


def test_it_learns_and_the_folder_is_a_model(tmp_path: Path) -> None:
    recipe = quick_recipe(
        tmp_path, "training.epochs=5", "training.batch=3", "loss.preset=promptseg", count=60, validation=12
    )
    outcome = train(recipe, tmp_path / "run", options=CPU, samples=phantoms(60))
    scores = [float(row[6]) for row in curve(tmp_path / "run")[1:]]
    assert outcome.finished
    assert outcome.best == pytest.approx(max(scores), abs=1e-8)
    assert max(scores) > scores[0] + 0.2
    assert max(scores) > 0.6
    segmenter = promptseg.load(tmp_path / "run", device="cpu")
    again = train_score(segmenter, phantoms(60)[48:])
    assert again == pytest.approx(outcome.best, abs=1e-6)
    assert {path.name for path in (tmp_path / "run").iterdir()} >= {
        *("recipe.toml", "versions.json", "split.csv", "metrics.csv", "curves.png", "run.json", "outcome.json"),
        "model.safetensors",
    }


def train_score(segmenter: promptseg.Segmenter, samples: tuple[PhantomSample, ...]) -> float:
    """Mean IoU after one click in the middle, through the public interface alone."""
    from promptseg.metrics import iou
    from promptseg.prompts import centre_click

    values = []
    for sample in samples:
        truth = sample.read_objects()[0].mask
        answer = segmenter.segment(segmenter.embed(sample.read_image()), centre_click(truth))
        values.append(iou(truth, answer.mask))
    return float(np.mean(values))


@pytest.mark.parametrize(
    "changes",
    [
        ("training.ema=0.9", "training.accumulate=2", "training.checkpoint_every=3", "training.epochs=3"),
        ("model.trained=decoder", "augmentation.preset=light", "training.augmented_copies=2", "training.epochs=3"),
    ],
    ids=["live", "cached"],
)
def test_killed_at_any_moment_it_ends_like_a_run_that_was_not(tmp_path: Path, changes: tuple[str, ...]) -> None:
    train(quick_recipe(tmp_path, *changes), tmp_path / "whole", options=CPU, samples=phantoms())
    run_killed(tmp_path, *changes, kills=3)
    assert curve(tmp_path / "killed") == curve(tmp_path / "whole")
    for name in ("model.safetensors", "recipe.toml", "run.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert not (tmp_path / "killed" / "embeddings").exists()


def test_only_what_is_trained_is_in_a_checkpoint_and_two_are_kept(tmp_path: Path) -> None:
    train(
        quick_recipe(tmp_path, "model.trained=decoder", "training.epochs=3"),
        tmp_path / "run",
        options=CPU,
        samples=phantoms(),
    )
    folder = tmp_path / "run" / "checkpoints"
    saved = newest_checkpoint(folder)
    assert saved is not None
    assert saved.step == 12
    assert all(name.startswith("decoder.") for name in saved.trained)
    assert len(list(folder.iterdir())) == 2


def test_a_damaged_checkpoint_is_passed_over(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path, "training.epochs=3")
    train(recipe, tmp_path / "run", options=CPU, samples=phantoms())
    before = curve(tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "step-000000012.pt").write_bytes(b"torn")
    train(recipe, tmp_path / "run", options=RESUME, samples=phantoms())
    assert curve(tmp_path / "run") == before


def test_interrupted_by_the_user_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = quick_recipe(tmp_path, "training.epochs=3", "training.checkpoint_every=100")
    train(recipe, tmp_path / "whole", options=CPU, samples=phantoms())
    advance = Loop._advance

    def advance_then_interrupt(self: Loop, batches: list) -> float:
        loss = advance(self, batches)
        if self.step == 4:
            os.kill(os.getpid(), signal.SIGINT)
        return loss

    assert threading.current_thread() is threading.main_thread()
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_advance", advance_then_interrupt)
        stopped = train(recipe, tmp_path / "run", options=CPU, samples=phantoms())
    assert not stopped.finished
    assert stopped.steps == 5
    assert train(recipe, tmp_path / "run", options=RESUME, samples=phantoms()).finished
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path, "training.epochs=3")
    train(recipe, tmp_path / "whole", options=CPU, samples=phantoms())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    model = (tmp_path / "whole" / "model.safetensors").stat().st_size
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (model + 1000, hard))
        with pytest.raises(PromptsegError, match="cannot be written"):
            train(recipe, tmp_path / "run", options=CPU, samples=phantoms())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()] == []
    train(recipe, tmp_path / "run", options=RESUME, samples=phantoms())
    assert curve(tmp_path / "run") == curve(tmp_path / "whole")


def test_nan_stops_the_run_and_names_the_images(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path, "optimiser.lr=1e30", "optimiser.clip_norm=0", "training.epochs=3")
    with pytest.raises(
        TrainingError, match=r"step \d+: the (loss is|gradient has length) .* for the images phantoms \d"
    ):
        train(recipe, tmp_path / "run", options=CPU, samples=phantoms())


def test_a_leak_is_refused(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path)
    split = read_split(recipe.data.split)
    path = tmp_path / "split.csv"
    write_split(split, path)
    path.write_text(path.read_text().replace("phantoms:11", "phantoms:2"))
    with pytest.raises(LeakError, match="phantoms:2"):
        make_plan(recipe, samples=phantoms())
    same_part = recipe.model_copy(update={"data": recipe.data.model_copy(update={"validation": "train"})})
    with pytest.raises(LeakError, match="both learned from and chosen by"):
        make_plan(same_part, samples=phantoms())


def test_a_subject_in_two_parts_is_refused(tmp_path: Path) -> None:
    samples = tuple(PhantomSample(str(number), subject=f"person {number % 11}") for number in range(12))
    with pytest.raises(LeakError, match="person 0"):
        make_plan(quick_recipe(tmp_path), samples=samples)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("data.labels=['nerve']", "no object has the label 'nerve'; there are lesion"),
        ("data.train='teach'", "no part 'teach'"),
        ("data.path='nowhere'", "nowhere"),
    ],
)
def test_data_that_are_not_there_are_named(tmp_path: Path, change: str, words: str) -> None:
    samples = None if "path" in change else phantoms()
    with pytest.raises(PromptsegError, match=words):
        make_plan(quick_recipe(tmp_path, change), samples=samples)


def test_missing_images_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="phantoms 3"):
        make_plan(quick_recipe(tmp_path), samples=phantoms()[:3])


def test_a_run_is_not_overwritten_nor_continued_by_another(tmp_path: Path) -> None:
    recipe = quick_recipe(tmp_path, "training.epochs=1")
    train(recipe, tmp_path / "run", options=CPU, samples=phantoms())
    with pytest.raises(TrainingError, match="--resume"):
        train(recipe, tmp_path / "run", options=CPU, samples=phantoms())
    other = recipe.model_copy(update={"optimiser": recipe.optimiser.model_copy(update={"lr": 0.5})})
    with pytest.raises(TrainingError, match=r"another recipe \(lr = 0.5"):
        train(other, tmp_path / "run", options=RESUME, samples=phantoms())
    with pytest.raises(TrainingError, match="images or masks have changed"):
        train(recipe, tmp_path / "run", options=RESUME, samples=changed_phantoms())
    with lock(tmp_path / "run" / ".lock", wait=False), pytest.raises(TrainingError, match="another process"):
        train(recipe, tmp_path / "run", options=RESUME, samples=phantoms())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(TrainingError, match="not empty"):
        train(recipe, tmp_path / "full", options=CPU, samples=phantoms())


def changed_phantoms() -> tuple[PhantomSample, ...]:
    class Changed(PhantomSample):
        def read_image(self) -> promptseg.Image:
            return promptseg.Image(255 - super().read_image().pixels)

    return (Changed("0"), *phantoms()[1:])


def test_bf16_and_every_part_train(tmp_path: Path) -> None:
    for trained in ("decoder", "prompt-encoder+decoder", "encoder+decoder"):
        recipe = quick_recipe(tmp_path, f"model.trained={trained}", "training.precision=bf16", "training.epochs=1")
        assert train(recipe, tmp_path / trained, options=CPU, samples=phantoms()).finished


def test_a_run_begins_where_another_ended(tmp_path: Path) -> None:
    first = quick_recipe(tmp_path, "training.epochs=1")
    train(first, tmp_path / "first", options=CPU, samples=phantoms())
    second = quick_recipe(tmp_path, "training.epochs=1", "model.trained=decoder", f"model.start={tmp_path / 'first'}")
    plan = make_plan(second, samples=phantoms())
    begun, reached = (
        plan.segmenter.network.module.state_dict(),
        promptseg.load(tmp_path / "first").network.module.state_dict(),
    )
    assert all(torch.equal(begun[name], reached[name]) for name in begun)
    assert any(name.startswith("encoder.") for name in plan.record.trained)
    assert "12" not in describe(plan, processes=1)["steps"]


def test_versions_and_outcome_are_told(tmp_path: Path) -> None:
    train(quick_recipe(tmp_path, "training.epochs=1"), tmp_path / "run", options=CPU, samples=phantoms())
    told = json.loads((tmp_path / "run" / "versions.json").read_text())
    assert told["promptseg"] == promptseg.__version__
    assert told["torch"] == torch.__version__
    assert json.loads((tmp_path / "run" / "outcome.json").read_text())["steps"] == 4
