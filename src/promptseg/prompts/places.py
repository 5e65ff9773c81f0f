"""Clicks on many places of an object, each the only prompt of one evaluation: does it matter where one clicks?"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError, ValueRangeError
from promptseg.geometry.distances import distance_inside
from promptseg.geometry.masks import check_mask
from promptseg.types import BoolMask, Point

__all__ = ["probe_clicks"]

_BINS: Final = 10


def probe_clicks(mask: BoolMask, rng: np.random.Generator, *, count: int = 30) -> tuple[Point, ...]:
    """Positive clicks on different pixels of the object, spread evenly over depths, from the border to the middle.

    A pixel's depth is its distance to the background over the object's greatest. The depths are divided into ten bins
    [0, .1), [.1, .2), ... [.9, 1]. Each bin gives a pixel in turn, drawn at random among its own, until there are
    enough; a bin that has no pixel left is passed over, so that the others give more. Where less than a whole turn is
    left, the bins that still give are drawn at random.

    Args:
        mask: (H, W), not empty; an object of several parts is taken as a whole, so small parts are all border.
        rng: the source of randomness.
        count: clicks at most, at least 1; an object of fewer pixels is clicked on every pixel.

    Returns:
        the clicks from the shallowest bin to the deepest; within a bin in the order in which they were drawn.

    Raises:
        PromptError: if the mask is empty.
        ValueRangeError: if it is no mask, or the count no whole number of 1 or more.
    """
    check_mask(mask)
    if not mask.any():
        raise PromptError("mask is empty: there is no place to click on; leave out images without the object")
    wanted: object = count
    if isinstance(wanted, bool) or not isinstance(wanted, int | np.integer) or wanted < 1:
        raise ValueRangeError(f"count must be a whole number of 1 or more clicks, got {count!r}")
    pixels = np.flatnonzero(mask)
    distances = distance_inside(mask).flat[pixels]
    bins = np.minimum(np.floor(distances / distances.max() * _BINS).astype(np.int64), _BINS - 1)
    shares = _shares(np.bincount(bins, minlength=_BINS), count, rng)
    chosen = [rng.choice(pixels[bins == number], size=share, replace=False) for number, share in enumerate(shares)]
    places = (divmod(place, mask.shape[1]) for place in np.concatenate(chosen).tolist())
    return tuple(Point(column, row) for row, column in places)


def _shares(there: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many each bin gives: as equal as can be, none more than it has, all together ``count`` at most."""
    shares = np.zeros_like(there)
    while (left := count - shares.sum()) > 0 and (giving := np.flatnonzero(shares < there)).size:
        if left < len(giving):
            giving = rng.choice(giving, size=left, replace=False)
        shares[giving] += 1
    return shares
