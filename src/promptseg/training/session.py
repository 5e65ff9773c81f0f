"""A training run from the recipe to the folder that ``promptseg.load`` takes."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final, Self, final

import torch
from torch import Tensor

from promptseg.data.samples import Sample
from promptseg.data.splits import write_split
from promptseg.errors import TrainingError, WriteError
from promptseg.io.files import reason, shown
from promptseg.models.run_folder import is_run
from promptseg.training.augmentation import AugmentationSettings
from promptseg.training.embeddings import Shelf, ShelfPlan
from promptseg.training.examples import Example
from promptseg.training.locks import Taken, lock
from promptseg.training.loop import Interrupted, Loop
from promptseg.training.parts import encoder_sha256
from promptseg.training.planning import Item, Plan, make_plan
from promptseg.training.processes import Team, spawn
from promptseg.training.progress import Report, Silence, telling
from promptseg.training.recipe import Recipe
from promptseg.training.recipe_files import recipe_toml
from promptseg.training.run_files import draw_curves, write_text, write_versions
from promptseg.training.supply import CachedSupply, LiveSupply, Reader, Supply
from promptseg.training.validation import Validation

__all__ = ["Options", "Outcome", "train"]

RECIPE: Final = "recipe.toml"
OUTCOME: Final = "outcome.json"
_PLACES: Final = ("path = ", "split = ", "embeddings_folder = ")


@final
@dataclass(frozen=True)
class Options:
    """What does not belong to the recipe.

    Attributes:
        resume: go on with the run in the folder, if there is one.
        device: ``auto``, or a name that torch knows.
        processes: how many train together, each with its own part of every step.
        quiet: tell nothing.
    """

    resume: bool = False
    device: str = "auto"
    processes: int = 1
    quiet: bool = False


@final
@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    Attributes:
        folder: of the run; a model for ``promptseg.load``.
        steps: how many times the weights changed.
        best: the best score, or None where nothing was scored.
        seconds: how long it took.
        finished: False if the user stopped it.
    """

    folder: Path
    steps: int
    best: float | None
    seconds: float
    finished: bool

    def write(self) -> None:
        """Write ``outcome.json`` into the folder."""
        values = {name: value for name, value in asdict(self).items() if name != "folder"}
        write_text(self.folder / OUTCOME, json.dumps(values) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """What :meth:`write` wrote."""
        return cls(folder, **json.loads((folder / OUTCOME).read_text(encoding="utf-8")))


def train(
    recipe: Recipe,
    folder: Path,
    *,
    options: Options | None = None,
    samples: Sequence[Sample] | None = None,
) -> Outcome:
    """Train as the recipe says and leave everything in a folder.

    Args:
        recipe: what to do.
        folder: of the run; made where it does not exist.
        options: what does not belong to the recipe.
        samples: instead of those of the recipe's source.

    Raises:
        TrainingError: there is a run already, another process works on it, or the loss became NaN or infinite.
        LeakError: images of one group are both learned from and chosen or tested by.
        WriteError: the disk is full; the checkpoints before are untouched.
        PromptsegError: see :func:`~promptseg.training.planning.make_plan`.
    """
    options = options or Options()
    if options.processes > 1:
        alone = Options(resume=options.resume, device=options.device, quiet=options.quiet)
        spawn(train, (recipe, folder), {"options": alone, "samples": samples}, processes=options.processes)
        return Outcome.read(folder)
    team = Team(device=options.device)
    try:
        with telling(quiet=options.quiet or not team.first) as report:
            outcome = _train(recipe, folder, options, team, report, samples)
            if team.first:
                outcome.write()
            return outcome
    finally:
        team.leave()


def _train(
    recipe: Recipe, folder: Path, options: Options, team: Team, report: Report, samples: Sequence[Sample] | None
) -> Outcome:
    with _claimed(folder, recipe, options, team):
        plan = make_plan(recipe, samples=samples, watch=report.doing)
        if team.first:
            _describe(plan, folder, team)
        team.wait()
        plan.segmenter.network.module.to(team.device)
        supply, validation = _supplies(plan, folder, team, report)
        loop = Loop(plan, folder, team, report)
        try:
            loop.run(supply, validation)
        except Interrupted:
            report.say(f"stopped after step {loop.step}; go on with the same command and --resume")
            return Outcome(folder, loop.step, loop.best, loop.seconds, finished=False)
        finally:
            if loop.table is not None and loop.table.rows():
                score = f"{recipe.validation.metric} ({recipe.validation.prompter}, oracle)"
                draw_curves(loop.table, folder / "curves.png", title=recipe.name, score=score)
        team.wait()
        if team.first:
            shutil.rmtree(folder / "embeddings", ignore_errors=True)
        return Outcome(folder, loop.step, loop.best, loop.seconds, finished=True)


@contextmanager
def _claimed(folder: Path, recipe: Recipe, options: Options, team: Team) -> Iterator[None]:
    """The folder belongs to this run alone, and holds its recipe."""
    with ExitStack() as held:
        if team.first:
            _make(folder)
            try:
                held.enter_context(lock(folder / ".lock", wait=False))
            except Taken:
                raise TrainingError(
                    f"{shown(folder)}: another process trains there now; wait, or give another"
                ) from None
            _check_free(folder, recipe, resume=options.resume)
        team.wait()
        yield


def _make(folder: Path) -> None:
    try:
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{shown(folder)}: cannot be made ({reason(error)}); give another folder") from error


def _check_free(folder: Path, recipe: Recipe, *, resume: bool) -> None:
    """Refuse a folder with another run in it, or with anything else."""
    kept = folder / RECIPE
    if not kept.is_file():
        strangers = [path.name for path in folder.iterdir() if path.name not in {".lock", "checkpoints"}]
        if strangers:
            raise TrainingError(f"{shown(folder)}: is not empty ({strangers[0]}, ...); give a new folder")
        write_text(kept, recipe_toml(recipe))
        return
    if not resume:
        raise TrainingError(f"{shown(folder)}: holds a run already; go on with --resume, or give another folder")
    before, now = (_lines(text) for text in (kept.read_text(encoding="utf-8"), recipe_toml(recipe)))
    if before != now:
        other = [line for line in now if line not in before] + [line for line in before if line not in now]
        raise TrainingError(
            f"{shown(folder)}: the run has another recipe ({'; '.join(other[:3])}); give the same, which is "
            f"{shown(kept)}, or another folder"
        )


def _lines(recipe: str) -> list[str]:
    """Of a recipe, without the places that data may move to: what is read there is compared by itself."""
    return [line for line in recipe.splitlines() if not line.startswith(_PLACES)]


def _describe(plan: Plan, folder: Path, team: Team) -> None:
    if not is_run(folder):
        write_versions(folder / "versions.json", device=team.device, processes=team.size)
        write_split(plan.split, folder / "split.csv")
        plan.record.write(folder)


def _supplies(plan: Plan, folder: Path, team: Team, report: Report) -> tuple[Supply, Validation | None]:
    recipe = plan.recipe
    training, segmenter = recipe.training, plan.segmenter
    reader = Reader(recipe.data, segmenter.preprocessing, segmenter.network.grid_side, recipe.augmentation)
    shelf = None
    if plan.cached:
        copies = training.augmented_copies
        filler = _Filler(plan, reader, folder, team, report)
        supply: Supply = CachedSupply(
            plan.train,
            filler.shelf(plan.train, copies=copies, what="embedding images to learn from"),
            seed=recipe.seed,
            objects=training.objects,
            copies=copies,
            device=team.device,
        )
        if plan.validation:
            shelf = filler.shelf(plan.validation, copies=0, what="embedding images to choose by")
    else:
        supply = LiveSupply(plan.train, reader, seed=recipe.seed, objects=training.objects, device=team.device)
    if not plan.validation:
        return supply, None
    return supply, Validation(plan.validation, recipe.data, recipe.validation, shelf=shelf)


@final
class _Filler:
    """Computes features once."""

    def __init__(self, plan: Plan, reader: Reader, folder: Path, team: Team, report: Report) -> None:
        self._plan, self._reader, self._team, self._report = plan, reader, team, report
        named = plan.recipe.training.embeddings_folder
        self._parent = folder / "embeddings" if named is None else Path(named)
        self._encoder = encoder_sha256(plan.segmenter.network)

    def shelf(self, items: Sequence[Item], *, copies: int, what: str) -> Shelf:
        """The filled shelf of some images and their augmented copies."""
        team, plan = self._team, self._plan
        spec = self._spec(items, copies)
        with ExitStack() as held:
            if team.first:
                _make_parent(self._parent)
                held.enter_context(lock(self._parent / f"{spec.digest}.lock", wait=True))
                Shelf.open(spec, self._parent)
            team.wait()
            shelf = Shelf.open(spec, self._parent)
            mine = shelf.missing()[team.rank :: team.size]
            team.wait()
            report = self._report if team.first else Silence()
            shelf.fill(self._rows(items, mine, copies, report, what, plan.recipe.seed))
            team.wait()
        return shelf

    def _spec(self, items: Sequence[Item], copies: int) -> ShelfPlan:
        plan, preprocessing = self._plan, self._plan.segmenter.preprocessing
        augmentation = plan.recipe.augmentation if copies else AugmentationSettings()
        key = repr(
            (
                self._encoder,
                preprocessing,
                [(item.name, item.digest) for item in items],
                plan.recipe.data.objects,
                (copies, plan.recipe.seed, augmentation.model_dump()) if copies else None,
            )
        )
        counts = tuple(item.objects for item in items for _ in range(1 + copies))
        precision = plan.recipe.training.embeddings_precision
        return ShelfPlan(key, partial(self._shapes, items[0]), precision, counts, plan.segmenter.network.grid_side)

    def _shapes(self, item: Item) -> dict[str, tuple[int, ...]]:
        features = self._encode(self._reader.read(item))
        return {name: tuple(value.shape[1:]) for name, value in features.items()}

    def _encode(self, example: Example) -> dict[str, Tensor]:
        with torch.no_grad():
            pixels = torch.from_numpy(example.pixels_CSS)[None].to(self._team.device)
            return dict(self._plan.segmenter.network.encode(pixels))

    def _rows(
        self, items: Sequence[Item], rows: Sequence[int], copies: int, report: Report, what: str, seed: int
    ) -> Iterator[tuple[int, dict[str, Tensor], Example]]:
        for done, row in enumerate(rows, 1):
            number, copy = divmod(row, 1 + copies)
            example = self._reader.copy(items[number], copy, seed=seed)
            yield row, self._encode(example), example
            report.doing(what, done, len(rows))


def _make_parent(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"{shown(folder)}: cannot be made ({reason(error)}); set training.embeddings_folder"
        ) from error
