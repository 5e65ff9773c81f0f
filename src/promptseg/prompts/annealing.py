"""The annealed search of Segmentation Click Train (github.com/FlorinAndrei/segmentation_click_train), to compare with."""

import math
from typing import Final

import numpy as np

from promptseg.prompts.inverse_distance import inverse_distance_energy
from promptseg.prompts.lattice import Floats

__all__ = ["anneal"]

_HOT: Final = 2000.0
_COLD: Final = 0.1


def anneal(pixels_xy: Floats, count: int, rng: np.random.Generator, *, steps: int = 100) -> Floats:
    """The best of ``steps`` joint moves of all clicks under a temperature that falls from 2000 to 0.1 geometrically.

    Clicks start at random pixels. Move k of K redraws each click uniformly from the pixels in a window around it of
    half-width max(1, round(t * side)) along each axis, where t = (1 - k/K) / (1 + k/K) and the sides are those of the
    region's box. A move that lowers the energy by d is kept with probability exp(-d / temperature); the best clicks
    seen are returned. Clicks are drawn with replacement, so fewer than ``count`` places may come back.

    Args:
        pixels_xy: (N, 2) whole numbers, distinct.
        count: clicks, at least 1.
        rng: the source of randomness.
        steps: 100 in the authors' code, 500 in their article.
    """
    corner = pixels_xy.min(axis=0)
    sides = (pixels_xy.max(axis=0) - corner + 1).astype(np.int64)
    columns, rows = (pixels_xy - corner).astype(np.int64).T
    region = np.zeros((sides[1], sides[0]), dtype=np.bool_)
    region[rows, columns] = True
    clicks = best = pixels_xy[rng.integers(len(pixels_xy), size=count)]
    energy = best_energy = inverse_distance_energy(pixels_xy, clicks)
    for step in range(1, steps + 1):
        temperature = _HOT * (_COLD / _HOT) ** (step / steps)
        done = step / steps
        half = np.maximum(1, np.round((1 - done) / (1 + done) * sides)).astype(np.int64)
        moved = np.array([_redrawn(region, (click - corner).astype(np.int64), half, rng) for click in clicks]) + corner
        reached = inverse_distance_energy(pixels_xy, moved)
        if reached >= energy or rng.random() < math.exp((reached - energy) / temperature):
            clicks, energy = moved, reached
        if energy > best_energy:
            best, best_energy = clicks, energy
    return np.unique(best, axis=0)


def _redrawn(region: np.ndarray, click: np.ndarray, half: np.ndarray, rng: np.random.Generator) -> tuple[int, int]:
    """(x, y) of a random pixel of the region in the window around a click, which is one of them."""
    x0, y0 = np.maximum(click - half, 0).tolist()
    x1, y1 = (click + half + 1).tolist()
    window = region[y0:y1, x0:x1]
    inside = np.flatnonzero(window)
    row, column = divmod(int(inside[rng.integers(len(inside))]), window.shape[1])
    return column + x0, row + y0
