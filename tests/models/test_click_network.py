"""The click-based network: its maps against brute force, gradients, files, and weights without a past."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from phantom_samples import tiny_network
from random_networks import CLICKS, click_network, small_sam

from promptseg.errors import CheckpointError, PromptError, ValueRangeError
from promptseg.models.checkpoints import open_network
from promptseg.models.click_maps import MapName, click_maps
from promptseg.models.click_net import FUSION_SCALE, ClickConfig
from promptseg.models.fresh import drawn_anew, take_encoder
from promptseg.models.network import PromptBatch
from promptseg.models.saving import save_network


def clicks(count: int = 3, *, points: int = 4, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(-1, 2, (count, points), generator=generator)
    return torch.rand(count, points, 2, generator=generator) * 63, labels


def image(count: int = 1) -> torch.Tensor:
    return torch.randn(count, 1, 64, 64, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("drawn", ["disc", "tanh"])
def test_maps_are_those_of_every_pixel_and_click(drawn: MapName) -> None:
    points, labels = clicks()
    labels[2] = torch.tensor([-1, 1, 1, -1])
    found = click_maps(points, labels, side=40, radius_px=5, drawn=drawn).numpy()
    for number in range(3):
        for channel, sign in enumerate((1, 0)):
            for row, column in np.ndindex(40, 40):
                distances = [
                    np.hypot(column - x, row - y)
                    for (x, y), label in zip(points[number].tolist(), labels[number].tolist(), strict=True)
                    if label == sign
                ]
                nearest = min(distances, default=1000.0)
                expected = float(nearest <= 5) if drawn == "disc" else np.tanh(2 * nearest / 5)
                assert found[number, channel, row, column] == pytest.approx(expected, abs=1e-4)


def test_a_disc_has_as_many_pixels_as_the_circle_holds() -> None:
    found = click_maps(torch.tensor([[[20.0, 10.0]]]), torch.tensor([[1]]), side=64, radius_px=5, drawn="disc")
    rows, columns = np.mgrid[:64, :64]
    assert (found[0, 0].numpy() == ((columns - 20) ** 2 + (rows - 10) ** 2 <= 25)).all()
    assert not found[0, 1].any()


def test_one_mask_and_one_score_for_each_object_whatever_is_asked_for() -> None:
    network = click_network()
    batch = PromptBatch(*clicks())
    for multimask in (False, True):
        logits, scores = network.decode(network.encode(image()), batch, multimask=multimask)
        assert logits.shape == (3, 1, 32, 32)
        assert scores.shape == (3, 1)
        assert ((scores > 0) & (scores < 1)).all()


def test_padding_and_a_missing_mask_change_nothing() -> None:
    network = click_network()
    features = network.encode(image())
    points, labels = torch.tensor([[[20.0, 10.0]]]), torch.tensor([[1]])
    plain, _ = network.decode(features, PromptBatch(points, labels), multimask=False)
    padded = PromptBatch(
        torch.tensor([[[5.0, 5.0], [20.0, 10.0]]]),
        torch.tensor([[-1, 1]]),
        None,
        torch.full((1, 1, 32, 32), torch.nan),
    )
    again, _ = network.decode(features, padded, multimask=False)
    torch.testing.assert_close(again, plain)
    nothing = PromptBatch(points, labels, None, torch.full((1, 1, 32, 32), -50.0))
    torch.testing.assert_close(network.decode(features, nothing, multimask=False)[0], plain)


def test_clicks_and_the_mask_before_matter_but_little_at_first() -> None:
    network = click_network()
    features = network.encode(image())
    some = network.decode(features, PromptBatch(*clicks(1)), multimask=False)[0]
    none = network.decode(features, PromptBatch(torch.zeros(1, 0, 2), torch.zeros(1, 0).long()), multimask=False)[0]
    masked = PromptBatch(torch.zeros(1, 0, 2), torch.zeros(1, 0).long(), None, torch.full((1, 1, 32, 32), 4.0))
    assert 0 < (some - none).abs().max() < (some - some.mean()).abs().max()
    assert (network.decode(features, masked, multimask=False)[0] - none).abs().max() > 0


def test_boxes_are_refused() -> None:
    network = click_network()
    batch = PromptBatch(*clicks(1), torch.zeros(1, 4))
    with pytest.raises(PromptError, match="no boxes"):
        network.decode(network.encode(image()), batch, multimask=False)


def test_gradients_reach_every_weight_and_the_scale_of_the_clicks() -> None:
    network = click_network()
    network.module.requires_grad_(requires_grad=True)
    batch = PromptBatch(*clicks(), None, torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(1)))
    logits, scores = network.decode({"image": image(3)}, batch, multimask=False)
    (logits.square().mean() + scores.sum()).backward()
    assert network.net.prompts.scale.item() == pytest.approx(FUSION_SCALE)
    assert [name for name, value in network.module.named_parameters() if value.grad is None] == []
    assert network.net.prompts.scale.grad.abs() > 0


def test_the_score_does_not_teach_the_mask() -> None:
    network = click_network()
    network.module.requires_grad_(requires_grad=True)
    _, scores = network.decode({"image": image(3)}, PromptBatch(*clicks()), multimask=False)
    scores.sum().backward()
    assert network.net.decoder.to_fine.weight.grad is None
    taught = {name.split(".")[1] for name, value in network.module.named_parameters() if value.grad is not None}
    assert taught == {"score"}


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_a_saved_network_opens_again(precision: str, tmp_path: Path) -> None:
    network = click_network()
    save_network(network, tmp_path / "c.safetensors", model="default-clicks", precision=precision)  # type: ignore[arg-type]
    again, name = open_network(tmp_path / "c.safetensors")
    assert name == "default-clicks"
    assert again.net.config == CLICKS  # type: ignore[attr-defined]
    for key, value in network.module.state_dict().items():
        expected = value if precision == "float32" else value.half().float()
        torch.testing.assert_close(again.module.state_dict()[key], expected, rtol=0, atol=0)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    save_network(click_network(), tmp_path / "c.safetensors", model="default-clicks")
    with pytest.raises(CheckpointError, match="looks like clicks, but default is compact"):
        open_network(tmp_path / "c.safetensors", like="default")
    with pytest.raises(ValueRangeError, match="default is compact, but the network is clicks"):
        save_network(click_network(), tmp_path / "d.safetensors", model="default")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"size": 100}, "size 100"),
        ({"kernel": 4}, "kernel 4"),
        ({"heads": 5}, "5 heads"),
        ({"drawn": "square"}, "disc, tanh"),
        ({"pyramid": (1, 2)}, "pyramid must be like"),
        ({"radius_px": 0}, "radius_px must be like"),
    ],
)
def test_impossible_sizes_are_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ClickConfig.from_json({**CLICKS.to_json(), **wrong})


def test_sizes_travel_as_json() -> None:
    assert ClickConfig.from_json(CLICKS.to_json()) == CLICKS


def test_weights_are_drawn_by_the_seed_alone() -> None:
    before = torch.random.get_rng_state()
    one, same, other = (drawn_anew(click_network(), seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    states = [network.module.state_dict() for network in (one, same, other)]
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not all(torch.equal(value, states[2][name]) for name, value in states[0].items())
    assert drawn_anew(tiny_network(), seed=0).side == tiny_network().side
    with pytest.raises(ValueRangeError, match="without weights"):
        drawn_anew(small_sam().network, seed=0)


def test_an_encoder_is_taken_whole_or_not_at_all() -> None:
    network, source = click_network(), tiny_network()
    before = {name: value.clone() for name, value in network.module.state_dict().items()}
    for other in (small_sam().network, click_network(replace(CLICKS, depths=(1, 1, 1, 2)))):
        with pytest.raises(CheckpointError, match="encoders are not of one kind"):
            take_encoder(network, other)
    assert all(torch.equal(value, before[name]) for name, value in network.module.state_dict().items())
    take_encoder(network, source)
    for name, value in network.module.state_dict().items():
        expected = source.module.state_dict()[name] if name.startswith("encoder.") else before[name]
        assert torch.equal(value, expected)
