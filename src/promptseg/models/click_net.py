"""A click-based segmentation network in plain torch: RITM's inputs, the compact model's encoder, a light head.

RITM (Sofiiuk et al. 2021, arXiv 2102.06583) looks at the image together with the clicks and the mask before them, so
nothing of an image can be kept from one click to the next: the whole network runs again.

Tensors: N objects (each with its own copy of the image), P points, S the side of the square input.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final, final

import torch
from torch import Tensor, nn
from torch.nn import functional

from promptseg.models.click_maps import MAPS, MapName, click_maps
from promptseg.models.compact import check_like
from promptseg.models.compact_decoder import Enlarge, ScoreHead
from promptseg.models.compact_encoder import ConvBlock, Encoder, apply_channels_last
from promptseg.models.sizes import MOST_BLOCKS, MOST_SIDE

__all__ = ["ClickConfig", "ClickNet"]

FUSION_SCALE: Final = 0.05
"""What the clicks weigh at first: training begins with a network that sees little more than the image."""

_SLOPE: Final = 0.2
_MAPS: Final = 3


@final
@dataclasses.dataclass(frozen=True)
class ClickConfig:
    """Sizes of a `ClickNet`, and how it draws clicks; every field can be stored as JSON.

    The encoder's sizes are named as in `CompactConfig`; `pyramid` are the channels of its outputs at strides 2 to 16.
    """

    size: int = 256
    widths: tuple[int, int, int, int] = (24, 48, 96, 192)
    depths: tuple[int, int, int, int] = (2, 2, 1, 6)
    heads: int = 6
    kernel: int = 7
    pyramid: tuple[int, int, int, int] = (16, 32, 64, 128)
    fusion: int = 16
    head: int = 48
    radius_px: int = 5
    drawn: MapName = "disc"

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            if item.name != "drawn":
                check_like(getattr(self, item.name), getattr(type(self), item.name), item.name)
        faults = (
            (self.size % 16 != 0 or self.size > MOST_SIDE, f"size {self.size} (a multiple of 16 to {MOST_SIDE})"),
            (sum(self.depths) > MOST_BLOCKS, f"more than {MOST_BLOCKS} blocks"),
            (self.kernel % 2 == 0, f"kernel {self.kernel} (an odd number)"),
            (self.widths[3] % self.heads != 0, f"{self.heads} heads for width {self.widths[3]}"),
            (self.drawn not in MAPS, f"clicks drawn as {self.drawn!r:.20} (one of {', '.join(MAPS)})"),
        )
        found = [words for fault, words in faults if fault]
        if found:
            raise ValueError(f"no network has such sizes: {'; '.join(found)}")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-able values."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> ClickConfig:
        """Rebuild a configuration from `to_json`; unknown names raise TypeError, impossible values ValueError."""
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**fields)


@final
class ClickFusion(nn.Module):
    """RITM's "Conv1S": the maps of clicks and mask, as something to add to the output of the encoder's first layer."""

    def __init__(self, hidden: int, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(_MAPS, hidden, 1)
        self.down = nn.Conv2d(hidden, width, 3, stride=2, padding=1)
        self.scale = nn.Parameter(torch.tensor(FUSION_SCALE))

    def forward(self, maps_N3SS: Tensor) -> Tensor:
        """Map (N, 3, S, S) to (N, S/2, S/2, width), channels last."""
        maps = maps_N3SS.contiguous(memory_format=torch.channels_last)
        out: Tensor = self.scale * self.down(functional.leaky_relu(self.mix(maps), _SLOPE))
        return out.permute(0, 2, 3, 1)


@final
class ClickHead(nn.Module):
    """From the encoder's pyramid to one mask at half the input's resolution, and its predicted IoU."""

    def __init__(self, pyramid: tuple[int, int, int, int], *, width: int, kernel: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Linear(channels, width) for channels in pyramid[1:])
        self.norm = nn.LayerNorm(width)
        self.blocks = nn.Sequential(*(ConvBlock(width, kernel=kernel) for _ in range(2)))
        self.to_coarse = nn.Linear(width, 1)
        self.enlarge = Enlarge(width, pyramid[0])
        self.smooth = nn.Conv2d(pyramid[0], pyramid[0], 3, padding=1)
        self.to_fine = nn.Linear(pyramid[0], 1)
        self.score = ScoreHead(pyramid[3], fine=width, hidden=pyramid[3])

    def forward(self, features: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Logits (N, 1, S/2, S/2) and scores (N, 1)."""
        x4 = self.lateral[0](features["stride4"])
        for lateral, name, factor in ((self.lateral[1], "stride8", 2.0), (self.lateral[2], "embedding", 4.0)):
            x4 = x4 + _enlarged(lateral(features[name]).permute(0, 3, 1, 2), factor).permute(0, 2, 3, 1)
        x4 = self.blocks(functional.gelu(self.norm(x4)))
        coarse = self.to_coarse(x4).permute(0, 3, 1, 2)
        x2 = functional.gelu(self.enlarge(x4) + features["stride2"])
        fine = self.to_fine(functional.gelu(apply_channels_last(self.smooth, x2))).permute(0, 3, 1, 2)
        return _enlarged(coarse, 2.0) + fine, self._score(features["embedding"].detach(), x4, coarse)

    def _score(self, embedding: Tensor, x4: Tensor, coarse: Tensor) -> Tensor:
        """The head of the compact model, with mean and maximum of the embedding in place of its tokens."""
        flat = embedding.flatten(1, 2)
        score: Tensor = self.score(flat.mean(dim=1), flat.amax(dim=1)[:, None], x4.flatten(1, 2), coarse.flatten(2))
        return score


@final
class ClickNet(nn.Module):
    """One mask for each object, from the image, all clicks and the mask before them."""

    def __init__(self, config: ClickConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = Encoder(
            widths=config.widths,
            depths=config.depths,
            heads=config.heads,
            kernel=config.kernel,
            outputs=config.pyramid,
        )
        self.prompts = ClickFusion(config.fusion, config.widths[0])
        self.decoder = ClickHead(config.pyramid, width=config.head, kernel=config.kernel)

    def forward(
        self, image_N1SS: Tensor, points_NP2: Tensor, labels_NP: Tensor, masks_N1hw: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Segment one object in each image.

        `labels_NP`: 1 positive, 0 negative, -1 padding (without any effect). `masks_N1hw`: logits of the mask before,
        of any size; a mask with NaN in it means none, which is a mask of probability 0. Returns logits (N, 1, S/2, S/2)
        and predicted IoU (N, 1).
        """
        side = image_N1SS.shape[-1]
        clicks = click_maps(
            points_NP2, labels_NP, side=side, radius_px=self.config.radius_px, drawn=self.config.drawn
        ).to(image_N1SS.dtype)
        maps = torch.cat((clicks, _probability(masks_N1hw, like=clicks)), dim=1)
        features = self.encoder(image_N1SS, added_BHWC=self.prompts(maps))
        answer: tuple[Tensor, Tensor] = self.decoder(features)
        return answer


def _probability(masks_N1hw: Tensor | None, *, like: Tensor) -> Tensor:
    """The mask before as probabilities (N, 1, S, S)."""
    if masks_N1hw is None:
        return torch.zeros_like(like[:, :1])
    given = ~torch.isnan(masks_N1hw).flatten(1).any(dim=1)
    shown = torch.where(given[:, None, None, None], torch.sigmoid(masks_N1hw), torch.zeros_like(masks_N1hw))
    return functional.interpolate(shown, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _enlarged(x_NCHW: Tensor, factor: float) -> Tensor:
    return functional.interpolate(x_NCHW, scale_factor=factor, mode="bilinear", align_corners=False)
