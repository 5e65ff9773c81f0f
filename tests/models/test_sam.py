"""SAM's network: transformers' own model as the oracle, several objects, gradients, precision."""

import pytest
import torch
from random_networks import MOBILE_SAM, SAM, SAM2, filled
from torch import nn
from transformers import SamModel

from promptseg.models.network import Network, PromptBatch
from promptseg.models.sam import SamNetwork, build_mobile_sam, build_sam
from promptseg.models.sam2 import Sam2Network, build_sam2

NETWORKS = {
    "sam": lambda: SamNetwork(filled(build_sam(SAM)), SAM),
    "mobile-sam": lambda: SamNetwork(filled(build_mobile_sam(MOBILE_SAM)), MOBILE_SAM),
    "sam2": lambda: Sam2Network(filled(build_sam2(SAM2)), SAM2),
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return NETWORKS[request.param]()


def picture(seed: int = 0) -> torch.Tensor:
    return torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def clicks(objects: int, points: int, *, boxes: bool = False, masks: bool = False) -> PromptBatch:
    generator = torch.Generator().manual_seed(1)
    corners = torch.rand(objects, 2, 2, generator=generator) * 30
    return PromptBatch(
        torch.rand(objects, points, 2, generator=generator) * 64,
        torch.randint(0, 2, (objects, points), generator=generator),
        torch.cat([corners[:, 0], corners[:, 0] + corners[:, 1]], dim=-1) if boxes else None,
        torch.randn(objects, 1, 16, 16, generator=generator) if masks else None,
    )


SHAPES = [(1, False, False), (3, False, False), (0, True, False), (2, True, False), (1, False, True), (0, False, True)]


@pytest.mark.parametrize(("points", "boxes", "masks"), SHAPES)
@pytest.mark.parametrize("multimask", [True, False])
def test_several_objects_are_the_same_as_one_by_one(
    network: Network, points: int, boxes: bool, masks: bool, multimask: bool
) -> None:
    prompts = clicks(5, points, boxes=boxes, masks=masks)
    with torch.no_grad():
        features = network.encode(picture())
        logits, scores = network.decode(features, prompts, multimask=multimask)
        alone = [network.decode(features, prompts.part(slice(n, n + 1)), multimask=multimask) for n in range(5)]
    assert logits.shape == (5, 3 if multimask else 1, network.grid_side, network.grid_side)
    assert scores.shape == logits.shape[:2]
    torch.testing.assert_close(logits, torch.cat([one for one, _ in alone]), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(scores, torch.cat([one for _, one in alone]), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(logits[0], logits[1])


def test_together_or_one_by_one_on_other_devices(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU does with many objects, done here; on a CPU these are two parts."""
    prompts = clicks(6, 2, boxes=True, masks=True)
    with torch.no_grad():
        features = network.encode(picture())
        small = network.decode(features, prompts, multimask=True)
        monkeypatch.setattr("promptseg.models.network.OBJECTS_AT_ONCE", {})
        large = network.decode(features, prompts, multimask=True)
    for one, other in zip(small, large, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("points", "boxes"), [(1, False), (3, False), (0, True), (2, True)])
@pytest.mark.parametrize("multimask", [True, False])
def test_sam_gives_what_transformers_gives(points: int, boxes: bool, multimask: bool) -> None:
    network = NETWORKS["sam"]()
    module = network.module
    module.shared_image_embedding.load_state_dict(module.prompt_encoder.shared_embedding.state_dict())
    theirs = SamModel(module.config).eval()
    theirs.load_state_dict(module.state_dict())
    prompts = clicks(3, points, boxes=boxes)
    with torch.no_grad():
        features = network.encode(picture())
        logits, scores = network.decode(features, prompts, multimask=multimask)
        expected = theirs(
            pixel_values=picture(),
            input_points=prompts.points_NP2[None] if points else None,
            input_labels=prompts.labels_NP[None] if points else None,
            input_boxes=None if prompts.boxes_N4 is None else prompts.boxes_N4[None],
            multimask_output=multimask,
        )
    torch.testing.assert_close(logits, expected.pred_masks[0], rtol=1e-4, atol=2e-5)
    torch.testing.assert_close(scores, expected.iou_scores[0], rtol=1e-4, atol=2e-5)


def test_gradients_reach_points_boxes_and_masks_through_any_mode(network: Network) -> None:
    with torch.inference_mode():  # what is kept from here must not stand in autograd's way
        network.decode(network.encode(picture()), clicks(1, 1), multimask=True)
    with torch.no_grad():
        features = network.encode(picture())
    prompts = clicks(3, 2, boxes=True, masks=True)
    leaves = (prompts.points_NP2, prompts.boxes_N4, prompts.masks_N1hw)
    for leaf in leaves:
        leaf.requires_grad_()
    logits, _ = network.decode(features, prompts, multimask=True)
    for gradient in torch.autograd.grad(logits.square().mean(), leaves):
        assert torch.isfinite(gradient).all()
        assert (gradient.flatten(1).abs().amax(dim=1) > 0).all()


@pytest.mark.parametrize("name", ["sam", "sam2"])
def test_gradient_of_a_click_is_that_of_differences(name: str) -> None:
    network = NETWORKS[name]()
    network.module.double()
    with torch.no_grad():
        features = network.encode(picture().double())
    click = torch.tensor([[[20.0, 33.0]]], dtype=torch.float64, requires_grad=True)

    def mean_logit(points: torch.Tensor) -> torch.Tensor:
        prompts = PromptBatch(points, torch.ones(1, 1, dtype=torch.long))
        return network.decode(features, prompts, multimask=True)[0].mean()

    assert torch.autograd.gradcheck(mean_logit, (click,), eps=1e-4, atol=1e-6, rtol=1e-3)


def test_the_encoder_has_gradients_when_the_caller_wants_them(network: Network) -> None:
    image = picture().requires_grad_()
    logits, _ = network.decode(network.encode(image), clicks(1, 1), multimask=False)
    (gradient,) = torch.autograd.grad(logits.mean(), image)
    assert gradient.abs().max() > 0
    with torch.no_grad():
        assert not network.encode(image)["embedding"].requires_grad


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_coordinates_stay_exact_in_low_precision(network: Network, dtype: torch.dtype) -> None:
    exact = {name: value.clone() for name, value in network.module.state_dict().items() if "positional" in name}
    prompts = clicks(2, 1, masks=True)
    with torch.no_grad():
        expected, _ = network.decode(network.encode(picture()), prompts, multimask=True)
        network.module.to(dtype)
        logits, scores = network.decode(network.encode(picture()), prompts, multimask=True)
        assert logits.dtype == scores.dtype == torch.float32
        for name, value in network.module.state_dict().items():
            if "positional" in name:
                assert torch.equal(value, exact[name])
            elif value.is_floating_point():
                assert value.dtype == dtype
        assert (logits - expected).norm() / expected.norm() < 0.1
        near = PromptBatch(prompts.points_NP2 + 0.05, prompts.labels_NP, None, prompts.masks_N1hw)
        sparse = [
            network.module.prompt_encoder(p.points_NP2[:, None], p.labels_NP[:, None], None, None)[0]
            for p in (prompts, near)
        ]
    assert (sparse[0] != sparse[1]).any()


def test_networks_are_built_without_drawing_random_numbers() -> None:
    state = torch.get_rng_state()
    for build, sizes in ((build_sam, SAM), (build_mobile_sam, MOBILE_SAM), (build_sam2, SAM2)):
        module: nn.Module = build(sizes)
        assert {value.device.type for value in module.state_dict().values()} == {"meta"}
        assert not module.training
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", ["sam", "mobile-sam"])
def test_both_ways_come_out_of_one_pass(name: str) -> None:
    network = NETWORKS[name]()
    prompts = clicks(5, 2, boxes=True, masks=True)
    with torch.no_grad():
        features = network.encode(picture())
        logits, scores = network.decode_whole(features, prompts)
        single, several = (network.decode(features, prompts, multimask=multimask) for multimask in (False, True))
    for whole, one, others in ((logits, single[0], several[0]), (scores, single[1], several[1])):
        torch.testing.assert_close(whole, torch.cat([one, others], dim=1))
