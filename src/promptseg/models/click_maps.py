"""Clicks as maps over the network's input, as in RITM (arXiv 2102.06583): discs around them, or smooth distances.

Tensors: N objects, P points, S the side of the input. Coordinates are (x, y) in pixels of the input, pixel centres at
whole numbers.
"""

from typing import Final, Literal, get_args

import torch
from torch import Tensor

__all__ = ["MAPS", "MapName", "click_maps"]

MapName = Literal["disc", "tanh"]
MAPS: Final[tuple[MapName, ...]] = get_args(MapName)
"""How a click is drawn; see :func:`click_maps`."""

_NOWHERE: Final = 1e6
"""Squared distance to a click that does not exist."""


def click_maps(points_NP2: Tensor, labels_NP: Tensor, *, side: int, radius_px: int, drawn: MapName) -> Tensor:
    """Maps (N, 2, S, S) of the positive and of the negative clicks of each object.

    Args:
        points_NP2: clicks.
        labels_NP: 1 positive, 0 negative, -1 no click.
        side: of the maps, the S above.
        radius_px: of the discs.
        drawn: ``disc`` is 1 where the nearest click of that sign is not farther than the radius, else 0; ``tanh`` is
            tanh(2 d / radius) of the distance d to it, 1 where there is no click.
    """
    real = (labels_NP >= 0).any(dim=0)
    points, labels = points_NP2[:, real], labels_NP[:, real]
    squared = torch.stack([_squared(points, labels == sign, side) for sign in (1, 0)], dim=1)
    if drawn == "disc":
        return (squared <= radius_px**2).to(points_NP2.dtype)
    return torch.tanh(2 * squared.sqrt() / radius_px)


def _squared(points_NP2: Tensor, counted_NP: Tensor, side: int) -> Tensor:
    """Squared distance (N, S, S) of each pixel to the nearest of the clicks that count."""
    if points_NP2.shape[1] == 0:
        return points_NP2.new_full((len(points_NP2), side, side), _NOWHERE)
    places = torch.arange(side, device=points_NP2.device, dtype=points_NP2.dtype)
    across, down = ((places - points_NP2[..., axis, None]) ** 2 for axis in (0, 1))
    down = torch.where(counted_NP[..., None], down, torch.full_like(down, _NOWHERE))
    return (down[..., :, None] + across[..., None, :]).amin(dim=1).clamp(max=_NOWHERE)
