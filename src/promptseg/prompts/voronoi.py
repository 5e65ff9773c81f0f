"""Clicks spread evenly over a region of any shape, each in the middle of its Voronoi cell.

Two criteria, both known from training with clicks: the centroidal Voronoi tessellation that ClickSAM names (arXiv
2402.05902), and the sum of inverse distances of Segmentation Click Train. Each has a fast method here; the published
annealed search is there for comparison.
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.geometry.masks import check_mask
from promptseg.geometry.regions import crop_slices
from promptseg.prompts.annealing import anneal
from promptseg.prompts.inverse_distance import inverse_distance_energy, maximise_inverse_distance
from promptseg.prompts.lattice import Floats, pixels_of
from promptseg.prompts.tessellation import tessellate
from promptseg.types import BoolMask

__all__ = ["SPREADINGS", "Spreading", "click_energy", "spread_clicks"]

Spreading = Literal["inverse-distance", "cvt", "annealing"]

SPREADINGS: Final[tuple[Spreading, ...]] = ("inverse-distance", "cvt", "annealing")
"""Ways to spread clicks."""


def spread_clicks(
    region: BoolMask, count: int, *, method: Spreading = "inverse-distance", rng: np.random.Generator | int = 0
) -> NDArray[np.int64]:
    """Pixels of a region, evenly spaced.

    Args:
        region: (H, W) of any shape and any number of parts; may be empty.
        count: clicks wanted; a region of fewer pixels is clicked on every pixel.
        method: ``inverse-distance``, the greatest :func:`click_energy`, which keeps clicks inside narrow and bent
            regions away from the edge; ``cvt``, each click is the pixel of its Voronoi cell nearest to the cell's
            centroid; ``annealing``, the published search for the greatest energy, 100 steps, which may return fewer
            clicks than wanted, for it draws with replacement.
        rng: the source of randomness or its seed; ``inverse-distance`` uses none.

    Returns:
        (count, 2) distinct (x, y) in row-major order.

    >>> spread_clicks(np.ones((3, 9), dtype=bool), 3).tolist()
    [[1, 1], [4, 1], [7, 1]]

    Raises:
        ValueRangeError: if the region is no mask, or the count no whole number of 0 or more.
        UnknownNameError: if there is no such method.
    """
    check_mask(region, name="region")
    if method not in SPREADINGS:
        raise UnknownNameError(f"unknown way to spread clicks {method!r}; choose one of {', '.join(SPREADINGS)}")
    given: object = count
    if isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 0:
        raise ValueRangeError(f"count must be a whole number of 0 or more clicks, got {count!r}")
    if count == 0 or not region.any():
        return np.zeros((0, 2), dtype=np.int64)
    rows, columns = crop_slices(region)
    clicks = _placed(region[rows, columns], int(count), method, rng).astype(np.int64)
    ordered: NDArray[np.int64] = clicks[np.lexsort(clicks.T)]
    ordered += np.array([columns.start, rows.start])
    return ordered


def click_energy(clicks_xy: Floats, region: BoolMask) -> float:
    """Sum over the pixels of the region of the inverse of the distance to the nearest click, at most 1 a pixel.

    Args:
        clicks_xy: (K, 2), in pixels; 0 clicks have energy 0.
        region: (H, W).

    >>> click_energy(np.array([[1, 0]]), np.ones((1, 4), dtype=bool))
    3.5

    Raises:
        ValueRangeError: if the region is no mask, or the clicks are not (K, 2).
    """
    check_mask(region, name="region")
    clicks = np.asarray(clicks_xy, dtype=np.float64)
    if clicks.ndim != 2 or clicks.shape[1] != 2:
        raise ValueRangeError(f"clicks_xy must be an array (clicks, 2) of x and y, got shape {clicks.shape}")
    return inverse_distance_energy(pixels_of(region), clicks)


def _placed(region: BoolMask, count: int, method: Spreading, rng: np.random.Generator | int) -> Floats:
    if count >= np.count_nonzero(region):
        return pixels_of(region)
    if method == "inverse-distance":
        return maximise_inverse_distance(region, count)
    search = tessellate if method == "cvt" else anneal
    return search(region, count, np.random.default_rng(rng))
