"""Keep what was pointed at: drop the islands of a mask that no prompt asked for, fill its holes, stay in its box."""

from collections.abc import Sequence

import numpy as np

from promptseg.errors import ValueRangeError
from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import label_components
from promptseg.types import BoolMask, Box, Point, Prompts

__all__ = ["inside_boxes", "tidy"]


def tidy(mask: BoolMask, prompts: Prompts) -> BoolMask:
    """The parts of a mask that its prompts point at, without holes.

    Parts are 8-connected. A part stays if a positive click lies in it, or if at least half of it lies in a box. If
    nothing stays by these rules, the largest part does. A hole is filled unless a negative click lies in it.

    Args:
        mask: (H, W); an empty mask stays empty.
        prompts: of the object, on this image.

    Raises:
        ValueRangeError: the mask is no boolean (H, W) array, or a click lies outside it.

    >>> mask = np.array([[1, 1, 0, 0, 1]], dtype=bool)
    >>> tidy(mask, Prompts(points=[Point(0, 0)])).astype(int).tolist()
    [[1, 1, 0, 0, 0]]
    """
    check_mask(mask)
    parts, areas_px = label_components(mask)
    pointed = {int(parts[_pixel(point, mask)]) for point in prompts.points if point.positive}
    for box in prompts.boxes:
        rows, columns = (slice(max(0, round(low)), max(0, round(high) + 1)) for low, high in _sides(box))
        in_box_px = np.bincount(parts[rows, columns].ravel(), minlength=len(areas_px) + 1)[1:]
        pointed |= set((np.flatnonzero(2 * in_box_px >= areas_px) + 1).tolist())
    kept = np.isin(parts, sorted(pointed - {0} or {1}))
    return kept | _holes(kept, prompts)


def inside_boxes(boxes: Sequence[Box], image_size: tuple[int, int]) -> BoolMask:
    """The pixels (H, W) that lie in one of the boxes, corners included; every pixel where there is no box.

    A model that was trained with inexact boxes lets a mask spill over the border of its box. Where the box is known to
    be tight (annotated as the object's extent, not drawn by hand), ``mask & inside_boxes(boxes, size)`` is better; for
    boxes drawn loosely it is worse.

    >>> inside_boxes([Box(1, 0, 2, 0)], (2, 4)).astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 0, 0]]
    """
    inside = np.full(image_size, not boxes, dtype=np.bool_)
    for box in boxes:
        rows, columns = (slice(max(0, round(low)), max(0, round(high) + 1)) for low, high in _sides(box))
        inside[rows, columns] = True
    return inside


def _holes(mask: BoolMask, prompts: Prompts) -> BoolMask:
    from scipy import ndimage

    holes = ndimage.binary_fill_holes(mask) & ~mask
    numbers, _ = ndimage.label(holes)
    refused = {int(numbers[_pixel(point, mask)]) for point in prompts.points if not point.positive}
    filled: BoolMask = holes & ~np.isin(numbers, sorted(refused - {0}))
    return filled


def _sides(box: Box) -> tuple[tuple[float, float], tuple[float, float]]:
    return (box.y0, box.y1), (box.x0, box.x1)


def _pixel(point: Point, mask: BoolMask) -> tuple[int, int]:
    height, width = mask.shape
    if not (-0.5 <= point.x <= width - 0.5 and -0.5 <= point.y <= height - 0.5):
        raise ValueRangeError(f"{point} lies outside the mask of width {width} and height {height}")
    return min(round(max(point.y, 0)), height - 1), min(round(max(point.x, 0)), width - 1)
