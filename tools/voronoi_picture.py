"""Make the picture of spread clicks for the documentation: ``python tools/voronoi_picture.py``.

Above the clicks of greatest energy, below those of a centroidal tessellation; each cell in its colour.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from promptseg.prompts import spread_clicks
from promptseg.prompts.voronoi import Spreading
from promptseg.types import BoolMask

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "voronoi-clicks.png"
SIDE = 110
SCALE = 2
FINER = 3
COLOURS = np.array([(136, 204, 238), (221, 204, 119), (204, 102, 119), (68, 170, 153), (170, 136, 204)], dtype=np.uint8)
PAPER = (255, 255, 255)
METHODS: tuple[Spreading, ...] = ("inverse-distance", "cvt")


def disc(centre: tuple[float, float], radius: float) -> BoolMask:
    """Pixels within a radius of (row, column)."""
    rows, columns = np.indices((SIDE, SIDE))
    inside: BoolMask = (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2
    return inside


def branches() -> BoolMask:
    """A stem that forks, nine pixels wide."""
    picture = Image.new("1", (SIDE, SIDE))
    draw = ImageDraw.Draw(picture)
    for line in ([(55, 100), (55, 58)], [(55, 58), (18, 14)], [(55, 58), (94, 20)], [(76, 37), (78, 10)]):
        draw.line(line, fill=1, width=3)
    return ndimage.binary_dilation(np.asarray(picture), iterations=4)


def shapes() -> list[tuple[BoolMask, int]]:
    """Regions with the number of clicks to show."""
    lesion = disc((58, 52), 34) | disc((44, 70), 24)
    return [
        (lesion, 5),
        (disc((55, 55), 46) & ~disc((46, 72), 42), 3),
        (disc((55, 55), 46) & ~disc((55, 55), 34), 5),
        (branches(), 4),
        (disc((40, 40), 30) | disc((88, 90), 16), 4),
    ]


def panel(region: BoolMask, clicks_xy: NDArray[np.int64]) -> Image.Image:
    """The region with its cells, their borders, and the clicks."""
    rows, columns = np.indices(region.shape)
    squared = (columns[..., None] - clicks_xy[:, 0]) ** 2 + (rows[..., None] - clicks_xy[:, 1]) ** 2
    pixels = np.where(region[..., None], COLOURS[squared.argmin(axis=2) % len(COLOURS)], np.uint8(255))
    size = SIDE * SCALE * FINER
    picture = Image.fromarray(pixels).resize((size, size), Image.Resampling.NEAREST)
    draw = ImageDraw.Draw(picture)
    for x, y in (clicks_xy + 0.5) * SCALE * FINER:
        draw.ellipse((x - 15, y - 15, x + 15, y + 15), fill=(20, 20, 20), outline=PAPER, width=4)
    return picture.resize((SIDE * SCALE, SIDE * SCALE), Image.Resampling.LANCZOS)


def main() -> None:
    """Draw all shapes with both methods."""
    regions = shapes()
    sheet = Image.new("RGB", (len(regions) * SIDE * SCALE, len(METHODS) * SIDE * SCALE), PAPER)
    for row, method in enumerate(METHODS):
        for column, (region, count) in enumerate(regions):
            clicks = spread_clicks(region, count, method=method)
            sheet.paste(panel(region, clicks), (column * SIDE * SCALE, row * SIDE * SCALE))
    sheet.quantize(64, dither=Image.Dither.NONE).save(OUTPUT, optimize=True)


if __name__ == "__main__":
    main()
