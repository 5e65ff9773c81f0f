"""The recipe of the default model: a TOML file, checked as it is read."""

from __future__ import annotations

import dataclasses
import hashlib
import tomllib
from pathlib import Path
from typing import Any

from promptseg.models.compact import CompactConfig


@dataclasses.dataclass(frozen=True)
class DataRecipe:
    """Which images are drawn, how large they are kept in memory, and how far pixels are moved (share of the side)."""

    longest_px: int
    phantoms: int
    weights: dict[str, float]
    parts: tuple[str, ...] = ("train",)
    elastic: float = 0.0


@dataclasses.dataclass(frozen=True)
class TrainingRecipe:
    """Optimisation settings."""

    minutes: float
    batch: int
    objects: int
    learning_rate: float
    final_learning_rate: float
    weight_decay: float
    warm_up_steps: int
    clip_norm: float
    ema: float
    checkpoint_minutes: float
    log_every: int


@dataclasses.dataclass(frozen=True)
class PromptRecipe:
    """How a user is simulated; the fields are explained in the recipe file."""

    click: float
    box: float
    box_and_click: float
    many: float
    mask: float
    deep: float
    jitter: float
    jitter_sd: float
    feedback: float
    long: float
    long_rounds: int
    click_train: float
    mask_only: float


@dataclasses.dataclass(frozen=True)
class LossRecipe:
    """Weights of the loss terms; the fields are explained in the recipe file."""

    dice: float
    bce: float
    balanced_start: float
    balanced_end: float
    alternatives_first: float
    alternatives_later: float
    alternatives_all: float
    score: float


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A whole recipe, with the SHA-256 of its file."""

    name: str
    version: str
    seed: int
    split: Path
    network: CompactConfig
    data: DataRecipe
    training: TrainingRecipe
    prompts: PromptRecipe
    loss: LossRecipe
    sha256: str


def read_recipe(path: Path) -> Recipe:
    """Read a recipe; an unknown or missing setting raises TypeError or KeyError with its name."""
    content = path.read_bytes()
    values: dict[str, Any] = tomllib.loads(content.decode())
    data = values["data"]
    return Recipe(
        name=values["name"],
        version=values["version"],
        seed=values["seed"],
        split=path.parent / values["split"],
        network=CompactConfig.from_json(values["network"]),
        data=DataRecipe(**{**data, "parts": tuple(data.get("parts", ("train",)))}),
        training=TrainingRecipe(**values["training"]),
        prompts=PromptRecipe(**values["prompts"]),
        loss=LossRecipe(**values["loss"]),
        sha256=hashlib.sha256(content).hexdigest(),
    )
