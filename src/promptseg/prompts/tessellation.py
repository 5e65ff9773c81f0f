"""Centroidal Voronoi tessellation of the pixels of a region: Lloyd's algorithm from several k-means++ starts.

Du, Faber and Gunzburger 1999, doi 10.1137/S0036144599352836; Arthur and Vassilvitskii 2007 for the start.
"""

from typing import Final

import numpy as np

from promptseg.prompts.lattice import Floats, Lattice, coarsen, take_nearest

__all__ = ["tessellate"]

_BLOCKS: Final = 256
_STARTS: Final = 4
_ROUNDS: Final = 100
_STILL_PX: Final = 0.05


def tessellate(pixels_xy: Floats, count: int, rng: np.random.Generator) -> Floats:
    """``count`` pixels, each the pixel of its Voronoi cell that is nearest to the cell's centroid.

    Lloyd's algorithm runs on at most 256 blocks of pixels, from four starts; the best is moved onto pixels, and
    brought to rest among all pixels, where each step lowers the sum of squared distances, so it ends.

    Args:
        pixels_xy: (N, 2) whole numbers, distinct.
        count: from 1 to N - 1.
        rng: the source of randomness.
    """
    lattice = coarsen(pixels_xy, limit=max(_BLOCKS, 4 * count))
    return _rest(pixels_xy, take_nearest(pixels_xy, _lloyd(lattice, _starts(lattice, count, rng))))


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


def _lloyd(lattice: Lattice, centres: Floats) -> Floats:
    """Move (S, K, 2) centres to the centroids of their cells until they rest; the (K, 2) of the best start."""
    moments = np.column_stack([lattice.points_xy, np.ones(len(lattice.points_xy))]) * lattice.weights[:, None]
    numbers = np.arange(centres.shape[1])[:, None]
    for _ in range(_ROUNDS):
        nearest = _powers(lattice.points_xy, centres).argmin(axis=1)
        sums = (nearest[:, None] == numbers) @ moments
        moved = np.where(sums[..., 2:] > 0, sums[..., :2] / np.maximum(sums[..., 2:], 1), centres)
        still = np.abs(moved - centres).max() < _STILL_PX
        centres = moved
        if still:
            break
    spread = (_powers(lattice.points_xy, centres).min(axis=1) * lattice.weights).sum(axis=1)
    return centres[int(np.argmin(spread))]


def _powers(points: Floats, centres: Floats) -> Floats:
    """(..., K, M) squared distance of each point to each centre, less the point's own squared length."""
    return (centres**2).sum(axis=-1)[..., None] - 2 * centres @ points.T


def _rest(pixels: Floats, sites: Floats) -> Floats:
    """Move each site to the pixel of its cell nearest to the cell's centroid, until none moves."""
    while True:
        nearest = _powers(pixels, sites).argmin(axis=0)
        cells = [pixels[nearest == number] for number in range(len(sites))]
        moved = np.concatenate([take_nearest(cell, cell.mean(axis=0)[None]) for cell in cells])
        if np.array_equal(moved, sites):
            return sites
        sites = moved
