"""``promptseg score``: predicted masks against references."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import print_json, say

if TYPE_CHECKING:
    from promptseg.evaluation.pairing import Pair
    from promptseg.evaluation.scoring import Scores, ScoreSettings
    from promptseg.evaluation.summary import Summary

__all__ = ["ScoreOptions", "score"]

_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What the command line says."""

    references: Annotated[
        Path, typer.Argument(metavar="REFERENCES", help="A folder of reference masks or label maps, or one file.")
    ]
    predictions: Annotated[
        Path,
        typer.Argument(metavar="PREDICTIONS", help="A folder of predicted masks of the same names, or one file."),
    ]
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="CSV", help="Write one row for each image and label to this file."),
    ] = None
    metrics: Annotated[
        str,
        typer.Option(
            metavar="NAMES",
            help="Which, with commas: dice, iou, box-iou, pixel-accuracy, mae, hd95, hd, assd, nsd.",
        ),
    ] = "dice,iou,box-iou,hd95"
    empty: Annotated[
        str,
        typer.Option(
            metavar="POLICY",
            help="Empty masks: one_if_both_empty (else the worst value), skip (leave out empty references), zero (the "
            "worst value), nan (leave out what is undefined).",
        ),
    ] = "one_if_both_empty"
    tolerance: Annotated[
        float | None,
        typer.Option(metavar="T", help="Tolerance of nsd, in mm, or in pixels where no spacing is known."),
    ] = None
    spacing: Annotated[
        str | None,
        typer.Option(
            metavar="ROW,COLUMN",
            help="Distance of pixels in mm (Z,ROW,COLUMN for volumes); by default that of NIfTI references.",
        ),
    ] = None
    binary: Annotated[bool, typer.Option("--binary", help="Everything above 0 is the one object.")] = False
    probability: Annotated[
        bool,
        typer.Option(
            "--probability",
            help="Predictions are probability maps: floats from 0 to 1, or grey pictures with white as 1.",
        ),
    ] = False
    threshold: Annotated[
        float | None,
        typer.Option(metavar="P", help=f"Probabilities above it are the object; {_THRESHOLD} with --probability."),
    ] = None
    reference_suffix: Annotated[
        str,
        typer.Option(
            metavar="TEXT",
            help="Only references whose name ends so, such as _mask, and without it. Parts numbered _1, _2 are united.",
        ),
    ] = ""
    prediction_suffix: Annotated[str, typer.Option(metavar="TEXT", help="The same for predictions.")] = ""
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap intervals.")] = 0
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False


@takes(ScoreOptions)
def score(options: ScoreOptions) -> None:
    """Compare predicted masks with reference masks: overlap, distances, 95 % intervals.

    Files are paired by name; one without a partner is an error. Label maps are scored label by label. The mean is over
    images, then over labels; the interval is a bootstrap over images.
    """
    from promptseg.errors import WriteError
    from promptseg.evaluation.pairing import pair_files
    from promptseg.evaluation.scoring import score_files
    from promptseg.evaluation.summary import summarise, write_rows
    from promptseg.io.atomic import target
    from promptseg.io.files import shown

    settings = _settings(options)
    place = None if options.output is None else target(options.output)
    pairs = pair_files(
        options.references,
        options.predictions,
        reference_ending=options.reference_suffix,
        prediction_ending=options.prediction_suffix,
    )
    masks = (path for pair in pairs for path in (*pair.references, *pair.predictions))
    if place is not None and any(place == Path(os.path.realpath(path)) for path in masks):
        raise WriteError(f"--output {shown(place)} is one of the masks; give another file")
    scores = score_files(_with_progress(pairs), settings)
    summaries = summarise(scores, seed=options.seed)
    if options.output is not None:
        write_rows(scores, options.output)
    if options.as_json:
        print_json(_as_json(scores, summaries, options))
    else:
        _print_table(scores, summaries)
        if options.output is not None:
            say(f"one row for each image and label: {shown(options.output)}")


def _settings(options: ScoreOptions) -> "ScoreSettings":
    from promptseg.errors import ValueRangeError
    from promptseg.evaluation.scoring import ScoreSettings
    from promptseg.metrics import check_empty_policy

    spacing_mm = None
    if options.spacing is not None:
        try:
            spacing_mm = tuple(float(number) for number in options.spacing.split(","))
        except ValueError:
            raise ValueRangeError(
                f"--spacing must be ROW,COLUMN in mm, such as 0.2,0.2; got {options.spacing!r}"
            ) from None
    threshold = _THRESHOLD if options.probability and options.threshold is None else options.threshold
    return ScoreSettings(
        metrics=tuple(name for name in options.metrics.split(",") if name.strip()),
        empty=check_empty_policy(options.empty.replace("-", "_")),
        tolerance=options.tolerance,
        spacing_mm=spacing_mm,
        binary=options.binary,
        threshold=threshold,
    )


def _with_progress(pairs: Sequence["Pair"]) -> Iterable["Pair"]:
    """The pairs, with a progress bar on standard error if that is a terminal."""
    if not sys.stderr.isatty():
        return pairs
    from rich.console import Console
    from rich.progress import track

    return track(pairs, description="scoring", console=Console(stderr=True), transient=True)


def _as_json(scores: "Scores", summaries: Sequence["Summary"], options: ScoreOptions) -> dict[str, Any]:
    from promptseg.evaluation.summary import aggregation_of
    from promptseg.io.files import shown
    from promptseg.metrics import METRICS, RESAMPLES

    metrics: dict[str, dict[str, Any]] = {}
    for summary in summaries:
        values = _values(summary)
        if summary.label is None:
            metric = METRICS[summary.metric]
            unit = {"unit": scores.unit} if metric.unit == "distance" else {}
            metrics[summary.metric] = {"better": metric.better, **unit, **values}
        else:
            metrics[summary.metric].setdefault("labels", {})[str(summary.label)] = values
    return {
        "references": shown(options.references),
        "predictions": shown(options.predictions),
        "images": len(scores.names),
        "labels": list(scores.labels),
        "empty": scores.settings.empty,
        "tolerance": scores.settings.tolerance,
        "threshold": scores.settings.threshold,
        "aggregation": aggregation_of(scores),
        "interval": {"method": "percentile bootstrap over images", "resamples": RESAMPLES, "seed": options.seed},
        "metrics": metrics,
    }


def _values(summary: "Summary") -> dict[str, Any]:
    interval = summary.interval
    return {
        "mean": None if interval is None else interval.mean,
        "low": None if interval is None else interval.low,
        "high": None if interval is None else interval.high,
        "median": summary.median,
        "count": summary.count,
        "left_out": summary.left_out,
    }


def _print_table(scores: "Scores", summaries: Sequence["Summary"]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from promptseg.evaluation.summary import aggregation_of, column_name

    several = len(scores.labels) > 1
    table = Table(box=box.SIMPLE)
    table.add_column("metric")
    for heading in [*(["label"] if several else []), "mean", "95 % interval", "median", "count", "left out"]:
        table.add_column(heading, justify="right")
    for summary in summaries:
        interval = summary.interval
        label = ["all" if summary.label is None else str(summary.label)] if several else []
        numbers = ("-", "-") if interval is None else (_short(interval.mean), _span(interval.low, interval.high))
        median = "-" if summary.median is None else _short(summary.median)
        name = column_name(summary.metric, scores.unit).replace("_mm", " (mm)").replace("_px", " (px)")
        table.add_row(name, *label, *numbers, median, str(summary.count), str(summary.left_out))
    console = Console() if sys.stdout.isatty() else Console(width=100)
    console.print(table)
    count = len(scores.names)
    say(f"{count} image{'s' if count > 1 else ''}; {aggregation_of(scores)}; empty masks: {scores.settings.empty}")


def _short(value: float) -> str:
    return f"{value:.4f}"


def _span(low: float, high: float) -> str:
    return f"{_short(low)} to {_short(high)}"
