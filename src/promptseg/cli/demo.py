"""``promptseg demo``: the main job on real images, without any file or download of one's own."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from promptseg.cli.output import print_json, print_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from promptseg.cli.results import SegmentedObjects
    from promptseg.types import Segmenter

__all__ = ["CASES", "DemoCase", "demo"]


@dataclass(frozen=True, slots=True)
class DemoCase:
    """One image of pydicom's and what is pointed at in it.

    Attributes:
        name: of the files that are written.
        title: what is shown.
        file: name among pydicom's examples.
        points: as for ``promptseg segment``.
        boxes: as for ``promptseg segment``.
        window: (x0, y0, x1, y1), the part of the image that overlays show: the scan without the text around it.
        frame: of a cine.
    """

    name: str
    title: str
    file: str
    points: tuple[str, ...]
    boxes: tuple[str, ...]
    window: tuple[int, int, int, int]
    frame: int | None = None


CASES: Final[tuple[DemoCase, ...]] = (
    DemoCase("heart-click", "heart chamber, one click", "ybr_color", ("178,104",), (), (40, 15, 285, 205), 0),
    DemoCase("heart-box", "heart chamber, a box", "ybr_color", (), ("150,70,205,131",), (40, 15, 285, 205), 0),
    DemoCase("node-box", "lymph node, a box", "rgb_color", (), ("43,78,158,141",), (22, 55, 298, 168)),
    DemoCase(
        "nodes-two-boxes",
        "two parts of a lymph node, two boxes",
        "jpeg2k",
        (),
        ("84,158,316,284", "332,150,526,274"),
        (44, 108, 596, 336),
    ),
    DemoCase(
        "near-field",
        "near field, a box and a negative click",
        "palette_color",
        ("462,76,-",),
        ("337,66,590,156",),
        (334, 60, 594, 200),
    ),
    DemoCase("ct-canal", "spinal canal in CT, a box", "ct", (), ("46,40,70,61",), (0, 0, 128, 128)),
)
"""Clicks and boxes that a person placed while looking at the images."""


def demo(
    *,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the pictures; made if it does not exist.")
    ] = Path("promptseg-demo"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
) -> None:
    """Segment real ultrasound images, and one CT image, that come with pydicom, and draw the results.

    Prints area and diameters (in millimetres where the image is calibrated) and times. Nothing is downloaded.
    """
    from promptseg.cli.results import write_picture
    from promptseg.drawing import contact_sheet
    from promptseg.io.files import shown
    from promptseg.models import load

    _make_folder(output)
    segmenter = load()
    facts: list[dict[str, object]] = []
    pictures: list[tuple[str, NDArray[np.uint8]]] = []
    if not as_json:
        print_line(f"Real images that come with pydicom, segmented by the model {segmenter.name!r}:\n")
    for case in CASES:
        result, seconds = _run(case, segmenter)
        overlay = _write(case, result, output)
        pictures.append((case.title, overlay))
        facts.append({"name": case.name, "title": case.title, **result.facts(), "seconds": seconds})
        if not as_json:
            _print_case(case, result, seconds)
    write_picture(contact_sheet(pictures), output / "overview.png")
    if as_json:
        print_json({"output": shown(output), "cases": facts})
        return
    for line in _what_next(output):
        print_line(line)


def _make_folder(folder: Path) -> None:
    from promptseg.errors import WriteError
    from promptseg.io.files import shown

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"the folder {shown(folder)} cannot be made: {error.strerror}; choose another --output"
        ) from error


def _run(case: DemoCase, segmenter: "Segmenter") -> tuple["SegmentedObjects", dict[str, float]]:
    import warnings

    from pydicom import examples

    from promptseg.cli.output import Clock
    from promptseg.cli.prompt_words import objects_from_words
    from promptseg.cli.results import SegmentedObjects
    from promptseg.io import CalibrationWarning, read_image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)
        image = read_image(str(examples.get_path(case.file)), frame=case.frame)
    objects = objects_from_words(case.points, case.boxes)
    clock = Clock()
    embedding = segmenter.embed(image)
    clock.lap("embed")
    candidates = segmenter.segment(embedding, objects)
    result = SegmentedObjects.of(objects, candidates, image)
    clock.lap("segment")
    return result, clock.laps


def _write(case: DemoCase, result: "SegmentedObjects", folder: Path) -> "NDArray[np.uint8]":
    from promptseg.cli.results import overlay_of, write_picture
    from promptseg.drawing import Window
    from promptseg.io import write

    labels = result.labels if len(result.objects) > 1 else result.labels > 0
    write(labels, folder / f"{case.name}-mask.png", like=result.image)
    overlay = overlay_of(result, view=Window(*case.window))
    write_picture(overlay, folder / f"{case.name}.png")
    return overlay


def _print_case(case: DemoCase, result: "SegmentedObjects", seconds: dict[str, float]) -> None:
    from promptseg.cli.results import size_in_words

    print_line(f"{case.title}")
    for found in result.measurements:
        print_line(f"    {size_in_words(found)}")
    print_line(f"    embedded in {seconds['embed'] * 1000:.0f} ms, segmented in {seconds['segment'] * 1000:.0f} ms")


def _what_next(folder: Path) -> list[str]:
    from pydicom import examples

    from promptseg.io.files import shown

    heart = examples.get_path("ybr_color")
    return [
        "",
        "Sizes are in pixels where a file states no pixel spacing, or one that does not fit its picture.",
        f"Look at {shown(folder / 'overview.png')}; masks and single pictures are beside it.",
        "",
        "Try next:",
        f"  promptseg segment {shown(heart)} --frame 0 --point 178,104 --point 150,60,- \\",
        "      --output mask.png --overlay overlay.png",
        "  promptseg segment YOUR_IMAGE --box X0,Y0,X1,Y1 --output mask.png --overlay overlay.png",
        "  promptseg models list",
        "  promptseg doctor",
    ]
