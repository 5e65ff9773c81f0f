"""``promptseg study``: how good models are, on one's own images, with every kind of prompt."""

import shlex
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import print_json, print_line, say

if TYPE_CHECKING:
    from promptseg.evaluation.study.recipe import StudyRecipe
    from promptseg.evaluation.study.study import Study

__all__ = ["StudyOptions", "study"]

_NEEDED: Final = ("jinja2", "pandas", "pyarrow", "pydantic", "skimage")
_STOPPED: Final = 130
_LINE_EVERY_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class StudyOptions:
    """What the command line says."""

    recipe: Annotated[
        Path | None,
        typer.Argument(metavar="[RECIPE]", help="A TOML file: which images, models and prompts."),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the study: its table, tables and report."),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in a folder that holds some of it; what is finished is kept.")
    ] = False
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="In place of the recipe's, such as data.NAME.path=/images or seed=1."
        ),
    ] = None
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Processes, each with all models; by default one for each core, with a GPU one in all.",
        ),
    ] = None
    shard: Annotated[
        str, typer.Option(metavar="I/N", help="Do only every N-th image, from the I-th; shards may share the folder.")
    ] = "1/1"
    merge: Annotated[
        list[Path] | None,
        typer.Option("--merge", metavar="DIR", help="Collect what shards did in folders of their own; no RECIPE."),
    ] = None
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Make the report of a finished study again; no RECIPE."),
    ] = None
    plan: Annotated[
        bool, typer.Option("--plan", help="Check recipe, data and models, say what would be done, and end.")
    ] = False
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A few images and prompts, to see that all works; figures mean nothing."),
    ] = False
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False


@takes(StudyOptions)
def study(options: StudyOptions) -> None:
    """Measure promptable models on images with reference masks, as a recipe says.

    Data sets, classes, models, ways to prompt, policies of choosing a mask: one table with a row for each evaluation,
    and a report. It can be stopped or killed at any moment and goes on with --resume.
    """
    _check_extra()
    if options.report is not None:
        _remake(options.report, options)
    elif options.merge:
        _merge(options)
    elif options.recipe is None:
        raise typer.BadParameter("a RECIPE is needed, or --merge, or --report", param_hint="RECIPE")
    else:
        _study(options.recipe, options)


def _check_extra() -> None:
    """Refuse where what a study needs is not installed.

    Raises:
        MissingExtraError: says how to install it.
    """
    from promptseg.errors import MissingExtraError

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f'a study needs {", ".join(missing)}: pip install "promptseg[study]"')


def _study(path: Path, options: StudyOptions) -> None:
    from promptseg.evaluation.study.recipe_files import read_study_recipe
    from promptseg.evaluation.study.study import Options, run_study

    shard = _shard(options.shard)
    recipe = read_study_recipe(path, overrides=options.changes or ())
    if options.plan:
        _show_plan(recipe, options)
        return
    output = _output(options)
    settings = Options(
        resume=options.resume,
        workers=options.workers or _workers(options.device),
        shard=shard,
        device=options.device,
        quick=options.quick,
        command=shlex.join(["promptseg", *sys.argv[1:]]),
    )
    try:
        found = run_study(recipe, output, options=settings, progress=_Told())
    except KeyboardInterrupt:
        say("stopped; what is finished is kept: go on with --resume")
        raise typer.Exit(_STOPPED) from None
    _print(found, options)


def _merge(options: StudyOptions) -> None:
    from promptseg.evaluation.study.study import merge_studies

    _print(merge_studies(options.merge or (), _output(options)), options)


def _remake(folder: Path, options: StudyOptions) -> None:
    from promptseg.evaluation.study.study import remake_report
    from promptseg.io.files import shown

    page = remake_report(folder)
    if options.as_json:
        print_json({"report": shown(page)})
    else:
        say(f"report: {shown(page)}")


def _show_plan(recipe: "StudyRecipe", options: StudyOptions) -> None:
    from promptseg.evaluation.study.counting import count_plan
    from promptseg.evaluation.study.recipe_files import quick_recipe

    counted = count_plan(quick_recipe(recipe) if options.quick else recipe, device=options.device, progress=_Told())
    if options.as_json:
        print_json(counted.as_json())
        return
    for line in counted.lines():
        print_line(line)


def _print(found: "Study", options: StudyOptions) -> None:
    from promptseg.io.files import shown

    if options.as_json:
        print_json(
            {
                "folder": shown(found.folder),
                "complete": found.table is not None,
                "units": found.units,
                "finished": found.finished,
                "rows": found.rows,
                "table": None if found.table is None else shown(found.table),
                "report": None if found.report is None else shown(found.report),
                "left_out": dict(found.left_out),
            }
        )
        return
    for name, why in found.left_out.items():
        say(f"left out: {name}: {why}")
    if found.table is None or found.report is None:
        say(f"{found.finished} of {found.units} units are finished; run the other shards, or go on with --resume")
    else:
        say(f"report: {shown(found.report)}; {found.rows:,} evaluations: {shown(found.table)}")


def _shard(text: str) -> tuple[int, int]:
    number, _, count = text.partition("/")
    if not (number.isascii() and number.isdigit() and count.isascii() and count.isdigit()):
        raise typer.BadParameter(f"expected I/N such as 1/4, got {text!r}", param_hint="--shard")
    return int(number), int(count)


def _output(options: StudyOptions) -> Path:
    if options.output is None:
        raise typer.BadParameter("a folder is needed", param_hint="--output")
    return options.output


def _workers(device: str) -> int:
    from promptseg.evaluation.study.workers import processors
    from promptseg.models.loading import place_of

    return processors() if place_of(device).type == "cpu" else 1


@dataclass
class _Told:
    """A counter on a terminal, now and then a line elsewhere; both guess when it ends."""

    what: str = ""
    begun: float = 0.0
    first: int = 0
    told: float = field(default_factory=time.monotonic)

    def __call__(self, what: str, done: int, total: int) -> None:
        now = time.monotonic()
        if what != self.what:
            self.what, self.begun, self.first = what, now, done
        passed, more = now - self.begun, done - self.first
        left = f", about {_duration(passed / more * (total - done))} left" if more and done < total else ""
        text = f"{what}: {done} of {total}{left}"
        if sys.stderr.isatty():
            typer.echo(f"\r{text}\033[K", err=True, nl=done == total)
        elif done == total or now - self.told >= _LINE_EVERY_S:
            self.told = now
            say(text)


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if seconds < 100 else f"{minutes:.0f} min" if minutes < 100 else f"{minutes / 60:.1f} h"
