"""Which part of an image a picture shows: cutting away what stands around the scan, such as burned-in text."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.types import BoolMask, Box, Point, Prompts

__all__ = ["Window", "crop", "window_around"]


class Window(NamedTuple):
    """Columns ``x0`` to ``x1 - 1`` and rows ``y0`` to ``y1 - 1`` of an image."""

    x0: int
    y0: int
    x1: int
    y1: int


def window_around(masks: BoolMask, prompts: Sequence[Prompts] = (), *, margin: float = 0.2) -> Window:
    """The smallest window that holds masks, clicks and boxes, with a margin on all sides, kept on the image.

    Args:
        masks: (H, W) or (N, H, W) bool; may be empty.
        prompts: their points and boxes are held too.
        margin: as a share of the longer side of what is held.

    Raises:
        ValueRangeError: if there is nothing to hold.
    """
    union = masks.any(axis=0) if masks.ndim == 3 else masks
    rows, columns = np.nonzero(union)
    boxes = [box for prompt in prompts for box in prompt.boxes]
    points = [point for prompt in prompts for point in prompt.points]
    xs = [*columns.tolist(), *(p.x for p in points), *(b.x0 for b in boxes), *(b.x1 for b in boxes)]
    ys = [*rows.tolist(), *(p.y for p in points), *(b.y0 for b in boxes), *(b.y1 for b in boxes)]
    if not xs:
        raise ValueRangeError("there is nothing to put a window around: all masks are empty and no prompt is given")
    height, width = union.shape
    room = margin * max(max(xs) - min(xs), max(ys) - min(ys), 16)
    return Window(
        int(np.clip(min(xs) - room, 0, width - 1)),
        int(np.clip(min(ys) - room, 0, height - 1)),
        int(np.clip(max(xs) + room + 1, 1, width)),
        int(np.clip(max(ys) + room + 1, 1, height)),
    )


def crop(
    display: NDArray[np.uint8], masks: BoolMask, prompts: Sequence[Prompts], window: Window
) -> tuple[NDArray[np.uint8], BoolMask, list[Prompts]]:
    """The part of an image, its masks and its prompts inside a window, in the window's own coordinates.

    Raises:
        ValueRangeError: if the window is empty or leaves the image.
    """
    height, width = display.shape[:2]
    x0, y0, x1, y1 = window
    if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
        raise ValueRangeError(f"{window} does not lie on an image of width {width} and height {height}")
    moved = [
        replace(
            prompt,
            points=[Point(point.x - x0, point.y - y0, point.positive) for point in prompt.points],
            boxes=[Box(box.x0 - x0, box.y0 - y0, box.x1 - x0, box.y1 - y0) for box in prompt.boxes],
            mask=None,
        )
        for prompt in prompts
    ]
    return display[y0:y1, x0:x1], masks[..., y0:y1, x0:x1], moved
