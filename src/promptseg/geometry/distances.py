"""Exact Euclidean distances inside and around masks.

Distances run between pixel centres. Outside the image everything is background: a mask is padded by one pixel of zeros
first, so a pixel on the border of the image is one pixel away from the background.
"""

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.geometry.masks import Spacing, check_mask, check_spacing
from promptseg.geometry.regions import crop_slices
from promptseg.types import BoolMask

__all__ = ["Ties", "distance_inside", "distance_to", "innermost"]

Ties = Literal["first", "random"]
Floats = NDArray[np.float64]


def distance_inside(mask: BoolMask, *, spacing_mm: Spacing | None = None) -> Floats:
    """Distance of each pixel of the mask to the nearest background; 0 in the background.

    Exact (Maurer et al. 2003, doi 10.1109/TPAMI.2003.1177156, in scipy). Only the block around the mask is computed;
    nothing outside it can be nearer than its rim.

    Args:
        mask: (H, W) or (Z, H, W); an empty mask gives zeros.
        spacing_mm: for distances in millimetres; None for pixels.

    Returns:
        float64 of the mask's shape.
    """
    from scipy import ndimage

    check_mask(mask, dimensions=(2, 3))
    spacing = check_spacing(spacing_mm, dimensions=mask.ndim)
    distances = np.zeros(mask.shape)
    if mask.any():
        block = crop_slices(mask)
        padded = ndimage.distance_transform_edt(np.pad(mask[block], 1), sampling=spacing)
        distances[block] = padded[(slice(1, -1),) * mask.ndim]
    return distances


def distance_to(mask: BoolMask, *, spacing_mm: Spacing | None = None) -> Floats:
    """Distance of each pixel to the nearest pixel of the mask; 0 in the mask, infinite everywhere if it is empty.

    Args:
        mask: (H, W) or (Z, H, W).
        spacing_mm: for distances in millimetres; None for pixels.

    Returns:
        float64 of the mask's shape.
    """
    from scipy import ndimage

    check_mask(mask, dimensions=(2, 3))
    spacing = check_spacing(spacing_mm, dimensions=mask.ndim)
    if not mask.any():
        return np.full(mask.shape, np.inf)
    distances: Floats = ndimage.distance_transform_edt(~mask, sampling=spacing)
    return distances


def innermost(
    distances: Floats, *, ties: Ties = "first", rng: np.random.Generator | None = None
) -> tuple[int, int] | None:
    """(row, column) of the largest distance: the centre of the largest disc inside; None if no distance is positive.

    Args:
        distances: (H, W), from :func:`distance_inside`.
        ties: ``first`` in row-major order, or ``random`` among equals, which needs ``rng``.
        rng: the source of randomness for ``random``.

    Raises:
        UnknownNameError: if there is no such rule for ties.
        ValueRangeError: if ``random`` comes without ``rng``.
    """
    if ties not in get_args(Ties):
        raise UnknownNameError(f"unknown rule for ties {ties!r}; choose one of {', '.join(get_args(Ties))}")
    if ties == "random" and rng is None:
        raise ValueRangeError("ties='random' needs rng, for instance rng=numpy.random.default_rng(0)")
    place = int(np.argmax(distances))
    greatest = distances.flat[place]
    if not greatest > 0:
        return None
    if ties == "random" and rng is not None:
        place = int(rng.choice(np.flatnonzero(distances == greatest)))
    row, column = divmod(place, distances.shape[1])
    return row, column
