"""The compact architecture of the embedded default model behind the :class:`Network` interface, and its files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from promptseg.errors import CheckpointError
from promptseg.io.files import one_line, shown
from promptseg.models.compact import CompactConfig, CompactNet, build
from promptseg.models.network import Features, PromptBatch

__all__ = ["DEFAULT_WEIGHTS", "EMBEDDED", "CompactNetwork", "open_compact"]

_WEIGHTS: Final = Path(__file__).resolve().parent.parent / "weights"

EMBEDDED: Final[dict[str, Path]] = {
    "default": _WEIGHTS / "default.safetensors",
    "default-zeroshot": _WEIGHTS / "default-zeroshot.safetensors",
}
"""The embedded models by name: files inside the package."""

DEFAULT_WEIGHTS: Final = EMBEDDED["default"]
"""The embedded default model."""


@final
class CompactNetwork:
    """A :class:`CompactNet` as a :class:`Network`."""

    ragged = True

    def __init__(self, module: CompactNet) -> None:
        self.module: nn.Module = module
        self.net = module
        self.channels = 1
        self.side = module.config.size
        self.grid_side = module.config.size // 2

    def encode(self, image_BCSS: Tensor) -> Features:
        """Preprocessed (B, 1, side, side) images to their features."""
        return self.net.encode(image_BCSS)

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (N, K, side / 2, side / 2) and scores (N, K)."""
        images = len(features["embedding"])
        shape = (images, len(prompts) // images)  # one image with all objects, or an image for each object
        boxes, masks = prompts.boxes_N4, prompts.masks_N1hw
        logits, scores = self.net.decode(
            features,
            points_BNP2=prompts.points_NP2.reshape(*shape, *prompts.points_NP2.shape[1:]),
            labels_BNP=prompts.labels_NP.reshape(*shape, *prompts.labels_NP.shape[1:]),
            boxes_BN4=None if boxes is None else boxes.reshape(*shape, *boxes.shape[1:]),
            masks_BN1hw=None if masks is None else masks.reshape(*shape, *masks.shape[1:]),
            multimask=multimask,
        )
        return logits.flatten(0, 1), scores.flatten(0, 1)


def open_compact(path: Path) -> CompactNetwork:
    """Read a compact model's safetensors file, whose header holds the configuration.

    Raises:
        CheckpointError: the file is damaged, or is not of this architecture.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = CompactConfig.from_json(_config_in(file.metadata() or {}, path))
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
        if path not in EMBEDDED.values():
            _check_fit(config, tensors)
        return CompactNetwork(build(config, tensors).requires_grad_(requires_grad=False))
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{shown(path)}: is damaged and cannot be read ({one_line(error)})") from error
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{shown(path)}: does not fit the compact architecture ({one_line(error)})") from error


def _check_fit(config: CompactConfig, tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that the configuration does not ask for, before a network of the claimed size is made.

    Raises:
        ValueError: names or shapes differ, or a weight is not finite.
    """
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in CompactNet(config).state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    wrong = sorted(name for name in {*wanted, *given} if wanted.get(name) != given.get(name))
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"{len(wrong)} weights are missing, unexpected or of another shape, such as {name!r:.80}: "
            f"{given.get(name, 'missing')} instead of {wanted.get(name, 'none')}"
        )
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"the weight {name!r} holds NaN or infinity")


def _config_in(metadata: dict[str, str], path: Path) -> dict[str, Any]:
    if "config" not in metadata:
        raise CheckpointError(f"{shown(path)}: is not a compact model of promptseg: its header has no configuration")
    config: dict[str, Any] = json.loads(metadata["config"])
    return config
