"""The pixels of a region as weighted points: each pixel, or square blocks of them where they are many."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "Lattice", "coarsen", "take_nearest"]

Floats = NDArray[np.float64]


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


def coarsen(pixels_xy: Floats, *, limit: int) -> Lattice:
    """At most ``limit`` blocks, as small as that allows, that hold the pixels; single pixels if they are few enough.

    Args:
        pixels_xy: (N, 2) whole numbers from 0, distinct, at least one.
        limit: at least 1.
    """
    count = len(pixels_xy)
    if count <= limit:
        return Lattice(pixels_xy, np.ones(count), 1)
    columns, rows = pixels_xy.astype(np.int64).T
    side = math.ceil(math.sqrt(count / limit))
    while True:
        block = (rows // side) * (int(columns.max()) // side + 1) + columns // side
        weights = np.bincount(block)
        used = np.flatnonzero(weights)
        if len(used) <= limit:
            break
        side += 1
    sums = np.stack([np.bincount(block, weights=values)[used] for values in pixels_xy.T], axis=1)
    filling = weights[used].astype(np.float64)
    return Lattice(sums / filling[:, None], filling, side)


def take_nearest(pixels_xy: Floats, wanted_xy: Floats) -> Floats:
    """For each wanted point in order the nearest pixel that no earlier one took; (K, 2), K at most the pixels' number.

    Of several the first is taken.
    """
    free = np.zeros(len(pixels_xy))
    places = []
    for point in wanted_xy:
        place = int(np.argmin(((pixels_xy - point) ** 2).sum(axis=1) + free))
        free[place] = np.inf
        places.append(place)
    return pixels_xy[places]
