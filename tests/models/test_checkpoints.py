"""From a file to a network: what fits is loaded whole, what does not is said, and nothing in between."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from random_networks import MOBILE_SAM, SAM, SAM2, filled
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

import promptseg
from promptseg.errors import CheckpointError, UnknownNameError, ValueRangeError, WriteError
from promptseg.models.checkpoints import HEADER, open_network
from promptseg.models.own_weights import DEFAULT_WEIGHTS
from promptseg.models.sam import SamNetwork, build_mobile_sam, build_sam
from promptseg.models.sam2 import Sam2Network, build_sam2
from promptseg.models.saving import save_network
from promptseg.models.sizes import SIZES, sizes_from_json, sizes_to_json
from promptseg.models.zoo import MODELS
from promptseg.types import Point, Prompts

# The published models have eight heads in the decoder, which no shape shows.
SMALL = replace(SAM, decoder=replace(SAM.decoder, heads=8))
SMALL_MOBILE = replace(MOBILE_SAM, decoder=replace(MOBILE_SAM.decoder, heads=8), side=1024)
NETWORKS = {
    "sam-vit-b": lambda: SamNetwork(filled(build_sam(SMALL)), SMALL),
    "mobile-sam": lambda: SamNetwork(filled(build_mobile_sam(SMALL_MOBILE)), SMALL_MOBILE),
    "sam2.1-hiera-tiny": lambda: Sam2Network(filled(build_sam2(SAM2)), SAM2),
}


def weights() -> dict[str, Tensor]:
    """A small SAM under transformers' names."""
    return dict(NETWORKS["sam-vit-b"]().module.state_dict())


def saved(path: Path, tensors: object) -> Path:
    torch.save(tensors, path)
    return path


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_what_is_saved_is_what_is_opened(tmp_path: Path, model: str, precision: str) -> None:
    network, path = NETWORKS[model](), tmp_path / "own.safetensors"
    save_network(network, path, model=model, precision=precision)
    found, name = open_network(path)
    assert name == model
    assert found.sizes == network.sizes
    assert (found.side, found.channels, found.grid_side) == (network.side, network.channels, network.grid_side)
    assert not found.module.training
    for key, value in network.module.state_dict().items():
        opened = found.module.state_dict()[key]
        assert opened.dtype == (torch.float32 if value.is_floating_point() else torch.int64)
        assert not opened.requires_grad
        exact = precision == "float32" or "positional" in key or "running" in key or not value.is_floating_point()
        torch.testing.assert_close(opened, value, rtol=0 if exact else 1e-3, atol=0 if exact else 1e-6)
    assert {value.dtype for value in load_file(path).values()} <= {torch.float32, torch.float16, torch.int64}
    assert [item.name for item in tmp_path.iterdir()] == [path.name]


def test_the_default_model_can_be_saved_and_opened(tmp_path: Path) -> None:
    network, name = open_network(DEFAULT_WEIGHTS)
    assert name == "default"
    save_network(network, tmp_path / "own.safetensors", model="default", precision="float16")
    again, _ = open_network(tmp_path / "own.safetensors")
    for key, value in network.module.state_dict().items():
        torch.testing.assert_close(again.module.state_dict()[key], value, rtol=0, atol=0)
    with pytest.raises(CheckpointError, match="looks like compact, but sam-vit-b is sam"):
        open_network(DEFAULT_WEIGHTS, like="sam-vit-b")


def test_medsam_is_known_by_what_was_recorded_or_said(tmp_path: Path) -> None:
    torch.save({"model": {f"module.{name}": value for name, value in weights().items()}}, tmp_path / "finetuned.pth")
    network, name = open_network(tmp_path / "finetuned.pth")
    assert name == "sam-vit-b"
    assert open_network(tmp_path / "finetuned.pth", like="medsam-vit-b")[1] == "medsam-vit-b"
    save_network(network, tmp_path / "own.safetensors", model="medsam-vit-b")
    segmenter = promptseg.load(tmp_path / "own.safetensors")
    assert segmenter.default_policy == "single"
    assert segmenter.preprocessing.intensity == "min-max"
    assert segmenter.preprocessing.side == SMALL.side
    image = torch.arange(40 * 30).reshape(40, 30).numpy().astype("uint16")
    found = segmenter.segment(segmenter.embed(image), Prompts(points=[Point(3, 20)]))
    assert found.mask.shape == (40, 30)


def test_folders_of_transformers_in_both_kinds(tmp_path: Path) -> None:
    from transformers import Sam2Model, SamModel

    for number, (theirs, name) in enumerate(((SamModel, "sam-vit-b"), (Sam2Model, "sam2.1-hiera-tiny"))):
        network, folder = NETWORKS[name](), tmp_path / str(number)
        module = theirs(network.module.config)
        state = network.module.state_dict()
        state["shared_image_embedding.positional_embedding"] = state[
            "prompt_encoder.shared_embedding.positional_embedding"
        ]
        module.load_state_dict(state)
        module.save_pretrained(folder)
        found, fitting = open_network(folder)
        assert fitting == name
        assert found.sizes == network.sizes
        for key, value in state.items():
            assert torch.equal(found.module.state_dict()[key], value), key


def _without(*names: str) -> Callable[[dict[str, Tensor]], dict[str, Tensor]]:
    return lambda state: {key: value for key, value in state.items() if not key.startswith(names)}


FAULTS: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "one missing": (
        _without("mask_decoder.iou_token"),
        r"1 of \d+ weights are missing \(mask_decoder\.iou_token\.weight\)",
    ),
    "many missing": (
        _without("mask_decoder.output"),
        r"24 of \d+ weights are missing \(.*, \.\.\.\); nothing was loaded",
    ),
    "no decoder": (_without("mask_decoder"), "looks like sam, but lacks 'mask_decoder"),
    "no position": (_without("vision_encoder.pos_embed"), "lacks 'vision_encoder.pos_embed'"),
    "no encoder": (_without("vision_encoder"), "belong to no architecture"),
    "only an encoder": (_without("mask_decoder", "prompt_encoder", "shared"), "looks like sam, but lacks"),
    "an adapter": (
        lambda state: {**state, "vision_encoder.layers.0.Adapter.weight": torch.ones(2)},
        r"1 are unexpected \(vision_encoder\.layers\.0\.Adapter\.weight\)",
    ),
    "another shape": (
        lambda state: {**state, "mask_decoder.mask_tokens.weight": torch.ones(3, 32)},
        r"have another shape \(mask_decoder\.mask_tokens\.weight \(3, 32\) instead of \(4, 32\)\)",
    ),
    "NaN": (
        lambda state: {**state, "mask_decoder.iou_token.weight": torch.full((1, 32), torch.nan)},
        "'mask_decoder.iou_token.weight' holds NaN",
    ),
    "infinity": (
        lambda state: {**state, "mask_decoder.iou_token.weight": torch.full((1, 32), torch.inf)},
        "holds NaN or infinity",
    ),
    "whole numbers": (
        lambda state: {**state, "mask_decoder.iou_token.weight": torch.ones(1, 32, dtype=torch.int32)},
        "of type torch.int32",
    ),
    "a scalar": (lambda state: {**state, "vision_encoder.pos_embed": torch.tensor(1.0)}, "impossible shapes"),
    "no channels": (
        lambda state: {**state, "vision_encoder.layers.0.attn.rel_pos_h": torch.ones(3, 0)},
        "impossible shapes",
    ),
    "sizes that do not go together": (
        lambda state: {**state, "mask_decoder.iou_prediction_head.proj_in.weight": torch.ones(0, 32)},
        "no network has such sizes|have another shape|from 1 to",
    ),
    "something else": (lambda _: {"conv.weight": torch.ones(1), "fc.bias": torch.ones(1)}, "belong to no architecture"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_is_said_and_nothing_is_loaded(tmp_path: Path, fault: str) -> None:
    spoil, message = FAULTS[fault]
    path = saved(tmp_path / "x.pth", spoil(weights()))
    for like in (None, "sam-vit-b"):
        with pytest.raises(CheckpointError, match=message) as caught:
            open_network(path, like=like)
        text = str(caught.value)
        assert text.startswith(str(path))
        assert "\n" not in text
        assert len(text) < 500


def test_another_architecture_or_size_than_expected(tmp_path: Path) -> None:
    path = saved(tmp_path / "x.pth", weights())
    with pytest.raises(CheckpointError, match="looks like sam, but mobile-sam is mobile-sam"):
        open_network(path, like="mobile-sam")
    with pytest.raises(CheckpointError, match="looks like sam, but default is compact"):
        open_network(path, like="default")
    assert open_network(path, like="sam-vit-l")[1] == "sam-vit-l"
    with pytest.raises(CheckpointError, match="not of the sizes of sam-vit-b: it has side 64 instead of 1024"):
        open_network(path, like="sam-vit-b", exactly=True)
    with pytest.raises(UnknownNameError, match="sam-vit-b, sam-vit-l"):
        open_network(path, like="sam-vit-g")
    small = saved(tmp_path / "y.pth", dict(NETWORKS["sam2.1-hiera-tiny"]().module.state_dict()))
    with pytest.raises(CheckpointError, match=re.escape("sam2 of width 8 with stages of (1, 1, 2, 1) blocks")):
        open_network(small)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "{",
        lambda _: "[]",
        lambda record: json.dumps({**record, "architecture": "resnet"}),
        lambda record: json.dumps({**record, "model": "sam-vit-g"}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "width": -1}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "width": "wide"}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "width": 1 << 40}}),
        lambda record: json.dumps({**record, "sizes": {"width": 1}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "heads": 5}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "depth": 9}}),
        lambda record: json.dumps({"sizes": record["sizes"]}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "depth": 1 << 20}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "side": 65}}),
        lambda record: json.dumps({**record, "sizes": {**record["sizes"], "side": 1 << 20}}),
        lambda record: json.dumps(
            {**record, "sizes": {**record["sizes"], "decoder": {**record["sizes"]["decoder"], "depth": 1 << 20}}}
        ),
    ],
)
def test_headers_that_lie(tmp_path: Path, change: Callable[[dict[str, object]], str]) -> None:
    record = {"architecture": "sam", "sizes": sizes_to_json(SMALL), "model": "sam-vit-b"}
    path = tmp_path / "x.safetensors"
    save_file(weights(), path, metadata={HEADER: change(record)})
    with pytest.raises(CheckpointError) as caught:
        open_network(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 1000}, r"side 1000 \(a multiple of 32 to 4096\)"),
        ({"stages": (1, 1, 200, 1)}, "203 blocks"),
        ({"heads": 3}, "3 heads of the encoder"),
        ({"global_blocks": (4,)}, "global attention in the first block of a stage"),
        ({"windows": (4, 1, 2, 2)}, "windows"),
    ],
)
def test_sizes_that_would_fail_at_the_first_image(change: dict[str, object], message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        sizes_from_json(SIZES["sam2"], sizes_to_json(replace(SAM2, **change)))


@pytest.mark.parametrize(
    "change",
    [
        {"widths": [24, 48, 96]},
        {"widths": [24, 48, 96, 1 << 20]},
        {"widths": [24, 48, 96, 190.5]},
        {"depths": [2, 2, 1, 1 << 20]},
        {"decoder_layers": 1000},
        {"decoder_hidden": 1 << 19},
        {"size": 250},
        {"size": 1 << 20},
        {"heads": 5},
        {"heads": 0},
        {"decoder_heads": 7},
        {"kernel": 4},
        {"fine": 7},
        {"size": True},
        {"colour": 3},
        [],
        None,
    ],
)
def test_configurations_of_the_compact_network_that_lie(tmp_path: Path, change: object) -> None:
    with safe_open(DEFAULT_WEIGHTS, framework="pt") as file:
        config = json.loads(file.metadata()["config"])
    lie = {**config, **change} if isinstance(change, dict) else change
    path = tmp_path / "x.safetensors"
    header = {"format": "promptseg-compact", "config": json.dumps(lie)}
    save_file(load_file(DEFAULT_WEIGHTS), path, metadata=header)
    with pytest.raises(CheckpointError, match="does not fit the compact architecture") as caught:
        open_network(path)
    assert "\n" not in str(caught.value)


def test_saving_says_what_it_cannot(tmp_path: Path) -> None:
    network = NETWORKS["sam-vit-b"]()
    with pytest.raises(WriteError, match=r"must be named \*\.safetensors"):
        save_network(network, tmp_path / "x.pth", model="sam-vit-b")
    with pytest.raises(ValueRangeError, match="mobile-sam is mobile-sam, but the network is sam"):
        save_network(network, tmp_path / "x.safetensors", model="mobile-sam")
    with pytest.raises(WriteError, match="does not exist"):
        save_network(network, tmp_path / "none" / "x.safetensors", model="sam-vit-b")
    network.module.mask_decoder.iou_token.weight.fill_(1e6)
    with pytest.raises(ValueRangeError, match="too much for half precision"):
        save_network(network, tmp_path / "x.safetensors", model="sam-vit-b", precision="float16")
    assert not list(tmp_path.iterdir())


def test_sizes_survive_json() -> None:
    for entry in MODELS.values():
        if entry.sizes is not None:
            text = json.dumps(sizes_to_json(entry.sizes))
            assert sizes_from_json(SIZES[entry.architecture], json.loads(text)) == entry.sizes
