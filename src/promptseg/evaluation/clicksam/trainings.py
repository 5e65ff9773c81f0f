"""The trainings behind the arms: recipes that a user could also run one by one, and Click Train's two networks."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, final

from promptseg.data.samples import Sample
from promptseg.errors import ReadError, TrainingError
from promptseg.evaluation.clicksam.arms import Arm, Ellipse, PaintedClicks, Promptable
from promptseg.evaluation.clicksam.page import LossCurve
from promptseg.evaluation.clicksam.protocols import PROTOCOLS, Protocol
from promptseg.io.atomic import replacing
from promptseg.io.files import shown
from promptseg.models import load
from promptseg.models.compact_network import CompactNetwork
from promptseg.training.painted.learning import PaintedSettings, open_trained, read_epochs, train_painted
from promptseg.training.recipe import Recipe
from promptseg.training.recipe_files import read_recipe
from promptseg.training.session import Options, train
from promptseg.types import Segmenter

__all__ = ["PAINTED", "RUNS", "Trainer", "arm_runs", "loss_curves", "ready_arms", "recipe_path", "training_words"]

PAINTED: Final = ("click-train-without", "click-train")
"""Click Train's runs: without clicks, then with."""

_RECIPES: Final = Path("recipes") / "clicksam"
_COMPACT: Final = "default-zeroshot"
"""Whose encoder Click Train's network gets where the loaded model is of another architecture."""


@final
@dataclass(frozen=True)
class TrainingRun:
    """One training of the loop.

    Attributes:
        recipe: file in ``recipes/clicksam``.
        start: the run with whose weights it begins, or None for the loaded model.
    """

    recipe: str
    start: str | None = None


RUNS: Final[dict[str, TrainingRun]] = {
    "medsam": TrainingRun("medsam.toml"),
    "stage-1": TrainingRun("stage-1.toml"),
    "stage-2": TrainingRun("stage-2.toml", start="stage-1"),
    "stage-2-code": TrainingRun("stage-2.toml"),
}
"""Trainings by the loop in their order."""

_NETWORKS: Final[dict[str, tuple[str, str]]] = {
    "medsam": ("medsam", "medsam"),
    "stage-1": ("stage-1", "stage-1"),
    "clicksam": ("stage-1", "stage-2"),
    "clicksam-code": ("stage-1", "stage-2-code"),
}
"""Runs of the first and of the final network of an arm."""

_OWN_ENCODER: Final = ("medsam",)
"""Arms whose training changed the encoder."""


def recipe_path(name: str) -> Path:
    """A recipe of the experiment: inside the installed package, or in the repository.

    Raises:
        ReadError: it is in neither.
    """
    package = Path(__file__).resolve().parents[2]
    places = [home / _RECIPES / name for home in (package, package.parents[1])]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ReadError(f"the recipe {name} is not at {shown(places[0])}; install promptseg again")
    return found


def arm_runs(arms: Sequence[str]) -> list[str]:
    """Names of the runs that some arms need, in the order in which they must be made."""
    needed = {run for arm in arms for run in _NETWORKS.get(arm, ())}
    needed |= {RUNS[run].start or run for run in needed}
    return [run for run in RUNS if run in needed] + (list(PAINTED) if "click-train" in arms else [])


@final
@dataclass(frozen=True, eq=False)
class Trainer:
    """Makes the runs of one protocol, or finds them made.

    Attributes:
        protocol: whose images.
        samples: all images of the data set that have lesions.
        source: kind and path of the data set, as a recipe names them.
        model: the loaded model, by name or path.
        folder: of all runs of this protocol.
        split: file with the protocol's split.
        overrides: settings in place of the recipes', by run: ``key=value``.
        device: where to train.
        progress: is told how far Click Train's networks are.
        quiet: whether the loop tells nothing.
    """

    protocol: Protocol
    samples: Sequence[Sample]
    source: tuple[str, Path]
    model: str
    folder: Path
    split: Path
    overrides: Mapping[str, Sequence[str]]
    device: str
    progress: Callable[[str, int, int], None]
    quiet: bool = True

    def make(self, run: str) -> None:
        """Train, or go on where it was interrupted; nothing is done for a run that is finished.

        Raises:
            TrainingError: the user stopped it, or the loss is NaN.
            RecipeError: an override is wrong.
        """
        finished = self.folder / f"{run}.finished"
        if finished.exists():
            return
        if run in PAINTED:
            self._make_painted(run)
        else:
            outcome = train(
                self.recipe(run),
                self.folder / run,
                options=Options(resume=True, device=self.device, quiet=self.quiet),
                samples=self.samples,
            )
            if not outcome.finished:
                raise TrainingError("stopped; go on with the same command and --resume")
        with replacing(finished) as file:
            file.write(b"")

    def recipe(self, run: str) -> Recipe:
        """The recipe of a run of the loop, with the paths of this reproduction."""
        kind, path = self.source
        changes = {
            "data.source": kind,
            "data.path": str(path.resolve()),
            "data.split": str(self.split.resolve()),
            "model.name": self.model,
            "training.embeddings_folder": str((self.folder / "embeddings").resolve()),
        }
        start = RUNS[run].start
        if start is not None:
            changes["model.start"] = str((self.folder / start).resolve())
        words = [f"{key}={json.dumps(value)}" for key, value in changes.items()]
        if kind != "busi":
            words += ["data.options={}", 'data.objects="united"']
        if not PROTOCOLS[self.protocol.name].honest:
            words.append("data.validation=[]")
        return read_recipe(recipe_path(RUNS[run].recipe), overrides=[*words, *self.overrides.get(run, ())])

    def _make_painted(self, run: str) -> None:
        settings = painted_settings(self.model, self.overrides.get(run, ()))
        honest = PROTOCOLS[self.protocol.name].honest
        split = self.protocol.split
        train_painted(
            split.part("train", self.samples),
            split.part("validation", self.samples) if honest else (),
            self.folder / run,
            settings,
            after=None if run == PAINTED[0] else self.folder / PAINTED[0],
            progress=lambda name, done, total: self.progress(f"{self.protocol.name}: {name}", done, total),
        )


def painted_settings(model: str, overrides: Sequence[str]) -> PaintedSettings:
    """Settings of Click Train's networks.

    Raises:
        TrainingError: an override is none of their settings.
    """
    settings = PaintedSettings(model=model if _is_compact(model) else _COMPACT)
    for text in overrides:
        name, _, word = text.partition("=")
        try:
            if name == "lr":
                settings = replace(settings, lr=float(word))
            elif name == "epochs":
                settings = replace(settings, epochs=int(word))
            elif name == "batch":
                settings = replace(settings, batch=int(word))
            elif name == "seed":
                settings = replace(settings, seed=int(word))
            else:
                raise TrainingError(f"click-train.{text}: Click Train's runs have epochs, batch, lr and seed")
        except ValueError:
            raise TrainingError(f"click-train.{text}: expected a number") from None
    return settings


def ready_arms(names: Sequence[str], *, model: str, folder: Path, device: str) -> dict[str, Arm]:
    """The arms, with the networks of a protocol's runs.

    Args:
        names: of the arms.
        model: the loaded model.
        folder: of the protocol's runs.
        device: where they answer.
    """
    opened: dict[str, Segmenter] = {}

    def network(run: str | None) -> Segmenter:
        key = run or ""
        if key not in opened:
            opened[key] = load(model if run is None else folder / run, device=device)
        return opened[key]

    arms: dict[str, Arm] = {}
    for name in names:
        if name == "ellipse":
            arms[name] = Ellipse()
        elif name == "click-train":
            arms[name] = PaintedClicks(*(open_trained(folder / run) for run in PAINTED))
        elif name in _NETWORKS:
            first, final_run = _NETWORKS[name]
            encoder = network(first if name in _OWN_ENCODER else None)
            arms[name] = Promptable(network(first), network(final_run), encoder)
        else:
            arms[name] = Promptable(network(None), network(None), network(None))
    return arms


def loss_curves(protocol: str, runs: Sequence[str], folder: Path) -> list[LossCurve]:
    """What the trainings of a protocol wrote of their losses and scores."""
    curves = []
    for run in runs:
        if run in PAINTED:
            epochs = read_epochs(folder / run)
            losses = [(float(epoch.epoch), epoch.loss) for epoch in epochs]
            scores = [(float(epoch.epoch), epoch.score) for epoch in epochs if epoch.score is not None]
        else:
            with (folder / run / "metrics.csv").open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file))
            losses = [(float(row["epoch"]), float(row["loss"])) for row in rows]
            scores = [(float(row["epoch"]), float(row["score"])) for row in rows if row["score"]]
        curves.append(LossCurve(protocol, run, losses, scores))
    return curves


def training_words(runs: Sequence[str], folder: Path) -> dict[str, str]:
    """How each run of a protocol was trained, in a line."""
    words = {}
    for run in runs:
        if run in PAINTED:
            epochs = read_epochs(folder / run)
            words[run] = f"AdamW, {len(epochs)} epochs"
            continue
        recipe = read_recipe(folder / run / "recipe.toml")
        optimiser, training = recipe.optimiser, recipe.training
        words[run] = (
            f"{recipe.model.trained} of {Path(recipe.model.name).name}; {optimiser.name} {optimiser.lr:g}, "
            f"{recipe.schedule.name}, {training.epochs} epochs, batch {training.batch}"
        )
    return words


def _is_compact(model: str) -> bool:
    return isinstance(load(model, device="cpu").network, CompactNetwork)
