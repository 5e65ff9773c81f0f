"""The compact network: shapes, neutral padding, equal results in a batch and alone, gradients, size, loading."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch
from torch import Tensor

from promptseg.models.compact import FEATURES, CompactConfig, CompactNet, build
from promptseg.models.compact_prompts import box_maps, click_map

SMALL = CompactConfig(
    size=64,
    widths=(8, 8, 16, 32),
    depths=(1, 1, 1, 2),
    heads=2,
    decoder_width=32,
    decoder_heads=2,
    decoder_hidden=32,
    fine=(8, 8, 16),
)
NAN = float("nan")


@pytest.fixture(scope="module")
def net() -> CompactNet:
    torch.manual_seed(3)
    return CompactNet(SMALL).eval().requires_grad_(requires_grad=False)


@pytest.fixture(scope="module")
def features(net: CompactNet) -> dict[str, Tensor]:
    return net.encode(torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(1)))


def mixed_prompts() -> dict[str, Tensor]:
    """Three objects on each of two images: two clicks; a box; one click, a box and a mask."""
    rng = torch.Generator().manual_seed(2)
    points = torch.rand(2, 3, 2, 2, generator=rng) * 63
    labels = torch.tensor([[1, 0], [-1, -1], [1, -1]]).expand(2, 3, 2)
    boxes = torch.tensor([[NAN] * 4, [5.0, 9.0, 40.0, 30.0], [10.0, 2.0, 50.0, 60.0]]).expand(2, 3, 4)
    masks = torch.randn(2, 3, 1, 32, 32, generator=rng)
    masks[:, :2] = NAN
    return {"points_BNP2": points, "labels_BNP": labels, "boxes_BN4": boxes, "masks_BN1hw": masks}


def test_shapes_of_features_and_masks(net: CompactNet, features: dict[str, Tensor]) -> None:
    assert [tuple(features[name].shape) for name in FEATURES] == [
        (2, 4, 4, 32),
        (2, 8, 8, 16),
        (2, 16, 16, 8),
        (2, 32, 32, 8),
    ]
    for multimask, count in ((True, 3), (False, 1)):
        logits, scores = net.decode(features, **mixed_prompts(), multimask=multimask)
        assert logits.shape == (2, 3, count, 32, 32)
        assert scores.shape == (2, 3, count)
        assert bool(((scores >= 0) & (scores <= 1)).all())
        assert bool(torch.isfinite(logits).all())


def test_another_input_size_works(net: CompactNet) -> None:
    larger = net.encode(torch.randn(1, 1, 96, 96))
    logits, _ = net.decode(larger, points_BNP2=torch.tensor([[[[70.0, 20.0]]]]), multimask=False)
    assert logits.shape == (1, 1, 1, 48, 48)


def test_mixed_objects_in_one_pass_equal_one_by_one(net: CompactNet, features: dict[str, Tensor]) -> None:
    prompts = mixed_prompts()
    together, scores = net.decode_all(features, **prompts)
    for image in range(2):
        one = {name: value[image : image + 1] for name, value in features.items()}
        points = prompts["points_BNP2"][image : image + 1]
        alone = [
            net.decode_all(one, points_BNP2=points[:, :1], labels_BNP=torch.tensor([[[1, 0]]])),
            net.decode_all(one, boxes_BN4=prompts["boxes_BN4"][image : image + 1, 1:2]),
            net.decode_all(
                one,
                points_BNP2=points[:, 2:3, :1],
                boxes_BN4=prompts["boxes_BN4"][image : image + 1, 2:3],
                masks_BN1hw=prompts["masks_BN1hw"][image : image + 1, 2:3],
            ),
        ]
        for n, (logits, score) in enumerate(alone):
            torch.testing.assert_close(together[image, n], logits[0, 0], atol=2e-4, rtol=1e-4)
            torch.testing.assert_close(scores[image, n], score[0, 0], atol=1e-5, rtol=1e-4)


def test_padding_has_no_influence_wherever_it_lies(net: CompactNet, features: dict[str, Tensor]) -> None:
    points, labels = torch.tensor([[[20.0, 30.0]]]).expand(2, 1, 1, 2), torch.ones(2, 1, 1, dtype=torch.long)
    plain, _ = net.decode_all(features, points_BNP2=points, labels_BNP=labels)
    for place in (0.0, 44.0, NAN):
        padding = torch.full((2, 1, 3, 2), place)
        padded, _ = net.decode_all(
            features,
            points_BNP2=torch.cat((points, padding), dim=2),
            labels_BNP=torch.cat((labels, -torch.ones(2, 1, 3, dtype=torch.long)), dim=2),
            boxes_BN4=torch.full((2, 1, 4), NAN),
        )
        torch.testing.assert_close(padded, plain, atol=2e-4, rtol=1e-4)


def test_each_prompt_matters(net: CompactNet, features: dict[str, Tensor]) -> None:
    prompts = mixed_prompts()
    full, _ = net.decode_all(features, **prompts)
    changed = {
        "labels_BNP": 1 - prompts["labels_BNP"].clamp(min=0),
        "boxes_BN4": prompts["boxes_BN4"] + 5.0,
        "masks_BN1hw": -prompts["masks_BN1hw"],
    }
    for name, value in changed.items():
        other, _ = net.decode_all(features, **{**prompts, name: value})
        assert float((other - full).abs().max()) > 1e-3, name


def test_no_prompt_at_all_gives_finite_masks(net: CompactNet, features: dict[str, Tensor]) -> None:
    logits, scores = net.decode(features, multimask=True)
    assert bool(torch.isfinite(logits).all())
    assert bool(torch.isfinite(scores).all())


def test_a_degenerate_box_gives_finite_masks_and_gradients(net: CompactNet, features: dict[str, Tensor]) -> None:
    box = torch.tensor([[[12.0, 12.0, 12.0, 12.0]]]).expand(2, 1, 4).clone().requires_grad_()
    logits, _ = net.decode(features, boxes_BN4=box, multimask=False)
    (gradient,) = torch.autograd.grad(logits.sum(), box)
    assert bool(torch.isfinite(gradient).all())


def test_gradient_with_respect_to_a_click_equals_finite_differences() -> None:
    torch.manual_seed(5)
    net = CompactNet(SMALL).double().eval().requires_grad_(requires_grad=False)
    features = net.encode(torch.randn(1, 1, 64, 64, dtype=torch.float64))

    def mean_logit(point: Tensor) -> Tensor:
        return net.decode(features, points_BNP2=point.reshape(1, 1, 1, 2), multimask=False)[0].mean()

    point = torch.tensor([21.3, 40.2], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(mean_logit(point), point)
    step = 1e-5
    for axis in range(2):
        shift = torch.zeros(2, dtype=torch.float64)
        shift[axis] = step
        numeric = (mean_logit(point.detach() + shift) - mean_logit(point.detach() - shift)) / (2 * step)
        assert float(gradient[axis]) == pytest.approx(float(numeric), rel=1e-4, abs=1e-9)
    assert float(gradient.abs().sum()) > 0


def test_click_map_peaks_at_the_click_and_ignores_weight_zero() -> None:
    points = torch.tensor([[[0.28125, 0.59375], [0.9, 0.9]]])
    drawn = click_map(points, torch.tensor([[1.0, 0.0]]), sigma=0.05, grid=16)
    assert divmod(int(drawn[0].argmax()), 16) == (9, 4)
    assert float(drawn.max()) == pytest.approx(1.0)
    assert float(drawn[0, 14, 14]) < 1e-6


def test_box_maps_hold_the_inscribed_ellipse() -> None:
    ellipse, rectangle = box_maps(torch.tensor([[0.25, 0.125, 0.75, 0.875]]), torch.tensor([True]), grid=64)[0]
    assert float((ellipse > 0.5).float().mean()) == pytest.approx(torch.pi * 0.25 * 0.375, rel=0.05)
    assert float((rectangle > 0.5).float().mean()) == pytest.approx(0.5 * 0.75, rel=0.05)


def test_the_default_configuration_fits_the_budget_and_has_attention() -> None:
    with torch.device("meta"):
        net = CompactNet(CompactConfig())
    numbers = sum(value.numel() for value in net.state_dict().values())
    assert numbers * 2 <= 10_000_000
    blocks = list(net.encoder.blocks)
    assert len(blocks) >= 4
    assert all(hasattr(block, "attention") and hasattr(block, "mlp") for block in blocks)


def test_a_network_built_from_weights_equals_the_original(net: CompactNet, features: dict[str, Tensor]) -> None:
    loaded = build(SMALL, {name: value.clone() for name, value in net.state_dict().items()})
    expected, _ = net.decode(features, **mixed_prompts(), multimask=True)
    actual, _ = loaded.decode(features, **mixed_prompts(), multimask=True)
    assert torch.equal(actual, expected)
    assert not loaded.training


def test_building_takes_half_precision_weights_and_leaves_the_random_state_alone(net: CompactNet) -> None:
    state = torch.random.get_rng_state()
    loaded = build(SMALL, {name: value.half() for name, value in net.state_dict().items()})
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(value.dtype == torch.float32 for value in loaded.state_dict().values())


def test_wrong_weights_are_refused(net: CompactNet) -> None:
    weights = dict(net.state_dict())
    weights.pop("encoder.stem.weight")
    with pytest.raises(RuntimeError, match=r"encoder\.stem\.weight"):
        build(SMALL, weights)


def test_the_configuration_survives_json() -> None:
    text = json.dumps(SMALL.to_json())
    assert CompactConfig.from_json(json.loads(text)) == SMALL
    assert dataclasses.asdict(SMALL)["size"] == 64
