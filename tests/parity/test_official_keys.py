"""Every weight of the published SAM and MobileSAM files has its place in our networks, and no place stays empty."""

import json

import pytest
import torch
from shared_data import shared

from promptseg.models.checkpoints import under_our_names
from promptseg.models.key_names import recognise
from promptseg.models.recognition import sizes_of
from promptseg.models.sam import build_mobile_sam, build_sam
from promptseg.models.sizes import MobileSamSizes, SamSizes
from promptseg.models.zoo import MODELS

PUBLISHED = ("sam-vit-b", "sam-vit-l", "sam-vit-h", "mobile-sam")


def official(model: str) -> dict[str, list[int]]:
    if model == "mobile-sam":
        return json.loads(shared("golden/sam/mobile_sam_official_keys.json").read_text())
    return json.loads(shared("golden/sam/sam_official_keys.json").read_text())[
        model.removeprefix("sam-").replace("-", "_")
    ]


@pytest.mark.parametrize("model", PUBLISHED)
def test_every_official_weight_has_its_place(model: str) -> None:
    theirs = {name: torch.empty(shape, device="meta") for name, shape in official(model).items()}
    architecture = recognise(theirs)
    assert architecture == MODELS[model].architecture
    ours = under_our_names(architecture, theirs)
    shapes = {name: tuple(value.shape) for name, value in ours.items()}
    sizes = sizes_of(architecture, shapes)
    assert sizes == MODELS[model].sizes
    assert isinstance(sizes, SamSizes | MobileSamSizes)
    module = build_sam(sizes) if isinstance(sizes, SamSizes) else build_mobile_sam(sizes)
    assert shapes == {name: tuple(value.shape) for name, value in module.state_dict().items()}
