"""Optimisers, learning rates and running means of weights."""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import final

import torch
from torch import Tensor, nn

from promptseg.training.recipe import OptimiserSettings, ScheduleSettings

__all__ = ["RunningMean", "make_optimiser", "rate_factor"]


def make_optimiser(parameters: Mapping[str, nn.Parameter], settings: OptimiserSettings) -> torch.optim.Optimizer:
    """An optimiser; only weights with two dimensions or more decay, embeddings of single tokens do not."""
    decayed = [value for value in parameters.values() if _is_matrix(value)]
    others = [value for value in parameters.values() if not _is_matrix(value)]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    kind = torch.optim.AdamW if settings.name == "adamw" else torch.optim.Adam
    return kind(groups, lr=settings.lr, betas=settings.betas, foreach=True)


def rate_factor(settings: ScheduleSettings, *, step: int, steps: int) -> float:
    """By what the learning rate is multiplied in a step, counted from 0, of so many steps."""
    warm = min(1.0, (step + 1) / (settings.warm_up + 1))
    after = max(0, step - settings.warm_up) / max(1, steps - settings.warm_up)
    if settings.name == "cosine":
        return warm * (settings.final + (1 - settings.final) * 0.5 * (1 + math.cos(math.pi * after)))
    if settings.name == "linear":
        return warm * (1 + (settings.final - 1) * after)
    if settings.name == "steps":
        return warm * settings.factor ** sum(step >= share * steps for share in settings.at)
    return warm


@final
class RunningMean:
    """Exponential running mean of weights.

    Attributes:
        values: the means by name, float32.
    """

    def __init__(self, parameters: Mapping[str, nn.Parameter], *, decay: float) -> None:
        """Begin with the weights as they are."""
        self.values = {name: value.detach().clone() for name, value in parameters.items()}
        self._parameters = parameters
        self._decay = decay

    def update(self, *, step: int) -> None:
        """Move towards the weights; the first steps, counted from 1, move faster."""
        decay = min(self._decay, (1 + step) / (10 + step))
        current = [value.detach() for value in self._parameters.values()]
        torch._foreach_lerp_(list(self.values.values()), current, 1 - decay)

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Go on from values of an earlier process."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has the means for weights meanwhile."""
        kept = {name: value.detach().clone() for name, value in self._parameters.items()}
        self._put(self.values)
        try:
            yield
        finally:
            self._put(kept)

    @torch.no_grad()
    def _put(self, values: Mapping[str, Tensor]) -> None:
        for name, parameter in self._parameters.items():
            parameter.copy_(values[name])


def _is_matrix(value: Tensor) -> bool:
    return value.ndim > 1 and min(value.shape[:2]) > 1
