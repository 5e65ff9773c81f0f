"""``promptseg reproduce``: published experiments, repeated with any promptable model."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import print_json, print_line, say

if TYPE_CHECKING:
    from promptseg.evaluation.clicksam.reproduction import Reproduction, Settings

__all__ = ["ClickSamOptions", "app", "clicksam"]

app = typer.Typer(help="Repeat published experiments, and report them honestly.", no_args_is_help=True)


@app.callback()
def _experiments() -> None:
    """Repeat published experiments, and report them honestly."""


@dataclass(frozen=True, slots=True)
class ClickSamOptions:
    """What the command line says."""

    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="BUSI as it is distributed, or other lesions.")]
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of trainings, table.csv and report.html.")
    ]
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME|FILE", help="A promptable model: what is adapted.")
    ] = "default"
    protocols: Annotated[
        str,
        typer.Option(
            "--protocols",
            metavar="NAMES",
            help="With commas: literal (train = test), split (group-safe), curated (Curated BUSI).",
        ),
    ] = "literal,split,curated"
    arms: Annotated[
        str | None,
        typer.Option(
            "--arms",
            metavar="NAMES",
            help="With commas: none, medsam, stage-1, clicksam, clicksam-code, click-train, ellipse; by default all "
            "but clicksam-code.",
        ),
    ] = None
    split: Annotated[
        Path | None,
        typer.Option(metavar="CSV", help="Parts train, validation and test; by default those of the embedded models."),
    ] = None
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="RUN.KEY=VALUE", help="A recipe's setting, such as stage-1.training.epochs=100."),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on in a folder that holds some of it; what is finished is kept.")
    ] = False
    quick: Annotated[
        bool,
        typer.Option("--quick", help="A few images and one epoch, to see that all works; figures mean nothing."),
    ] = False
    seed: Annotated[int, typer.Option(min=0, help="Of trainings, noise and bootstrap.")] = 0
    device: Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda, cuda:1 or mps.")] = "auto"
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False


@app.command("clicksam")
@takes(ClickSamOptions)
def clicksam(options: ClickSamOptions) -> None:
    """ClickSAM (arXiv 2402.05902): two stages of clicks, beside MedSAM's recipe, Click Train and no adaptation.

    Trains the networks, evaluates each with oracle clicks, a simulated user and boxes, and writes table.csv,
    report.html and summary.md. It can be stopped or killed at any moment and goes on with --resume.
    """
    from promptseg.errors import MissingExtraError

    try:
        from promptseg.evaluation.clicksam.reproduction import reproduce
    except ModuleNotFoundError as error:
        raise MissingExtraError('training needs more packages: pip install "promptseg[train]"') from error
    found = reproduce(
        options.data,
        options.output,
        _settings(options),
        resume=options.resume,
        progress=_tell,
        command=shlex.join(["promptseg", *sys.argv[1:]]),
    )
    _print(found, options)


def _settings(options: ClickSamOptions) -> "Settings":
    from promptseg.evaluation.clicksam.reproduction import DEFAULT_ARMS, Settings

    return Settings(
        model=options.model,
        protocols=_names(options.protocols),
        arms=DEFAULT_ARMS if options.arms is None else _names(options.arms),
        split=options.split,
        seed=options.seed,
        quick=options.quick,
        overrides=tuple(options.changes or ()),
        device=options.device,
    )


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _tell(what: str, done: int, total: int) -> None:
    """A counter on a terminal, now and then a line elsewhere."""
    if sys.stderr.isatty():
        typer.echo(f"\r{what}: {done} of {total}\033[K", err=True, nl=done == total)
    elif "training" in what or done == total or done % 50 == 0:
        say(f"{what}: {done} of {total}")


def _print(found: "Reproduction", options: ClickSamOptions) -> None:
    from promptseg.evaluation.clicksam.statistics import Cell
    from promptseg.io.files import shown

    means = {
        protocol: found.statistics.mean(Cell(protocol, "clicksam", "oracle-clicks", 2))
        for protocol in found.statistics.protocols
    }
    if options.as_json:
        print_json(
            {
                "table": shown(found.table),
                "report": shown(found.page),
                "summary": shown(found.summary),
                "left_out": dict(found.left_out),
                "clicksam_oracle_iou": {
                    name: {"mean": mean.mean, "low": mean.low, "high": mean.high, "images": mean.count}
                    for name, mean in means.items()
                    if mean is not None
                },
            }
        )
        return
    for protocol, mean in means.items():
        if mean is not None:
            print_line(
                f"{protocol}: ClickSAM, oracle clicks: IoU {mean.mean:.3f} [{mean.low:.3f}, {mean.high:.3f}], "
                f"{mean.count} images"
            )
    for name, why in found.left_out.items():
        say(f"left out: {name}. {why}")
    say(f"report: {shown(found.page)}; tables: {shown(found.summary)}; every evaluation: {shown(found.table)}")
