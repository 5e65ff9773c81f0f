"""Polygons to masks."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.types import BoolMask

__all__ = ["polygon_mask"]


def polygon_mask(corners_xy: Sequence[Sequence[float]] | NDArray[np.float64], size: tuple[int, int]) -> BoolMask:
    """The pixels whose centres lie inside a closed polygon, by the even-odd rule.

    Corners are in the continuous frame of COCO, in which the first pixel reaches from 0 to 1 and its centre is 0.5. A
    centre on a left or upper edge is inside, on a right or lower edge it is not, so polygons side by side share no
    pixel. What lies beyond the image is cut off.

    >>> polygon_mask([(0, 0), (2, 0), (2, 1), (0, 1)], (2, 3)).astype(int).tolist()
    [[1, 1, 0], [0, 0, 0]]

    Args:
        corners_xy: (N, 2), at least three.
        size: (height, width) of the mask.

    Raises:
        ValueRangeError: there are fewer than three corners, or they are no finite pairs.
    """
    corners = np.asarray(corners_xy, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 3 or not np.isfinite(corners).all():
        raise ValueRangeError(f"a polygon needs three or more finite (x, y) corners, got shape {corners.shape}")
    height, width = size
    x0, y0 = corners.T
    x1, y1 = np.roll(corners, -1, axis=0).T
    toggles = np.zeros((height, width + 1), dtype=np.int64)
    for row in range(max(int(np.ceil(y0.min() - 0.5)), 0), min(int(np.ceil(y0.max() - 0.5)), height)):
        y = row + 0.5
        crosses = (y0 <= y) != (y1 <= y)
        if not crosses.any():
            continue
        x = x0[crosses] + (y - y0[crosses]) * (x1[crosses] - x0[crosses]) / (y1[crosses] - y0[crosses])
        columns = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
        toggles[row] = np.bincount(columns, minlength=width + 1)
    inside: BoolMask = np.cumsum(toggles, axis=1)[:, :width] % 2 == 1
    return inside
