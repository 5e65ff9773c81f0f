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
CAPTION_PX: Final = 26
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
    columns = min(columns, len(pictures))
    rows = -(-len(pictures) // columns)
    step_x, step_y = cell[0] + GAP_PX, cell[1] + CAPTION_PX + GAP_PX
    sheet = Pillow.new("RGB", (columns * step_x + GAP_PX, rows * step_y + GAP_PX), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for place, (caption, pixels) in enumerate(pictures):
        picture = Pillow.fromarray(pixels).convert("RGB")
        picture.thumbnail(cell, Pillow.Resampling.LANCZOS)
        left, top = GAP_PX + place % columns * step_x, GAP_PX + place // columns * step_y
        sheet.paste(picture, (left + (cell[0] - picture.width) // 2, top + (cell[1] - picture.height) // 2))
        draw.text((left + cell[0] // 2, top + cell[1] + CAPTION_PX // 2), caption, fill=INK, font=font, anchor="mm")
    return np.asarray(sheet)
