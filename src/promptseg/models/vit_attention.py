"""Two parts of SAM's image encoder that give the same values as transformers' own, faster and with less memory.

Attention goes over tiles of queries small enough that scores, bias and softmax stay in a CPU's cache, instead of making
the bias of the whole image (805 MB at 1024 pixels with 12 heads). Patches are embedded by one matrix product, whose
rounding error in float32 is about half of the convolution's.

Tensors: B images or windows, N = B x heads, H x W positions, C channels, T tokens of a tile, L = H x W.
"""

from typing import Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["PatchEmbedding", "TiledAttention"]

TILE: Final = 1 << 22
"""Attention scores in one tile, 16 MB in float32: larger ones leave the cache, smaller ones wake threads too often."""


@final
class PatchEmbedding(nn.Module):
    """Squares of the image to tokens: (B, 3, side, side) to (B, H, W, C)."""

    def __init__(self, width: int, *, patch: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, width, patch, patch)

    def forward(self, image_BCSS: Tensor) -> Tensor:
        """Embed; the side must be a multiple of the patch."""
        weight, patch = self.projection.weight, self.projection.kernel_size[0]
        batch, channels, height, width = image_BCSS.shape
        squares = image_BCSS.reshape(batch, channels, height // patch, patch, width // patch, patch)
        tokens = squares.permute(0, 2, 4, 1, 3, 5).flatten(3)
        return functional.linear(tokens, weight.flatten(1), self.projection.bias)


@final
class TiledAttention(nn.Module):
    """Self-attention over a map or window with decomposed relative positions (arXiv 2112.01526), as in SAM."""

    def __init__(self, width: int, *, heads: int, side: int) -> None:
        """Make one for a map or window of ``side`` x ``side`` positions."""
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.rel_pos_h = nn.Parameter(torch.zeros(2 * side - 1, width // heads))
        self.rel_pos_w = nn.Parameter(torch.zeros(2 * side - 1, width // heads))

    def forward(self, hidden_states: Tensor) -> tuple[Tensor, None]:
        """(B, H, W, C) to the same; the second value stands where transformers' layer expects attention weights."""
        batch, height, width, channels = hidden_states.shape
        size = channels // self.heads
        qkv = self.qkv(hidden_states).view(batch, height * width, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.reshape(3, batch * self.heads, height * width, size)
        map_NHWC = query.view(-1, height, width, size)
        rows = map_NHWC @ _offsets(self.rel_pos_h, height).transpose(1, 2)
        columns = (map_NHWC.transpose(1, 2) @ _offsets(self.rel_pos_w, width).transpose(1, 2)).transpose(1, 2)
        attend = _attend_in_tiles if hidden_states.device.type == "cpu" else _attend_at_once
        mixed = attend((query, key, value), rows, columns)
        joined = mixed.view(batch, self.heads, height, width, size).permute(0, 2, 3, 1, 4).flatten(3)
        return self.proj(joined), None


def _offsets(table: Tensor, side: int) -> Tensor:
    """(side, side, C): the learned vector for each pair of query and key positions along one axis."""
    places = torch.arange(side, device=table.device)
    return table[places[:, None] - places + side - 1]


def _attend_at_once(qkv_NLC: tuple[Tensor, Tensor, Tensor], rows_NHWH: Tensor, columns_NHWW: Tensor) -> Tensor:
    """(N, L, C): attention with bias rows + columns; for devices that have the memory and are fast at it."""
    bias = (rows_NHWH[..., None] + columns_NHWW[..., None, :]).flatten(3).flatten(1, 2)
    query, key, value = (part[None] for part in qkv_NLC)
    return functional.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])[0]


def _attend_in_tiles(qkv_NLC: tuple[Tensor, Tensor, Tensor], rows_NHWH: Tensor, columns_NHWW: Tensor) -> Tensor:
    """(N, L, C): attention with bias rows + columns, a few heads and image rows at a time."""
    query, key, value = qkv_NLC
    height, width = rows_NHWH.shape[1:3]
    length = height * width
    heads = max(2, TILE // length**2)
    high = max(1, min(height, TILE // (heads * width * length)))
    mixed = []
    for first in range(0, len(query), heads):
        some = slice(first, first + heads)
        key_NCL, value_NLC = key[some].transpose(1, 2), value[some]
        for top in range(0, height, high):
            bias = rows_NHWH[some, top : top + high, :, :, None] + columns_NHWW[some, top : top + high, :, None, :]
            scores = torch.baddbmm(
                bias.flatten(3).flatten(1, 2),
                query[some, top * width : (top + high) * width],
                key_NCL,
                alpha=query.shape[-1] ** -0.5,
            )
            mixed.append(torch.bmm(scores.softmax(-1), value_NLC))
    tiles = -(-height // high)
    if tiles == 1:
        return torch.cat(mixed)
    return torch.cat([torch.cat(mixed[at : at + tiles], dim=1) for at in range(0, len(mixed), tiles)])
