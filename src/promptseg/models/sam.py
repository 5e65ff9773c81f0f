"""Segment Anything and MobileSAM behind our network interface, on transformers' implementation.

Different from transformers' own `SamModel.forward`: every object has its own mask prompt, gradients reach the prompts
(and the caller decides whether there are any), coordinates stay float32 in every dtype, the decoder's layer norms have
the epsilon that SAM was trained with, its projections act on the few tokens instead of on the image, the embedded image
grid is computed once, and on a CPU objects are decoded a few at a time, which is faster than all at once because the
tensors stay in the cache.
"""

from typing import Any, final

import torch
from torch import Tensor, nn
from transformers import SamConfig, SamModel

from promptseg.models.fourier import FourierPositions
from promptseg.models.network import Features, PromptBatch, decode_in_parts
from promptseg.models.sizes import DecoderSizes, MobileSamSizes, SamSizes
from promptseg.models.tiny_vit import TinyVit
from promptseg.models.two_way import TwoWayTransformer
from promptseg.models.vit_attention import PatchEmbedding, TiledAttention

__all__ = ["SamNetwork", "build_mobile_sam", "build_sam"]


@final
class SamNetwork:
    """SAM, MedSAM and MobileSAM as a :class:`~promptseg.models.network.Network`.

    Attributes:
        module: transformers' `SamModel`, with :class:`FourierPositions` and perhaps another image encoder in it.
        sizes: the numbers that fix the architecture.
        side: side of the square input in pixels.
        channels: 3.
        grid_side: side of the low-resolution logits and of mask prompts.
        ragged: False; a missing point is not the same as padding here.
    """

    channels = 3
    ragged = False

    def __init__(self, module: nn.Module, sizes: SamSizes | MobileSamSizes) -> None:
        """Wrap a module of :func:`build_sam` or :func:`build_mobile_sam`."""
        self.module: Any = module
        self.sizes = sizes
        self.side = sizes.side
        self.grid_side = 4 * (sizes.side // _stride(sizes))
        self._grid: Tensor | None = None

    def encode(self, image_BCSS: Tensor) -> Features:
        """Preprocessed (B, 3, side, side) images to ``embedding`` (B, C, side / 16, side / 16)."""
        weight = self.module.mask_decoder.iou_token.weight
        encoded = self.module.vision_encoder(image_BCSS.to(weight.dtype))
        return {"embedding": encoded if isinstance(encoded, Tensor) else encoded.last_hidden_state}

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (N, K, grid_side, grid_side) and scores (N, K); see :meth:`Network.decode`."""
        logits, scores = self.decode_whole(features, prompts)
        kept = slice(1, None) if multimask else slice(0, 1)
        return logits[:, kept], scores[:, kept]

    def decode_whole(self, features: Features, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        """Logits (N, 4, grid_side, grid_side) and scores (N, 4): the one mask, then the three others."""
        return decode_in_parts(self._decode_together, features, prompts)

    def _decode_together(self, features: Features, prompts: PromptBatch) -> tuple[Tensor, Tensor]:
        embedding = features["embedding"]
        masks = prompts.masks_N1hw
        sparse, dense = self.module.prompt_encoder(
            input_points=prompts.points_NP2[:, None] if prompts.labels_NP.shape[1] else None,
            input_labels=prompts.labels_NP[:, None],
            input_boxes=None if prompts.boxes_N4 is None else prompts.boxes_N4[:, None],
            input_masks=None if masks is None else masks.to(embedding.dtype),
        )
        shape = (len(prompts), *embedding.shape[1:])
        image = embedding.expand(shape) + dense.expand(shape)
        logits, scores = _all_masks(self.module.mask_decoder, sparse, image, self._embedded_grid(embedding))
        return as_float(logits), as_float(scores)

    def _embedded_grid(self, like: Tensor) -> Tensor:
        grid = self._grid
        if grid is None or grid.device != like.device or grid.dtype != like.dtype:
            grid = self._grid = embedded_grid(self.module.shared_image_embedding, like)
        return grid


def build_sam(sizes: SamSizes) -> nn.Module:
    """A `SamModel` on the meta device, to be filled with weights by ``load_state_dict(..., assign=True)``."""
    vision = {
        "hidden_size": sizes.width,
        "output_channels": sizes.embedding,
        "num_hidden_layers": sizes.depth,
        "num_attention_heads": sizes.heads,
        "image_size": sizes.side,
        "patch_size": sizes.patch,
        "window_size": sizes.window,
        "global_attn_indexes": list(sizes.global_blocks),
        "mlp_dim": sizes.mlp,
    }
    module = _build(sizes, vision)
    encoder: Any = module.vision_encoder
    with torch.device("meta"):
        encoder.patch_embed = PatchEmbedding(sizes.width, patch=sizes.patch)
        for layer in encoder.layers:
            side = layer.window_size or sizes.side // sizes.patch
            layer.attn = TiledAttention(sizes.width, heads=sizes.heads, side=side)
    return module


def build_mobile_sam(sizes: MobileSamSizes) -> nn.Module:
    """A `SamModel` with :class:`TinyVit` as its image encoder, on the meta device."""
    vision = {
        "hidden_size": sizes.embedding,
        "output_channels": sizes.embedding,
        "num_hidden_layers": 0,
        "num_attention_heads": 1,
        "image_size": sizes.side,
        "global_attn_indexes": [],
    }
    module = _build(sizes, vision)
    with torch.device("meta"):
        module.add_module("vision_encoder", TinyVit(sizes).eval())
    return module


def _all_masks(mask_decoder: nn.Module, sparse: Tensor | None, image: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (N, 4, 4h, 4w) and scores (N, 4) of transformers' ``SamMaskDecoder``, which hands out one mask or three.

    Args:
        mask_decoder: of a `SamModel`.
        sparse: (N, 1, T, C) embedded points and boxes, or None.
        image: (N, C, h, w) the image with the embedded mask added.
        places: (1, C, h, w) the embedded image grid.
    """
    decoder: Any = mask_decoder
    own = torch.cat([decoder.iou_token.weight, decoder.mask_tokens.weight]).expand(len(image), 1, -1, -1)
    asking = own if sparse is None else torch.cat([own, sparse.to(own.dtype)], dim=2)
    tokens, seen = decoder.transformer(
        point_embeddings=asking, image_embeddings=image, image_positional_embeddings=places
    )
    coarse = decoder.upscale_conv1(seen[:, 0].transpose(1, 2).reshape(image.shape))
    fine = decoder.activation(decoder.upscale_conv2(decoder.activation(decoder.upscale_layer_norm(coarse))))
    nets = decoder.output_hypernetworks_mlps
    filters = torch.stack([net(tokens[:, 0, number]) for number, net in enumerate(nets, start=1)], dim=1)
    logits = (filters @ fine.flatten(2)).unflatten(-1, fine.shape[2:])
    return logits, decoder.iou_prediction_head(tokens[:, 0, 0])


def decoder_settings(sizes: DecoderSizes, embedding: int) -> dict[str, Any]:
    """What transformers' configuration of a mask decoder takes from our sizes."""
    return {
        "hidden_size": embedding,
        "mlp_dim": sizes.mlp,
        "num_hidden_layers": sizes.depth,
        "num_attention_heads": sizes.heads,
        "attention_downsample_rate": sizes.downsample,
        "iou_head_hidden_dim": sizes.iou_hidden,
    }


def embedded_grid(positions: FourierPositions, like: Tensor) -> Tensor:
    """The image grid as the decoder wants it beside an embedding (1, C, h, w), without a history."""
    with torch.inference_mode(mode=False), torch.no_grad():
        return positions.grid(like.shape[-1]).to(device=like.device, dtype=like.dtype)


def as_float(values: Tensor) -> Tensor:
    """At least float32."""
    return values.float() if values.dtype in {torch.float16, torch.bfloat16} else values


def _build(sizes: SamSizes | MobileSamSizes, vision: dict[str, Any]) -> nn.Module:
    decoder = sizes.decoder
    config = SamConfig(
        vision_config={**vision, "num_pos_feats": sizes.embedding // 2},
        prompt_encoder_config={
            "hidden_size": sizes.embedding,
            "image_size": sizes.side,
            "patch_size": _stride(sizes),
            "mask_input_channels": decoder.mask_channels,
        },
        mask_decoder_config={**decoder_settings(decoder, sizes.embedding), "layer_norm_eps": 1e-5},
    )
    with torch.device("meta"):
        module: Any = SamModel(config)
        module.shared_image_embedding = FourierPositions(sizes.embedding // 2)
        module.prompt_encoder.shared_embedding = FourierPositions(sizes.embedding // 2)
        module.mask_decoder.transformer = TwoWayTransformer(module.mask_decoder.transformer)
    built: nn.Module = module.eval()
    return built


def _stride(sizes: SamSizes | MobileSamSizes) -> int:
    return sizes.patch if isinstance(sizes, SamSizes) else 16
