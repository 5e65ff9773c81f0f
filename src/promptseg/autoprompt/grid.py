"""Where segment-everything clicks: crops of an image, and a regular grid of points on each."""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.types import Box

__all__ = ["OVERLAP", "crop_boxes", "grid_points"]

OVERLAP: Final = 512 / 1500
"""Overlap of two neighbouring crops of the first layer, as a share of the image's short side."""


def grid_points(count: int, image_size: tuple[int, int]) -> NDArray[np.float64]:
    """(count ** 2, 2) points (x, y), row by row: those of a count x count grid, half a step away from the borders.

    As in Segment Anything the fractions (i + 1/2) / count are multiplied by the size, with no half pixel taken off. An
    image with fewer pixels along a side than the grid has points would have the last ones beyond its last pixel; they
    are moved onto its border.

    >>> grid_points(2, (4, 8)).tolist()
    [[2.0, 1.0], [6.0, 1.0], [2.0, 3.0], [6.0, 3.0]]

    Raises:
        ValueRangeError: if the count is below 1.
    """
    if count < 1:
        raise ValueRangeError(f"a grid must have one point or more on each side, got {count!r}")
    height, width = image_size
    fractions = (np.arange(count) + 0.5) / count
    x, y = np.meshgrid(np.minimum(fractions * width, width - 0.5), np.minimum(fractions * height, height - 0.5))
    return np.stack([x.ravel(), y.ravel()], axis=1)


def crop_boxes(image_size: tuple[int, int], layers: int, *, overlap: float = OVERLAP) -> list[tuple[Box, int]]:
    """The whole image and, for each layer i from 1, crops of 2^i x 2^i that overlap; with the number of their layer.

    Crops of layer i overlap by the share ``overlap`` of the short side times 2 / 2^i. They are as in Segment Anything,
    column by column; a crop that would reach past the image is cut.

    Args:
        image_size: (height, width) in pixels.
        layers: beside the image itself, from 0.
        overlap: a share of the short side.

    >>> [(box, layer) for box, layer in crop_boxes((60, 100), 1, overlap=0.5)][1]
    (Box(x0=0.0, y0=0.0, x1=64.0, y1=44.0), 1)

    Raises:
        ValueRangeError: if the layers are negative, or the overlap is not from 0 to 1 (exclusive).
    """
    if layers < 0 or not 0 <= overlap < 1:
        raise ValueRangeError(f"layers must be 0 or more and overlap from 0 to 1, got {layers!r} and {overlap!r}")
    height, width = image_size
    boxes = [(Box(0, 0, width - 1, height - 1), 0)]
    for layer in range(1, layers + 1):
        across = 2**layer
        shared = int(overlap * min(height, width) * 2 / across)
        columns, rows = (_spans(length, across, shared) for length in (width, height))
        boxes += [(Box(x0, y0, x1, y1), layer) for x0, x1 in columns for y0, y1 in rows]
    return boxes


def _spans(length: int, count: int, shared: int) -> list[tuple[int, int]]:
    """First and last pixel of ``count`` spans of equal length, of which neighbours share pixels; none is empty."""
    span = math.ceil((shared * (count - 1) + length) / count)
    starts = [number * (span - shared) for number in range(count)]
    return [(start, min(start + span, length) - 1) for start in starts if start < length]
