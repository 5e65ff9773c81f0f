"""Cells of the network's grid: which belong to an object or to an error, and how one of them becomes a click.

Tensors: M objects, P points; h = w = the side of the grid. A cell is (column, row); a click is (x, y) in pixels of the
network's input. Cell ``c`` of a grid on which each cell is ``s`` pixels wide spans the pixels from ``c s`` to
``(c + 1) s - 1``, so its middle lies at ``(c + 1/2) s - 1/2``.
"""

from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from promptseg.geometry.distances import distance_inside
from promptseg.training.simulation import Decode

__all__ = [
    "Rng",
    "deepest_cells",
    "depths",
    "grown",
    "inside",
    "middles",
    "mistakes",
    "reference",
    "somewhere_in",
    "uniform",
    "uniform_cells",
]

Rng = np.random.Generator
_HALF: Final = 0.5


def reference(masks_Mhw: Tensor) -> Tensor:
    """Cells (M, h, w) bool of which an object covers half or more; if there are none, those that it covers most.

    So an object that is smaller than a cell has a cell of its own; an object that covers nothing has none.
    """
    covered = masks_Mhw >= _HALF
    most = masks_Mhw.flatten(1).amax(dim=1)[:, None, None]
    small = (masks_Mhw == most) & (most > 0)
    return torch.where(covered.flatten(1).any(dim=1)[:, None, None], covered, small)


def mistakes(truth_Mhw: Tensor, logits_Mhw: Tensor, *, threshold: float = 0.0) -> tuple[Tensor, Tensor]:
    """Cells that the mask of these logits misses, and those that it has too much: two (M, h, w) bool."""
    predicted = logits_Mhw > threshold
    return truth_Mhw & ~predicted, predicted & ~truth_Mhw


def uniform(rng: Rng, shape: tuple[int, ...], *, like: Tensor) -> Tensor:
    """Float32 numbers in [0, 1) from a numpy generator, on the device of a tensor."""
    return torch.from_numpy(rng.random(shape, dtype=np.float32)).to(like.device)


def uniform_cells(region_Mhw: Tensor, rng: Rng, *, count: int = 1) -> tuple[Tensor, Tensor]:
    """Draw cells of each region, uniformly and with replacement.

    Returns:
        cells (M, count, 2) int64, and which regions have any cell: (M,) bool. Of an empty region the cell is (0, 0).
    """
    width = region_Mhw.shape[-1]
    passed = region_Mhw.flatten(1).int().cumsum(dim=1, dtype=torch.int32)
    total = passed[:, -1:]
    drawn = uniform(rng, (len(region_Mhw), count), like=region_Mhw)
    wanted = (drawn * total).int().clamp(max=(total - 1).clamp(min=0)) + 1
    places = torch.searchsorted(passed, wanted)
    places = torch.where(total > 0, places, torch.zeros_like(places))
    return torch.stack((places % width, places // width), dim=-1), total[:, 0] > 0


def depths(region_Mhw: Tensor) -> Tensor:
    """Exact distance (M, h, w) float32 of each cell of a region to the nearest cell outside it; 0 outside.

    One object after another on the processor (about 0.3 ms for a region of 60 x 60 cells), also for tensors elsewhere.
    """
    masks = region_Mhw.cpu().numpy()
    distances = np.zeros(masks.shape, dtype=np.float32)
    for index in np.flatnonzero(masks.any(axis=(1, 2))):
        distances[index] = distance_inside(masks[index])
    return torch.from_numpy(distances).to(region_Mhw.device)


def deepest_cells(depths_Mhw: Tensor) -> tuple[Tensor, Tensor]:
    """The first deepest cell of each region (M, 1, 2) in row-major order, and which regions have any: (M,) bool."""
    width = depths_Mhw.shape[-1]
    flat = depths_Mhw.flatten(1)
    places = flat.argmax(dim=1, keepdim=True)
    return torch.stack((places % width, places // width), dim=-1), flat.amax(dim=1) > 0


def grown(region_Mhw: Tensor, radius_M: Tensor) -> Tensor:
    """All cells within a number of steps, also diagonal ones, of the region: (M, h, w) bool.

    As many dilations with a square of 3 x 3 as the object's radius says, computed from sums over squares in one go.
    ``~grown(~region, radius)`` is the erosion, for which the outside of the grid belongs to the region.

    Args:
        region_Mhw: bool.
        radius_M: (M,) int64, 0 or more.
    """
    side = region_Mhw.shape[-1]
    places = torch.arange(side, device=region_Mhw.device)
    low = (places - radius_M[:, None]).clamp(min=0)
    high = (places + radius_M[:, None] + 1).clamp(max=side)
    sums = region_Mhw.int()
    for dim in (1, 2):
        passed = pad(sums.cumsum(dim=dim, dtype=torch.int32), (1, 0) if dim == 2 else (0, 0, 1, 0))
        index_low, index_high = (
            (ends[:, None, :] if dim == 2 else ends[:, :, None]).expand(-1, side, side) for ends in (low, high)
        )
        sums = passed.gather(dim, index_high) - passed.gather(dim, index_low)
    return sums > 0


def inside(region_Mhw: Tensor, cells_MP2: Tensor) -> Tensor:
    """Whether cells belong to the region of their object: (M, P) bool."""
    places = cells_MP2[..., 1] * region_Mhw.shape[-1] + cells_MP2[..., 0]
    return region_Mhw.flatten(1).gather(1, places)


def middles(cells_MP2: Tensor, decode: Decode) -> Tensor:
    """Clicks (M, P, 2) float32 in the middles of cells."""
    return (cells_MP2.float() + _HALF) * (decode.side / decode.grid_side) - _HALF


def somewhere_in(cells_MP2: Tensor, decode: Decode, rng: Rng) -> Tensor:
    """Clicks (M, P, 2) float32 anywhere in cells, uniformly."""
    offset = uniform(rng, tuple(cells_MP2.shape), like=cells_MP2) - _HALF
    scale = decode.side / decode.grid_side
    return middles(cells_MP2, decode) + offset * max(scale - 1.0, 0.0)
