"""``promptseg segment``: one image, points and boxes, a mask on disk."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from promptseg.cli.options import takes
from promptseg.cli.output import Clock, print_json, print_line, say

if TYPE_CHECKING:
    from promptseg.cli.results import SegmentedObjects
    from promptseg.types import Image, Segmenter

__all__ = ["SegmentOptions", "segment"]


@dataclass(frozen=True, slots=True)
class SegmentOptions:
    """What the command line says."""

    source: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="A picture, NPY, NPZ, DICOM file, folder of a DICOM series, or NIfTI."),
    ]
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="OUT", help="Where to write the mask: .png, .npz, .nii.gz, .json or .dcm."
        ),
    ]
    point: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X,Y[,+|-]",
            help="A click in pixels, column first; '-' marks background. Repeat for more clicks.",
        ),
    ] = None
    box: Annotated[
        list[str] | None,
        typer.Option(
            metavar="X0,Y0,X1,Y1",
            help="A box by two opposite corners. Several boxes are several objects, labelled 1, 2, ... in the mask; "
            "a positive click then belongs to the box that holds it, a negative one to all.",
        ),
    ] = None
    model: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A name from 'promptseg models list', or a file of weights.")
    ] = "default"
    like: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="For a file of weights: the model whose preprocessing it needs, where the file does not tell, such as "
            "medsam-vit-b.",
        ),
    ] = None
    choose: Annotated[
        str | None,
        typer.Option(
            metavar="POLICY",
            help="Which candidate mask is taken: first, best-score, largest, smallest or single; by default what "
            "suits the model.",
        ),
    ] = None
    tidy: Annotated[
        bool,
        typer.Option("--tidy", help="Keep only the parts of a mask that a click or box points at, and fill its holes."),
    ] = False
    exact_box: Annotated[
        bool,
        typer.Option("--exact-box", help="The boxes are known to be tight: leave nothing of a mask outside its box."),
    ] = False
    frame: Annotated[
        int | None,
        typer.Option(metavar="N", help="Frame of a cine or slice of a volume, counted from 0."),
    ] = None
    volume: Annotated[
        int | None, typer.Option(metavar="N", help="Volume of a NIfTI file of four dimensions, counted from 0.")
    ] = None
    series: Annotated[
        str | None,
        typer.Option(metavar="NUMBER|UID", help="Series of a folder: SeriesNumber or SeriesInstanceUID."),
    ] = None
    phase: Annotated[
        int | None,
        typer.Option(metavar="N", help="Which of several pictures at each place of a series, counted from 0."),
    ] = None
    overlay: Annotated[
        Path | None,
        typer.Option(metavar="PNG", help="Also draw mask and prompts over the image."),
    ] = None
    whole: Annotated[
        bool,
        typer.Option(
            "--whole",
            help="Overlay of a DICOM file: show the whole image, not just the part around the object. Text that is "
            "burned into it, such as the patient's name, is then shown too.",
        ),
    ] = False
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps, ...")] = "auto"
    cache_embeddings: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep what the model saw of the image here, so that the next call is quick."),
    ] = None
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False


@takes(SegmentOptions)
def segment(options: SegmentOptions) -> None:
    """Segment one image from points and boxes, and write the mask with the image's geometry.

    Points are X,Y and boxes X0,Y0,X1,Y1 in pixels of the image as given: columns first, counted from 0.
    """
    from promptseg.cli.prompt_words import objects_from_words
    from promptseg.cli.results import SegmentedObjects, overlay_of, write_picture
    from promptseg.io import read_image, write
    from promptseg.io.writing import check_output
    from promptseg.types import Policy, check_policy

    clock = Clock()
    objects = objects_from_words(options.point or [], options.box or [])
    if options.choose is not None:
        check_policy(options.choose)
    _check_places(options)
    series = int(options.series) if options.series is not None and options.series.isdecimal() else options.series
    image = read_image(options.source, frame=options.frame, volume=options.volume, series=series, phase=options.phase)
    check_output(options.output, like=image)
    for prompts in objects:
        prompts.check_inside(image.size)
    clock.lap("read")
    segmenter = _load(options)
    clock.lap("load")
    embedding = segmenter.embed(image)
    clock.lap("embed")
    candidates = segmenter.segment(embedding, objects, choose=cast("Policy | None", options.choose))
    result = SegmentedObjects.of(objects, candidates, image, tidied=options.tidy, confined=options.exact_box)
    clock.lap("segment")
    write(result.labels if len(objects) > 1 else result.labels > 0, options.output, like=image)
    if options.overlay is not None:
        view = None if options.whole else result.safe_view()
        write_picture(overlay_of(result, view=view), options.overlay)
    clock.lap("write")
    if options.as_json:
        print_json({**_facts(options, image), **result.facts(), "seconds": clock.laps})
    else:
        _print_words(options, result, clock)


def _check_places(options: SegmentOptions) -> None:
    """Refuse, before any slow work, places that cannot be written to or that would overwrite the input."""
    from promptseg.errors import WriteError
    from promptseg.io.atomic import target
    from promptseg.io.files import shown
    from promptseg.io.writing import check_output

    taken = {Path(os.path.realpath(options.source)): "the input"}
    for name, path in (("--output", options.output), ("--overlay", options.overlay)):
        if path is None:
            continue
        place = check_output(path) if name == "--output" else target(path)
        if name == "--overlay" and place.suffix.lower() != ".png":
            raise WriteError(f"--overlay {shown(path)}: is written as PNG; name it *.png")
        if place in taken:
            raise WriteError(f"{name} {shown(path)} is {taken[place]} itself; give another file")
        taken[place] = name


def _load(options: SegmentOptions) -> "Segmenter":
    from promptseg.models import CachedSegmenter, load

    segmenter = load(options.model, device=options.device, like=options.like)
    if options.cache_embeddings is None:
        return segmenter
    return CachedSegmenter(segmenter, folder=options.cache_embeddings)


def _facts(options: SegmentOptions, image: "Image") -> dict[str, Any]:
    from promptseg.io.files import shown

    return {
        "input": shown(options.source),
        "frame": None if image.source is None else image.source.frame,
        "output": shown(options.output),
        "overlay": None if options.overlay is None else shown(options.overlay),
    }


def _print_words(options: SegmentOptions, result: "SegmentedObjects", clock: Clock) -> None:
    from promptseg.io.files import shown

    for line in result.lines():
        print_line(line)
    print_line(f"mask     {shown(options.output)}")
    if options.overlay is not None:
        print_line(f"overlay  {shown(options.overlay)}")
        if not options.whole and result.safe_view() is not None:
            say("The overlay shows the part around the objects only; --whole shows all of the image.")
    print_line(f"time     {clock.words()}")
