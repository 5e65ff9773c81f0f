"""One label map from the masks of several objects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError

__all__ = ["label_map"]


def label_map(logits: NDArray[Any]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Label each pixel with the object that claims it most.

    Args:
        logits: (N, H, W), positive inside object 1, ..., N; N from 1 to 65535.

    Returns:
        (H, W), 0 where no logit is positive, else the number of the object with the largest one, of equal ones the
        first; uint8 up to 255 objects, else uint16.

    >>> label_map(np.array([[[-1.0, 2.0, 1.0]], [[-2.0, 1.0, 3.0]]])).tolist()
    [[0, 1, 2]]

    Raises:
        ValueRangeError: if there is no object, or more than a label map can hold.
    """
    if logits.ndim != 3 or not 1 <= len(logits) <= 65535:
        raise ValueRangeError(f"logits must be (N, H, W) with N from 1 to 65535, got shape {logits.shape}")
    numbers = np.where(logits.max(axis=0) > 0, logits.argmax(axis=0) + 1, 0)
    return numbers.astype(np.uint8) if len(logits) <= 255 else numbers.astype(np.uint16)
