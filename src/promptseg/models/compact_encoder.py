"""Image encoder of the compact model: convolutional stages, then attention at stride 16, then a feature pyramid.

Tensors named ``_BCHW`` are in the usual order; ``_BHWC`` means channels last.
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional


def apply_channels_last(conv: nn.Conv2d, x_BHWC: Tensor) -> Tensor:
    """Apply a convolution to channels-last data without copying it."""
    out: Tensor = conv(x_BHWC.permute(0, 3, 1, 2))
    return out.permute(0, 2, 3, 1)


@final
class Mlp(nn.Module):
    """Two linear layers with a GELU between them."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., width) to (..., width)."""
        out: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return out


@final
class ConvBlock(nn.Module):
    """ConvNeXt block (arXiv 2201.03545): depthwise convolution, LayerNorm, MLP, learned scale, residual."""

    def __init__(self, width: int, *, kernel: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mlp = Mlp(width, 4 * width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x_BHWC: Tensor) -> Tensor:
        """Map (B, H, W, width) to the same shape."""
        update: Tensor = self.mlp(self.norm(apply_channels_last(self.depthwise, x_BHWC)))
        return x_BHWC + self.scale * update


@final
class SelfAttention(nn.Module):
    """Multi-head self-attention over all tokens of an image."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Map (B, tokens, width) to the same shape."""
        batch, tokens, width = x_BTC.shape
        qkv = self.qkv(x_BTC).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        out: Tensor = self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))
        return out


@final
class TransformerBlock(nn.Module):
    """Pre-norm transformer block whose positions come from a depthwise convolution.

    The convolution before the attention (conditional positions, arXiv 2102.10882) makes the block independent of the
    number of tokens, so that one set of weights serves every input size.
    """

    def __init__(self, width: int, *, heads: int, mlp_ratio: int) -> None:
        super().__init__()
        self.position = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm1 = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = Mlp(width, mlp_ratio * width)

    def forward(self, x_BHWC: Tensor) -> Tensor:
        """Map (B, H, W, width) to the same shape."""
        batch, height, width, channels = x_BHWC.shape
        x_BHWC = x_BHWC + apply_channels_last(self.position, x_BHWC)
        x_BTC: Tensor = x_BHWC.reshape(batch, height * width, channels)
        x_BTC = x_BTC + self.attention(self.norm1(x_BTC))
        x_BTC = x_BTC + self.mlp(self.norm2(x_BTC))
        return x_BTC.reshape(batch, height, width, channels)


@final
class FeaturePyramid(nn.Module):
    """Top-down pathway (FPN, arXiv 1612.03144): high-resolution features that know the coarse content."""

    def __init__(self, widths: tuple[int, int, int, int], outputs: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.neck = nn.Linear(widths[3], outputs[3])
        self.neck_norm = nn.LayerNorm(outputs[3])
        self.lateral = nn.ModuleList(nn.Linear(widths[i], outputs[i]) for i in range(3))
        self.descend = nn.ModuleList(nn.Linear(outputs[i + 1], outputs[i]) for i in range(3))

    def forward(self, levels_BHWC: list[Tensor]) -> dict[str, Tensor]:
        """Turn the features at strides 2, 4, 8, 16 into the dictionary that the decoder reads (channels last)."""
        top: Tensor = self.neck_norm(self.neck(levels_BHWC[3]))
        features = {"embedding": top}
        for i, name in ((2, "stride8"), (1, "stride4"), (0, "stride2")):
            coarse = self.descend[i](top).permute(0, 3, 1, 2)
            coarse = functional.interpolate(coarse, scale_factor=2.0, mode="nearest").permute(0, 2, 3, 1)
            features[name] = top = self.lateral[i](levels_BHWC[i]) + coarse
        return features


@final
class Encoder(nn.Module):
    """Stem (stride 2), ConvNeXt stages (strides 4, 8, 16), transformer blocks (stride 16), feature pyramid."""

    def __init__(
        self,
        *,
        widths: tuple[int, int, int, int],
        depths: tuple[int, int, int, int],
        heads: int,
        kernel: int,
        outputs: tuple[int, int, int, int],
    ) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, widths[0], 3, stride=2, padding=1)
        self.down4 = nn.Conv2d(widths[0], widths[1], 3, stride=2, padding=1)
        self.down8 = nn.Conv2d(widths[1], widths[2], 2, stride=2)
        self.down16 = nn.Conv2d(widths[2], widths[3], 2, stride=2)
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in widths)
        self.stage4 = nn.Sequential(*(ConvBlock(widths[1], kernel=kernel) for _ in range(depths[0])))
        self.stage8 = nn.Sequential(*(ConvBlock(widths[2], kernel=kernel) for _ in range(depths[1])))
        self.stage16 = nn.Sequential(*(ConvBlock(widths[3], kernel=kernel) for _ in range(depths[2])))
        self.blocks = nn.ModuleList(TransformerBlock(widths[3], heads=heads, mlp_ratio=4) for _ in range(depths[3]))
        self.pyramid = FeaturePyramid(widths, outputs)

    def forward(self, image_BCHW: Tensor, *, added_BHWC: Tensor | None = None) -> dict[str, Tensor]:
        """Map (B, 1, S, S) to channels-last features at strides 16 ("embedding"), 8, 4 and 2. S: a multiple of 16.

        `added_BHWC`: (B, S/2, S/2, widths[0]), what else is known of each place; it is added to the stem's output.
        """
        image = image_BCHW.contiguous(memory_format=torch.channels_last)
        x2 = apply_channels_last(self.stem, image.permute(0, 2, 3, 1))
        if added_BHWC is not None:
            x2 = x2 + added_BHWC
        x2 = functional.gelu(self.norms[0](x2))
        x4 = self.stage4(self.norms[1](apply_channels_last(self.down4, x2)))
        x8 = self.stage8(self.norms[2](apply_channels_last(self.down8, x4)))
        x16 = self.stage16(self.norms[3](apply_channels_last(self.down16, x8)))
        for block in self.blocks:
            x16 = block(x16)
        features: dict[str, Tensor] = self.pyramid([x2, x4, x8, x16])
        return features
