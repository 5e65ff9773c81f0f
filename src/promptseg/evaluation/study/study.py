"""A whole study: planned, run by any number of processes and machines, one table, one report."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from promptseg.data.samples import Sample
from promptseg.errors import DatasetError, ReadError, ValueRangeError
from promptseg.evaluation.study.contenders import (
    OpenSegmenter,
    fingerprint_of,
    open_segmenter,
    ready_contenders,
    refused_prompts,
)
from promptseg.evaluation.study.folders import StudyFolder, machine_facts, study_digest
from promptseg.evaluation.study.parts import TABLE, Parts, table_metadata
from promptseg.evaluation.study.planning import Plan, Progress, Unit, make_plan, named_samples, open_samples
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.recipe_files import quick_recipe
from promptseg.evaluation.study.running import Bench, Job
from promptseg.evaluation.study.scoring import metric_columns
from promptseg.evaluation.study.workers import run_units
from promptseg.io.files import shown
from promptseg.models.loading import place_of

__all__ = ["Options", "Study", "merge_studies", "remake_report", "run_study"]

Samples = Callable[[str, str], Sample]
"""The sample of a data set (its name in the recipe) and an image."""


def _silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


@final
@dataclass(frozen=True)
class Options:
    """How a study is run; nothing here changes what comes out, but for ``quick``.

    Attributes:
        resume: go on in a folder that holds some of it.
        workers: processes; with 1 all is done in this one.
        shard: (number from 1, of how many): do only every so-manieth image. Shards may share a folder.
        device: where models answer: ``auto``, ``cpu``, ``cuda``, ...
        quick: a few images and prompts only.
        command: stands in the report.
    """

    resume: bool = False
    workers: int = 1
    shard: tuple[int, int] = (1, 1)
    device: str = "auto"
    quick: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        number, count = self.shard
        if not 1 <= number <= count:
            raise ValueRangeError(f"shard must be a number from 1 and of how many, such as 1/4; got {number}/{count}")
        if self.workers < 1:
            raise ValueRangeError(f"workers must be 1 or more, got {self.workers}")


@final
@dataclass(frozen=True)
class Study:
    """How far a study is.

    Attributes:
        folder: where it lies.
        units: images times models and peers.
        finished: units of which the rows are there.
        rows: of the table; 0 while it is not complete.
        table: every evaluation; None while it is not complete.
        report: the page; None while it is not complete.
        left_out: what could not be done, and why.
    """

    folder: Path
    units: int
    finished: int
    rows: int
    table: Path | None
    report: Path | None
    left_out: Mapping[str, str]


def run_study(
    recipe: StudyRecipe,
    output: Path,
    *,
    options: Options | None = None,
    progress: Progress = _silent,
    open_one: OpenSegmenter = open_segmenter,
) -> Study:
    """Do what of a study is not yet done; the run that finds all of it done writes table and report.

    Args:
        recipe: of the study.
        output: its folder, made where it does not exist.
        options: how it is run.
        progress: is told how far it is.
        open_one: makes a segmenter of an entry ``[[model]]`` and the name of a device; for segmenters of one's own.
            With several workers a function that can be imported.

    Raises:
        DatasetError: the data are not as the recipe says.
        LeakError: near-duplicates or subjects stand in training and among what is studied.
        StudyError: the folder holds something else, an image cannot be read, a model fails, a process died.
        WriteError: the disk is full, and the like; what is finished is kept.
        PromptsegError: see the parts.
    """
    options = options or Options()
    if options.quick:
        recipe = quick_recipe(recipe)
    plan = make_plan(recipe, progress=progress)
    ready = ready_contenders(recipe, plan.contenders, open_one, device=options.device, object_shares=plan.object_shares)
    weights = {model.name: fingerprint_of(ready[model.name].segmenter) for model in recipe.model}
    refused = refused_prompts(plan.contenders, ready)
    identity = {**plan.identity(weights), "quick": options.quick}
    place = StudyFolder(output)
    place.claim(identity, recipe, resume=options.resume or options.shard[1] > 1)
    job = Job(plan, output, study_digest(identity), options.device, open_one)
    run = _Run(job, place, options, progress)
    todo = run.to_do()
    if todo and options.workers == 1:
        run.watched(lambda: run.here(Bench(job, ready), todo))
    elif todo:
        ready = {}
        run.watched(lambda: run_units(job, todo, workers=options.workers, done=run.done))
    facts = {
        "identity": identity,
        "command": options.command,
        "images": _counts(plan),
        "left_out": {**plan.left_out, **refused},
    }
    known = {(image.data.name, image.name): image.sample for image in plan.images}
    return _finished(place, recipe, facts, lambda dataset, image: known[dataset, image])


def merge_studies(folders: Sequence[Path], output: Path) -> Study:
    """Collect the units of shards that were run in folders of their own.

    No model is needed, and data only for the examples of the report.

    Args:
        folders: of the shards.
        output: folder of the whole study: a new one, or one that holds some of it.

    Raises:
        ReadError: a folder holds no study.
        StudyError: two folders hold different studies.
        WriteError: something cannot be written.
    """
    first = StudyFolder(folders[0])
    identity, recipe = first.identity(), first.recipe()
    for folder in folders[1:]:
        StudyFolder(folder).check_same(identity, recipe)
    place = StudyFolder(output)
    place.claim(identity, recipe, resume=True)
    parts = Parts(output, study_digest(identity), metric_columns(recipe))
    others = [Parts(folder, parts.study, parts.metrics) for folder in folders]
    missing = set(range(identity["units"])) - parts.finished(range(identity["units"]))
    for other in others:
        missing -= {unit for unit in sorted(missing) if parts.take(other, unit)}
    for folder in folders:
        for run in StudyFolder(folder).runs():
            place.record_run(run)
    facts = {**first.facts(), **place.facts()}
    return _finished(place, recipe, facts, _found_samples(recipe))


def remake_report(folder: Path) -> Path:
    """Make the report of a finished study again from its table.

    Raises:
        ReadError: the folder holds no finished study.
    """
    place = StudyFolder(folder)
    words = place.words()
    if not (folder / TABLE).is_file():
        raise ReadError(f"{shown(folder)}: {TABLE} is missing; the study is not complete, go on with --resume")
    recipe = place.recipe()
    return _report(folder, recipe, words, _found_samples(recipe))


@final
@dataclass
class _Run:
    """This process's part of the work."""

    job: Job
    place: StudyFolder
    options: Options
    progress: Progress
    finished: int = 0
    rows: int = 0
    total: int = 0
    units: int = 0

    def to_do(self) -> list[Unit]:
        """Units of this shard that are not finished."""
        number, count = self.options.shard
        mine = [unit for unit in self.job.plan.units if unit.image % count == number - 1]
        before = self.job.parts.finished(unit.number for unit in mine)
        self.finished, self.total = len(before), len(mine)
        return [unit for unit in mine if unit.number not in before]

    def here(self, bench: Bench, units: Sequence[Unit]) -> None:
        """Do units in this process."""
        for unit in units:
            self.done(unit, bench.do(unit))

    def done(self, unit: Unit, rows: int) -> None:
        """A unit is finished."""
        del unit
        self.finished, self.rows, self.units = self.finished + 1, self.rows + rows, self.units + 1
        self.progress("evaluating", self.finished, self.total)

    def watched(self, work: Callable[[], object]) -> None:
        """Work, and note how long it took, also where it fails."""
        begun, start = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), time.perf_counter()
        try:
            work()
        finally:
            if self.units:
                self.place.record_run(
                    {
                        "begun": begun,
                        "seconds": round(time.perf_counter() - start, 3),
                        "units": self.units,
                        "rows": self.rows,
                        "workers": self.options.workers,
                        "shard": list(self.options.shard),
                        "device": str(place_of(self.options.device)),
                        "machine": machine_facts(),
                    }
                )


def _finished(place: StudyFolder, recipe: StudyRecipe, facts: Mapping[str, Any], samples: Samples | None) -> Study:
    """Write table and report, if nothing is missing."""
    identity = facts["identity"]
    parts = Parts(place.folder, study_digest(identity), metric_columns(recipe))
    units, left_out = identity["units"], facts.get("left_out", {})
    finished = len(parts.finished(range(units)))
    facts = {**facts, "runs": place.runs()}
    if finished < units:
        place.write_facts(facts)
        return Study(place.folder, units, finished, 0, None, None, left_out)
    known = {name: facts["identity"][name] for name in ("recipe", "images", "weights", "quick")}
    rows = parts.write_table(units, table_metadata(known))
    place.write_facts({**facts, "rows": rows})
    parts.remove_leavings()
    report = _report(place.folder, recipe, place.words(), samples)
    return Study(place.folder, units, finished, rows, place.folder / TABLE, report, left_out)


def _report(folder: Path, recipe: StudyRecipe, words: Mapping[str, str], samples: Samples | None) -> Path:
    from promptseg.evaluation.study.report import Remaker, write_report

    remake = None if samples is None else Remaker(recipe, samples)
    return write_report(folder, recipe, words, samples, remake=remake)


def _found_samples(recipe: StudyRecipe) -> Samples | None:
    """All samples of a study, or None where a data set is not at hand."""
    try:
        known = {
            (data.name, name): sample
            for data in recipe.data
            for name, sample in named_samples(open_samples(data)).items()
        }
    except (DatasetError, ReadError):
        return None
    return lambda dataset, image: known[dataset, image]


def _counts(plan: Plan) -> dict[str, int]:
    return {data.name: sum(image.data is data for image in plan.images) for data in plan.recipe.data}
