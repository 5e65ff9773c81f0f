"""``promptseg train``: from a recipe to a folder that is a model."""

import shlex
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import print_json, print_line, say

if TYPE_CHECKING:
    from promptseg.training.recipe import Recipe

__all__ = ["TrainOptions", "train"]

_NEEDED: Final = ("accelerate", "matplotlib", "pydantic")
_STOPPED: Final = 130


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What the command line says."""

    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A TOML file: what is trained, on what, and how.")]
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="RUN", help="Folder of the run; it is then a model for --model."),
    ]
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="In place of the recipe's, such as training.epochs=5."),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in the folder, exactly where its last checkpoint is.")
    ] = False
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="So many processes train together, each on a GPU of its own or the CPU.")
    ] = 1
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Check the recipe, the data and the model, say what would be done, and end."),
    ] = False
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False


@takes(TrainOptions)
def train(options: TrainOptions) -> None:
    """Teach a model with simulated prompts, as a recipe says.

    All is checked before anything long begins: the recipe, all images and masks, the split, the model. The run can be
    stopped (Ctrl-C) or killed at any moment, and goes on exactly with --resume.
    """
    _check_extra()
    from promptseg.training.recipe_files import read_recipe
    from promptseg.training.session import Options
    from promptseg.training.session import train as run

    recipe = read_recipe(options.recipe, overrides=options.changes or ())
    if options.dry_run:
        _show_plan(recipe, options)
        return
    settings = Options(resume=options.resume, device=options.device, processes=options.processes)
    outcome = run(recipe, options.output, options=settings)
    if not outcome.finished:
        raise typer.Exit(_STOPPED)
    score = "" if outcome.best is None else f", best {recipe.validation.metric} {outcome.best:.4f}"
    if options.as_json:
        print_json({**asdict(outcome), "folder": str(outcome.folder)})
    else:
        say(f"{outcome.steps} steps in {outcome.seconds:.0f} s{score}")
        say(f"the model: promptseg segment IMAGE --point X,Y --model {shlex.quote(str(outcome.folder))}")


def _check_extra() -> None:
    """Refuse where what training needs is not installed.

    Raises:
        MissingExtraError: says how to install it.
    """
    from promptseg.errors import MissingExtraError

    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError(f'training needs {", ".join(missing)}: pip install "promptseg[train]"')


def _show_plan(recipe: "Recipe", options: TrainOptions) -> None:
    from promptseg.training.planning import describe, make_plan
    from promptseg.training.progress import telling

    with telling() as report:
        plan = make_plan(recipe, watch=report.doing)
    words = describe(plan, processes=options.processes)
    if options.as_json:
        print_json(words)
        return
    for name, text in words.items():
        print_line(f"{name:<11} {text}")
