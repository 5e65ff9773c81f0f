"""The compact architecture of the embedded default model behind the :class:`Network` interface, and its files."""

from pathlib import Path
from typing import final

from torch import Tensor, nn

from promptseg.models.compact import CompactConfig, CompactNet
from promptseg.models.network import Features, PromptBatch, decode_in_parts
from promptseg.models.own_weights import read_module

__all__ = ["CompactNetwork", "open_compact"]


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
        logits, scores = self.decode_whole(features, prompts)
        kept = slice(1, None) if multimask else slice(0, 1)
        return logits[:, kept], scores[:, kept]

    def decode_whole(self, features: Features, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        """Logits (N, 4, side / 2, side / 2) and scores (N, 4): the one mask, then the three others."""
        if len(features["embedding"]) > 1:
            return self._decode_together(features, prompts)
        return decode_in_parts(self._decode_together, features, prompts)

    def _decode_together(self, features: Features, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        images = len(features["embedding"])
        shape = (images, len(prompts) // images)  # one image with all objects, or an image for each object
        boxes, masks = prompts.boxes_N4, prompts.masks_N1hw
        logits, scores = self.net.decode_all(
            features,
            points_BNP2=prompts.points_NP2.reshape(*shape, *prompts.points_NP2.shape[1:]),
            labels_BNP=prompts.labels_NP.reshape(*shape, *prompts.labels_NP.shape[1:]),
            boxes_BN4=None if boxes is None else boxes.reshape(*shape, *boxes.shape[1:]),
            masks_BN1hw=None if masks is None else masks.reshape(*shape, *masks.shape[1:]),
        )
        return logits.flatten(0, 1), scores.flatten(0, 1)


def open_compact(path: Path) -> CompactNetwork:
    """Read a compact model's safetensors file, whose header holds the configuration.

    Raises:
        CheckpointError: the file is damaged, or is not of this architecture.
    """
    return CompactNetwork(read_module(path, CompactConfig.from_json, CompactNet, what="compact"))
