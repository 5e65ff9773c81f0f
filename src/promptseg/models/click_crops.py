"""Which part of an image a click-based network looks at, and how much of its answer is taken: plain geometry.

The rules are those of RITM (arXiv 2102.06583), SimpleClick (arXiv 2210.11006) and FocalClick (arXiv 2204.02574), as
their published code has them. Boxes are of whole pixels, both corners inside.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from promptseg.geometry.regions import box_size, label_components, tight_box
from promptseg.types import BoolMask, Box, Point

__all__ = [
    "EXPANSION",
    "clipped",
    "crop_iou",
    "expanded",
    "focus_crop",
    "is_in",
    "is_kept",
    "merged",
    "pixel_of",
    "whole_image",
    "zoom_crop",
]

EXPANSION: Final = 1.4
"""How much longer than the object a crop is, along each axis."""

KEPT_FROM_IOU: Final = 0.5
"""A crop stays in use while it overlaps with the wanted one by so much."""

FEWEST_PX: Final = 10
"""A mask of fewer pixels has no box: the whole image takes its place."""

SMALL_SHARE: Final = 1 / 3
"""A change that is shorter than this share of the object, along an axis, is looked at as a square around the click."""

SQUARE_SHARE: Final = 0.2
"""Half the side of that square, of the object's long side."""


def whole_image(image_size: tuple[int, int]) -> Box:
    """The crop that holds all of an image of (height, width) pixels."""
    height, width = image_size
    return Box(0, 0, width - 1, height - 1)


def pixel_of(point: Point, image_size: tuple[int, int]) -> tuple[int, int]:
    """(row, column) of the pixel that was clicked."""
    height, width = image_size
    return min(max(int(np.floor(point.y + 0.5)), 0), height - 1), min(max(int(np.floor(point.x + 0.5)), 0), width - 1)


def is_in(box: Box, point: Point) -> bool:
    """Whether a point lies on a pixel of a box."""
    return box.x0 - 0.5 <= point.x <= box.x1 + 0.5 and box.y0 - 0.5 <= point.y <= box.y1 + 0.5


def expanded(box: Box, *, ratio: float = EXPANSION, least_px: float = 0.0) -> Box:
    """A box with the same centre, ``ratio`` times as long along each axis and at least ``least_px``; corners rounded.

    As in RITM's code the far corner lies one pixel further out than a box of that length has it.

    >>> expanded(Box(10, 20, 19, 29))
    Box(x0=8.0, y0=18.0, x1=22.0, y1=32.0)
    """
    height, width = (max(length * ratio, least_px) for length in box_size(box))
    middle_x, middle_y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    corners = (middle_x - width / 2, middle_y - height / 2, middle_x + width / 2, middle_y + height / 2)
    return Box(*(round(corner) for corner in corners))


def clipped(box: Box, bounds: Box) -> Box:
    """The part of a box that lies in another one, which it must touch."""
    return Box(max(box.x0, bounds.x0), max(box.y0, bounds.y0), min(box.x1, bounds.x1), min(box.y1, bounds.y1))


def crop_iou(one: Box, other: Box) -> float:
    """How much two crops have in common: the product of the IoU of their rows and that of their columns (RITM's).

    >>> crop_iou(Box(0, 0, 9, 9), Box(0, 5, 9, 14))
    0.3333333333333333
    """
    rows = _segments_iou((one.y0, one.y1), (other.y0, other.y1))
    return rows * _segments_iou((one.x0, one.x1), (other.x0, other.x1))


def zoom_crop(mask: BoolMask, points: Sequence[Point], *, expansion: float, least_px: float) -> Box | None:
    """The part of the image around the mask (H, W) and the positive clicks; None if the mask is empty."""
    if not mask.any():
        return None
    wanted = mask.copy()
    for point in points:
        if point.positive:
            wanted[pixel_of(point, _size(mask))] = True
    box = tight_box(wanted)
    return None if box is None else clipped(expanded(box, ratio=expansion, least_px=least_px), whole_image(_size(mask)))


def is_kept(crop: Box, wanted: Box, points: Sequence[Point]) -> bool:
    """Whether the crop in use still serves: like enough to the wanted one, and with every positive click inside."""
    outside = any(point.positive and not is_in(crop, point) for point in points)
    return not outside and crop_iou(crop, wanted) >= KEPT_FROM_IOU


def focus_crop(previous: BoolMask, mask: BoolMask, click: Point, bounds: Box) -> Box:
    """The part that the last click changed, which FocalClick looks at once more.

    Args:
        previous: (H, W) mask before the click; may be empty.
        mask: (H, W) mask after it.
        click: the last one.
        bounds: the crop that the mask was made from; the result lies in it.
    """
    whole = whole_image(_size(mask))
    object_box = _box_of(mask, whole)
    if not previous.any():
        return _inside(expanded(object_box), bounds)
    box = _box_of(_part_at(previous ^ mask, click), whole)
    (height, width), (most_height, most_width) = box_size(box), box_size(object_box)
    if height < most_height * SMALL_SHARE or width < most_width * SMALL_SHARE:
        half = SQUARE_SHARE * max(most_height, most_width)
        row, column = pixel_of(click, _size(mask))
        box = Box(column - half, row - half, column + half, row + half)
    return _inside(expanded(box), bounds)


def merged(previous: BoolMask, mask: BoolMask, click: Point) -> BoolMask:
    """The previous mask (H, W) with only that change of the new one which the click asked for (FocalClick).

    Of what differs only the 8-connected part that holds the click counts: it is taken away if the click lies on the
    previous mask, else added. Where nothing changed at the click, the previous mask comes back.
    """
    part = _part_at(previous ^ mask, click)
    if previous[pixel_of(click, _size(mask))]:
        return previous & ~part
    return previous | part


def _part_at(changed: BoolMask, click: Point) -> BoolMask:
    """The 8-connected part that holds the click; empty if the click lies on none."""
    numbers, _ = label_components(changed)
    number = numbers[pixel_of(click, _size(changed))]
    part: BoolMask = numbers == number if number else np.zeros_like(changed)
    return part


def _box_of(mask: BoolMask, otherwise: Box) -> Box:
    box = tight_box(mask) if mask.sum() >= FEWEST_PX else None
    return otherwise if box is None else box


def _inside(box: Box, bounds: Box) -> Box:
    """Clipped to the bounds; the bounds themselves where they do not touch."""
    touches = box.x0 <= bounds.x1 and box.x1 >= bounds.x0 and box.y0 <= bounds.y1 and box.y1 >= bounds.y0
    return clipped(box, bounds) if touches else bounds


def _segments_iou(one: tuple[float, float], other: tuple[float, float]) -> float:
    common = max(0.0, min(one[1], other[1]) - max(one[0], other[0]) + 1)
    return common / (max(one[1], other[1]) - min(one[0], other[0]) + 1)


def _size(mask: BoolMask) -> tuple[int, int]:
    return mask.shape[0], mask.shape[1]
