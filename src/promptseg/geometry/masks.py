"""What a mask and a spacing must be before anything is computed from them."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.types import BoolMask

__all__ = ["Spacing", "check_mask", "check_pair", "check_spacing"]

Spacing = Sequence[float]
"""Distance of pixel centres in millimetres in the order of the array's axes: (row, column) or (z, row, column).

Each is from 1e-9 to 1e9.
"""

_SPACING_MM: Final = (1e-9, 1e9)


def check_mask(mask: object, *, name: str = "mask", dimensions: Sequence[int] = (2,)) -> BoolMask:
    """The mask itself, if it is boolean, not of size zero and has one of these numbers of ``dimensions``.

    Raises:
        ValueRangeError: otherwise.
    """
    if not isinstance(mask, np.ndarray):
        raise ValueRangeError(f"{name} must be a boolean numpy array, got {type(mask).__name__}")
    if mask.dtype != np.bool_:
        raise ValueRangeError(f"{name} must be a boolean array, got {mask.dtype}; write `{name} > 0`")
    if mask.ndim not in dimensions or 0 in mask.shape:
        wanted = " or ".join(str(number) for number in dimensions)
        raise ValueRangeError(f"{name} must have {wanted} non-empty dimensions, got shape {mask.shape}")
    return mask


def check_pair(reference: NDArray[Any], prediction: NDArray[Any]) -> None:
    """Refuse two masks, of 2 or 3 dimensions, that do not have the same shape.

    Raises:
        ValueRangeError: if one is no mask (see :func:`check_mask`) or the shapes differ.
    """
    check_mask(reference, name="reference", dimensions=(2, 3))
    check_mask(prediction, name="prediction", dimensions=(2, 3))
    if reference.shape != prediction.shape:
        raise ValueRangeError(
            f"reference and prediction must have the same shape, got {reference.shape} and {prediction.shape}"
        )


def check_spacing(spacing_mm: Spacing | None, *, dimensions: int) -> tuple[float, ...]:
    """The spacing as a tuple of ``dimensions`` numbers from 1e-9 to 1e9; ones (pixels) for None.

    Raises:
        ValueRangeError: on a wrong count, a number outside that range, or NaN.
    """
    if spacing_mm is None:
        return (1.0,) * dimensions
    spacing = tuple(float(value) for value in spacing_mm)
    low, high = _SPACING_MM
    if len(spacing) != dimensions or not all(low <= value <= high for value in spacing):
        raise ValueRangeError(
            f"spacing_mm must be {dimensions} positive numbers (from {low:g} to {high:g}), one for each axis of the "
            f"array (row, column; first z for volumes), got {spacing_mm!r}"
        )
    return spacing
