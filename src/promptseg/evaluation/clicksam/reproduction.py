"""The whole experiment: trainings, evaluations, table, statistics, report; what is finished is never done again."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, final

from promptseg.data.samples import Sample
from promptseg.data.sources import detect_source, open_source
from promptseg.data.splits import LEFT_OUT, Split, read_split, split_digest, write_split
from promptseg.errors import DatasetError, ReadError, TrainingError, UnknownNameError, WriteError
from promptseg.evaluation.clicksam.arms import ARMS
from promptseg.evaluation.clicksam.examples import best_median_worst, overlay_strips, stage_strips
from promptseg.evaluation.clicksam.measuring import measure
from promptseg.evaluation.clicksam.page import Report, html_page
from promptseg.evaluation.clicksam.protocols import PROTOCOLS, Protocol, make_protocol, read_near_duplicates
from promptseg.evaluation.clicksam.statistics import Statistics
from promptseg.evaluation.clicksam.summary_text import markdown_summary
from promptseg.evaluation.clicksam.table import Row, write_rows
from promptseg.evaluation.clicksam.trainings import (
    PAINTED,
    RUNS,
    Trainer,
    arm_runs,
    loss_curves,
    ready_arms,
    training_words,
)
from promptseg.io.atomic import replacing
from promptseg.io.files import existing, reason, shown
from promptseg.metrics import RESAMPLES
from promptseg.models import load

__all__ = ["DEFAULT_ARMS", "Reproduction", "Settings", "reproduce"]

SPLIT: Final = "default_split.csv"
DEFAULT_ARMS: Final = tuple(name for name in ARMS if name != "clicksam-code")
"""All but the variant of the authors' code."""

_SETTINGS: Final = "settings.json"
_QUICK: Final = {"train": 8, "validation": 3, "test": 4}
_QUICK_OVERRIDES: Final = {
    **dict.fromkeys(RUNS, "training.epochs=1"),
    **dict.fromkeys(PAINTED, "epochs=1"),
}

Say = Callable[[str, int, int], None]


def _silent(what: str, done: int, total: int) -> None:
    """Tells nobody."""


@final
@dataclass(frozen=True)
class Settings:
    """What may be chosen.

    Attributes:
        model: a promptable model, by name or path.
        protocols: names from :data:`~promptseg.evaluation.clicksam.protocols.PROTOCOLS`.
        arms: names from :data:`~promptseg.evaluation.clicksam.arms.ARMS`.
        split: file with the parts train, validation and test; None takes the one by which the embedded models were
            trained.
        seed: of trainings, noise and bootstrap.
        quick: a handful of images and one epoch, to see that everything works; the figures mean nothing.
        overrides: ``RUN.key=value`` in place of the recipes' settings.
        device: where networks train and answer.
        resamples: of the bootstrap.
    """

    model: str = "default"
    protocols: tuple[str, ...] = tuple(PROTOCOLS)
    arms: tuple[str, ...] = DEFAULT_ARMS
    split: Path | None = None
    seed: int = 0
    quick: bool = False
    overrides: tuple[str, ...] = ()
    device: str = "auto"
    resamples: int = RESAMPLES

    def __post_init__(self) -> None:
        for what, given, known in (("protocol", self.protocols, PROTOCOLS), ("arm", self.arms, ARMS)):
            unknown = [name for name in given if name not in known]
            if unknown or not given:
                raise UnknownNameError(f"unknown {what} {(unknown or [''])[0]!r}; choose from {', '.join(known)}")
        runs = (*RUNS, *PAINTED)
        for text in self.overrides:
            if text.partition(".")[0] not in runs or "=" not in text:
                raise UnknownNameError(f"{text!r} must be RUN.KEY=VALUE with one of the runs {', '.join(runs)}")

    def of_runs(self) -> dict[str, list[str]]:
        """The overrides by run, without its name."""
        found = {run: [f"seed={self.seed}"] for run in (*RUNS, *PAINTED)}
        if self.quick:
            for run, word in _QUICK_OVERRIDES.items():
                found[run].append(word)
        for text in self.overrides:
            run, _, word = text.partition(".")
            found[run].append(word)
        return found


@final
@dataclass(frozen=True)
class Reproduction:
    """What came of it.

    Attributes:
        table: every evaluation.
        page: the report.
        summary: its tables as Markdown.
        statistics: of the table.
        left_out: protocols that could not be run, and why.
    """

    table: Path
    page: Path
    summary: Path
    statistics: Statistics
    left_out: Mapping[str, str] = field(default_factory=dict)


def reproduce(
    data: Path, output: Path, settings: Settings, *, resume: bool = False, progress: Say = _silent, command: str = ""
) -> Reproduction:
    """Run the experiment, or the part of it that is not yet done.

    Args:
        data: BUSI as it is distributed, or another data set of images with lesions.
        output: folder of everything that is written; made where it does not exist.
        settings: what is done.
        resume: go on in a folder that holds some of it.
        progress: is told what is being done.
        command: stands on the report.

    Raises:
        DatasetError: the data hold no lesion, or the split is of other images.
        LeakError: near-duplicates stand in training and test.
        TrainingError: the folder holds another reproduction, or a training failed.
        PromptsegError: see the parts.
    """
    place = _Place(output)
    kind = detect_source(existing(data))
    samples = _lesions(kind, data)
    given, near_duplicates = read_split(settings.split or split_path()), read_near_duplicates(data)
    left_out, wanted = {}, list(settings.protocols)
    if "curated" in wanted and near_duplicates is None:
        wanted.remove("curated")
        left_out["curated"] = "near_duplicates.csv, which names its images, is not beside the data."
    protocols = [make_protocol(name, samples, given, near_duplicates) for name in wanted]
    if settings.quick:
        protocols = [_quick(protocol) for protocol in protocols]
    place.claim(_facts(settings, samples, protocols), resume=resume)
    rows: list[Row] = []
    for protocol in protocols:
        place.runs(protocol).mkdir(parents=True, exist_ok=True)
        write_split(protocol.split, place.split(protocol))
        _train(protocol, samples, (kind, data), place, settings, progress)
        arms = ready_arms(settings.arms, model=settings.model, folder=place.runs(protocol), device=settings.device)
        rows += measure(protocol, arms, place.rows(protocol), seed=settings.seed, progress=progress)
    write_rows(rows, place.folder / "table.csv")
    report = _report(protocols, rows, place, settings, command=command, left_out=left_out)
    _write(place.folder / "report.html", html_page(report))
    _write(place.folder / "summary.md", markdown_summary(report))
    return Reproduction(
        place.folder / "table.csv",
        place.folder / "report.html",
        place.folder / "summary.md",
        report.statistics,
        left_out,
    )


def split_path() -> Path:
    """The split by which the embedded models were trained: inside the installed package, or in the repository.

    Raises:
        ReadError: it is in neither.
    """
    package = Path(__file__).resolve().parents[2]
    places = [home / "recipes" / SPLIT for home in (package, package.parents[1])]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ReadError(f"the split {SPLIT} is not at {shown(places[0])}; give one")
    return found


@final
@dataclass(frozen=True)
class _Place:
    """Where everything lies in the folder of a reproduction."""

    folder: Path

    def claim(self, facts: Mapping[str, Any], *, resume: bool) -> None:
        """Begin, or see that the folder holds the same experiment."""
        kept = self.folder / _SETTINGS
        if kept.is_file():
            if not resume:
                raise TrainingError(
                    f"{shown(self.folder)}: holds a reproduction already; go on with --resume, or give another folder"
                )
            self._check_same(kept, facts)
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            strangers = [path.name for path in self.folder.iterdir()]
            (self.folder / "rows").mkdir(exist_ok=True)
            (self.folder / "splits").mkdir(exist_ok=True)
        except OSError as error:
            raise WriteError(f"{shown(self.folder)}: cannot be made ({reason(error)})") from None
        if strangers:
            raise TrainingError(f"{shown(self.folder)}: is not empty ({strangers[0]}, ...); give a new folder")
        _write(kept, json.dumps(facts, indent=1) + "\n")

    def _check_same(self, kept: Path, facts: Mapping[str, Any]) -> None:
        """Each protocol is an experiment of its own, so others may be added; the rest must be the same."""
        try:
            before = json.loads(kept.read_text(encoding="utf-8"))
            splits = {**facts["splits"], **before["splits"]}
            changed = [name for name, digest in facts["splits"].items() if splits[name] != digest]
            changed += [name for name in facts if name != "splits" and facts[name] != before[name]]
        except (OSError, ValueError, AttributeError, KeyError, TypeError) as error:
            raise ReadError(f"{shown(kept)}: is damaged ({error!r:.100}); give another folder") from None
        if changed:
            raise TrainingError(
                f"{shown(self.folder)}: was begun with other settings ({', '.join(changed)}); give the same, or "
                "another folder"
            )
        _write(kept, json.dumps({**facts, "splits": splits}, indent=1) + "\n")

    def runs(self, protocol: Protocol) -> Path:
        return self.folder / "runs" / protocol.name

    def rows(self, protocol: Protocol) -> Path:
        return self.folder / "rows" / f"{protocol.name}.csv"

    def split(self, protocol: Protocol) -> Path:
        return self.folder / "splits" / f"{protocol.name}.csv"


def _lesions(kind: str, data: Path) -> tuple[Sample, ...]:
    if kind == "busi":
        return open_source(kind, data, normals=False)
    found = tuple(sample for sample in open_source(kind, data) if sample.read_objects())
    if not found:
        raise DatasetError(f"{shown(data)}: no image has an object")
    return found


def _quick(protocol: Protocol) -> Protocol:
    """A few images of each part, evenly from all."""
    kept = {
        row.name
        for part, count in _QUICK.items()
        for row in _evenly([row for row in protocol.split.rows if row.part == part], count)
    }
    rows = tuple(row if row.name in kept else replace(row, part=LEFT_OUT) for row in protocol.split.rows)
    test = tuple(sample for sample in protocol.test if sample.name in kept)
    return Protocol(protocol.name, Split(rows), test)


def _evenly(values: Sequence[Any], count: int) -> Iterator[Any]:
    count = min(count, len(values))
    return (values[number * len(values) // count] for number in range(count))


def _facts(settings: Settings, samples: Sequence[Sample], protocols: Sequence[Protocol]) -> dict[str, Any]:
    """What must be the same when a reproduction goes on."""
    chosen = {name: value for name, value in asdict(settings).items() if name not in {"split", "device", "protocols"}}
    return {
        **json.loads(json.dumps(chosen)),
        "weights": load(settings.model, device="cpu").fingerprint,
        "images": len(samples),
        "splits": {protocol.name: split_digest(protocol.split) for protocol in protocols},
    }


def _train(
    protocol: Protocol,
    samples: Sequence[Sample],
    source: tuple[str, Path],
    place: _Place,
    settings: Settings,
    progress: Say,
) -> None:
    trainer = Trainer(
        protocol=protocol,
        samples=samples,
        source=source,
        model=settings.model,
        folder=place.runs(protocol),
        split=place.split(protocol),
        overrides=settings.of_runs(),
        device=settings.device,
        progress=progress,
    )
    runs = arm_runs(settings.arms)
    for done, run in enumerate(runs):
        progress(f"{protocol.name}: training {run}", done, len(runs))
        trainer.make(run)
    shutil.rmtree(trainer.folder / "embeddings", ignore_errors=True)


def _report(
    protocols: Sequence[Protocol],
    rows: Sequence[Row],
    place: _Place,
    settings: Settings,
    *,
    command: str,
    left_out: Mapping[str, str],
) -> Report:
    stages, overlays, curves = {}, {}, []
    runs = arm_runs(settings.arms)
    for protocol in protocols:
        folder = place.runs(protocol)
        curves += loss_curves(protocol.name, runs, folder)
        chosen = best_median_worst(rows, protocol.name)
        if chosen:
            arms = ready_arms(settings.arms, model=settings.model, folder=folder, device=settings.device)
            stages[protocol.name] = stage_strips(protocol, arms, chosen, seed=settings.seed)
            overlays[protocol.name] = overlay_strips(protocol, arms, chosen, seed=settings.seed)
    facts = {
        "model": settings.model,
        "seed": str(settings.seed),
        "changed settings": "; ".join(settings.overrides) or "none",
    }
    if protocols:
        trained = training_words(runs, place.runs(protocols[0]))
        facts |= {f"training {run}": words for run, words in trained.items()}
    if settings.quick:
        facts["quick"] = "a handful of images and one epoch: the figures mean nothing"
    statistics = Statistics(rows, seed=settings.seed, resamples=settings.resamples)
    return Report(
        model=settings.model,
        command=command,
        facts=facts,
        protocols=protocols,
        left_out=left_out,
        statistics=statistics,
        stages=stages,
        overlays=overlays,
        curves=curves,
    )


def _write(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())
