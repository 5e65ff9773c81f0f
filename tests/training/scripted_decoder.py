"""A decoder without a network: it answers with given logits, and keeps what it was asked."""

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from promptseg.training.simulation import ObjectPrompts, Targets

__all__ = ["Asked", "ScriptedDecoder", "boxes_of", "discs", "targets_of"]


@dataclass(frozen=True)
class Asked:
    """One call of the decoder."""

    prompts: ObjectPrompts
    multimask: bool
    learned: bool
    """Whether autograd was on."""


@dataclass
class ScriptedDecoder:
    """Answers with ``answer(number of the call)``, (M, h, w) logits; for three masks also lowered and raised.

    The second of three masks has the highest score. ``weight`` gets gradients.
    """

    answer: Callable[[int], Tensor]
    grid_side: int
    side: int = 256
    start: "ScriptedDecoder | None" = None
    asked: list[Asked] = field(default_factory=list)
    weight: Tensor = field(default_factory=lambda: torch.ones((), requires_grad=True))

    def __call__(self, prompts: ObjectPrompts, *, multimask: bool) -> tuple[Tensor, Tensor]:
        logits = self.answer(len(self.asked))[:, None] * self.weight
        self.asked.append(Asked(prompts, multimask, torch.is_grad_enabled()))
        scores = torch.full((len(prompts), 1), 0.5) * self.weight
        if multimask:
            logits = torch.cat((logits - 30, logits, logits + 30), dim=1)
            scores = scores * torch.tensor([[0.5, 1.5, 1.0]])
        return logits, scores


def boxes_of(masks_Mhw: Tensor, *, side: int) -> Tensor:
    """Tight boxes (M, 4) in pixels of the input, corners inclusive; zeros for an empty mask."""
    scale = side // masks_Mhw.shape[-1]
    boxes = []
    for mask in masks_Mhw >= 0.5:
        rows, columns = mask.nonzero(as_tuple=True)
        if len(rows) == 0:
            boxes.append([0, 0, 0, 0])
            continue
        low = [int(columns.min()) * scale, int(rows.min()) * scale]
        boxes.append([*low, (int(columns.max()) + 1) * scale - 1, (int(rows.max()) + 1) * scale - 1])
    return torch.tensor(boxes, dtype=torch.float32)


def targets_of(masks_Mhw: Tensor, *, side: int = 256) -> Targets:
    """Targets of these masks."""
    return Targets(masks_Mhw.float(), boxes_of(masks_Mhw.float(), side=side))


def discs(*circles: tuple[float, float, float], grid: int = 32) -> Tensor:
    """Discs (x, y, radius) in cells, as (M, grid, grid) float masks."""
    y, x = torch.meshgrid(torch.arange(grid), torch.arange(grid), indexing="ij")
    return torch.stack([((x - cx) ** 2 + (y - cy) ** 2 <= radius**2).float() for cx, cy, radius in circles])
