"""What a curriculum of simulated prompts is given, and what it gives back.

Tensors: M objects (of all images of a batch), P points, K masks; h = w = the side of the network's low-resolution grid.
Points and boxes are (x, y) pixels of the network's square input, pixel centres at whole numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, final

import numpy as np
from torch import Tensor

__all__ = ["Curriculum", "Decode", "ObjectPrompts", "Round", "Targets"]


@final
@dataclass(frozen=True, eq=False)
class ObjectPrompts:
    """Prompts of M objects in one value; what an object does not have is padding.

    Attributes:
        points_MP2: (M, P, 2) float32; P may be 0.
        labels_MP: (M, P) int64: 1 positive, 0 negative, -1 no point here.
        boxes_M4: (M, 4) float32 (x0, y0, x1, y1), a row of NaN for no box; or None for no boxes at all.
        masks_M1hw: (M, 1, h, w) float32 logits, NaN for no mask; or None for no masks at all.
    """

    points_MP2: Tensor
    labels_MP: Tensor
    boxes_M4: Tensor | None = None
    masks_M1hw: Tensor | None = None

    def __len__(self) -> int:
        return int(self.points_MP2.shape[0])


@final
@dataclass(frozen=True, eq=False)
class Targets:
    """The reference of M objects in the network's frame.

    Attributes:
        masks_Mhw: (M, h, w) float32 in [0, 1], the share of each cell of the grid that the object covers.
        boxes_M4: (M, 4) float32, tight boxes in pixels of the network's input, corners inclusive.
    """

    masks_Mhw: Tensor
    boxes_M4: Tensor


class Decode(Protocol):
    """The network's decoder with the features of the batch already in it.

    Attributes:
        side: side of the network's input in pixels.
        grid_side: side of the low-resolution grid.
        start: the same for the frozen network that training started from, with its own features of the batch, or None
            where the curriculum does not need it.
    """

    side: int
    grid_side: int
    start: "Decode | None"

    def __call__(self, prompts: ObjectPrompts, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (M, K, h, w) and scores (M, K) with K = 3 for ``multimask``, else 1; obeys torch's grad mode."""
        ...


@final
@dataclass(frozen=True, eq=False)
class Round:
    """One answer of the network that enters the loss.

    Attributes:
        logits_MKhw: (M, K, h, w) with gradients.
        scores_MK: (M, K) with gradients.
        weight: of this round in the mean over the rounds.
    """

    logits_MKhw: Tensor
    scores_MK: Tensor
    weight: float = 1.0


class Curriculum(Protocol):
    """How a user is simulated in training: a function of the decoder, the reference and a source of randomness."""

    def __call__(self, decode: Decode, targets: Targets, rng: np.random.Generator) -> Sequence[Round]:
        """Prompt the network once or several times; return the rounds that are to be learned from."""
        ...
