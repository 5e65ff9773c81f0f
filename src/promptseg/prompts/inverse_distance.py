"""Clicks of the greatest sum of inverse distances: the energy of Segmentation Click Train, maximised by exchanges.

The energy of clicks P in a region R is the sum over the pixels q of R of max over p in P of 1 / max(1, |q - p|).
"""

from typing import Final

import numpy as np

from promptseg.prompts.lattice import Floats, Lattice, coarsen, merge, take_nearest
from promptseg.types import BoolMask

__all__ = ["inverse_distance_energy", "maximise_inverse_distance"]

_BLOCKS: Final = 128
_BLOCKS_OF_A_CLICK: Final = 8
_FINE_BLOCKS: Final = 512
_SOFTENING: Final = 0.9
_AROUND: Final = np.array([(x, y) for y in (0, 1, -1, 2, -2) for x in (0, 1, -1, 2, -2)])


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

    Clicks start on blocks of pixels, at most 128 (8 for each click, if that is more), once as far apart as can be and
    once each where it adds most to those before; then each in turn is put on the block where it adds most to the
    others, until none moves (the energy rises with each move, so this ends). The better of the two makes steps of a
    quarter of a block and less, down to a pixel, judged on at most 512 smaller blocks.

    Args:
        region: (H, W), of more than ``count`` pixels.
        count: at least 1.
    """
    fine = coarsen(region, limit=max(_FINE_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    lattice = merge(fine, limit=max(_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    clicks = take_nearest(region, lattice.points_xy[_best_blocks(lattice, count)])
    return clicks if lattice.side_px == 1 else _refine(region, clicks, fine, lattice.side_px)


def _nearness(lattice: Lattice, clicks: Floats) -> Floats:
    """(K, M): what each block gives to a click at each of (K, 2) places, were that its nearest.

    Between blocks of more than a pixel, 1 / sqrt(d² + (0.9 side)²) stands for 1 / d: so softened, the sum over a full
    lattice is the same wherever the click lies between the blocks, to a few thousandths of what one block gives.
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


def _best_blocks(lattice: Lattice, count: int) -> list[int]:
    """``count`` blocks such that the sum over all blocks of the most that one of them gives is (almost) greatest."""
    nearness = _nearness(lattice, lattice.points_xy)
    if count == 1:
        return [int(np.argmax(nearness.sum(axis=1)))]
    starts = (_far_apart(lattice, count), _one_by_one(nearness, count))
    found = [_exchange(nearness, start) for start in starts]
    return max(found, key=lambda chosen: float(nearness[chosen].max(axis=0).sum()))


def _one_by_one(nearness: Floats, count: int) -> list[int]:
    """The block that gives most to all, then always the one that adds most to those before."""
    chosen: list[int] = []
    reached = np.zeros(nearness.shape[1], dtype=np.float32)
    for _ in range(count):
        gain = np.maximum(nearness, reached).sum(axis=1)
        gain[chosen] = -1
        chosen.append(int(np.argmax(gain)))
        reached = np.maximum(reached, nearness[chosen[-1]])
    return chosen


def _far_apart(lattice: Lattice, count: int) -> list[int]:
    """The block farthest from the centroid, then always the one farthest from those before."""
    points = lattice.points_xy
    squared = ((points - lattice.weights @ points / lattice.weights.sum()) ** 2).sum(axis=1)
    chosen = [int(np.argmax(squared))]
    squared[:] = np.inf
    while len(chosen) < count:
        np.minimum(squared, ((points - points[chosen[-1]]) ** 2).sum(axis=1), out=squared)
        chosen.append(int(np.argmax(squared)))
    return chosen


def _exchange(nearness: Floats, chosen: list[int]) -> list[int]:
    """Replace each block in turn by the one that adds most to the others, until all have stayed.

    What is chosen is rows of the (M, M) nearness; the sum over its columns of their greatest value rises.
    """
    stayed = 0
    while stayed < len(chosen):
        first, *others = chosen
        gain = np.maximum(nearness, nearness[others].max(axis=0)).sum(axis=1)
        gain[others] = -1
        best = int(np.argmax(gain))
        moved = gain[best] > gain[first] * (1 + 1e-6)
        chosen = [*others, best if moved else first]
        stayed = 0 if moved else stayed + 1
    return chosen


def _refine(region: BoolMask, clicks: Floats, lattice: Lattice, side_px: int) -> Floats:
    """Move each click by up to half a block, an eighth and so on, to where it adds most to the others as they were."""
    count, step = len(clicks), side_px
    margin = 2 * side_px
    framed = np.zeros((region.shape[0] + 2 * margin, region.shape[1] + 2 * margin), dtype=np.bool_)
    framed[margin:-margin, margin:-margin] = region
    alone = np.eye(count, dtype=np.bool_)[..., None]
    while step > 1:
        step = -(-step // 4)
        reached = np.where(alone, 0, _nearness(lattice, clicks)).max(axis=1)
        near = (clicks[:, None] + step * _AROUND).reshape(-1, 2)
        columns, rows = near.T.astype(np.int64) + margin
        given = _nearness(lattice, near).reshape(count, len(_AROUND), -1)
        gain = np.maximum(given, reached[:, None]).sum(axis=2)
        best = np.where(framed[rows, columns].reshape(count, -1), gain, -1).argmax(axis=1)
        clicks = near[best + len(_AROUND) * np.arange(count)]
    return take_nearest(region, clicks)
