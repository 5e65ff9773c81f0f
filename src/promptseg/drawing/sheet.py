"""Several pictures with their captions on one sheet."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from promptseg.errors import ValueRangeError

__all__ = ["contact_sheet"]

GAP_PX: Final = 12
CAPTION_PX: Final = 32
PAPER: Final = (24, 26, 30)
INK: Final = (235, 235, 235)


def contact_sheet(
    pictures: Sequence[tuple[str, NDArray[np.uint8]]], *, columns: int = 3, cell: tuple[int, int] = (420, 320)
) -> NDArray[np.uint8]:
    """Lay out captioned pictures in rows, each made smaller to fit its cell where it is larger, and centred in it.

    Args:
        pictures: (caption, (H, W, 3) uint8) pairs, at least one.
        columns: pictures in a row.
        cell: (width, height) of the room for one picture in pixels; its caption comes below.

    Returns:
        (H, W, 3) uint8.

    Raises:
        ValueRangeError: no picture, or no room.
    """
    if not pictures or columns < 1 or min(cell) < 1:
        raise ValueRangeError(f"a sheet needs pictures, columns and room, got {len(pictures)}, {columns} and {cell}")
    tiles = [(caption, _fitted(pixels, cell)) for caption, pixels in pictures]
    rows = [tiles[start : start + columns] for start in range(0, len(tiles), columns)]
    heights = [max(tile.height for _, tile in row) + CAPTION_PX + GAP_PX for row in rows]
    width = len(rows[0]) * (cell[0] + GAP_PX) + GAP_PX
    sheet = Pillow.new("RGB", (width, sum(heights) + GAP_PX), PAPER)
    draw, font, top = ImageDraw.Draw(sheet), ImageFont.load_default(20), GAP_PX
    for row, height in zip(rows, heights, strict=True):
        room = height - CAPTION_PX - GAP_PX
        for place, (caption, tile) in enumerate(row):
            left = GAP_PX + place * (cell[0] + GAP_PX)
            sheet.paste(tile, (left + (cell[0] - tile.width) // 2, top + (room - tile.height) // 2))
            middle = (left + cell[0] // 2, top + room + CAPTION_PX // 2)
            draw.text(middle, caption, fill=INK, font=font, anchor="mm")
        top += height
    return np.asarray(sheet)


def _fitted(pixels: NDArray[np.uint8], cell: tuple[int, int]) -> Pillow.Image:
    picture = Pillow.fromarray(pixels).convert("RGB")
    picture.thumbnail(cell, Pillow.Resampling.LANCZOS)
    return picture
