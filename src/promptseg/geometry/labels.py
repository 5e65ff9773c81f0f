"""One label map from the masks of several objects."""

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError

__all__ = ["label_map"]

_MOST: Final = 65535


def label_map(logits: Iterable[NDArray[Any]]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Label each pixel with the object that claims it most.

    Args:
        logits: (H, W) of object 1, ..., N, positive inside; N from 1 to 65535. They are looked at one after the other,
            so a generator needs the memory of one only.

    Returns:
        (H, W), 0 where no logit is positive, else the number of the object with the largest one, of equal ones the
        first; uint8 up to 255 objects, else uint16.

    >>> label_map([np.array([[-1.0, 2.0, 1.0]]), np.array([[-2.0, 1.0, 3.0]])]).tolist()
    [[0, 1, 2]]

    Raises:
        ValueRangeError: if there is no object, or more than a label map can hold, or their shapes differ.
    """
    labels, best, count = np.zeros((0, 0), np.uint16), np.zeros((0, 0), np.float64), 0
    for count, one in enumerate(logits, start=1):
        if count == 1 and one.ndim == 2:
            labels, best = np.zeros(one.shape, np.uint16), np.zeros_like(one)
        if count > _MOST or one.ndim != 2 or one.shape != labels.shape:
            raise ValueRangeError(f"logits must be (H, W) each, N from 1 to {_MOST}; got {one.shape} as number {count}")
        claimed = one > best
        labels[claimed] = count
        best[claimed] = one[claimed]
    if count == 0:
        raise ValueRangeError(f"logits must be (H, W) each, N from 1 to {_MOST}; got none")
    return labels.astype(np.uint8) if count <= 255 else labels
