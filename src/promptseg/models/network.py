"""What an architecture offers to the predictor: encode once, decode many prompts, in its own square frame."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

__all__ = [
    "OBJECTS_AT_ONCE",
    "OBJECTS_AT_ONCE_ELSEWHERE",
    "Features",
    "Network",
    "PromptBatch",
    "WholeNetwork",
    "decode_in_parts",
]

OBJECTS_AT_ONCE: Final = {"cpu": 4}
"""Objects in one pass of the decoder, by type of device."""

OBJECTS_AT_ONCE_ELSEWHERE: Final = 64

Features = Mapping[str, Tensor]
"""Tensors that an encoder makes of B images, each with a leading dimension of B, by name."""


@dataclass(frozen=True, eq=False)
class PromptBatch:
    """Prompts of N objects, in pixels of the model's square frame.

    Every object has the same shape of prompt: P points (P may be 0), a box or none, a mask or none; who calls the
    network groups objects so that this holds. Only a ``ragged`` network takes padding, too.

    Attributes:
        points_NP2: (N, P, 2) float32 (x, y).
        labels_NP: (N, P) int64, 1 positive and 0 negative; -1 for no point.
        boxes_N4: (N, 4) float32 (x0, y0, x1, y1), or None; a row of NaN for no box.
        masks_N1hw: (N, 1, h, w) float32 logits on the network's low-resolution grid, or None; NaN for no mask.
    """

    points_NP2: Tensor
    labels_NP: Tensor
    boxes_N4: Tensor | None = None
    masks_N1hw: Tensor | None = None

    def __len__(self) -> int:
        return int(self.points_NP2.shape[0])

    def part(self, places: slice) -> "PromptBatch":
        """The objects at ``places``."""
        return replace(
            self,
            points_NP2=self.points_NP2[places],
            labels_NP=self.labels_NP[places],
            boxes_N4=None if self.boxes_N4 is None else self.boxes_N4[places],
            masks_N1hw=None if self.masks_N1hw is None else self.masks_N1hw[places],
        )


class Network(Protocol):
    """An architecture behind one interface; it holds a :class:`torch.nn.Module` and knows no image files.

    Attributes:
        module: the weights, on one device and in one dtype (coordinates stay float32).
        side: side of the square input in pixels.
        channels: 1 or 3 input channels.
        grid_side: side of the low-resolution logits, and of mask prompts.
        ragged: whether objects with different shapes of prompt may share a pass, filled up with padding.
    """

    module: nn.Module
    side: int
    channels: int
    grid_side: int
    ragged: bool

    def encode(self, image_BCSS: Tensor) -> Features:
        """Preprocessed (B, C, side, side) images to their features."""
        ...

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (N, K, grid_side, grid_side) and scores (N, K), K = 3 with ``multimask``, else 1.

        The features are those of one image, which all objects share, or have one row for each object. Differentiable
        with respect to the points, the boxes, the masks and the features where autograd is on.
        """
        ...


@runtime_checkable
class WholeNetwork(Protocol):
    """A network whose one mask and whose several masks come out of one pass of its decoder."""

    def decode_whole(self, features: Features, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        """Logits (N, 1 + K, grid_side, grid_side) and scores (N, 1 + K): the one mask, then the K others."""
        ...


def decode_in_parts(
    decode: Callable[[Features, PromptBatch], tuple[Tensor, Tensor]], features: Features, prompts: PromptBatch
) -> tuple[Tensor, Tensor]:
    """Logits and scores of all objects, decoded as many at a time as suit the device; the same as all at once."""
    any_feature = next(iter(features.values()))
    step = OBJECTS_AT_ONCE.get(any_feature.device.type, OBJECTS_AT_ONCE_ELSEWHERE)
    shared = len(any_feature) == 1
    parts = []
    for at in range(0, max(len(prompts), 1), step):
        places = slice(at, at + step)
        own = features if shared else {name: value[places] for name, value in features.items()}
        parts.append(decode(own, prompts.part(places)))
    if len(parts) == 1:
        return parts[0]
    logits, scores = zip(*parts, strict=True)
    return torch.cat(logits), torch.cat(scores)
