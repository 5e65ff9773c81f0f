"""SAM 2.1 for images against Meta's own package (`sam2` 1.1.0 from PyPI), with small weights that a rule makes.

`sam2_meta.npz` holds what Meta's modules gave for the weights of `hashed_weights`; `sam2_meta_keys.json.gz` the names
and shapes of their weights, for the four published models and for that small one. No published weights were at hand.
"""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hashed_weights import hashed, hashed_weight

from promptseg.models.checkpoints import under_our_names
from promptseg.models.key_names import DROPPED, recognise
from promptseg.models.network import PromptBatch
from promptseg.models.recognition import sizes_of
from promptseg.models.sam2 import Sam2Network, build_sam2
from promptseg.models.sizes import SAM2_SIZES, DecoderSizes, Sam2Sizes

HERE = Path(__file__).parent
SMALL = Sam2Sizes(
    side=64,
    width=16,
    heads=2,
    stages=(1, 2, 3, 1),
    windows=(4, 2, 4, 2),
    global_blocks=(4,),
    background=5,
    embedding=64,
    decoder=DecoderSizes(mlp=96, iou_hidden=32),
)
PROMPTS = {
    "point": ([[30, 12]], [1], None, False),
    "points": ([[30, 12], [50.5, 40.25]], [1, 0], None, False),
    "box": ([], [], [8, 10, 40, 50], False),
    "both": ([[20, 30]], [1], [8, 10, 40, 50], False),
    "point_and_mask": ([[30, 12]], [1], None, True),
    "mask": ([], [], None, True),
}


@pytest.fixture(scope="module")
def keys() -> dict[str, dict[str, list[int]]]:
    return json.loads(gzip.decompress((HERE / "sam2_meta_keys.json.gz").read_bytes()))


@pytest.fixture(scope="module")
def network(keys: dict[str, dict[str, list[int]]]) -> Sam2Network:
    weights = {name: hashed_weight(name, tuple(shape)) for name, shape in keys["small-for-tests"].items()}
    assert recognise(weights) == "sam2"
    module = build_sam2(SMALL)
    module.load_state_dict(under_our_names("sam2", weights), assign=True)
    return Sam2Network(module.requires_grad_(requires_grad=False), SMALL)


@pytest.mark.parametrize("size", SAM2_SIZES)
def test_every_official_weight_has_its_place(size: str, keys: dict[str, dict[str, list[int]]]) -> None:
    theirs = {name: torch.empty(shape, device="meta") for name, shape in keys[size].items()}
    ours = {name: tuple(value.shape) for name, value in under_our_names("sam2", theirs).items()}
    assert sizes_of("sam2", ours) == SAM2_SIZES[size]
    assert ours == {name: tuple(value.shape) for name, value in build_sam2(SAM2_SIZES[size]).state_dict().items()}


def test_what_is_left_out_is_the_memory_for_video(keys: dict[str, dict[str, list[int]]]) -> None:
    kept = under_our_names("sam2", {name: torch.empty(shape, device="meta") for name, shape in keys["tiny"].items()})
    dropped, points, positions = 160, 4, 1  # four kinds of points become one weight, one matrix stands twice
    assert len(kept) == len(keys["tiny"]) - dropped - points + 1 + positions
    assert all(why for _, why in DROPPED["sam2"])


def test_transformers_models_for_video_hold_the_same_image_model() -> None:
    from transformers import Sam2VideoConfig, Sam2VideoModel

    with torch.device("meta"):
        theirs = Sam2VideoModel(Sam2VideoConfig()).state_dict()
    assert recognise(theirs) == "sam2"
    ours = {name: tuple(value.shape) for name, value in under_our_names("sam2", theirs).items()}
    assert sizes_of("sam2", ours, Sam2VideoConfig().to_dict()) == SAM2_SIZES["tiny"]
    assert ours == {name: tuple(value.shape) for name, value in build_sam2(SAM2_SIZES["tiny"]).state_dict().items()}


def test_features_and_masks_are_those_of_metas_code(network: Sam2Network) -> None:
    with np.load(HERE / "sam2_meta.npz") as archive:
        theirs = dict(archive)
    with torch.no_grad():
        features = network.encode(torch.from_numpy(hashed("image", (1, 3, 64, 64))) * 2)
        for name, value in features.items():
            assert relative(value, theirs[f"features/{name}"]) < 5e-6, name
        for name in PROMPTS:
            for multimask in (True, False):
                logits, scores = network.decode(features, batch(name), multimask=multimask)
                place = f"{name}/{'multi' if multimask else 'single'}"
                assert relative(logits[0], theirs[f"{place}/logits"]) < 2e-5, place
                assert relative(scores[0], theirs[f"{place}/scores"]) < 1e-5, place


def batch(name: str) -> PromptBatch:
    points, labels, box, masked = PROMPTS[name]
    return PromptBatch(
        torch.tensor(points, dtype=torch.float32).reshape(1, -1, 2),
        torch.tensor(labels, dtype=torch.long).reshape(1, -1),
        None if box is None else torch.tensor([box], dtype=torch.float32),
        torch.from_numpy(hashed("mask", (1, 1, 16, 16))) * 20 if masked else None,
    )


def relative(ours: torch.Tensor, theirs: np.ndarray) -> float:
    assert tuple(ours.shape) == theirs.shape
    return float(np.abs(ours.numpy() - theirs).max() / np.abs(theirs).max())
