"""Clicks of the greatest sum of inverse distances: the energy of Segmentation Click Train, maximised by exchanges.

The energy of clicks P in a region R is the sum over the pixels q of R of max over p in P of 1 / max(1, |q - p|).
"""

from typing import Final

import numpy as np

from promptseg.prompts.lattice import Floats, Lattice, coarsen, take_nearest

__all__ = ["inverse_distance_energy", "maximise_inverse_distance"]

_CANDIDATES: Final = 256
_DEMAND: Final = 1024
_SQUARE: Final = 4 * np.arcsinh(1)
"""Integral of 1 / r over the unit square around its centre: seen from there, a block is 1/3.53 of its side away."""
_NEIGHBOURS: Final = np.array([(-1, -1), (0, -1), (1, -1), (-1, 0), (1, 0), (-1, 1), (0, 1), (1, 1)])


def inverse_distance_energy(pixels_xy: Floats, clicks_xy: Floats) -> float:
    """The energy of (K, 2) clicks over (N, 2) pixels, exactly; 0 without clicks."""
    if not len(clicks_xy):
        return 0.0
    squared = np.full(len(pixels_xy), np.inf)
    columns, rows = pixels_xy.T
    for x, y in clicks_xy:
        np.minimum(squared, (columns - x) ** 2 + (rows - y) ** 2, out=squared)
    return float((1 / np.sqrt(np.maximum(squared, 1))).sum())


def maximise_inverse_distance(pixels_xy: Floats, count: int) -> Floats:
    """``count`` pixels of (almost) the greatest energy; no randomness.

    On at most 256 blocks of pixels, clicks are placed one after the other where they add most; then each in turn is
    put where it adds most to the others, until none moves (the energy rises with each move, so this ends). Steps of
    half a block, a quarter and so on down to one pixel follow.

    Args:
        pixels_xy: (N, 2) whole numbers, distinct.
        count: from 1 to N - 1.
    """
    lattice = coarsen(pixels_xy, limit=max(_CANDIDATES, 4 * count))
    chosen = _exchange(_nearness(lattice, lattice.points_xy), count)
    clicks = take_nearest(pixels_xy, lattice.points_xy[chosen])
    return _refine(pixels_xy, clicks, lattice.side_px) if lattice.side_px > 1 else clicks


def _nearness(lattice: Lattice, clicks: Floats) -> Floats:
    """(K, M): what each block gives to a click at each place, were that its nearest."""
    squared = ((clicks[:, None] - lattice.points_xy) ** 2).sum(axis=2)
    nearest = max(1.0, lattice.side_px / _SQUARE)
    return lattice.weights / np.sqrt(np.maximum(squared, nearest**2))


def _exchange(nearness: Floats, count: int) -> list[int]:
    """Rows of an (M, M) matrix such that the sum over columns of their maximum is (almost) greatest."""
    chosen: list[int] = []
    reached = np.zeros(nearness.shape[1])
    for _ in range(count):
        gain = np.maximum(nearness, reached).sum(axis=1)
        gain[chosen] = -1
        chosen.append(int(np.argmax(gain)))
        reached = np.maximum(reached, nearness[chosen[-1]])
    still = 0
    while still < count:
        first, *others = chosen
        reached = nearness[others].max(axis=0, initial=0)
        gain = np.maximum(nearness, reached).sum(axis=1)
        gain[others] = -1
        best = int(np.argmax(gain))
        moved = gain[best] > gain[first] * (1 + 1e-9)
        chosen = [*others, best if moved else first]
        still = 0 if moved else still + 1
    return chosen


def _refine(pixels: Floats, clicks: Floats, side_px: int) -> Floats:
    """Move clicks by ever smaller steps in eight directions while the energy rises."""
    lattice = coarsen(pixels, limit=_DEMAND)
    corner = pixels.min(axis=0)
    columns, rows = (pixels - corner).astype(np.int64).T
    region = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.bool_)
    region[rows, columns] = True
    step = side_px
    while step > 1:
        step = (step + 1) // 2
        for place in range(len(clicks)):
            others = np.delete(clicks, place, axis=0)
            near = np.vstack([clicks[place], clicks[place] + step * _NEIGHBOURS])
            x, y = (near - corner).astype(np.int64).T
            inside = (x >= 0) & (y >= 0) & (x < region.shape[1]) & (y < region.shape[0])
            inside[inside] = region[y[inside], x[inside]]
            near = near[inside & ~(near[:, None] == others).all(axis=2).any(axis=1)]
            reached = _nearness(lattice, others).max(axis=0, initial=0)
            gain = np.maximum(_nearness(lattice, near), reached).sum(axis=1)
            clicks = np.insert(others, place, near[np.argmax(gain)], axis=0)
    return clicks
