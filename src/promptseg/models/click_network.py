"""The click-based architecture behind the :class:`Network` interface, and its files."""

from pathlib import Path
from typing import Final, final

from torch import Tensor, nn

from promptseg.errors import PromptError
from promptseg.models.click_net import ClickConfig, ClickNet
from promptseg.models.network import Features, PromptBatch
from promptseg.models.own_weights import read_module
from promptseg.types import PromptKind

__all__ = ["CLICK_PROMPTS", "ClickNetwork", "open_clicks"]

CLICK_PROMPTS: Final[frozenset[PromptKind]] = frozenset({"points", "mask"})
"""What such a network understands."""


@final
class ClickNetwork:
    """A :class:`ClickNet` as a :class:`Network`: its features are the image itself, and decoding runs all of it."""

    ragged = True
    accepts = CLICK_PROMPTS

    def __init__(self, module: ClickNet) -> None:
        self.module: nn.Module = module
        self.net = module
        self.channels = 1
        self.side = module.config.size
        self.grid_side = module.config.size // 2

    def encode(self, image_BCSS: Tensor) -> Features:
        """Preprocessed (B, 1, side, side) images as they are."""
        return {"image": image_BCSS}

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (N, 1, side / 2, side / 2) and scores (N, 1): there is one mask, whether several are asked for or not.

        Raises:
            PromptError: there are boxes.
        """
        del multimask
        if prompts.boxes_N4 is not None:
            raise PromptError("a click-based network takes clicks and a mask, no boxes; give another model or prompt")
        image = features["image"]
        images = image.expand(len(prompts), -1, -1, -1) if len(image) == 1 else image
        logits, scores = self.net(images, prompts.points_NP2, prompts.labels_NP, prompts.masks_N1hw)
        return logits, scores


def open_clicks(path: Path) -> ClickNetwork:
    """Read a click-based model's safetensors file, whose header holds the configuration.

    Raises:
        CheckpointError: the file is damaged, or is not of this architecture.
    """
    return ClickNetwork(read_module(path, ClickConfig.from_json, ClickNet, what="click-based"))
