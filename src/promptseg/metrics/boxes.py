"""Overlap of boxes.

Boxes are inclusive: from x0 to x1 they hold x1 - x0 + 1 pixels. Tools that leave out the one (as object detection
code does, whose corners are exclusive) give other values for the same numbers.
"""

import math

from promptseg.geometry.masks import check_pair
from promptseg.geometry.regions import crop_slices
from promptseg.metrics.empty import EmptyPolicy, value_if_empty
from promptseg.types import BoolMask, Box

__all__ = ["box_iou", "iou_of_boxes"]

Extents = tuple[tuple[float, float], ...]


def box_iou(reference: BoolMask, prediction: BoolMask, *, empty: EmptyPolicy = "one_if_both_empty") -> float:
    """IoU of the tight boxes around two masks, from 0 to 1; each box holds all parts of its mask.

    Args:
        reference: (H, W), or (Z, H, W) for the IoU of two cuboids.
        prediction: of the same shape.
        empty: see :mod:`promptseg.metrics.empty`.

    Raises:
        ValueRangeError: if one is no mask or the shapes differ.
    """
    check_pair(reference, prediction)
    found = bool(reference.any()), bool(prediction.any())
    by_policy = value_if_empty(found, empty=empty, best=1, worst=0)
    if by_policy is not None:
        return by_policy
    return _iou(*(tuple((part.start, part.stop) for part in crop_slices(mask)) for mask in (reference, prediction)))


def iou_of_boxes(first: Box, second: Box) -> float:
    """IoU of two boxes with inclusive corners, from 0 to 1.

    >>> iou_of_boxes(Box(0, 0, 1, 1), Box(1, 1, 2, 2))
    0.14285714285714285
    """
    return _iou(*(((box.x0, box.x1 + 1), (box.y0, box.y1 + 1)) for box in (first, second)))


def _iou(first: Extents, second: Extents) -> float:
    """IoU of two blocks, each as (first, past the last) for every axis."""
    shared = math.prod(
        max(min(stop, other_stop) - max(start, other_start), 0)
        for (start, stop), (other_start, other_stop) in zip(first, second, strict=True)
    )
    volumes = [math.prod(stop - start for start, stop in extents) for extents in (first, second)]
    return shared / (sum(volumes) - shared)
