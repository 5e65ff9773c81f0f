"""Prompt encoder of the compact model: tokens for clicks and box corners, maps for everything that has a place.

Tensors: M objects, P points, T tokens, C channels. Coordinates are (x, y) in pixels of the network's input frame, pixel
centres at whole numbers.
"""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from promptseg.models.compact_encoder import apply_channels_last

NARROW_SIGMA = 3.0 / 256.0
WIDE_SIGMA = 12.0 / 256.0
MAP_CHANNELS = 11


class PromptInput(NamedTuple):
    """Prompts of M objects; what an object does not have is marked by NaN, -1 or False, what none has is None."""

    points_MP2: Tensor
    labels_MP: Tensor
    boxes_M4: Tensor | None
    masks_M1hw: Tensor | None
    has_mask_M: Tensor | None


class PromptFeatures(NamedTuple):
    """What the mask decoder reads: tokens with their validity, and maps at strides 16, 8 and 4 (channels last)."""

    tokens_MTC: Tensor
    valid_MT: Tensor
    dense16_MHWC: Tensor
    dense8_MHWC: Tensor
    dense4_MHWC: Tensor


def click_map(points_MP2: Tensor, weights_MP: Tensor, *, sigma: float, grid: int) -> Tensor:
    """Draw clicks as gaussians and join them by their maximum.

    `points_MP2` and `sigma` are fractions of the image side. A weight of 0 removes a click. Returns (M, grid, grid);
    zeros where there are no clicks at all.
    """
    if points_MP2.shape[1] == 0:
        return points_MP2.new_zeros(points_MP2.shape[0], grid, grid)
    centres = (torch.arange(grid, device=points_MP2.device, dtype=points_MP2.dtype) + 0.5) / grid
    profile = torch.exp(-0.5 * ((centres - points_MP2[..., None]) / sigma) ** 2)
    x_profile, y_profile = profile[:, :, 0, :], profile[:, :, 1, :] * weights_MP[..., None]
    return (y_profile[..., :, None] * x_profile[..., None, :]).amax(dim=1)


def box_maps(boxes_M4: Tensor, valid_M: Tensor, *, grid: int) -> Tensor:
    """Draw each box twice, softly filled: as the ellipse inscribed in it and as the rectangle itself.

    `boxes_M4` holds fractions of the image side, free of NaN. Returns (M, 2, grid, grid), zero where not valid.
    """
    centres = (torch.arange(grid, device=boxes_M4.device, dtype=boxes_M4.dtype) + 0.5) / grid
    middle = 0.5 * (boxes_M4[:, :2] + boxes_M4[:, 2:])
    half = (0.5 * (boxes_M4[:, 2:] - boxes_M4[:, :2])).clamp(min=0.5 / grid)
    u = (centres - middle[:, :1]) / half[:, :1]
    v = (centres - middle[:, 1:]) / half[:, 1:]
    radius = torch.sqrt(u[:, None, :] ** 2 + v[:, :, None] ** 2 + 1e-6)
    ellipse = torch.sigmoid(10.0 * (1.0 - radius))
    inside_u, inside_v = torch.sigmoid(20.0 * (1.0 - u.abs())), torch.sigmoid(20.0 * (1.0 - v.abs()))
    rectangle = inside_v[:, :, None] * inside_u[:, None, :]
    return torch.stack((ellipse, rectangle), dim=1) * valid_M[:, None, None, None].to(ellipse.dtype)


@final
class PromptEncoder(nn.Module):
    """Sparse tokens as in SAM (arXiv 2304.02643), plus dense maps of clicks, box and previous mask.

    Difference from SAM: clicks and boxes are *also* drawn as maps (soft disks, the ellipse inscribed in the box), and
    these maps reach the decoder at strides 16, 8 and 4. There is no padding token: what an object lacks is masked out
    of the attention, so that it cannot change anything.
    """

    def __init__(self, width: int, *, fine: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(2, width // 2))
        self.kind = nn.Parameter(torch.randn(4, width) * 0.5)
        self.maps4 = nn.Conv2d(MAP_CHANNELS, 16, 3, padding=1)
        self.maps8 = nn.Conv2d(16, 32, 2, stride=2)
        self.maps16 = nn.Conv2d(32, width, 2, stride=2)
        self.to_stride4 = nn.Linear(16, fine[0])
        self.to_stride8 = nn.Linear(32, fine[1])

    def encode_positions(self, unit_xy: Tensor) -> Tensor:
        """Random Fourier features (arXiv 2006.10739) of (..., 2) coordinates in [0, 1]; returns (..., width)."""
        frequencies = self.get_buffer("frequencies")
        with torch.autocast(unit_xy.device.type, enabled=False):  # bfloat16 would move a point by several pixels
            phase = (2.0 * math.pi) * ((2.0 * unit_xy - 1.0) @ frequencies)
        return torch.cat((torch.sin(phase), torch.cos(phase)), dim=-1)

    def grid_positions(self, grid: int) -> Tensor:
        """Position codes of the pixels of a grid: (grid * grid, width), row by row."""
        frequencies = self.get_buffer("frequencies")
        centres = (torch.arange(grid, device=frequencies.device, dtype=frequencies.dtype) + 0.5) / grid
        unit_xy = torch.stack(torch.meshgrid(centres, centres, indexing="xy"), dim=-1)
        return self.encode_positions(unit_xy).reshape(grid * grid, -1)

    def _tokens(
        self, unit_points: Tensor, labels_MP: Tensor, boxes: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, Tensor]:
        points = self.encode_positions(unit_points) + self.kind[(labels_MP == 1).long()]
        if boxes is None:
            return points, labels_MP >= 0
        unit_boxes, has_box = boxes
        corners = self.encode_positions(unit_boxes.reshape(-1, 2, 2)) + self.kind[2:4]
        valid = torch.cat((labels_MP >= 0, has_box[:, None].expand(-1, 2)), dim=1)
        return torch.cat((points, corners), dim=1), valid

    def _maps(
        self, unit_points: Tensor, prompts: PromptInput, boxes: tuple[Tensor, Tensor] | None, *, grid: int
    ) -> Tensor:
        clicks = []
        for label in (1, 0):
            weights = (prompts.labels_MP == label).to(unit_points.dtype)
            clicks += [click_map(unit_points, weights, sigma=s, grid=grid) for s in (NARROW_SIGMA, WIDE_SIGMA)]
        drawn = torch.stack(clicks, dim=1)
        nothing = drawn.new_zeros(1, 1, 1, 1).expand(len(drawn), -1, grid, grid)
        boxed = nothing.expand(-1, 2, -1, -1) if boxes is None else box_maps(*boxes, grid=grid)
        if prompts.masks_M1hw is None or prompts.has_mask_M is None:
            return torch.cat((drawn, boxed, nothing.expand(-1, 5, -1, -1)), dim=1)
        masks = prompts.masks_M1hw
        given = prompts.has_mask_M.to(unit_points.dtype)[:, None, None, None]
        if masks.shape[-2:] != (2 * grid, 2 * grid):
            masks = functional.interpolate(masks, size=(2 * grid, 2 * grid), mode="bilinear", align_corners=False)
        previous = functional.pixel_unshuffle(torch.tanh(0.5 * masks), 2) * given
        flag = given.expand(-1, 1, grid, grid)
        return torch.cat((drawn, boxed, flag, previous), dim=1)

    def forward(self, prompts: PromptInput, *, size: int) -> PromptFeatures:
        """Encode the prompts of M objects for an input of `size` x `size` pixels."""
        unit_points = (prompts.points_MP2 + 0.5) / size
        boxes = None if prompts.boxes_M4 is None else _unit_boxes(prompts.boxes_M4, size=size)
        tokens, valid = self._tokens(unit_points, prompts.labels_MP, boxes)
        maps = self._maps(unit_points, prompts, boxes, grid=size // 4)
        maps = maps.contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1)
        fine4 = functional.gelu(apply_channels_last(self.maps4, maps))
        fine8 = functional.gelu(apply_channels_last(self.maps8, fine4))
        dense16 = apply_channels_last(self.maps16, fine8)
        return PromptFeatures(tokens, valid, dense16, self.to_stride8(fine8), self.to_stride4(fine4))


def _unit_boxes(boxes_M4: Tensor, *, size: int) -> tuple[Tensor, Tensor]:
    """Boxes as fractions of the image side, free of NaN, and which objects have one."""
    has_box = ~torch.isnan(boxes_M4).any(dim=1)
    boxes = torch.where(has_box[:, None], boxes_M4, torch.zeros_like(boxes_M4))
    return (boxes + 0.5) / size, has_box
