"""Names of weights: recognised by a sign, renamed by rules; the official names are tested in `parity`."""

import pytest

from promptseg.errors import CheckpointError
from promptseg.models.key_names import recognise, rename


@pytest.mark.parametrize(
    ("names", "architecture"),
    [
        (["image_encoder.trunk.pos_embed"], "sam2"),
        (["vision_encoder.backbone.pos_embed"], "sam2"),
        (["image_encoder.patch_embed.seq.0.c.weight", "image_encoder.layers.0.blocks.0.conv1.c.weight"], "mobile-sam"),
        (["image_encoder.pos_embed", "image_encoder.blocks.0.attn.qkv.weight"], "sam"),
        (["vision_encoder.layers.11.attn.qkv.bias"], "sam"),
        (["mask_decoder.iou_token.weight"], None),
        (["backbone.layer1.conv.weight"], None),
        ([], None),
    ],
)
def test_recognised_by_a_sign(names: list[str], architecture: str | None) -> None:
    assert recognise(names) == architecture


def test_what_transformers_names_stays() -> None:
    state = {"vision_encoder.layers.0.attn.qkv.bias": 1, "mask_decoder.output_hypernetworks_mlps.0.layers.0.bias": 2}
    assert rename("sam", state) == state


def test_layers_of_three_linear_maps_change_places_without_meeting() -> None:
    names = [f"mask_decoder.iou_prediction_head.layers.{number}.bias" for number in range(3)]
    renamed = rename("sam", {"image_encoder.pos_embed": 0, **{name: name for name in names}})
    assert list(renamed) == [
        "vision_encoder.pos_embed",
        "mask_decoder.iou_prediction_head.proj_in.bias",
        "mask_decoder.iou_prediction_head.layers.0.bias",
        "mask_decoder.iou_prediction_head.proj_out.bias",
    ]


def test_two_weights_of_one_name_are_refused() -> None:
    with pytest.raises(CheckpointError, match=r"both 'vision_encoder\.pos_embed'; one of them is"):
        rename("sam", {"image_encoder.pos_embed": 1, "vision_encoder.pos_embed": 2})


def test_what_is_not_used_is_dropped_and_nothing_else() -> None:
    state = {"pixel_mean": 1, "image_encoder.head.weight": 2, "image_encoder.norm_head.bias": 3, "image_encoder.x": 4}
    assert rename("mobile-sam", state) == {"vision_encoder.x": 4}
    assert rename("sam", {"pixel_std": 1, "image_encoder.head.weight": 2}) == {"vision_encoder.head.weight": 2}
