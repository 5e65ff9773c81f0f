"""The next click of a user who corrects a mask, simulated from the reference.

The rule of RITM, SimpleClick and FocalClick (all three alike): click into the middle of the largest error. Everything
made here comes from the reference, so a score reached with such clicks is an oracle's.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError
from promptseg.geometry.distances import distance_inside
from promptseg.geometry.masks import check_mask, check_pair
from promptseg.types import BoolMask, Point

__all__ = ["next_click"]


def next_click(
    reference: BoolMask, prediction: BoolMask, *, clicked: Sequence[Point] = (), ignore: BoolMask | None = None
) -> Point | None:
    """The click in the middle of the largest error, or None if no error is left to click on.

    Missing and superfluous pixels are looked at apart. In each kind of error the distance to the nearest other pixel
    is computed (exactly, with a rim of one pixel around the image), and set to zero at pixels that were clicked. The
    larger maximum wins: positive if pixels are missing there; equal maxima give a negative click. Of several pixels at
    the maximum the first in row-major order is taken, so the result is deterministic.

    Args:
        reference: (H, W), what the object is.
        prediction: (H, W), what was segmented; all False for the first click.
        clicked: clicks made before; each lies on the pixel nearest to it (halves go to the even one).
        ignore: (H, W), pixels that count as no error (label -1 in the original), or None.

    >>> next_click(np.pad(np.ones((3, 3), dtype=bool), 2), np.zeros((7, 7), dtype=bool))
    Point(x=3.0, y=3.0, positive=True)

    Raises:
        ValueRangeError: if an array is no mask or the shapes differ.
        PromptError: if a click made before lies outside the image.
    """
    check_pair(reference, prediction)
    check_mask(reference, name="reference")
    counted = np.ones(reference.shape, dtype=np.bool_) if ignore is None else ~_like(ignore, reference)
    fresh = _not_clicked(clicked, reference.shape)
    missing = distance_inside(reference & ~prediction & counted) * fresh
    superfluous = distance_inside(~reference & prediction & counted) * fresh
    positive = bool(missing.max() > superfluous.max())
    distances = missing if positive else superfluous
    place = int(np.argmax(distances))
    if not distances.flat[place] > 0:
        return None
    row, column = divmod(place, reference.shape[1])
    return Point(column, row, positive)


def _like(ignore: NDArray[Any], reference: BoolMask) -> BoolMask:
    check_mask(ignore, name="ignore")
    check_pair(reference, ignore)
    return ignore


def _not_clicked(clicked: Sequence[Point], image_size: tuple[int, ...]) -> BoolMask:
    height, width = image_size
    fresh = np.ones((height, width), dtype=np.bool_)
    for point in clicked:
        row, column = round(point.y), round(point.x)
        if not (0 <= row < height and 0 <= column < width):
            raise PromptError(f"clicked {point} lies outside the image of width {width} and height {height}")
        fresh[row, column] = False
    return fresh
