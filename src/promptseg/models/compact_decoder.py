"""Mask decoder of the compact model: two-way attention between prompts and image, then masks at stride 2 and scores.

Tensors: M objects, T tokens, Q = pixels of the stride-16 grid, C channels, K = 4 masks (the single mask first).
"""

from __future__ import annotations

from typing import final

import torch
from torch import Tensor, nn
from torch.nn import functional

from promptseg.models.compact_encoder import Mlp, apply_channels_last
from promptseg.models.compact_prompts import PromptFeatures

MASKS = 4
SCORE_STATISTICS = 4


@final
class CrossAttention(nn.Module):
    """Attention between two sets of tokens, inside a narrower space, with optional exclusion of keys."""

    def __init__(self, width: int, *, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, inner)
        self.k = nn.Linear(width, inner)
        self.v = nn.Linear(width, inner)
        self.proj = nn.Linear(inner, width)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.heads, -1).transpose(1, 2)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, valid_MT: Tensor | None = None) -> Tensor:
        """Map queries (M, A, C), keys and values (M, T, C) to (M, A, C); keys where `valid_MT` is False are ignored."""
        mask = None if valid_MT is None else valid_MT[:, None, None, :]
        q, k, v = self._split(self.q(queries)), self._split(self.k(keys)), self._split(self.v(values))
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        out: Tensor = self.proj(mixed.transpose(1, 2).flatten(2))
        return out


@final
class TwoWayLayer(nn.Module):
    """Tokens attend to each other and to the image, then the image attends to the tokens (arXiv 2304.02643)."""

    def __init__(self, width: int, *, heads: int, hidden: int) -> None:
        super().__init__()
        self.tokens_to_tokens = CrossAttention(width, inner=width, heads=heads)
        self.tokens_to_image = CrossAttention(width, inner=width // 2, heads=heads)
        self.image_to_tokens = CrossAttention(width, inner=width // 2, heads=heads)
        self.mlp = Mlp(width, hidden)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(4))

    def forward(
        self, tokens: Tensor, image: Tensor, *, token_pos: Tensor, image_pos: Tensor, valid_MT: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Update tokens (M, T, C) and image (M, Q, C); positions are added to queries and keys only."""
        q = tokens + token_pos
        tokens = self.norms[0](tokens + self.tokens_to_tokens(q, q, tokens, valid_MT))
        tokens = self.norms[1](tokens + self.tokens_to_image(tokens + token_pos, image + image_pos, image))
        tokens = self.norms[2](tokens + self.mlp(tokens))
        image = self.norms[3](image + self.image_to_tokens(image + image_pos, tokens + token_pos, tokens, valid_MT))
        return tokens, image


@final
class Enlarge(nn.Module):
    """Double the resolution of channels-last data: each pixel becomes 2 x 2 pixels by one linear map."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.grow = nn.Linear(width, 4 * out)
        self.out = out

    def forward(self, x_MHWC: Tensor) -> Tensor:
        """Map (M, H, W, C) to (M, 2H, 2W, out)."""
        m, height, width, _ = x_MHWC.shape
        return self.blocks(x_MHWC).permute(0, 1, 3, 2, 4, 5).reshape(m, 2 * height, 2 * width, self.out)

    def blocks(self, x_MHWC: Tensor) -> Tensor:
        """Map (M, H, W, C) to (M, H, W, 2, 2, out): the pixels of a block stay together, which is less work."""
        grown: Tensor = self.grow(x_MHWC)
        return grown.reshape(*grown.shape[:-1], 2, 2, self.out)


def in_blocks(x_BHWC: Tensor) -> Tensor:
    """(B, 2H, 2W, C) as (B, H, W, 2, 2, C), as :meth:`Enlarge.blocks` orders pixels."""
    b, height, width, channels = x_BHWC.shape
    return x_BHWC.reshape(b, height // 2, 2, width // 2, 2, channels).transpose(2, 3)


@final
class ScoreHead(nn.Module):
    """Predict the IoU of each mask from its tokens and from what lies under the mask.

    Difference from SAM, whose head sees one token only: the mean features under the mask and four plain statistics
    of its probabilities come in too (mask scoring, arXiv 1903.00241). The mask is not changed by the score's loss.
    """

    def __init__(self, width: int, *, fine: int, hidden: int) -> None:
        super().__init__()
        self.mlp1 = nn.Linear(2 * width + fine + SCORE_STATISTICS, hidden)
        self.mlp2 = nn.Linear(hidden, hidden)
        self.mlp3 = nn.Linear(hidden, 1)

    def forward(self, iou_token_MC: Tensor, mask_tokens_MKC: Tensor, fine_MQC: Tensor, logits_MKQ: Tensor) -> Tensor:
        """Scores (M, K) in [0, 1]."""
        logits, fine = logits_MKQ.detach(), fine_MQC.detach()
        probability = torch.sigmoid(logits)
        inside = (logits > 0).to(probability.dtype)
        area = probability.sum(-1, keepdim=True)
        pooled = (probability @ fine) / (area + 1e-3)
        sure = (probability * inside).sum(-1, keepdim=True)
        union = torch.maximum(probability, inside).sum(-1, keepdim=True) + 1e-3
        pixels = logits.shape[-1]
        doubt = (4.0 * probability * (1.0 - probability)).sum(-1, keepdim=True)
        statistics = torch.cat(
            (sure / union, torch.sqrt(area / pixels), torch.sqrt(inside.mean(-1, keepdim=True)), doubt / (area + 1.0)),
            dim=-1,
        )
        token = iou_token_MC[:, None].expand(-1, logits.shape[1], -1)
        x = torch.cat((token, mask_tokens_MKC, pooled, statistics), dim=-1)
        x = functional.gelu(self.mlp2(functional.gelu(self.mlp1(x))))
        return torch.sigmoid(self.mlp3(x)[..., 0])


def _all_valid(valid_MT: Tensor) -> bool:
    """Whether every token is valid, as far as a look at them is free; attention without a mask is faster on a CPU."""
    return valid_MT.device.type == "cpu" and bool(valid_MT.all())


@final
class MaskDecoder(nn.Module):
    """Four mask logits at half the input resolution and four scores for each object."""

    def __init__(self, width: int, *, heads: int, hidden: int, layers: int, fine: tuple[int, int, int]) -> None:
        super().__init__()
        self.output_tokens = nn.Parameter(torch.randn(1 + MASKS, width) * 0.5)
        self.layers = nn.ModuleList(TwoWayLayer(width, heads=heads, hidden=hidden) for _ in range(layers))
        self.final = CrossAttention(width, inner=width // 2, heads=heads)
        self.final_norm = nn.LayerNorm(width)
        self.enlarge8 = Enlarge(width, fine[2])
        self.norm8 = nn.LayerNorm(fine[2])
        self.enlarge4 = Enlarge(fine[2], fine[1])
        self.norm4 = nn.LayerNorm(fine[1])
        self.smooth4 = nn.Conv2d(fine[1], fine[1], 3, padding=1, groups=fine[1])
        self.enlarge2 = Enlarge(fine[1], fine[0])
        self.coarse_filters = nn.ModuleList(Mlp(width, width) for _ in range(MASKS))
        self.to_coarse = nn.Linear(width, fine[1])
        self.to_fine = nn.Linear(width, fine[0])
        self.score = ScoreHead(width, fine=fine[1], hidden=width)

    def _attend(self, prompts: PromptFeatures, image: Tensor, image_pos: Tensor) -> tuple[Tensor, Tensor]:
        count = prompts.tokens_MTC.shape[0]
        start = self.output_tokens.expand(count, -1, -1)
        tokens = token_pos = torch.cat((start, prompts.tokens_MTC), dim=1)
        always = prompts.valid_MT.new_ones(count, start.shape[1])
        valid = None if _all_valid(prompts.valid_MT) else torch.cat((always, prompts.valid_MT), dim=1)
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_pos=token_pos, image_pos=image_pos, valid_MT=valid)
        read = self.final(tokens + token_pos, image + image_pos, image)
        return self.final_norm(tokens + read), image

    def forward(
        self, features: dict[str, Tensor], prompts: PromptFeatures, image_pos: Tensor, *, objects: int
    ) -> tuple[Tensor, Tensor]:
        """Decode `objects` objects for each of B images: logits (B * objects, 4, S/2, S/2), scores (B * objects, 4)."""
        if len(features["embedding"]) > 1:
            features = {name: value.repeat_interleave(objects, dim=0) for name, value in features.items()}
        image = features["embedding"] + prompts.dense16_MHWC
        m, height, width, channels = image.shape
        tokens, image = self._attend(prompts, image.reshape(m, height * width, channels), image_pos)
        image = image.reshape(m, height, width, channels)
        x8 = functional.gelu(self.norm8(self.enlarge8(image) + features["stride8"] + prompts.dense8_MHWC))
        x4 = self.norm4(self.enlarge4(x8) + features["stride4"] + prompts.dense4_MHWC)
        x4 = functional.gelu(x4 + apply_channels_last(self.smooth4, x4))
        x2 = functional.gelu(self.enlarge2.blocks(x4) + in_blocks(features["stride2"]).contiguous())
        return self._masks(tokens, x4, x2)

    def _masks(self, tokens: Tensor, x4_MHWC: Tensor, x2_MHW22C: Tensor) -> tuple[Tensor, Tensor]:
        mask_tokens = tokens[:, 1 : 1 + MASKS]
        hidden = torch.stack([net(mask_tokens[:, i]) for i, net in enumerate(self.coarse_filters)], dim=1)
        pixels4, pixels2 = x4_MHWC.flatten(1, 2), x2_MHW22C.flatten(1, 4)
        coarse = self.to_coarse(hidden) @ pixels4.transpose(1, 2)
        fine = self.to_fine(hidden) @ pixels2.transpose(1, 2)
        scores = self.score(tokens[:, 0], hidden, pixels4, coarse)
        upper = coarse.unflatten(-1, x4_MHWC.shape[1:3])
        upper = functional.interpolate(upper, scale_factor=2.0, mode="bilinear", align_corners=False)
        fine = fine.reshape(*fine.shape[:2], *x2_MHW22C.shape[1:5])
        return upper + fine.transpose(3, 4).reshape(upper.shape), scores
