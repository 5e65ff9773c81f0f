"""Objects of several images with different prompts, decoded together as they are one by one."""

from collections.abc import Callable

import pytest
import torch
from phantom_samples import tiny_network
from random_networks import small_sam, small_sam2

from promptseg.models.network import Network, PromptBatch
from promptseg.training.decode import BatchDecode
from promptseg.training.simulation import ObjectPrompts
from promptseg.training.step import starting_network

NETWORKS: dict[str, Callable[[], Network]] = {
    "compact": tiny_network,
    "sam": lambda: small_sam().network,
    "sam2": lambda: small_sam2().network,
}
NAN = float("nan")


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return NETWORKS[request.param]()


def mixed(network: Network) -> ObjectPrompts:
    """Six objects: a click, a box, both with a mask, three clicks, a mask alone; padding in between."""
    points = torch.tensor([[[9.0, 30.0], [50.0, 12.0], [33.0, 40.0]]]).repeat(6, 1, 1)
    labels = torch.tensor([[-1, 1, -1], [-1, -1, -1], [1, -1, 0], [0, 1, 1], [-1, -1, -1], [1, -1, -1]])
    boxes = torch.tensor([[NAN] * 4, [5.0, 6, 40, 50], [1.0, 2, 30, 60], [NAN] * 4, [NAN] * 4, [NAN] * 4])
    masks = torch.randn(6, 1, network.grid_side, network.grid_side, generator=torch.Generator().manual_seed(1))
    masks[[0, 1, 3, 5]] = NAN
    return ObjectPrompts(points, labels, boxes, masks)


def alone(prompts: ObjectPrompts, number: int) -> PromptBatch:
    given = prompts.labels_MP[number] >= 0
    box, mask = prompts.boxes_M4[number], prompts.masks_M1hw[number]
    return PromptBatch(
        prompts.points_MP2[number][given][None],
        prompts.labels_MP[number][given][None],
        None if box.isnan().any() else box[None],
        None if mask.isnan().any() else mask[None],
    )


@pytest.mark.parametrize("multimask", [True, False])
def test_together_is_one_by_one(network: Network, multimask: bool) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(3, network.channels, network.side, network.side, generator=generator)
    of_object = torch.tensor([2, 0, 1, 1, 0, 2])
    prompts = mixed(network)
    with torch.no_grad():
        features = dict(network.encode(images))
        decode = BatchDecode(network, features, of_object)
        logits, scores = decode(prompts, multimask=multimask)
        for number in range(6):
            rows = {name: value[of_object[number]][None] for name, value in features.items()}
            expected = network.decode(rows, alone(prompts, number), multimask=multimask)
            torch.testing.assert_close(logits[number], expected[0][0], rtol=1e-3, atol=1e-3)
            torch.testing.assert_close(scores[number], expected[1][0], rtol=1e-3, atol=1e-3)
    assert decode.side == network.side


def test_gradients_reach_features_and_weights(network: Network) -> None:
    network.module.requires_grad_(requires_grad=True)
    features = dict(network.encode(torch.rand(3, network.channels, network.side, network.side)))
    logits, _ = BatchDecode(network, features, torch.tensor([2, 0, 1, 1, 0, 2]))(mixed(network), multimask=False)
    for name, gradient in zip(features, torch.autograd.grad(logits.sum(), list(features.values())), strict=True):
        assert (gradient.abs().flatten(1).sum(dim=1) > 0).all(), name


def test_the_starting_network_stays_as_it_was(network: Network) -> None:
    network.module.requires_grad_(requires_grad=False)
    trained = list(network.module.parameters())[-1].requires_grad_(requires_grad=True)
    start = starting_network(network)
    with torch.no_grad():
        trained.add_(1)
    ours, theirs = dict(network.module.named_parameters()), dict(start.module.named_parameters())
    shared = [name for name in ours if ours[name] is theirs[name]]
    assert len(shared) == len(ours) - 1
    assert not any(value.requires_grad for value in theirs.values())
    changed = next(name for name in ours if name not in shared)
    torch.testing.assert_close(theirs[changed] + 1, ours[changed])
