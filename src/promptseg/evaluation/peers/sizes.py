"""How large objects are, as a share of the image: what peers learn from the training part, and all that they learn."""

import math
from collections.abc import Iterable
from typing import Final

from promptseg.errors import ValueRangeError

__all__ = ["USUAL_SHARE", "check_share", "median_disc_share", "reach_of"]

USUAL_SHARE: Final = 0.05
"""Share of the image that an object is taken to cover where no training part says so."""


def median_disc_share(objects: Iterable[tuple[int, int]]) -> float:
    """Median share of the image that objects cover, from (area, pixels of its image) of each; no seed, no model.

    Of an even number, the mean of the two in the middle.

    >>> median_disc_share([(50, 1000), (30, 1000), (400, 2000)])
    0.05

    Raises:
        ValueRangeError: there is no object, or one that is empty or larger than its image.
    """
    pairs = list(objects)
    wrong = [pair for pair in pairs if not 0 < pair[0] <= pair[1]]
    if wrong:
        raise ValueRangeError(f"an object covers from 1 to all pixels of its image, got {wrong[0]} of (area, image)")
    if not pairs:
        raise ValueRangeError("objects is empty: without a training part there is no median size; leave the disc out")
    shares = sorted(area / image for area, image in pairs)
    middle = len(shares) // 2
    return shares[middle] if len(shares) % 2 else (shares[middle - 1] + shares[middle]) / 2


def check_share(share: float) -> float:
    """The share itself.

    Raises:
        ValueRangeError: it is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        raise ValueRangeError(f"disc_share must be above 0 and at most 1, got {share!r}; see median_disc_share")
    return share


def reach_of(share: float, image_size: tuple[int, int]) -> float:
    """Radius in pixels of the disc that covers this share of an image of (height, width)."""
    return math.sqrt(share * image_size[0] * image_size[1] / math.pi)
