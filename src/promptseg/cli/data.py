"""``promptseg data``: is a data set fit for use, and who trains and who tests."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import print_json, say

if TYPE_CHECKING:
    from promptseg.data.checking import Report
    from promptseg.data.dividing import Division, DivisionPlan
    from promptseg.data.near_duplicates import DuplicateRules

__all__ = ["CheckOptions", "SplitOptions", "app"]

app = typer.Typer(
    name="data",
    help="Check a data set, and divide it for training and test.",
    no_args_is_help=True,
    add_completion=False,
)

Place = Annotated[Path, typer.Argument(metavar="PATH", help="The data set: a folder, or a file (COCO, MedSAM, sets).")]
Kind = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help="busi, usgra, folder, coco, nifti, dicom, medsam or joined; by default found out from the layout.",
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        help="An option of the kind, such as labels=nerve,vessel or 'subject=^([0-9]+)_'; may be repeated.",
    ),
]
Ncc = Annotated[
    float, typer.Option("--ncc", metavar="R", help="Near-duplicates: correlation of thumbnails of at least this.")
]
HashBits = Annotated[
    int,
    typer.Option(
        "--hash-bits",
        metavar="N",
        help="Or at most so many of 64 bits of the perceptual hash differ, and thumbnails correlate by .75 or more.",
    ),
]
NoDuplicates = Annotated[bool, typer.Option("--no-near-duplicates", help="Do not look for near-duplicates.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
_EXAMPLES = 4


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """What the command line of ``check`` says."""

    path: Place
    kind: Kind = None
    option: Settings = None
    ncc: Ncc = 0.93
    hash_bits: HashBits = 8
    no_near_duplicates: NoDuplicates = False
    as_json: AsJson = False


@dataclass(frozen=True, slots=True)
class SplitOptions:
    """What the command line of ``split`` says."""

    path: Place
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="CSV", help="Where to write the split; its record goes beside it.")
    ]
    kind: Kind = None
    option: Settings = None
    test: Annotated[float, typer.Option("--test", metavar="SHARE", help="Share of the images for testing.")] = 0.2
    validation: Annotated[
        float, typer.Option("--validation", metavar="SHARE", help="Share of the images for choosing a checkpoint.")
    ] = 0.1
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", help="Divide what does not test into N folds for cross-validation.")
    ] = 0
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another one gives another split.")] = 0
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            "--groups",
            metavar="CSV",
            help="Facts by name (column name or image). A column group joins images; --keep-where looks at any.",
        ),
    ] = None
    keep_where: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Keep only images for which it holds (also !=); may be repeated."),
    ] = None
    drop_cross_class: Annotated[
        bool, typer.Option("--drop-cross-class", help="Leave out groups of images of several classes.")
    ] = False
    one_per_group: Annotated[bool, typer.Option("--one-per-group", help="Keep the first image of each group.")] = False
    no_sizes: Annotated[
        bool, typer.Option("--no-sizes", help="Keep classes in proportion, not also sizes of objects; reads no masks.")
    ] = False
    ncc: Ncc = 0.93
    hash_bits: HashBits = 8
    no_near_duplicates: NoDuplicates = False
    as_json: AsJson = False


@app.command()
@takes(CheckOptions)
def check(options: CheckOptions) -> None:
    """Look at every image and mask: counts, sizes, labels, what is missing or damaged, near-duplicates, subjects.

    Ends with status 1 if something would stop a training or falsify it.
    """
    from promptseg.data.checking import check_samples
    from promptseg.data.sources import list_source

    kind, settings = _opened_as(options.path, options.kind, options.option)
    listing = list_source(kind, options.path, **settings)
    with _progress(len(listing.samples), "reading") as advance:
        report = check_samples(listing, rules=_rules(options), advance=advance)
    if options.as_json:
        print_json(_report_facts(report, kind))
    else:
        _print_report(report, kind)
    if not report.sound:
        raise typer.Exit(1)


@app.command()
@takes(SplitOptions)
def split(options: SplitOptions) -> None:
    """Divide a data set; near-duplicates and images of one subject stay together, classes and sizes in proportion.

    Writes a CSV (dataset, name, group, stratum, part), and beside it, with the ending .json, how it was made.
    """
    from promptseg.data.dividing import divide, shares_reached, write_division
    from promptseg.data.sources import open_source
    from promptseg.io.atomic import target
    from promptseg.io.files import shown

    plan = _plan(options)
    target(options.output)
    kind, settings = _opened_as(options.path, options.kind, options.option)
    division = divide(open_source(kind, options.path, **settings), plan)
    record = write_division(division, options.output, source={"kind": kind, "options": settings})
    if options.as_json:
        print_json(
            {
                "split": str(options.output),
                "record": str(record),
                "parts": shares_reached(division.split),
                "left_out": dict(division.left_out),
                "groups": len({row.group for row in division.split.rows}),
            }
        )
        return
    _print_division(division)
    say(f"split: {shown(options.output)}; how it was made: {shown(record)}")


def _opened_as(path: Path, kind: str | None, words: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    """The kind of a data set and its options, from the words of the command line."""
    from promptseg.data.sources import SOURCES, detect_source
    from promptseg.errors import UnknownNameError, ValueRangeError

    kind = kind or detect_source(path)
    if kind not in SOURCES:
        raise UnknownNameError(f"--kind must be one of {', '.join(SOURCES)}; got {kind!r}")
    defaults = {field.name: field.default for field in fields(SOURCES[kind].options)}
    settings: dict[str, Any] = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or name not in defaults:
            raise ValueRangeError(f"--option must be NAME=VALUE with one of {', '.join(defaults)}; got {word!r}")
        settings[name] = _value(value, defaults[name], name)
    return kind, settings


def _value(text: str, default: object, name: str) -> object:
    """The value of an option as its default's type: text, a whole number, yes or no, or label names."""
    from promptseg.errors import ValueRangeError

    if isinstance(default, bool):
        if text not in ("true", "false"):
            raise ValueRangeError(f"--option {name} must be true or false, got {text!r}")
        return text == "true"
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError:
            raise ValueRangeError(f"--option {name} must be a whole number, got {text!r}") from None
    if isinstance(default, str):
        return text
    words = [word.strip() for word in text.split(",")]
    if all("=" in word for word in words):
        return {value.strip(): label.strip() for value, _, label in (word.partition("=") for word in words)}
    return words


def _rules(options: CheckOptions | SplitOptions) -> "DuplicateRules | None":
    from promptseg.data.near_duplicates import DuplicateRules

    return None if options.no_near_duplicates else DuplicateRules(options.ncc, options.hash_bits)


def _plan(options: SplitOptions) -> "DivisionPlan":
    from promptseg.data.dividing import DivisionPlan, condition
    from promptseg.data.splits import SplitSettings

    return DivisionPlan(
        settings=SplitSettings(options.test, options.validation, options.folds, options.seed),
        duplicates=_rules(options),
        by_size=not options.no_sizes,
        table=options.table,
        keep=tuple(condition(text) for text in options.keep_where or ()),
        drop_cross_class=options.drop_cross_class,
        one_per_group=options.one_per_group,
    )


@contextmanager
def _progress(count: int, words: str) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(words, total=count)
        yield lambda: bar.advance(task)


def _report_facts(report: "Report", kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "sound": report.sound,
        "images": report.images,
        "unreadable": report.unreadable,
        "empty": report.empty,
        "strata": report.strata,
        "subjects": report.subjects,
        "sizes": [{"height": height, "width": width, "images": n} for (height, width), n in report.sizes.items()],
        "pixels": report.pixels,
        "labels": {
            label: {"images": facts.images, "objects": facts.objects, "areas_px": list(facts.areas_px)}
            for label, facts in report.labels.items()
        },
        "near_duplicates": [list(group) for group in report.groups],
        "findings": [
            {"severity": finding.severity, "what": finding.what, "names": list(finding.names)}
            for finding in report.findings
        ],
    }


def _print_report(report: "Report", kind: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    console = Console() if sys.stdout.isatty() else Console(width=120)
    facts = Table(box=box.SIMPLE, show_header=False)
    facts.add_row("kind", kind)
    facts.add_row("images", f"{report.images} ({report.empty} without an object, {report.unreadable} unreadable)")
    strata = ", ".join(f"{name} {count}" for name, count in report.strata.items() if name)
    if strata:
        facts.add_row("classes", strata)
    facts.add_row("subjects", "not known" if report.subjects is None else str(report.subjects))
    facts.add_row("sizes", _sizes(report))
    facts.add_row("pixels", ", ".join(f"{name} {count}" for name, count in report.pixels.items()))
    console.print(facts)
    labels = Table(box=box.SIMPLE)
    labels.add_column("label")
    for heading in ("images", "objects", "smallest px", "median px", "largest px"):
        labels.add_column(heading, justify="right")
    for name, one in report.labels.items():
        labels.add_row(name, str(one.images), str(one.objects), *map(str, one.areas_px))
    console.print(labels)
    findings = Table(box=box.SIMPLE)
    for heading in ("", "finding", "images", "such as"):
        findings.add_column(heading, justify="right" if heading == "images" else "left", overflow="fold")
    for finding in report.findings:
        count = str(len(finding.names)) if finding.names else ""
        findings.add_row(finding.severity, finding.what, count, ", ".join(finding.names[:_EXAMPLES]))
    if report.findings:
        console.print(findings)
    say("fit for training" if report.sound else "errors must be mended first; --json lists every name")


def _sizes(report: "Report") -> str:
    if not report.sizes:
        return "-"
    heights, widths = zip(*report.sizes, strict=True)
    if len(report.sizes) == 1:
        return f"{heights[0]} x {widths[0]} (height x width)"
    return f"{len(report.sizes)} of {min(heights)}-{max(heights)} x {min(widths)}-{max(widths)} (height x width)"


def _print_division(division: "Division") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from promptseg.data.dividing import shares_reached
    from promptseg.data.splits import LEFT_OUT

    parts = shares_reached(division.split)
    kept = sum(counts["all"] for part, counts in parts.items() if part != LEFT_OUT)
    strata = sorted({stratum for counts in parts.values() for stratum in counts} - {"all"})
    table = Table(box=box.SIMPLE)
    table.add_column("part")
    for heading in ("images", "share", *(stratum or "-" for stratum in strata if len(strata) > 1)):
        table.add_column(heading, justify="right")
    for part, counts in parts.items():
        share = "" if part == LEFT_OUT else f"{counts['all'] / kept:.1%}"
        by_class = (str(counts.get(stratum, 0)) for stratum in strata if len(strata) > 1)
        table.add_row(part, str(counts["all"]), share, *by_class)
    console = Console() if sys.stdout.isatty() else Console(width=100)
    console.print(table)
    for reason, count in division.left_out.items():
        say(f"left out: {count} ({reason})")
    groups = {row.group for row in division.split.rows}
    say(f"{len(groups)} groups of {len(division.split.rows)} images; {division.pairs} pairs of near-duplicates")
