"""The TinyViT image encoder of MobileSAM, written from its papers so that the published weights fit as they are.

TinyViT (arXiv 2207.10666) is a convolutional stem and stage, then three stages of windowed attention, each block with
a depthwise convolution between attention and MLP. MobileSAM (arXiv 2306.14289) lets the last merge keep its
resolution, drops the classifier, and adds SAM's neck. Module names are those of the published file.

Tensors: B images, C channels, H x W positions, M windows, T tokens in a window.
"""

from typing import Final, final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from promptseg.models.sizes import MobileSamSizes

__all__ = ["TinyVit"]

MERGE_STRIDES: Final = (2, 2, 1)
"""Stride of the merge after each of the first three stages; with the stem's 4 this makes 16."""


@final
class TinyVit(nn.Module):
    """MobileSAM's image encoder: (B, 3, side, side) to (B, embedding, side / 16, side / 16)."""

    def __init__(self, sizes: MobileSamSizes) -> None:
        super().__init__()
        stem, *later = sizes.widths
        self.patch_embed = Stem(stem)
        self.layers = nn.ModuleList([ConvStage(stem, later[0], blocks=sizes.depths[0], ratio=sizes.mlp_ratio)])
        for index, (width, depth) in enumerate(zip(later, sizes.depths[1:], strict=True)):
            blocks = [
                WindowBlock(width, heads=sizes.heads[index], window=sizes.windows[index], ratio=sizes.mlp_ratio)
                for _ in range(depth)
            ]
            merge = Merge(width, later[index + 1], stride=MERGE_STRIDES[index + 1]) if index + 1 < len(later) else None
            self.layers.append(WindowStage(blocks, merge))
        self.neck = nn.Sequential(
            nn.Conv2d(later[-1], sizes.embedding, 1, bias=False),
            ChannelNorm(sizes.embedding),
            nn.Conv2d(sizes.embedding, sizes.embedding, 3, padding=1, bias=False),
            ChannelNorm(sizes.embedding),
        )

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """Embed preprocessed images."""
        x = self.patch_embed(image_BCHW)
        for stage in self.layers:
            x = stage(x)
        embedding: Tensor = self.neck(x)
        return embedding


@final
class ConvNorm(nn.Module):
    """A convolution without bias and a batch norm, which are one convolution outside of training."""

    def __init__(self, before: int, after: int, kernel: int = 1, *, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.c = nn.Conv2d(before, after, kernel, stride, kernel // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(after)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Apply both."""
        conv, norm = self.c, self.bn
        if self.training or norm.running_mean is None or norm.running_var is None:
            normed: Tensor = norm(conv(x_BCHW))
            return normed
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        weight = conv.weight * scale[:, None, None, None]
        bias = norm.bias - norm.running_mean * scale
        return functional.conv2d(x_BCHW, weight, bias, conv.stride, conv.padding, groups=conv.groups)


@final
class ChannelNorm(nn.Module):
    """Layer norm over the channels at each position of (B, C, H, W)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Normalise."""
        normed = functional.layer_norm(x_BCHW.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
        return normed.permute(0, 3, 1, 2)


@final
class Stem(nn.Module):
    """Two convolutions of stride 2."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.seq = nn.Sequential(
            ConvNorm(3, width // 2, 3, stride=2), nn.GELU(), ConvNorm(width // 2, width, 3, stride=2)
        )

    def forward(self, image_BCHW: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, H / 4, W / 4)."""
        x: Tensor = self.seq(image_BCHW)
        return x


@final
class InvertedBottleneck(nn.Module):
    """Widen, convolve each channel by itself, narrow; a residual block."""

    def __init__(self, width: int, *, ratio: int) -> None:
        super().__init__()
        hidden = width * ratio
        self.conv1 = ConvNorm(width, hidden)
        self.conv2 = ConvNorm(hidden, hidden, 3, groups=hidden)
        self.conv3 = ConvNorm(hidden, width)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Same shape."""
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(x_BCHW))))
        return functional.gelu(x_BCHW + self.conv3(inner))


@final
class Merge(nn.Module):
    """From one stage to the next: change the channels and, with stride 2, halve the resolution."""

    def __init__(self, before: int, after: int, *, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvNorm(before, after)
        self.conv2 = ConvNorm(after, after, 3, stride=stride, groups=after)
        self.conv3 = ConvNorm(after, after)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, before, H, W) to (B, after, H / stride, W / stride)."""
        inner = functional.gelu(self.conv2(functional.gelu(self.conv1(x_BCHW))))
        merged: Tensor = self.conv3(inner)
        return merged


@final
class ConvStage(nn.Module):
    """The first stage: inverted bottlenecks, then a merge."""

    def __init__(self, width: int, after: int, *, blocks: int, ratio: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([InvertedBottleneck(width, ratio=ratio) for _ in range(blocks)])
        self.downsample = Merge(width, after, stride=MERGE_STRIDES[0])

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """(B, width, H, W) to (B, after, H / 2, W / 2)."""
        for block in self.blocks:
            x_BCHW = block(x_BCHW)
        merged: Tensor = self.downsample(x_BCHW)
        return merged


@final
class WindowStage(nn.Module):
    """A stage of windowed attention, then a merge unless it is the last."""

    def __init__(self, blocks: list["WindowBlock"], merge: Merge | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = merge

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Apply the blocks and the merge."""
        x_BHWC = x_BCHW.permute(0, 2, 3, 1)
        for block in self.blocks:
            x_BHWC = block(x_BHWC)
        x_BCHW = x_BHWC.permute(0, 3, 1, 2)
        return x_BCHW if self.downsample is None else self.downsample(x_BCHW)


@final
class WindowBlock(nn.Module):
    """Windowed attention with a residual, a depthwise convolution without one, and an MLP with one."""

    def __init__(self, width: int, *, heads: int, window: int, ratio: int) -> None:
        super().__init__()
        self.window = window
        self.attn = WindowAttention(width, heads=heads, window=window)
        self.local_conv = ConvNorm(width, width, 3, groups=width)
        self.mlp = Mlp(width, width * ratio)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        """Same shape. Where the windows do not fit, zeros pad the map below and to the right, and are attended to."""
        batch, height, width, channels = x_BHWC.shape
        side = self.window
        padded = functional.pad(x_BHWC, (0, 0, 0, -width % side, 0, -height % side))
        rows, columns = padded.shape[1] // side, padded.shape[2] // side
        windows = padded.view(batch, rows, side, columns, side, channels).transpose(2, 3).reshape(-1, side**2, channels)
        attended = self.attn(windows).view(batch, rows, columns, side, side, channels).transpose(2, 3)
        x_BHWC = x_BHWC + attended.reshape(padded.shape)[:, :height, :width]
        x_BHWC = self.local_conv(x_BHWC.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        mixed: Tensor = x_BHWC + self.mlp(x_BHWC)
        return mixed


@final
class WindowAttention(nn.Module):
    """Self-attention inside windows, with a learned bias for each head and distance (rows apart, columns apart)."""

    def __init__(self, width: int, *, heads: int, window: int) -> None:
        super().__init__()
        self.heads, self.window = heads, window
        self.norm = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.attention_biases = nn.Parameter(torch.zeros(heads, window**2))

    def forward(self, x_MTC: Tensor) -> Tensor:
        """Same shape; the weights of q, k and v stand together head by head."""
        windows, tokens, width = x_MTC.shape
        qkv = self.qkv(self.norm(x_MTC)).view(windows, tokens, self.heads, 3, width // self.heads)
        query, key, value = qkv.permute(3, 0, 2, 1, 4)
        bias = self.attention_biases[:, _distances(self.window).to(x_MTC.device)]
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias[None])
        attended: Tensor = self.proj(mixed.transpose(1, 2).reshape(windows, tokens, width))
        return attended


@final
class Mlp(nn.Module):
    """Norm, two linear layers and a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width)."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(self.norm(x))))
        return out


def _distances(window: int) -> Tensor:
    """(T, T) numbers of the learned bias: rows apart x window + columns apart, for tokens in reading order."""
    row, column = np.divmod(np.arange(window**2), window)
    apart = np.abs(row[:, None] - row) * window + np.abs(column[:, None] - column)
    return torch.from_numpy(apart)
