"""The ``promptseg`` command: which verbs there are, and what an error looks like."""

import os
import sys
import warnings
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Final, TextIO

import typer

from promptseg._version import __version__
from promptseg.errors import PromptsegError

__all__ = ["VERBS", "build_app", "run"]

VERBS: Final[dict[str, str]] = {
    "demo": "Segment real ultrasound images with the embedded model and draw the results.",
    "segment": "Segment one image from points and boxes, and write the mask.",
    "score": "Compare predicted masks with reference masks: Dice, IoU, distances, intervals.",
    "train": "Teach a model with simulated prompts, as a recipe says.",
    "data": "Check a data set, and divide it for training and test.",
    "study": "Measure models on images with masks, with every kind of prompt, as a recipe says.",
    "reproduce": "Repeat a published experiment, and report it honestly.",
    "models": "List, inspect, fetch, verify and convert models.",
    "doctor": "Show what is installed and what works, and run a short self-test.",
}
"""Each verb and what it does; ``promptseg.cli.VERB`` holds a function of that name, or ``app`` for a group."""

_PATIENCE: Final = ("OMP_WAIT_POLICY", "PASSIVE")
"""Makes PyTorch's threads sleep while they wait for each other. By default they spin, which on a machine with other
work costs a short command many times its own CPU seconds, and wall time too."""

_COMPLETION_VARIABLE: Final = "_PROMPTSEG_COMPLETE"


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script; ends by SystemExit.

    Status 0 is success, 1 an error that the message explains in one line, 2 a wrong use of the command line, 130 an
    interrupt by the user.

    Args:
        arguments: as after the command's name; those of the process by default.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    os.environ.setdefault(*_PATIENCE)
    command = typer.main.get_command(build_app(VERBS if _COMPLETION_VARIABLE in os.environ else words))
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # "mm²" on a terminal that knows ASCII only
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = _show_warning
            command(args=words, prog_name="promptseg")
    except PromptsegError as error:
        message = " ".join(str(error).split())
    except MemoryError:
        message = "not enough memory for this input; try a smaller image or model, or close other programs"
    except OSError as error:
        place = "" if error.filename is None else f"{error.filename}: "
        message = " ".join(f"{place}the system refuses ({error.strerror or error}); mend that and try again".split())
    typer.echo(f"error: {message}", err=True)
    sys.exit(1)


def _nowhere() -> TextIO:
    """Stands for a stream that was closed before the process began; what is printed there is nobody's."""
    return Path(os.devnull).open("w", encoding="utf-8")


def build_app(loaded: Collection[str]) -> typer.Typer:
    """The command with all its verbs, of which only those in ``loaded`` are imported.

    The others know no options of their own; they stand in the help page of the whole.
    """
    app = typer.Typer(
        name="promptseg",
        help="Point at a lesion, get its mask. Research software, not a medical device.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, summary in VERBS.items():
        if name not in loaded:
            app.command(name, short_help=summary)(_placeholder)
            continue
        verb = import_module(f"promptseg.cli.{name}")
        if hasattr(verb, "app"):
            app.add_typer(verb.app, name=name, short_help=summary)
        else:
            function: Callable[..., None] = getattr(verb, name)
            app.command(name, short_help=summary)(function)
    return app


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show our own warnings in one line, and no other: those of libraries may quote what stands in a file's header."""
    del filename, lineno, file, line
    if category.__module__.partition(".")[0] == "promptseg":
        typer.echo(f"warning: {' '.join(str(message).split())}", err=True)


def _placeholder() -> None:
    """Stands for a verb that is not called."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"promptseg {__version__}")
        raise typer.Exit


def _root(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    del version
