"""One step of training as one module, so that it can be spread over processes: encode, simulate a user, compare."""

import copy
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from promptseg.models.network import Network
from promptseg.training.curricula import CURRICULA, build_curriculum
from promptseg.training.decode import BatchDecode
from promptseg.training.losses import mask_iou, rounds_loss
from promptseg.training.parts import parts_of
from promptseg.training.recipe import Recipe
from promptseg.training.supply import Batch

__all__ = ["TrainingStep", "starting_network"]


@final
class TrainingStep(nn.Module):
    """The network with a simulated user in front of it and the loss behind."""

    def __init__(self, network: Network, recipe: Recipe) -> None:
        """Train a network whose parameters that learn ask for gradients; where it starts is kept if it is asked for."""
        super().__init__()
        self.module = network.module
        self._network = network
        self._curriculum = build_curriculum(recipe.curriculum.name, **recipe.curriculum.settings)
        self._loss = recipe.loss
        self._bf16 = recipe.training.precision == "bf16"
        self._start = starting_network(network) if CURRICULA[recipe.curriculum.name].needs_start else None

    def forward(self, batch: Batch, rng: np.random.Generator, progress: float) -> dict[str, Tensor]:
        """The loss of a batch, and the mean IoU of the masks of the last round (the best of several).

        Args:
            batch: images and objects.
            rng: for the simulated user.
            progress: share of the training that is done, from 0 to 1.
        """
        with self._precision(batch.images_M.device):
            decode = self._decode(batch)
            rounds = self._curriculum(decode, batch.targets, rng)
        loss = rounds_loss(rounds, batch.targets, self._loss.at(progress))
        iou = mask_iou(rounds[-1].logits_MKhw, batch.targets.masks_Mhw[:, None]).amax(dim=1).mean()
        return {"loss": loss, "iou": iou}

    def _decode(self, batch: Batch) -> BatchDecode:
        start = None
        if self._start is not None:
            with torch.no_grad():
                start = BatchDecode(self._start, _features(self._start, batch), batch.images_M)
        return BatchDecode(self._network, _features(self._network, batch), batch.images_M, start=start)

    def _precision(self, device: torch.device) -> AbstractContextManager[object]:
        return torch.autocast(device.type, dtype=torch.bfloat16, cache_enabled=False) if self._bf16 else nullcontext()


def starting_network(network: Network) -> Network:
    """A frozen copy of a network as it is now; weights that are not trained are not copied."""
    parts = parts_of(network)
    kept: dict[int, Any] = {
        id(value): value
        for name, value in network.module.named_parameters()
        if name in parts and not value.requires_grad
    }
    twin = copy.deepcopy(network, kept)
    for value in twin.module.parameters():
        value.requires_grad = False
    return twin


def _features(network: Network, batch: Batch) -> Mapping[str, Tensor]:
    """Features in float32, as at inference: coordinates take the type of the features."""
    if not isinstance(batch.images, Tensor):
        return batch.images
    return {name: value.float() for name, value in network.encode(batch.images).items()}
