"""The pixels of a region as weighted points: each pixel, or square blocks of them where they are many."""

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from promptseg.types import BoolMask

__all__ = ["Floats", "Lattice", "coarsen", "merge", "nearest_pixel", "pixels_of", "take_nearest"]

Floats = NDArray[np.floating[Any]]


@final
@dataclass(frozen=True, eq=False)
class Lattice:
    """Weighted points that stand for the pixels of a region.

    Attributes:
        points_xy: (M, 2), the mean of the pixels of each block.
        weights: (M,), pixels of each block.
        side_px: side of the blocks.
    """

    points_xy: Floats
    weights: Floats
    side_px: int

    def __len__(self) -> int:
        return len(self.weights)


def pixels_of(region: BoolMask) -> Floats:
    """(N, 2) float64 (x, y) of the pixels of an (H, W) region, row-major."""
    rows, columns = np.divmod(np.flatnonzero(region), region.shape[1])
    return np.stack([columns, rows], axis=1).astype(np.float64)


def coarsen(region: BoolMask, *, limit: int) -> Lattice:
    """At most ``limit`` square blocks that hold the pixels of a region that is not empty; single pixels if so few."""
    count = int(np.count_nonzero(region))
    if count <= limit:
        return Lattice(pixels_of(region).astype(np.float32), np.ones(count, dtype=np.float32), 1)
    values = region.astype(np.float32)
    side = math.ceil(1.05 * math.sqrt(count / limit))
    while True:
        sums = _summing(region.shape[0], side) @ values @ _summing(region.shape[1], side).T
        height, width = sums.shape[0] // 2, sums.shape[1] // 2
        used = sums[:height, :width] > 0
        if (blocks := np.count_nonzero(used)) <= limit:
            break
        side = max(side + 1, math.floor(side * math.sqrt(blocks / limit)))
    weights = sums[:height, :width][used]
    moments = np.stack([sums[:height, width:][used], sums[height:, :width][used]], axis=1)
    return Lattice(moments / weights[:, None], weights, side)


def merge(lattice: Lattice, *, limit: int) -> Lattice:
    """The lattice with blocks of twice the side, twice that and so on, until they are no more than ``limit``."""
    points, weights, side = lattice.points_xy, lattice.weights, lattice.side_px
    while len(weights) > limit:
        side *= 2
        columns, rows = points.T.astype(np.int64) // side
        block = rows * (1 + columns.max()) + columns
        sums = np.stack([np.bincount(block, weights=weights * values) for values in (1, *points.T)])
        used = sums[0] > 0
        weights = sums[0, used].astype(np.float32)
        points = (sums[1:, used] / sums[0, used]).T.astype(np.float32)
    return Lattice(points, weights, side)


def nearest_pixel(region: BoolMask, point_xy: Floats) -> tuple[int, int]:
    """(x, y) of the pixel of a region, not empty, nearest to a point; of several the first in row-major order."""
    x, y = (round(value) for value in point_xy.tolist())
    if 0 <= y < region.shape[0] and 0 <= x < region.shape[1] and region[y, x]:
        return x, y
    pixels = pixels_of(region)
    x, y = pixels[np.argmin(((pixels - point_xy) ** 2).sum(axis=1))].astype(np.int64).tolist()
    return x, y


def take_nearest(region: BoolMask, points_xy: Floats) -> Floats:
    """For each of (K, 2) points in order the nearest pixel that none before it took; no more points than pixels."""
    free = region.copy()
    taken = np.empty(points_xy.shape)
    for place, point in enumerate(points_xy):
        x, y = nearest_pixel(free, point)
        free[y, x] = False
        taken[place] = x, y
    return taken


def _summing(length: int, side: int) -> Floats:
    """(2 B, length) matrix: times values along an axis it gives each block's sum, then that of value times index."""
    places = np.arange(length)
    member = places // side == np.arange(-(-length // side))[:, None]
    return np.concatenate([member, member * places]).astype(np.float32)
