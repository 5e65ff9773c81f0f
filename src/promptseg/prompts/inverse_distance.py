"""Clicks of the greatest sum of inverse distances: the energy of Segmentation Click Train, maximised by exchanges.

The energy of clicks P in a region R is the sum over the pixels q of R of max over p in P of 1 / max(1, |q - p|).
"""

from typing import Final

import numpy as np

from promptseg.prompts.lattice import Floats, Lattice, coarsen, merge, take_nearest
from promptseg.types import BoolMask

__all__ = ["inverse_distance_energy", "maximise_inverse_distance"]

_BLOCKS: Final = 160
_BLOCKS_OF_A_CLICK: Final = 8
_FINE_BLOCKS: Final = 512
_SOFTENING: Final = 0.54
_NEIGHBOURHOOD: Final = np.array([(x, y) for y in (0, 1, -1) for x in (0, 1, -1)])


def inverse_distance_energy(pixels_xy: Floats, clicks_xy: Floats) -> float:
    """The energy of (K, 2) clicks over (N, 2) pixels, exactly; 0 without clicks."""
    if not len(clicks_xy):
        return 0.0
    squared = np.full(len(pixels_xy), np.inf)
    columns, rows = pixels_xy.T
    for x, y in clicks_xy:
        np.minimum(squared, (columns - x) ** 2 + (rows - y) ** 2, out=squared)
    return float((1 / np.sqrt(np.maximum(squared, 1))).sum())


def maximise_inverse_distance(region: BoolMask, count: int) -> Floats:
    """``count`` pixels (x, y) of (almost) the greatest energy; no randomness.

    On at most 160 blocks of pixels (8 for each click, if that is more), clicks are placed one after the other where
    they add most; then each in turn is put where it adds most to the others, until none moves (the energy rises with
    each move, so this ends). Steps of half a block and less follow, down to a pixel, on at most 512 smaller blocks.

    Args:
        region: (H, W), of more than ``count`` pixels.
        count: at least 1.
    """
    fine = coarsen(region, limit=max(_FINE_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    lattice = merge(fine, limit=max(_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    clicks = take_nearest(region, lattice.points_xy[_exchange(_nearness(lattice, lattice.points_xy), count)])
    return clicks if lattice.side_px == 1 else _refine(region, clicks, fine, lattice.side_px)


def _nearness(lattice: Lattice, clicks: Floats) -> Floats:
    """(K, M): what each block gives to a click at each of (K, 2) places, were that its nearest.

    Between blocks of more than a pixel, 1 / sqrt(d² + (0.54 side)²) stands for 1 / d: with that softening the sum over
    a full square lattice hardly depends on where the click lies between the blocks.
    """
    points, places = lattice.points_xy, clicks.astype(np.float32)
    squared: Floats = (places[:, :1] - points[:, 0]) ** 2
    squared += (places[:, 1:] - points[:, 1]) ** 2
    if lattice.side_px == 1:
        np.maximum(squared, 1, out=squared)
    else:
        squared += np.float32((_SOFTENING * lattice.side_px) ** 2)
    np.sqrt(squared, out=squared)
    np.divide(lattice.weights, squared, out=squared)
    return squared


def _exchange(nearness: Floats, count: int) -> list[int]:
    """Rows of an (M, M) matrix such that the sum over columns of their maximum is (almost) greatest."""
    chosen: list[int] = []
    reached = np.zeros(nearness.shape[1], dtype=np.float32)
    for _ in range(count):
        gain = np.maximum(nearness, reached).sum(axis=1)
        gain[chosen] = -1
        chosen.append(int(np.argmax(gain)))
        reached = np.maximum(reached, nearness[chosen[-1]])
    still = 1
    while still < count:
        first, *others = chosen
        gain = np.maximum(nearness, nearness[others].max(axis=0)).sum(axis=1)
        gain[others] = -1
        best = int(np.argmax(gain))
        moved = gain[best] > gain[first] * (1 + 1e-9)
        chosen = [*others, best if moved else first]
        still = 1 if moved else still + 1
    return chosen


def _refine(region: BoolMask, clicks: Floats, lattice: Lattice, side_px: int) -> Floats:
    """Move each click by half a block, a quarter and so on down to a pixel, to where it adds most to the others."""
    count = len(clicks)
    framed = np.pad(region, side_px)
    alone = np.eye(count, dtype=np.bool_)[..., None]
    step = side_px
    while step > 1:
        step = (step + 1) // 2
        reached = np.where(alone, 0, _nearness(lattice, clicks)).max(axis=1)
        near = clicks[:, None] + step * _NEIGHBOURHOOD
        columns, rows = near.reshape(-1, 2).T.astype(np.int64) + side_px
        gain = np.maximum(_nearness(lattice, near.reshape(-1, 2)).reshape(count, 9, -1), reached[:, None]).sum(axis=2)
        best = np.where(framed[rows, columns].reshape(count, 9), gain, -1).argmax(axis=1)
        clicks = near[np.arange(count), best]
    return take_nearest(region, clicks)
