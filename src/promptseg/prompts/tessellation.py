"""Centroidal Voronoi tessellation of the pixels of a region: Lloyd's algorithm from several k-means++ starts.

Du, Faber and Gunzburger 1999, doi 10.1137/S0036144599352836; Arthur and Vassilvitskii 2007 for the start.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.prompts.lattice import Floats, Lattice, coarsen, merge, pixels_of, take_nearest
from promptseg.types import BoolMask

__all__ = ["tessellate"]

_BLOCKS: Final = 128
_BLOCKS_OF_A_CLICK: Final = 8
_FINE_BLOCKS: Final = 512
_STARTS: Final = 4
_ROUNDS: Final = 50
_ROUGH: Final = 0.1
_STILL_PX: Final = 0.1


def tessellate(region: BoolMask, count: int, rng: np.random.Generator) -> Floats:
    """``count`` pixels (x, y), each the pixel of its Voronoi cell that is nearest to the cell's centroid.

    Lloyd's algorithm runs on at most 128 blocks of pixels (8 for each click, if that is more) from four starts. The
    best is moved onto pixels and brought to rest among all of them; each step of that lowers the sum of squared
    distances, so it ends. A pixel as near to two clicks belongs to the first in row-major order.

    Args:
        region: (H, W), of more than ``count`` pixels.
        count: at least 1.
        rng: the source of randomness.
    """
    if count == 1:
        return take_nearest(region, pixels_of(region).mean(axis=0)[None])
    fine = coarsen(region, limit=max(_FINE_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    coarse = merge(fine, limit=max(_BLOCKS, _BLOCKS_OF_A_CLICK * count))
    rough = _lloyd(coarse, _starts(coarse, count, rng), still_px=_ROUGH * coarse.side_px)
    return _rest(region, take_nearest(region, _lloyd(fine, rough[None], still_px=_STILL_PX)))


def _starts(lattice: Lattice, count: int, rng: np.random.Generator) -> Floats:
    """(S, K, 2) centres: each drawn with a chance proportional to the squared distance to those drawn before."""
    points, draws = lattice.points_xy, rng.random((count, _STARTS, 1))
    mass = np.broadcast_to(lattice.weights, (_STARTS, len(points)))
    squared = np.full(mass.shape, np.inf)
    centres = []
    for draw in draws:
        share = np.cumsum(mass, axis=1)
        drawn = points[np.argmax(share > draw * share[:, -1:], axis=1)]
        squared = np.minimum(squared, ((points - drawn[:, None]) ** 2).sum(axis=2))
        mass = lattice.weights * squared
        centres.append(drawn)
    return np.stack(centres, axis=1)


def _lloyd(lattice: Lattice, centres: Floats, *, still_px: float) -> Floats:
    """Move (S, K, 2) centres to the centroids of their cells until they rest; the (K, 2) of the best start."""
    moments = np.column_stack([lattice.points_xy, np.ones_like(lattice.weights)]) * lattice.weights[:, None]
    numbers = np.arange(centres.shape[1])[:, None]
    for _ in range(_ROUNDS):
        nearest = _powers(lattice.points_xy, centres).argmin(axis=1)
        sums = (nearest[:, None] == numbers) @ moments
        moved = np.where(sums[..., 2:] > 0, sums[..., :2] / np.maximum(sums[..., 2:], 1), centres)
        still = np.abs(moved - centres).max() < still_px
        centres = moved
        if still:
            break
    spread = (_powers(lattice.points_xy, centres).min(axis=1) * lattice.weights).sum(axis=1)
    best: Floats = centres[int(np.argmin(spread))]
    return best


def _powers(points: Floats, centres: Floats) -> Floats:
    """(..., K, M) squared distance of each point to each centre, less the point's own squared length."""
    powers: Floats = (centres**2).sum(axis=-1)[..., None] - 2 * centres @ points.T
    return powers


def _rest(region: BoolMask, sites: Floats) -> Floats:
    """Move each site to the pixel of its cell nearest to the cell's centroid, while the squared distances fall."""
    cumulative = _cumulative(region)
    best, lowest = sites, np.inf
    while True:
        sites = sites[np.lexsort(sites.T)]
        sums = _cell_sums(cumulative, sites)
        spread = float((sums[:, :1] * sites**2 - 2 * sites * sums[:, 1:]).sum())
        if spread >= lowest:
            return best
        best, lowest = sites, spread
        sites = _medoids(region, sites, sums[:, 1:] / sums[:, :1])


def _cumulative(region: BoolMask) -> NDArray[np.int64]:
    """(2, H, W + 1): how many pixels of each row lie left of each column, and the sum of their x."""
    height, width = region.shape
    cumulative = np.zeros((2, height, width + 1), dtype=np.int64)
    np.cumsum(region, axis=1, out=cumulative[0, :, 1:])
    np.cumsum(region * np.arange(width), axis=1, out=cumulative[1, :, 1:])
    return cumulative


def _cell_sums(cumulative: NDArray[np.int64], sites: Floats) -> Floats:
    """(K, 3): pixels, sum of x and sum of y of the Voronoi cell of each of (K, 2) sites with whole coordinates.

    A row meets a cell in one interval, whose ends are where the row crosses the bisectors with the other sites; so
    a cell is summed from cumulative sums of the rows, whatever its area. Ties go to the site that comes first.
    """
    height, width = cumulative.shape[1], cumulative.shape[2] - 1
    rows, count = np.arange(height, dtype=np.float64), len(sites)
    apart = sites[None] - sites[:, None]
    lengths = (sites**2).sum(axis=1)
    twice = 2 * apart[..., 0]
    bound = (lengths[None] - lengths[:, None])[..., None] - 2 * apart[..., 1, None] * rows
    bound -= np.tri(count, k=-1)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = bound / twice[..., None]
    right, left, level = (twice > 0)[..., None], (twice < 0)[..., None], (twice == 0)[..., None]
    last = np.where(right, np.floor(crossing), np.where(level & (bound < 0), -1, width - 1)).min(axis=1)
    first = np.where(left, np.ceil(crossing), 0).max(axis=1)
    low = np.clip(first, 0, width).astype(np.int64)
    high = np.maximum(np.clip(last + 1, 0, width).astype(np.int64), low)
    every = np.arange(height)
    pixels, sum_x = cumulative[:, every, high] - cumulative[:, every, low]
    return np.stack([pixels.sum(axis=1), sum_x.sum(axis=1), pixels @ rows], axis=1)


def _medoids(region: BoolMask, sites: Floats, centroids: Floats) -> Floats:
    """The pixel of each site's cell that is nearest to the cell's centroid."""
    medoids = np.rint(centroids)
    columns, rows = medoids.astype(np.int64).T
    owned = region[rows, columns] & (_powers(medoids, sites).argmin(axis=0) == np.arange(len(sites)))
    if not owned.all():
        pixels = pixels_of(region)
        nearest = _powers(pixels, sites).argmin(axis=0)
        for number in np.flatnonzero(~owned):
            cell = pixels[nearest == number]
            medoids[number] = cell[np.argmin(((cell - centroids[number]) ** 2).sum(axis=1))]
    return medoids
