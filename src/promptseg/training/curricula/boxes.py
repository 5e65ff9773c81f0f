"""Boxes as inexact as simulated users draw them, for all objects at once.

Boxes are (M, 4) (x0, y0, x1, y1) in pixels of the network's input, corners inclusive. Limits are given in pixels of the
frame in which their authors worked, and scaled to the side of the network's input.
"""

import numpy as np
import torch
from torch import Tensor

from promptseg.training.curricula.cells import Rng

__all__ = ["jitter_boxes", "shift_boxes", "widen_boxes"]


def widen_boxes(boxes_M4: Tensor, rng: Rng, *, side: int, limit_px: int = 20, frame: int = 1024) -> Tensor:
    """Move each side outwards by a whole number of pixels of the frame, uniform from 0 to the limit inclusive.

    MedSAM's (doi 10.1038/s41467-024-44824-z); clipped to the pixels of the input (theirs: to its size).
    """
    outwards = rng.integers(limit_px, size=boxes_M4.shape, endpoint=True) * np.array([-1, -1, 1, 1])
    return _clipped(boxes_M4 + _like(outwards * side / frame, boxes_M4), side)


def jitter_boxes(
    boxes_M4: Tensor, rng: Rng, *, side: int, fraction: float = 0.1, limit_px: float = 20, frame: int = 1024
) -> Tensor:
    """Move each corner coordinate by Gaussian noise in proportion to the box's side, as Segment Anything does.

    (arXiv 2304.02643.) Standard deviation ``fraction`` of the width (for x) or height (for y); no coordinate moves by
    more than the limit. The result is clipped to the input, and its corners are put in order.
    """
    extent = (boxes_M4[:, 2:] - boxes_M4[:, :2] + 1).repeat(1, 2)
    noise = _like(rng.standard_normal(tuple(boxes_M4.shape)), boxes_M4) * fraction * extent
    limit = limit_px * side / frame
    moved = _clipped(boxes_M4 + noise.clamp(-limit, limit), side)
    first, second = moved[:, :2], moved[:, 2:]
    return torch.cat((torch.minimum(first, second), torch.maximum(first, second)), dim=1)


def shift_boxes(boxes_M4: Tensor, rng: Rng, *, side: int, limit_px: int = 5, frame: int = 256) -> Tensor:
    """Move each box as a whole by one whole number of pixels of the frame along each axis, as SAM-Med2D does.

    (arXiv 2308.16184.) Uniform in [-m, m) with m the smaller of the limit and half of the shorter side of the box,
    rounded down; clipped to the input.
    """
    scale = side / frame
    extent = (boxes_M4[:, 2:] - boxes_M4[:, :2]).amin(dim=1).cpu().numpy() / scale
    most = np.minimum(limit_px, np.floor(0.5 * extent))[:, None]
    steps = np.floor((2 * rng.random((len(boxes_M4), 2)) - 1) * most)
    return _clipped(boxes_M4 + _like(np.tile(steps * scale, 2), boxes_M4), side)


def _like(values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], boxes_M4: Tensor) -> Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(boxes_M4.device)


def _clipped(boxes_M4: Tensor, side: int) -> Tensor:
    return boxes_M4.clamp(0, side - 1)
