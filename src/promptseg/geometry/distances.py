"""Distances inside and around masks: exact Euclidean ones, and an approximation for comparison.

Distances run between pixel centres. Outside the image everything is background: a mask is padded by one pixel of zeros
first, so a pixel on the border of the image is one pixel away from the background.
"""

from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.geometry.masks import Spacing, check_mask, check_spacing
from promptseg.geometry.regions import crop_slices
from promptseg.types import BoolMask

__all__ = ["Ties", "chamfer_distance_inside", "distance_inside", "distance_to", "innermost"]

Ties = Literal["first", "random"]
Floats = NDArray[np.float64]

_THICK: Final = 8
_ONE: Final = 1 << 16
_ACROSS: Final = 91_750
_KNIGHT: Final = 143_976
_STEPS_DOWN: Final = (
    *((1, 0, _ONE), (1, 1, _ACROSS), (1, -1, _ACROSS)),
    *((1, 2, _KNIGHT), (1, -2, _KNIGHT), (2, 1, _KNIGHT), (2, -1, _KNIGHT)),
)
"""Rows down, columns to the right, and length in 2**-16 pixels."""


def distance_inside(mask: BoolMask, *, spacing_mm: Spacing | None = None) -> Floats:
    """Distance of each pixel of the mask to the nearest background; 0 in the background.

    Exact (Maurer et al. 2003, doi 10.1109/TPAMI.2003.1177156, in scipy; thin masks in the plane, such as the errors of
    a good prediction, in a way of our own with the same result). Only the block around the mask is computed; nothing
    outside it can be nearer than its rim.

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
        padded = np.pad(mask[block], 1)
        found = _thin_distances(padded) if mask.ndim == 2 and spacing_mm is None else None
        if found is None:
            found = ndimage.distance_transform_edt(padded, sampling=spacing)
        distances[block] = found[(slice(1, -1),) * mask.ndim]
    return distances


def _thin_distances(padded: BoolMask) -> Floats | None:
    """Distances inside a mask that does not touch the border of its array; None if it is too thick to be quick.

    Within its row a pixel's distance is read off the ends of its run. Rows ever farther above and below are then looked
    at for the pixels that they could still bring nearer to the background.
    """
    width, flat = padded.shape[1], padded.ravel()
    places = np.flatnonzero(flat)
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    before, behind = (np.repeat(side, ends[1::2] - ends[::2]) for side in (ends[::2], ends[1::2]))
    along = np.minimum(places - before + 1, behind - places)
    if along.sum() > _THICK * padded.size:
        return None
    squared = along**2
    in_row = np.zeros(padded.size, dtype=np.int32)
    in_row[places] = squared
    left, rows = np.arange(len(places)), 0
    while left.size:
        rows += 1
        above, below = in_row[places[left] - rows * width], in_row[places[left] + rows * width]
        nearest = np.minimum(squared[left], np.minimum(above, below) + rows**2)
        squared[left] = nearest
        left = left[nearest > (rows + 1) ** 2]
    distances = np.zeros(padded.size)
    distances[places] = np.sqrt(squared)
    return distances.reshape(padded.shape)


def chamfer_distance_inside(mask: BoolMask) -> Floats:
    """Distance of each pixel of the mask to the nearest background by steps of 1, 1.4 and 2.1969; 0 in the background.

    Steps go to a neighbour in a row or column, across a corner, and as a knight's move (Borgefors 1986, doi
    10.1016/S0734-189X(86)80047-0). It is up to 2 % off the Euclidean distance and has more equal maxima. Published code
    takes it from OpenCV (``DIST_L2`` with a mask of 5), whose arithmetic in 16 bits of fraction this repeats exactly;
    builds of OpenCV that hand the work to Intel's IPP round each step to float32 and differ by about 1e-5 of the
    distance. For everything new use :func:`distance_inside`.

    Args:
        mask: (H, W); an empty mask gives zeros.

    Returns:
        float64 of the mask's shape, each a multiple of 2**-16 rounded to float32.

    >>> chamfer_distance_inside(np.ones((5, 7), dtype=bool))[2].round(4).tolist()
    [1.0, 2.0, 3.0, 3.0, 3.0, 2.0, 1.0]
    """
    check_mask(mask)
    distances = np.zeros(mask.shape)
    if mask.any():
        block = crop_slices(mask)
        inside = mask[block]
        steps = _chamfer_steps(inside) if inside.shape[0] <= inside.shape[1] else _chamfer_steps(inside.T).T
        distances[block] = (steps / _ONE).astype(np.float32)
    return distances


def _chamfer_steps(inside: BoolMask) -> NDArray[np.int64]:
    """Chamfer distances as integers, in two passes of whole rows; background lies around the (H, W) block."""
    height, width = inside.shape
    far = _KNIGHT * (height + width + 4)
    steps = np.zeros((height + 4, width + 4), dtype=np.int64)
    steps[2:-2, 2:-2][inside] = far
    along = _ONE * np.arange(width + 4, dtype=np.int64)
    for _ in range(2):
        for row in range(2, height + 2):
            here = steps[row, 2:-2]
            for rows, columns, length in _STEPS_DOWN:
                start = 2 - columns
                np.minimum(here, steps[row - rows, start : start + width] + length, out=here)
            steps[row] = np.minimum.accumulate(steps[row] - along) + along
        steps = steps[::-1, ::-1]
    return steps[2:-2, 2:-2]


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
        distances: (H, W), from :func:`distance_inside` or :func:`chamfer_distance_inside`.
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
