"""The annealed search of Segmentation Click Train, github.com/FlorinAndrei/segmentation_click_train, for comparison."""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.prompts.inverse_distance import inverse_distance_energy
from promptseg.prompts.lattice import Floats, pixels_of
from promptseg.types import BoolMask

__all__ = ["anneal"]

Integers = NDArray[np.int64]
Energy = Callable[[Floats, Floats], float]

_HOT: Final = 2000.0
_COLD: Final = 0.1


def anneal(
    region: BoolMask,
    count: int,
    rng: np.random.Generator,
    *,
    steps: int = 100,
    energy: Energy = inverse_distance_energy,
) -> Floats:
    """The best of ``steps`` joint moves of all clicks under a temperature that falls from 2000 to 0.1 geometrically.

    Clicks start at random pixels. Move k of K redraws each click uniformly from the pixels in a window around it of
    half-width max(1, round(t * side)) along each axis, where t = (1 - k/K) / (1 + k/K) and the sides are those of the
    region's box. A move that lowers the energy by d is kept with probability exp(-d / temperature); the best clicks
    seen are returned. Clicks are drawn with replacement, so fewer than ``count`` places may come back.

    Args:
        region: (H, W), not empty and no larger than the box of its pixels.
        count: clicks, at least 1.
        rng: the source of randomness.
        steps: 100 in the authors' code, 500 in their article.
        energy: function of (N, 2) pixels and (K, 2) clicks to maximise.
    """
    pixels_xy, sides = pixels_of(region), np.array(region.shape[::-1])
    clicks = best = pixels_xy[rng.integers(len(pixels_xy), size=count)]
    held = highest = energy(pixels_xy, clicks)
    for step in range(1, steps + 1):
        temperature = _HOT * (_COLD / _HOT) ** (step / steps)
        done = step / steps
        half = np.maximum(1, np.round((1 - done) / (1 + done) * sides)).astype(np.int64)
        moved = np.array([_redrawn(region, click.astype(np.int64), half, rng) for click in clicks], dtype=np.float64)
        reached = energy(pixels_xy, moved)
        if reached >= held or rng.random() < math.exp((reached - held) / temperature):
            clicks, held = moved, reached
        if held > highest:
            best, highest = clicks, held
    return np.unique(best, axis=0)


def _redrawn(region: BoolMask, click: Integers, half: Integers, rng: np.random.Generator) -> tuple[int, int]:
    """(x, y) of a random pixel of the region in the window around a click, which is one of them."""
    x0, y0 = np.maximum(click - half, 0).tolist()
    x1, y1 = (click + half + 1).tolist()
    window = region[y0:y1, x0:x1]
    inside = np.flatnonzero(window)
    row, column = divmod(int(inside[rng.integers(len(inside))]), window.shape[1])
    return column + x0, row + y0
