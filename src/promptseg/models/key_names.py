"""The names of weights in other people's files, turned into those of our networks: rules as tables.

Ours are transformers' names; MobileSAM's encoder keeps the names of its published file. The rules are for files that
call their encoder ``image_encoder``, as Meta's do; others have transformers' names already. A name that no rule knows
passes unchanged and is then reported as unexpected by the strict comparison in `checkpoints`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from promptseg.errors import CheckpointError
from promptseg.models.sizes import Architecture

__all__ = ["DROPPED", "recognise", "rename"]

ValueT = TypeVar("ValueT")
Rules = tuple[tuple[re.Pattern[str], str], ...]


def _rules(*pairs: tuple[str, str]) -> Rules:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in pairs)


_DECODER: Final = _rules(
    (
        r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$",
        "prompt_encoder.shared_embedding.positional_embedding",
    ),
    (r"^prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
    (r"^prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"^prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"^prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"^prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"^prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
    (r"^(mask_decoder\.transformer\.layers\.\d+)\.norm([1-4])\.", r"\1.layer_norm\2."),
    (r"^mask_decoder\.transformer\.norm_final_attn\.", "mask_decoder.transformer.layer_norm_final_attn."),
    (r"^mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.0\.", r"\1.proj_in."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.2\.", r"\1.proj_out."),
    (r"^(mask_decoder\.(?:output_hypernetworks_mlps\.\d+|\w+_head))\.layers\.1\.", r"\1.layers.0."),
)
"""Meta's prompt encoder and mask decoder, which SAM, MedSAM, MobileSAM and SAM 2 share."""

_SAM: Final = (
    *_rules(
        (r"^image_encoder\.blocks\.(\d+)\.norm([12])\.", r"image_encoder.layers.\1.layer_norm\2."),
        (r"^image_encoder\.blocks\.", "image_encoder.layers."),
        (r"^image_encoder\.patch_embed\.proj\.", "image_encoder.patch_embed.projection."),
        (r"^image_encoder\.neck\.0\.", "image_encoder.neck.conv1."),
        (r"^image_encoder\.neck\.1\.", "image_encoder.neck.layer_norm1."),
        (r"^image_encoder\.neck\.2\.", "image_encoder.neck.conv2."),
        (r"^image_encoder\.neck\.3\.", "image_encoder.neck.layer_norm2."),
        (r"^image_encoder\.", "vision_encoder."),
    ),
    *_DECODER,
)

_MOBILE_SAM: Final = (*_rules((r"^image_encoder\.", "vision_encoder.")), *_DECODER)

_SAM2: Final = (
    *_rules(
        (r"^sam_(prompt_encoder|mask_decoder)\.", r"\1."),
        (r"^no_mem_embed$", "no_memory_embedding"),
        (r"^image_encoder\.trunk\.blocks\.(\d+)\.norm([12])\.", r"image_encoder.trunk.blocks.\1.layer_norm\2."),
        (r"^image_encoder\.trunk\.patch_embed\.proj\.", "image_encoder.trunk.patch_embed.projection."),
        (r"^image_encoder\.neck\.convs\.(\d+)\.conv\.", r"image_encoder.neck.convs.\1."),
        (
            r"^(image_encoder\.trunk\.blocks\.\d+|mask_decoder\.transformer\.layers\.\d+)\.mlp\.layers\.0\.",
            r"\1.mlp.proj_in.",
        ),
        (
            r"^(image_encoder\.trunk\.blocks\.\d+|mask_decoder\.transformer\.layers\.\d+)\.mlp\.layers\.1\.",
            r"\1.mlp.proj_out.",
        ),
        (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
        (r"^image_encoder\.neck\.", "vision_encoder.neck."),
        (r"^(mask_decoder\.transformer\..*)\.out_proj\.", r"\1.o_proj."),
    ),
    *_DECODER,
)

_RULES: Final[dict[Architecture, Rules]] = {
    "sam": _SAM,
    "mobile-sam": _MOBILE_SAM,
    "sam2": _SAM2,
    "compact": (),
    "clicks": (),
}

_UNUSED: Final[dict[Architecture, Rules]] = {
    "sam": _rules((r"^pixel_(mean|std)$", "the normalisation, which is in the table of models")),
    "mobile-sam": _rules(
        (r"^pixel_(mean|std)$", "the normalisation, which is in the table of models"),
        (r"^image_encoder\.(norm_head|head)\.", "the classifier of TinyViT's pre-training"),
    ),
    "sam2": _rules(
        (r"^memory_(attention|encoder)\.", "the memory for video"),
        (r"^(maskmem_tpos_enc|no_mem_pos_enc|no_obj_ptr|no_obj_embed_spatial)$", "the memory for video"),
        (r"^(mask_downsample|obj_ptr_proj|obj_ptr_tpos_proj)\.", "the memory for video"),
        (r"^memory_temporal_positional_encoding$", "the memory for video, in transformers' names"),
        (r"^(object_pointer_proj|temporal_positional_encoding_projection_layer)\.", "the same"),
        (r"^(no_memory_positional_encoding|no_object_pointer|occlusion_spatial_embedding_parameter)$", "the same"),
    ),
    "compact": (),
    "clicks": (),
}

DROPPED: Final = {name: tuple((pattern.pattern, why) for pattern, why in rules) for name, rules in _UNUSED.items()}
"""The weights that a file may hold and the network does not use, and why; all others must fit."""

_FINGERPRINTS: Final[tuple[tuple[str, Architecture], ...]] = (
    (r"^image_encoder\.trunk\.", "sam2"),
    (r"^vision_encoder\.backbone\.", "sam2"),
    (r"^(image|vision)_encoder\.patch_embed\.seq\.", "mobile-sam"),
    (r"^image_encoder\.blocks\.", "sam"),
    (r"^vision_encoder\.layers\.\d+\.attn\.qkv\.", "sam"),
    (r"^encoder\.[\s\S]*$", "compact"),
)


def recognise(names: Iterable[str]) -> Architecture | None:
    """Which architecture the names of weights belong to, or None; the first sign that is found decides."""
    known = list(names)
    for pattern, architecture in _FINGERPRINTS:
        if any(re.match(pattern, name) for name in known):
            return architecture
    return None


def rename(architecture: Architecture, values: Mapping[str, ValueT]) -> dict[str, ValueT]:
    """The same values under our names, without those of :data:`DROPPED`.

    Raises:
        CheckpointError: two weights would take the same name.
    """
    rules = _RULES[architecture] if any(name.startswith("image_encoder.") for name in values) else ()
    renamed: dict[str, ValueT] = {}
    for name, value in values.items():
        if any(pattern.match(name) for pattern, _ in _UNUSED[architecture]):
            continue
        ours = name
        for pattern, replacement in rules:
            ours = pattern.sub(replacement, ours)
        if ours in renamed:
            raise CheckpointError(f"two weights of the file are both {ours!r}; one of them is {name!r}")
        renamed[ours] = value
    return renamed
