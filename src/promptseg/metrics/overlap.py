"""How much two masks share, pixel by pixel (or voxel by voxel)."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.geometry.masks import check_mask, check_pair
from promptseg.metrics.empty import EmptyPolicy, check_empty_policy, value_if_empty
from promptseg.types import BoolMask

__all__ = ["dice", "iou", "mae", "pixel_accuracy"]


def dice(reference: BoolMask, prediction: BoolMask, *, empty: EmptyPolicy = "one_if_both_empty") -> float:
    """2 |A and B| / (|A| + |B|), from 0 to 1; also called F1 or Soerensen-Dice.

    Args:
        reference: (H, W) or (Z, H, W).
        prediction: of the same shape.
        empty: see :mod:`promptseg.metrics.empty`.

    Raises:
        ValueRangeError: if one is no mask or the shapes differ.
    """
    shared, total, by_policy = _overlap(reference, prediction, empty)
    return 2 * shared / total if by_policy is None else by_policy


def iou(reference: BoolMask, prediction: BoolMask, *, empty: EmptyPolicy = "one_if_both_empty") -> float:
    """|A and B| / |A or B|, from 0 to 1 (Jaccard index); equals dice / (2 - dice).

    Arguments and errors as for :func:`dice`.
    """
    shared, total, by_policy = _overlap(reference, prediction, empty)
    return shared / (total - shared) if by_policy is None else by_policy


def pixel_accuracy(reference: BoolMask, prediction: BoolMask, *, empty: EmptyPolicy = "one_if_both_empty") -> float:
    """Share of all pixels, background included, that agree; from 0 to 1.

    It is defined for empty masks too: of the policies only ``skip`` has an effect. Small objects in large images make
    it close to 1 whatever was predicted. Arguments and errors as for :func:`dice`.
    """
    check_pair(reference, prediction)
    check_empty_policy(empty)
    if empty == "skip" and not reference.any():
        return math.nan
    return int(np.count_nonzero(reference == prediction)) / reference.size


def mae(
    reference: BoolMask, probability: NDArray[Any] | BoolMask, *, empty: EmptyPolicy = "one_if_both_empty"
) -> float:
    """Mean absolute error of a probability map: the mean of |probability - reference|, from 0 (best) to 1.

    Of the policies only ``skip`` has an effect, as for :func:`pixel_accuracy`.

    Args:
        reference: (H, W) or (Z, H, W).
        probability: of the same shape, from 0 to 1; a mask counts as 0 and 1.
        empty: see :mod:`promptseg.metrics.empty`.

    Raises:
        ValueRangeError: if the reference is no mask, the shapes differ, or a probability is outside 0 to 1 or NaN.
    """
    check_mask(reference, name="reference", dimensions=(2, 3))
    check_empty_policy(empty)
    if np.shape(probability) != reference.shape:
        raise ValueRangeError(
            f"probability must have the reference's shape {reference.shape}, got {np.shape(probability)}"
        )
    if probability.dtype.kind not in "bf":
        raise ValueRangeError(
            f"probability must be floating or boolean, got {probability.dtype}; divide by its maximum"
        )
    lowest, highest = float(probability.min()), float(probability.max())
    if not (lowest >= 0 and highest <= 1):
        raise ValueRangeError(f"probability must lie from 0 to 1, got values from {lowest:g} to {highest:g}")
    if empty == "skip" and not reference.any():
        return math.nan
    return float(np.abs(probability.astype(np.float64) - reference).mean())


def _overlap(reference: BoolMask, prediction: BoolMask, empty: EmptyPolicy) -> tuple[int, int, float | None]:
    """Pixels in both, pixels in the one plus pixels in the other, and the value by policy if one of them is empty."""
    check_pair(reference, prediction)
    in_reference, in_prediction = int(np.count_nonzero(reference)), int(np.count_nonzero(prediction))
    by_policy = value_if_empty((in_reference > 0, in_prediction > 0), empty=empty, best=1, worst=0)
    return int(np.count_nonzero(reference & prediction)), in_reference + in_prediction, by_policy
