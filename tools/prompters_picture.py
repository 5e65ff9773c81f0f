"""Make the picture of the study's prompters for the documentation: ``python tools/prompters_picture.py``."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from promptseg.data.phantoms import speckle_amplitude
from promptseg.drawing import draw_overlay
from promptseg.prompts import (
    box_around,
    centre_click,
    deepest_error_click,
    jitter_box,
    jitter_click,
    miss_click,
    mode_prompts,
    next_click,
    overlap_box,
    probe_clicks,
    random_error_click,
    scribble,
    shift_box,
    study_click,
    widen_box,
)
from promptseg.prompts.modes import Mode
from promptseg.types import BoolMask, Box, Point, Prompts

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "prompters.webp"
SIZE, SCALE, HEAD, GAP, BOXES = (72, 96), 2, 20, 6, 3
MODES: tuple[Mode, ...] = (1, 2, 3, 4, 5)
Panel = tuple[str, list[BoolMask], Prompts]


def ellipse(centre: tuple[float, float], half_axes: tuple[float, float]) -> BoolMask:
    """Pixels within an ellipse around (row, column) with half axes along rows and columns."""
    rows, columns = np.indices(SIZE)
    inside: BoolMask = ((rows - centre[0]) / half_axes[0]) ** 2 + ((columns - centre[1]) / half_axes[1]) ** 2 <= 1
    return inside


def modes() -> list[Panel]:
    """The five modes on an object of four parts."""
    parts = [((40, 26), (20, 15)), ((22, 66), (11, 14)), ((56, 76), (9, 8)), ((60, 54), (3, 3))]
    mask = np.any([ellipse(*part) for part in parts], axis=0)
    return [(f"mode {mode}", [mask], mode_prompts(mask, mode)) for mode in MODES]


def clicks() -> list[Panel]:
    """The next click by each rule, and that of the authors' code on another organ."""
    rng = np.random.default_rng(4)
    reference, (rows, columns) = ellipse((33, 36), (28, 26)), np.indices(SIZE)
    found = reference & (columns < 49) | ellipse((33, 64), (20, 9)) & ~reference | (rows > 65)
    organ = ellipse((56, 84), (12, 9))
    small, spilt = ellipse((36, 34), (22, 22)), ellipse((36, 34), (21, 21)) | organ
    shown = [reference & found, reference & ~found, found & ~reference]
    literal = study_click(small, spilt, rng=rng, literal=True, any_label=small | organ)
    rules: list[tuple[str, Point | None]] = [
        ("study", study_click(reference, found)),
        ("RITM", next_click(reference, found)),
        ("random", random_error_click(reference, found, rng)),
        ("deepest of the largest", deepest_error_click(reference, found)),
    ]
    return [
        *((title, shown, _said(point)) for title, point in rules),
        ("study, literal label", [small & spilt, small & ~spilt, spilt & ~small], _said(literal)),
    ]


def boxes() -> list[Panel]:
    """A few boxes of each kind around one object."""
    mask = ellipse((36, 48), (16, 24)) | ellipse((28, 34), (12, 12))
    tight, rng = box_around(mask).boxes[0], np.random.default_rng(5)
    drawn: dict[str, list[Box]] = {
        "SAM, .1 of the side": [jitter_box(tight, SIZE, rng) for _ in range(BOXES)],
        "MedSAM, up to 10 px out": [widen_box(tight, SIZE, rng, limit_px=10) for _ in range(BOXES)],
        "SAM-Med2D, up to 5 px": [shift_box(tight, SIZE, rng) for _ in range(BOXES)],
        "IoU .75": [overlap_box(tight, SIZE, rng, target=0.75) for _ in range(BOXES)],
        "IoU .5": [overlap_box(tight, SIZE, rng, target=0.5) for _ in range(BOXES)],
    }
    return [(title, [mask], Prompts(boxes=several)) for title, several in drawn.items()]


def people() -> list[Panel]:
    """Places, inexact clicks and strokes."""
    rng = np.random.default_rng(1)
    mask = (ellipse((38, 48), (30, 40)) & ~ellipse((14, 50), (22, 22))) | ellipse((46, 76), (14, 12))
    (middle,) = centre_click(mask).points
    return [
        ("places", [mask], Prompts(points=probe_clicks(mask, rng, count=20))),
        ("click .1 of the diameter off", [mask], Prompts([jitter_click(middle, mask, rng) for _ in range(8)])),
        ("clicks that miss", [mask], Prompts([miss_click(middle, mask, rng, probability=1) for _ in range(4)])),
        ("scribble, medial", [mask], Prompts(scribble(mask, rng))),
        ("scribble, random", [mask], Prompts(scribble(mask, rng, course="random"))),
    ]


def _said(point: Point | None) -> Prompts:
    return Prompts() if point is None else Prompts(points=[point])


def drawn(panel: Panel, rng: np.random.Generator) -> NDArray[np.uint8]:
    """The masks on speckle, with their prompts in the colour of the first."""
    _, masks, prompts = panel
    speckle = speckle_amplitude(rng, SIZE, axial_sigma_px=1.0, lateral_sigma_px=2.0)
    display = np.clip(60 + 24 * speckle, 0, 255).astype(np.uint8)
    return draw_overlay(display, np.stack(masks), [prompts], long_side=SCALE * SIZE[1])


def main() -> None:
    """Draw all panels, a row for each kind."""
    rows, rng, font = (modes(), clicks(), boxes(), people()), np.random.default_rng(0), ImageFont.load_default(12)
    height, width = SCALE * SIZE[0] + HEAD, SCALE * SIZE[1] + GAP
    sheet = Pillow.new("RGB", (len(rows[0]) * width - GAP, len(rows) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for row, panels in enumerate(rows):
        for column, panel in enumerate(panels):
            pen.text((column * width + 2, row * height + 3), panel[0], fill="black", font=font)
            sheet.paste(Pillow.fromarray(drawn(panel, rng)), (column * width, row * height + HEAD))
    sheet.save(OUTPUT, quality=45, method=6)


if __name__ == "__main__":
    main()
