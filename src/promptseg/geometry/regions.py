"""Connected parts of a mask, and the boxes around them.

Boxes are inclusive: a :class:`~promptseg.types.Box` names the first and the last pixel inside, so the box of one pixel
has ``x0 == x1``. Slices and many file formats name the first pixel *after* the box instead; two functions convert.
"""

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.geometry.masks import check_mask
from promptseg.types import BoolMask, Box

__all__ = [
    "box_from_exclusive",
    "box_size",
    "box_slices",
    "box_to_exclusive",
    "components",
    "crop_slices",
    "label_components",
    "largest_component",
    "tight_box",
]


def label_components(mask: BoolMask) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Number the 8-connected components, the largest first.

    Args:
        mask: (H, W); may be empty.

    Returns:
        (H, W) numbers, 0 outside the mask and 1 for the largest component; and (N,) areas in pixels, descending.
        Components of equal area are numbered by their first pixel in row-major order.
    """
    from scipy import ndimage

    check_mask(mask)
    numbers = np.zeros(mask.shape, dtype=np.int32)
    if not mask.any():
        return numbers, np.zeros(0, dtype=np.int64)
    around = crop_slices(mask)
    labels, count = ndimage.label(mask[around], structure=np.ones((3, 3)))
    places = np.flatnonzero(labels)
    found = labels.ravel()[places]
    areas_px = np.bincount(found, minlength=count + 1)
    first = np.zeros(count + 1, dtype=np.int64)
    first[found[::-1]] = places[::-1]
    order = 1 + np.lexsort((first[1:], -areas_px[1:]))
    rank = np.zeros(count + 1, dtype=np.int32)
    rank[order] = np.arange(1, count + 1)
    numbers[around] = rank[labels]
    return numbers, areas_px[order].astype(np.int64)


def components(mask: BoolMask, *, limit: int | None = None) -> list[BoolMask]:
    """The 8-connected components as masks of the whole size, largest first, at most ``limit``; none if empty.

    >>> [int(part.sum()) for part in components(np.array([[1, 0, 1], [1, 0, 0]], dtype=bool))]
    [2, 1]
    """
    numbers, areas_px = label_components(mask)
    count = len(areas_px) if limit is None else min(limit, len(areas_px))
    return [numbers == number for number in range(1, count + 1)]


def largest_component(mask: BoolMask) -> BoolMask:
    """The largest 8-connected component (ties as in :func:`label_components`); an empty mask stays empty."""
    numbers, _ = label_components(mask)
    largest: BoolMask = numbers == 1
    return largest


def tight_box(mask: BoolMask) -> Box | None:
    """The smallest box that holds every pixel of the mask, corners inclusive; None if the mask is empty.

    >>> tight_box(np.array([[0, 0, 0], [0, 1, 1]], dtype=bool))
    Box(x0=1.0, y0=1.0, x1=2.0, y1=1.0)
    """
    check_mask(mask)
    if not mask.any():
        return None
    rows, columns = crop_slices(mask)
    return Box(columns.start, rows.start, columns.stop - 1, rows.stop - 1)


def crop_slices(mask: BoolMask) -> tuple[slice, ...]:
    """Slices of the smallest block that holds the mask, of any number of dimensions.

    Raises:
        ValueRangeError: if the mask is empty.
    """
    found: list[slice] = []
    for axis in range(mask.ndim):
        others = tuple(other for other in range(mask.ndim) if other != axis)
        places = np.flatnonzero(mask[tuple(found)].any(axis=others))
        if not len(places):
            raise ValueRangeError("an empty mask has no box; check `mask.any()` first")
        found.append(slice(int(places[0]), int(places[-1]) + 1))
    return tuple(found)


def box_size(box: Box) -> tuple[float, float]:
    """(height, width) of a box in pixels, both corners counted: one pixel has (1, 1)."""
    return box.y1 - box.y0 + 1, box.x1 - box.x0 + 1


def box_to_exclusive(box: Box) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) with the far corner outside, as in slices and in COCO's x + width."""
    return box.x0, box.y0, box.x1 + 1, box.y1 + 1


def box_from_exclusive(x0: float, y0: float, x1: float, y1: float) -> Box:
    """The box from corners of which the far one lies outside; the inverse of :func:`box_to_exclusive`.

    Raises:
        ValueRangeError: if the box would hold no pixel.
    """
    if x1 - x0 < 1 or y1 - y0 < 1:
        raise ValueRangeError(f"an exclusive box must span one pixel or more, got {(x0, y0, x1, y1)}")
    return Box(x0, y0, x1 - 1, y1 - 1)


def box_slices(box: Box, image_size: tuple[int, int]) -> tuple[slice, slice]:
    """(rows, columns) of the pixels of a (height, width) image whose centres lie in the box; maybe empty slices."""
    (rows, columns) = (
        slice(min(max(int(np.ceil(low)), 0), length), max(min(int(np.floor(high)) + 1, length), 0))
        for low, high, length in ((box.y0, box.y1, image_size[0]), (box.x0, box.x1, image_size[1]))
    )
    return rows, columns
