"""The compact promptable network: the architecture of promptseg's embedded default model, in plain torch.

Tensors: B images, N objects for each image, P points, K masks, S the side of the square input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor, nn

from promptseg.models.compact_decoder import MaskDecoder
from promptseg.models.compact_encoder import Encoder
from promptseg.models.compact_prompts import PromptEncoder, PromptInput
from promptseg.models.own_weights import filled
from promptseg.models.sizes import MOST_BLOCKS, MOST_SIDE, MOST_WIDTH

FEATURES = ("embedding", "stride8", "stride4", "stride2")


@final
@dataclasses.dataclass(frozen=True)
class CompactConfig:
    """Sizes of a `CompactNet`; every field is a number or a tuple of numbers, so that it can be stored as JSON."""

    size: int = 256
    widths: tuple[int, int, int, int] = (24, 48, 96, 192)
    depths: tuple[int, int, int, int] = (2, 2, 1, 4)
    heads: int = 6
    kernel: int = 7
    decoder_width: int = 128
    decoder_heads: int = 4
    decoder_hidden: int = 512
    decoder_layers: int = 2
    fine: tuple[int, int, int] = (16, 32, 64)

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            check_like(getattr(self, item.name), getattr(type(self), item.name), item.name)
        inner = self.decoder_width // 2
        faults = (
            (self.size % 16 != 0 or self.size > MOST_SIDE, f"size {self.size} (a multiple of 16 to {MOST_SIDE})"),
            (sum(self.depths) + self.decoder_layers > MOST_BLOCKS, f"more than {MOST_BLOCKS} blocks"),
            (self.kernel % 2 == 0, f"kernel {self.kernel} (an odd number)"),
            (self.widths[3] % self.heads != 0, f"{self.heads} heads for width {self.widths[3]}"),
            (inner % self.decoder_heads != 0, f"{self.decoder_heads} heads for width {inner}"),
        )
        found = [words for fault, words in faults if fault]
        if found:
            raise ValueError(f"no network has such sizes: {'; '.join(found)}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-able values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> CompactConfig:
        """Rebuild a configuration from `to_json`; unknown names raise TypeError, impossible values ValueError."""
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**fields)


def check_like(value: object, example: int | tuple[int, ...], name: str) -> None:
    """Refuse what is not as many positive whole numbers as the default has; depths may be 0."""
    numbers = value if isinstance(value, tuple) else (value,)
    count = len(example) if isinstance(example, tuple) else 1
    least = 0 if name == "depths" else 1
    whole = all(type(number) is int and least <= number <= MOST_WIDTH for number in numbers)
    if isinstance(value, tuple) != isinstance(example, tuple) or len(numbers) != count or not whole:
        raise ValueError(f"{name} must be like {example}, got {value!r:.60}")


@final
class CompactNet(nn.Module):
    """Embed an image once, then decode any number of objects and prompts from the embedding.

    Coordinates are (x, y) in pixels of the S x S input frame, pixel centres at whole numbers.
    """

    def __init__(self, config: CompactConfig) -> None:
        super().__init__()
        self.config = config
        outputs = (*config.fine, config.decoder_width)
        self.encoder = Encoder(
            widths=config.widths, depths=config.depths, heads=config.heads, kernel=config.kernel, outputs=outputs
        )
        self.prompts = PromptEncoder(config.decoder_width, fine=(config.fine[1], config.fine[2]))
        self.decoder = MaskDecoder(
            config.decoder_width,
            heads=config.decoder_heads,
            hidden=config.decoder_hidden,
            layers=config.decoder_layers,
            fine=config.fine,
        )

    def encode(self, image_BCHW: Tensor) -> dict[str, Tensor]:
        """Embed images (B, 1, S, S), S a multiple of 16.

        Returns channels-last features: "embedding" (B, S/16, S/16, width), "stride8", "stride4" and "stride2".
        """
        features: dict[str, Tensor] = self.encoder(image_BCHW)
        return features

    def decode(
        self,
        features: Mapping[str, Tensor],
        *,
        points_BNP2: Tensor | None = None,
        labels_BNP: Tensor | None = None,
        boxes_BN4: Tensor | None = None,
        masks_BN1hw: Tensor | None = None,
        multimask: bool,
    ) -> tuple[Tensor, Tensor]:
        """Segment N objects in each image.

        `labels_BNP`: 1 positive, 0 negative, -1 padding (without any effect). `boxes_BN4`: x0, y0, x1, y1; a row with
        NaN means no box. `masks_BN1hw`: logits of a previous mask, best at S/2 x S/2 (resized otherwise); a mask with
        NaN in it means none. Objects with different prompts may share a pass: the result is that of one by one.

        Returns logits (B, N, K, S/2, S/2) and predicted IoU (B, N, K): K = 3 with `multimask`, else 1.
        """
        logits, scores = self.decode_all(
            features, points_BNP2=points_BNP2, labels_BNP=labels_BNP, boxes_BN4=boxes_BN4, masks_BN1hw=masks_BN1hw
        )
        chosen = slice(1, None) if multimask else slice(0, 1)
        return logits[:, :, chosen], scores[:, :, chosen]

    def decode_all(
        self,
        features: Mapping[str, Tensor],
        *,
        points_BNP2: Tensor | None = None,
        labels_BNP: Tensor | None = None,
        boxes_BN4: Tensor | None = None,
        masks_BN1hw: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """As `decode`, with all four masks: index 0 is the single mask, 1 to 3 the alternatives."""
        embedding = features["embedding"]
        batch, grid = embedding.shape[:2]
        objects = _count_objects(points_BNP2, boxes_BN4, masks_BN1hw)
        prompts = self.prompts(
            _complete(embedding, batch * objects, points_BNP2, labels_BNP, boxes_BN4, masks_BN1hw), size=16 * grid
        )
        known = {name: features[name] for name in FEATURES}
        logits, scores = self.decoder(known, prompts, self.prompts.grid_positions(grid), objects=objects)
        return logits.unflatten(0, (batch, objects)), scores.unflatten(0, (batch, objects))


def _count_objects(points: Tensor | None, boxes: Tensor | None, masks: Tensor | None) -> int:
    for prompt in (points, boxes, masks):
        if prompt is not None:
            return int(prompt.shape[1])
    return 1


def _complete(
    like: Tensor, count: int, points: Tensor | None, labels: Tensor | None, boxes: Tensor | None, masks: Tensor | None
) -> PromptInput:
    """Flatten images and objects into M = `count`; points and their labels are there even if there are none."""
    points = like.new_zeros(count, 0, 2) if points is None else points.flatten(0, 1)
    if labels is None:
        labels = torch.ones(points.shape[:2], dtype=torch.long, device=like.device)
    else:
        labels = labels.flatten(0, 1)
    points = torch.where((labels >= 0)[..., None], points, torch.zeros_like(points))
    boxes = None if boxes is None else boxes.flatten(0, 1)
    if masks is None:
        return PromptInput(points, labels, boxes, None, None)
    masks = masks.flatten(0, 1)
    has_mask = ~torch.isnan(masks).flatten(1).any(dim=1)
    masks = torch.where(has_mask[:, None, None, None], masks, torch.zeros_like(masks))
    return PromptInput(points, labels, boxes, masks, has_mask)


def build(config: CompactConfig, weights: Mapping[str, Tensor]) -> CompactNet:
    """Build a network around given weights, converted to float32; ready for inference.

    Raises RuntimeError if names or shapes do not fit.
    """
    return filled(CompactNet, config, weights)
