"""The image part of SAM 2 and 2.1 behind our network interface, on transformers' implementation.

The memory that follows objects through a video is not here. Different from transformers' own `Sam2Model.forward`:
gradients reach the prompts, coordinates stay float32 in every dtype, a mask prompt stands alone as in Meta's image
predictor (transformers adds an empty point to it), the embedded image grid is computed once, and on a CPU objects are
decoded a few at a time. With one mask, Meta's rule for unstable masks holds: where the single mask would change by
more than 2 % between logits of -0.05 and 0.05, the best of the three is given instead.
"""

from functools import partial
from typing import Any, final

import torch
from torch import Tensor, nn
from transformers import Sam2Config, Sam2Model

from promptseg.models.fourier import FourierPositions
from promptseg.models.network import Features, PromptBatch, decode_in_parts
from promptseg.models.sam import as_float, decoder_settings, embedded_grid
from promptseg.models.sizes import Sam2Sizes

__all__ = ["Sam2Network", "build_sam2"]

STRIDE = 16
MASK_LIMIT = 32.0
"""Meta's predictor clips the logits that it hands out to be fed back."""


@final
class Sam2Network:
    """SAM 2 for images as a :class:`~promptseg.models.network.Network`.

    Attributes:
        module: transformers' `Sam2Model`, with :class:`FourierPositions` in it.
        sizes: the numbers that fix the architecture.
        side: side of the square input in pixels.
        channels: 3.
        grid_side: side of the low-resolution logits and of mask prompts.
        ragged: False; a missing point is not the same as padding here.
    """

    channels = 3
    ragged = False

    def __init__(self, module: nn.Module, sizes: Sam2Sizes) -> None:
        """Wrap a module of :func:`build_sam2`."""
        self.module: Any = module
        self.sizes = sizes
        self.side = sizes.side
        self.grid_side = 4 * (sizes.side // STRIDE)
        self._grid: Tensor | None = None

    def encode(self, image_BCSS: Tensor) -> Features:
        """Preprocessed (B, 3, side, side) images to three maps of stride 4, 8 and 16.

        They are ``stride4`` (B, C / 8, side / 4, side / 4), ``stride8`` (B, C / 4, side / 8, side / 8) and
        ``embedding`` (B, C, side / 16, side / 16).
        """
        module = self.module
        encoded = module.vision_encoder(image_BCSS.to(module.no_memory_embedding.dtype))
        stride4, stride8, stride16 = encoded.fpn_hidden_states
        return {
            "stride4": module.mask_decoder.conv_s0(stride4),
            "stride8": module.mask_decoder.conv_s1(stride8),
            "embedding": stride16 + module.no_memory_embedding.reshape(1, -1, 1, 1),
        }

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (N, K, grid_side, grid_side) and scores (N, K); see :meth:`Network.decode`."""
        return decode_in_parts(partial(self._decode_together, multimask=multimask), features, prompts)

    def _decode_together(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        embedding = features["embedding"]
        masks, boxes = prompts.masks_N1hw, prompts.boxes_N4
        sparse, dense = self.module.prompt_encoder(
            input_points=prompts.points_NP2[:, None] if prompts.labels_NP.shape[1] else None,
            input_labels=prompts.labels_NP[:, None],
            input_boxes=None if boxes is None else boxes[:, None].contiguous(),
            input_masks=None if masks is None else masks.clamp(-MASK_LIMIT, MASK_LIMIT).to(embedding.dtype),
        )
        objects, channels = len(prompts), embedding.shape[1]
        if sparse is None:
            sparse = embedding.new_zeros(objects, 1, 0, channels)
        shape = (objects, *embedding.shape[1:])
        logits, scores, _, _ = self.module.mask_decoder(
            image_embeddings=embedding.expand(shape),
            image_positional_embeddings=self._embedded_grid(embedding),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense.expand(shape),
            multimask_output=multimask,
            high_resolution_features=[features["stride4"], features["stride8"]],
        )
        return as_float(logits[:, 0]), as_float(scores[:, 0])

    def _embedded_grid(self, like: Tensor) -> Tensor:
        grid = self._grid
        if grid is None or grid.device != like.device or grid.dtype != like.dtype:
            grid = self._grid = embedded_grid(self.module.shared_image_embedding, like)
        return grid


def build_sam2(sizes: Sam2Sizes) -> nn.Module:
    """A `Sam2Model` on the meta device, to be filled with weights by ``load_state_dict(..., assign=True)``."""
    doubled = [2**stage for stage in range(len(sizes.stages))]
    widths = [sizes.width * factor for factor in doubled]
    backbone = {
        "model_type": "sam2_hiera_det_model",
        "hidden_size": sizes.width,
        "num_attention_heads": sizes.heads,
        "image_size": [sizes.side, sizes.side],
        "window_positional_embedding_background_size": [sizes.background, sizes.background],
        "num_query_pool_stages": len(sizes.stages) - 1,
        "blocks_per_stage": list(sizes.stages),
        "embed_dim_per_stage": widths,
        "num_attention_heads_per_stage": [sizes.heads * factor for factor in doubled],
        "window_size_per_stage": list(sizes.windows),
        "global_attention_blocks": list(sizes.global_blocks),
    }
    vision = {
        "model_type": "sam2_vision_model",
        "backbone_config": backbone,
        "backbone_channel_list": widths[::-1],
        "backbone_feature_sizes": [[sizes.side // stride] * 2 for stride in (4, 8, 16)],
        "fpn_hidden_size": sizes.embedding,
    }
    prompts = {
        "hidden_size": sizes.embedding,
        "image_size": sizes.side,
        "patch_size": STRIDE,
        "mask_input_channels": sizes.decoder.mask_channels,
    }
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config=prompts,
        mask_decoder_config=decoder_settings(sizes.decoder, sizes.embedding),
    )
    with torch.device("meta"):
        module: Any = Sam2Model(config)
        module.shared_image_embedding = FourierPositions(sizes.embedding // 2)
        module.prompt_encoder.shared_embedding = FourierPositions(sizes.embedding // 2)
    built: nn.Module = module.eval()
    return built
