"""The sizes of a network, read from the shapes of its weights (under our names)."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final

from promptseg.errors import CheckpointError
from promptseg.models.sizes import (
    SAM2_SIZES,
    Architecture,
    DecoderSizes,
    MobileSamSizes,
    Sam2Sizes,
    SamSizes,
    Sizes,
    sizes_from_json,
    sizes_to_json,
)

__all__ = ["sizes_of"]

Shapes = Mapping[str, tuple[int, ...]]
Config = Mapping[str, Any] | None


def sizes_of(architecture: Architecture, shapes: Shapes, config: Config = None) -> Sizes:
    """The sizes that the shapes imply; what shapes do not show comes from ``config`` or from the published models.

    Args:
        architecture: of the SAM family.
        shapes: of each weight, by our name.
        config: transformers' ``config.json``, where there is one.

    Raises:
        CheckpointError: a weight that shows a size is missing or has an impossible shape.
    """
    try:
        sizes: Sizes = _READERS[architecture](shapes, config)
        return sizes_from_json(type(sizes), sizes_to_json(sizes))
    except KeyError as error:
        raise CheckpointError(f"it looks like {architecture}, but lacks {error.args[0]!r}") from error
    except (ArithmeticError, IndexError, ValueError) as error:
        raise CheckpointError(f"it looks like {architecture}, but its weights have impossible shapes") from error


def _sam(shapes: Shapes, config: Config) -> SamSizes:
    _, grid, _, width = shapes["vision_encoder.pos_embed"]
    patch = shapes["vision_encoder.patch_embed.projection.weight"][-1]
    depth = _count(shapes, r"vision_encoder\.layers\.(\d+)\.")
    reach = [(shapes[f"vision_encoder.layers.{index}.attn.rel_pos_h"][0] + 1) // 2 for index in range(depth)]
    windows = [side for side in reach if side != grid]
    embedding = shapes["vision_encoder.neck.conv1.weight"][0]
    return SamSizes(
        side=grid * patch,
        patch=patch,
        width=width,
        depth=depth,
        heads=width // shapes["vision_encoder.layers.0.attn.rel_pos_h"][1],
        mlp=shapes["vision_encoder.layers.0.mlp.lin1.weight"][0],
        window=windows[0] if windows else grid,
        global_blocks=tuple(index for index, side in enumerate(reach) if side == grid),
        embedding=embedding,
        decoder=_decoder(shapes, embedding, config, mlp="lin1"),
    )


def _mobile_sam(shapes: Shapes, config: Config) -> MobileSamSizes:
    merges = [f"vision_encoder.layers.{stage}.downsample.conv3.c.weight" for stage in range(3)]
    widths = (shapes["vision_encoder.patch_embed.seq.2.c.weight"][0], *(shapes[name][0] for name in merges))
    biases = [shapes[f"vision_encoder.layers.{stage}.blocks.0.attn.attention_biases"] for stage in (1, 2, 3)]
    embedding = shapes["vision_encoder.neck.0.weight"][0]
    return MobileSamSizes(
        widths=widths,
        depths=tuple(_count(shapes, rf"vision_encoder\.layers\.{stage}\.blocks\.(\d+)\.") for stage in range(4)),
        heads=tuple(heads for heads, _ in biases),
        windows=tuple(math.isqrt(offsets) for _, offsets in biases),
        mlp_ratio=shapes["vision_encoder.layers.0.blocks.0.conv1.c.weight"][0] // widths[0],
        embedding=embedding,
        decoder=_decoder(shapes, embedding, config, mlp="lin1"),
    )


def _sam2(shapes: Shapes, config: Config) -> Sam2Sizes:
    width = shapes["vision_encoder.backbone.patch_embed.projection.weight"][0]
    stages = _stages(shapes)
    if config is not None:
        return _sam2_in_config(shapes, config)
    for sizes in SAM2_SIZES.values():
        if (sizes.width, sizes.stages) == (width, stages):
            return sizes
    known = ", ".join(f"{name} ({sizes.width}, {sizes.stages})" for name, sizes in SAM2_SIZES.items())
    raise CheckpointError(
        f"it looks like sam2 of width {width} with stages of {stages} blocks, which is none of {known}; give "
        f"the folder with its config.json"
    )


def _sam2_in_config(shapes: Shapes, config: Mapping[str, Any]) -> Sam2Sizes:
    try:
        vision = config["vision_config"]
        backbone = vision["backbone_config"]
        embedding = shapes["mask_decoder.iou_token.weight"][1]
        decoder = _decoder(shapes, embedding, config, mlp="proj_in")
        values = {
            "side": _first(config.get("prompt_encoder_config", {}).get("image_size", 1024)),
            "width": backbone.get("hidden_size", 96),
            "heads": _first(backbone.get("num_attention_heads_per_stage", 1)),
            "stages": list(backbone.get("blocks_per_stage", [1, 2, 7, 2])),
            "windows": list(backbone.get("window_size_per_stage", [8, 4, 14, 7])),
            "global_blocks": list(backbone.get("global_attention_blocks", [5, 7, 9])),
            "background": _first(backbone.get("window_positional_embedding_background_size", 7)),
            "embedding": embedding,
            "decoder": asdict(decoder),
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise CheckpointError(f"config.json does not describe a SAM 2 model: {error!r:.80}") from error
    return sizes_from_json(Sam2Sizes, values)


def _decoder(shapes: Shapes, embedding: int, config: Config, *, mlp: str) -> DecoderSizes:
    layer = "mask_decoder.transformer.layers"
    settings = None if config is None else config.get("mask_decoder_config")
    heads = settings.get("num_attention_heads") if isinstance(settings, Mapping) else None
    return DecoderSizes(
        depth=_count(shapes, r"mask_decoder\.transformer\.layers\.(\d+)\."),
        heads=heads if isinstance(heads, int) else DecoderSizes().heads,
        mlp=shapes[f"{layer}.0.mlp.{mlp}.weight"][0],
        downsample=embedding // shapes[f"{layer}.0.cross_attn_token_to_image.q_proj.weight"][0],
        iou_hidden=shapes["mask_decoder.iou_prediction_head.proj_in.weight"][0],
        mask_channels=shapes["prompt_encoder.mask_embed.conv3.weight"][1],
    )


def _stages(shapes: Shapes) -> tuple[int, ...]:
    """Blocks of each stage of a Hiera encoder: the first block of each stage but the first projects its shortcut."""
    depth = _count(shapes, r"vision_encoder\.backbone\.blocks\.(\d+)\.")
    starts = [at for at in range(depth) if f"vision_encoder.backbone.blocks.{at}.proj.weight" in shapes]
    edges = [0, *starts, depth]
    return tuple(after - before for before, after in pairwise(edges))


def _count(shapes: Shapes, pattern: str) -> int:
    found = {int(match[1]) for match in map(re.compile(pattern).match, shapes) if match}
    if not found:
        raise KeyError(_readable(pattern))
    return max(found) + 1


def _readable(pattern: str) -> str:
    return pattern.replace("\\", "").replace("(d+)", "0")


def _first(value: object) -> object:
    return value[0] if isinstance(value, list) and value else value


_READERS: Final[dict[Architecture, Callable[[Shapes, Config], Sizes]]] = {
    "sam": _sam,
    "mobile-sam": _mobile_sam,
    "sam2": _sam2,
}
