"""Saving and loading of a training run, and the weights file that the package ships."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from promptseg.models.compact import CompactNet
from tools.default_model.recipe import Recipe


def write_atomically(state: dict[str, Any], path: Path) -> None:
    """Save a checkpoint beside its place and rename it, so that an interruption leaves the older one whole."""
    temporary = path.with_suffix(".partial")
    torch.save(state, temporary)
    temporary.replace(path)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Load a checkpoint of `write_atomically`."""
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def export_weights(average: dict[str, Tensor], recipe: Recipe, path: Path, *, summary: dict[str, Any]) -> None:
    """Write weights as float16 safetensors; the header holds format, version, configuration, recipe and summary."""
    header = {
        "format": "promptseg-compact",
        "name": recipe.name,
        "version": recipe.version,
        "config": json.dumps(recipe.network.to_json()),
        "recipe_sha256": recipe.sha256,
        "training": json.dumps(summary),
        "license": "Apache-2.0",
    }
    temporary = path.with_suffix(".partial")
    save_file({name: value.half().contiguous() for name, value in average.items()}, temporary, metadata=header)
    temporary.chmod(0o644)
    temporary.replace(path)


class Average:
    """Exponential moving average of a network's parameters and buffers."""

    def __init__(self, net: CompactNet, *, decay: float) -> None:
        self.decay = decay
        self.values = {name: value.detach().clone().float() for name, value in net.state_dict().items()}

    def update(self, net: CompactNet, *, step: int) -> None:
        """Move towards the current values; the first steps move faster."""
        decay = min(self.decay, (1.0 + step) / (10.0 + step))
        names = list(self.values)
        current = net.state_dict()
        torch._foreach_lerp_([self.values[n] for n in names], [current[n].detach() for n in names], 1.0 - decay)
