"""Smooth curves inside one part of a region, along its middle or winding.

A stroke is a cheapest path over neighbouring pixels. Where there are many, square blocks of pixels stand for them; a
block that holds two pieces of the part that do not touch within it counts as two, so no gap is ever jumped.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from promptseg.geometry.distances import distance_inside
from promptseg.prompts.lattice import Floats, pixels_of
from promptseg.types import BoolMask

__all__ = ["Course", "Pieces", "cut_to_pieces", "draw_stroke"]

Course = Literal["medial", "random"]
Integers = NDArray[np.int64]

_WAVE: Final = 0.1
_SMOOTHING: Final = 0.05
_MOST_PIECES: Final = 8192
_HALF_OF_THE_NEIGHBOURS: Final = ((0, 1), (1, -1), (1, 0), (1, 1))


@final
@dataclass(frozen=True, eq=False)
class Pieces:
    """A part of a region cut along the lines of a grid.

    Attributes:
        places_xy: (P, 2) the deepest pixel of each piece.
        depths: (P,) its distance to the nearest pixel outside the part.
        links: (2, L) pairs of pieces that touch, each pair once.
        side_px: of the blocks; each pixel is its own piece if it is 1.
    """

    places_xy: Floats
    depths: Floats
    links: Integers
    side_px: int

    def __len__(self) -> int:
        return len(self.places_xy)


def draw_stroke(part: BoolMask, course: Course, rng: np.random.Generator) -> Floats:
    """(L, 2) pixels (x, y) of a stroke, each near the one before.

    Args:
        part: (H, W), 8-connected and not empty.
        course: ``medial``, along the middle from end to end, short of each end by up to a fifth; or ``random``,
            between two random places around random patches.
        rng: the source of randomness.
    """
    side = math.ceil(math.sqrt(np.count_nonzero(part) / _MOST_PIECES))
    pieces = cut_to_pieces(part, side)
    path = _medial(pieces, rng) if course == "medial" else _winding(part, pieces, rng)
    return _smooth(part, path)


def cut_to_pieces(part: BoolMask, side: int) -> Pieces:
    """The 8-connected pieces of a part, not empty, in square blocks of this side."""
    from scipy import ndimage

    height, width = part.shape
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    apart = np.zeros((rows, side + 1, columns, side + 1), dtype=np.bool_)
    padded = np.pad(part, ((0, rows * side - height), (0, columns * side - width)))
    apart[:, :side, :, :side] = padded.reshape(rows, side, columns, side)
    labels, count = ndimage.label(apart.reshape(rows * (side + 1), -1), structure=np.ones((3, 3)))
    together = labels.reshape(apart.shape)[:, :side, :, :side].reshape(padded.shape)
    numbers = np.zeros((height + 2, width + 2), dtype=np.int64)
    numbers[1:-1, 1:-1] = together[:height, :width]
    distances = distance_inside(part)[part]
    deepest_last = np.argsort(distances, kind="stable")
    deepest = np.empty(count, dtype=np.int64)
    deepest[together[:height, :width][part][deepest_last] - 1] = deepest_last
    return Pieces(pixels_of(part)[deepest], distances[deepest], _links(numbers, count), side)


def _links(numbers: Integers, count: int) -> Integers:
    """Pairs of different numbers from 1 that are neighbours, from 0 and each once; the rim of the array holds zeros."""
    keys = []
    for down, right in _HALF_OF_THE_NEIGHBOURS:
        other = np.roll(numbers, (-down, -right), axis=(0, 1))
        linked = (numbers > 0) & (other > 0) & (numbers != other)
        first, second = numbers[linked] - 1, other[linked] - 1
        keys.append(np.minimum(first, second) * count + np.maximum(first, second))
    return np.stack(np.divmod(np.unique(np.concatenate(keys)), count))


def _medial(pieces: Pieces, rng: np.random.Generator) -> Floats:
    """The deepest path between two places that lie as far apart as a walk within the part can be, without its ends."""
    even, deep = np.ones(len(pieces)), pieces.depths**-2.0
    far = int(np.argmax(_walk(pieces, even, int(rng.integers(len(pieces))))[0]))
    farthest = int(np.argmax(_walk(pieces, even, far)[0]))
    path = _traced(pieces, _walk(pieces, deep, far)[1], farthest)
    first, last = (rng.random(2) * 0.2 * (len(path) - 1)).astype(np.int64)
    return path[first : len(path) - last]


def _winding(part: BoolMask, pieces: Pieces, rng: np.random.Generator) -> Floats:
    """A path between two random places that avoids random patches."""
    from scipy import ndimage

    start, end = rng.integers(len(pieces), size=2).tolist()
    columns, rows = pieces.places_xy.astype(np.int64).T // pieces.side_px
    diameter = math.sqrt(4 / math.pi * np.count_nonzero(part))
    noise = rng.standard_normal([math.ceil(length / pieces.side_px) for length in part.shape])
    noise = ndimage.gaussian_filter(noise, (1 + _WAVE * diameter) / pieces.side_px)
    cost = np.exp(2 * (noise - noise.mean()) / (noise.std() or 1))
    return _traced(pieces, _walk(pieces, cost[rows, columns], start)[1], end)


def _walk(pieces: Pieces, cost: Floats, start: int) -> tuple[Floats, NDArray[np.int32]]:
    """Cost of the cheapest way from one piece to each, and each piece's predecessor on it.

    A step costs its length times the mean cost of its two pieces.
    """
    from scipy import sparse
    from scipy.sparse import csgraph

    first, second = pieces.links
    lengths = np.hypot(*(pieces.places_xy[first] - pieces.places_xy[second]).T)
    weights = lengths * (cost[first] + cost[second]) / 2
    graph = sparse.csr_array((weights, (first, second)), shape=(len(pieces), len(pieces)))
    distances, before = csgraph.dijkstra(graph, directed=False, indices=start, return_predecessors=True)
    return distances, before


def _traced(pieces: Pieces, before: NDArray[np.int32], end: int) -> Floats:
    """(L, 2) places (x, y) from the start of a walk to one piece; about a pixel apart where pieces are larger."""
    numbers = [end]
    while before[numbers[-1]] >= 0:
        numbers.append(int(before[numbers[-1]]))
    places = pieces.places_xy[numbers[::-1]]
    if pieces.side_px == 1:
        return places
    travelled = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(places, axis=0).T))])
    marks = np.linspace(0, travelled[-1], 1 + math.ceil(travelled[-1]))
    return np.stack([np.interp(marks, travelled, values) for values in places.T], axis=1)


def _smooth(part: BoolMask, path: Floats) -> Floats:
    """The path without its corners, on the pixels of the part nearest to it."""
    from scipy import ndimage

    drawn = ndimage.gaussian_filter1d(path, 1 + _SMOOTHING * len(path), axis=0, mode="nearest")
    columns, rows = np.rint(drawn).astype(np.int64).T
    if not part[rows, columns].all():
        nearest = ndimage.distance_transform_edt(~part, return_distances=False, return_indices=True)
        rows, columns = nearest[:, rows, columns]
    return np.stack([columns, rows], axis=1).astype(np.float64)
