"""A mask that nobody asked for: packed, so that thousands of them fit into memory, and tidied."""

import math
from dataclasses import dataclass, replace
from typing import final

import numpy as np
from numpy.typing import NDArray

from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import box_slices, crop_slices, label_components
from promptseg.types import BoolMask, Box, Point

__all__ = ["FoundMask", "pack", "repacked", "without_small_regions"]


@final
@dataclass(frozen=True, eq=False)
class FoundMask:
    """One mask that was found in an image.

    Attributes:
        box: the tight box, corners inclusive.
        bits: the pixels of the box row by row, eight in a byte.
        area_px: pixels of the mask.
        score: the model's own estimate of the mask's IoU with an object; NaN if it makes none.
        stability: area at a higher threshold over area at a lower one, from 0 to 1.
        point: the click that found it.
        crop_box: the part of the image that the model looked at.
    """

    box: Box
    bits: NDArray[np.uint8]
    area_px: int
    score: float
    stability: float
    point: Point
    crop_box: Box

    @property
    def block(self) -> BoolMask:
        """(h, w) the mask within its box."""
        height, width = round(self.box.y1 - self.box.y0) + 1, round(self.box.x1 - self.box.x0) + 1
        return np.unpackbits(self.bits, count=height * width).astype(np.bool_).reshape(height, width)

    def mask(self, image_size: tuple[int, int]) -> BoolMask:
        """(H, W) the mask on the image."""
        drawn = np.zeros(image_size, dtype=np.bool_)
        drawn[box_slices(self.box, image_size)] = self.block
        return drawn

    @property
    def rank(self) -> float:
        """By what the better one of two masks is told: the score, or the stability if the model makes no estimate."""
        return self.stability if math.isnan(self.score) else self.score


def pack(mask: BoolMask, *, at: tuple[int, int] = (0, 0)) -> tuple[Box, NDArray[np.uint8], int]:
    """Tight box, bits and area of an (H, W) mask that is not empty; ``at`` is the (row, column) of its first pixel."""
    rows, columns = crop_slices(mask)
    block = mask[rows, columns]
    row, column = at
    box = Box(columns.start + column, rows.start + row, columns.stop - 1 + column, rows.stop - 1 + row)
    return box, np.packbits(block), int(np.count_nonzero(block))


def repacked(found: FoundMask, mask: BoolMask) -> FoundMask:
    """The same finding with another (H, W) mask."""
    box, bits, area_px = pack(mask)
    return replace(found, box=box, bits=bits, area_px=area_px)


def without_small_regions(mask: BoolMask, least_area_px: int) -> BoolMask:
    """Fill holes of fewer pixels, then remove islands of fewer pixels; if all islands are small the largest stays.

    Holes and islands are 8-connected. A corner of the background that the mask cuts off is a hole too.

    >>> ring = np.array([[1, 1, 1, 0, 0], [1, 0, 1, 0, 1], [1, 1, 1, 0, 0]], dtype=bool)
    >>> without_small_regions(ring, 2).astype(int).tolist()
    [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0]]
    """
    check_mask(mask)
    filled = mask | _small(~mask, least_area_px)
    tidied = filled & ~_small(filled, least_area_px)
    return tidied if tidied.any() else label_components(filled)[0] == 1


def _small(mask: BoolMask, least_area_px: int) -> BoolMask:
    numbers, areas_px = label_components(mask)
    small: BoolMask = np.concatenate([[False], areas_px < least_area_px])[numbers]
    return small
