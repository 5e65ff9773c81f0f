"""Each weight of each architecture belongs to one part, and the parts are what they say they are."""

from collections.abc import Callable

import pytest
import torch
from phantom_samples import tiny_network
from random_networks import small_mobile_sam, small_sam, small_sam2

from promptseg.models.network import Network, PromptBatch
from promptseg.training.parts import TRAINED, choose_trained, encoder_sha256, parts_of

NETWORKS: dict[str, Callable[[], Network]] = {
    "compact": tiny_network,
    "sam": lambda: small_sam().network,
    "mobile-sam": lambda: small_mobile_sam().network,
    "sam2": lambda: small_sam2().network,
}


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    return NETWORKS[request.param]()


def test_every_weight_belongs_to_one_part(network: Network) -> None:
    parts = parts_of(network)
    assert list(parts) == [name for name, _ in network.module.named_parameters()]
    assert set(parts.values()) == {"encoder", "prompt-encoder", "decoder"}


def test_features_depend_on_the_encoder_alone_and_masks_on_features_not_on_it(network: Network) -> None:
    network.module.requires_grad_(requires_grad=True)
    parts = parts_of(network)
    named = dict(network.module.named_parameters())
    features = network.encode(torch.rand(2, network.channels, network.side, network.side))
    assert {len(value) for value in features.values()} == {2}
    loss = sum(value.float().square().sum() for value in features.values())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    reached = {name for name, gradient in zip(named, found, strict=True) if gradient is not None}
    assert {parts[name] for name in reached} == {"encoder"}
    rows = {name: value.detach() for name, value in features.items()}
    batch = PromptBatch(torch.full((2, 1, 2), 20.0), torch.ones(2, 1, dtype=torch.long))
    logits, scores = network.decode(rows, batch, multimask=True)
    found = torch.autograd.grad(logits.sum() + scores.sum(), list(named.values()), allow_unused=True)
    reached = {name for name, gradient in zip(named, found, strict=True) if gradient is not None}
    assert {parts[name] for name in reached} == {"prompt-encoder", "decoder"}


@pytest.mark.parametrize("trained", TRAINED)
def test_what_is_chosen_asks_for_gradients(network: Network, trained: str) -> None:
    chosen = choose_trained(network, trained)
    parts = parts_of(network)
    assert {parts[name] for name in chosen} == TRAINED[trained]
    assert {name for name, value in network.module.named_parameters() if value.requires_grad} == set(chosen)


def test_the_digest_of_the_encoder_sees_the_encoder_alone(network: Network) -> None:
    before = encoder_sha256(network)
    parts = parts_of(network)
    named = dict(network.module.named_parameters())
    with torch.no_grad():
        next(named[name] for name in named if parts[name] == "decoder").add_(1)
        assert encoder_sha256(network) == before
        next(named[name] for name in named if parts[name] == "encoder").add_(1)
    assert encoder_sha256(network) != before
