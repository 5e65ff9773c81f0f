"""Networks without a past: weights that are drawn at random, and an encoder that is taken from elsewhere."""

import torch

from promptseg.errors import CheckpointError, ValueRangeError
from promptseg.models.click_net import ClickNet
from promptseg.models.click_network import ClickNetwork
from promptseg.models.compact import CompactNet
from promptseg.models.compact_network import CompactNetwork
from promptseg.models.network import Network

__all__ = ["drawn_anew", "take_encoder"]

_ENCODER = "encoder."


def drawn_anew(network: Network, *, seed: int) -> Network:
    """A network of the same sizes with weights drawn at random, in evaluation mode; the random state stays as it was.

    Raises:
        ValueRangeError: the network is of the SAM family: those are too large to begin without their weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if isinstance(network, CompactNetwork):
            return CompactNetwork(CompactNet(network.net.config).eval().requires_grad_(requires_grad=False))
        if isinstance(network, ClickNetwork):
            return ClickNetwork(ClickNet(network.net.config).eval().requires_grad_(requires_grad=False))
    raise ValueRangeError("only models of the compact and of the click-based architecture can begin without weights")


def take_encoder(network: Network, source: Network) -> None:
    """Give a network the weights of another one's encoder.

    Raises:
        CheckpointError: the encoders are not of one kind and size.
    """
    own = {name: value for name, value in network.module.state_dict().items() if name.startswith(_ENCODER)}
    given = {name: value for name, value in source.module.state_dict().items() if name.startswith(_ENCODER)}
    wrong = sorted(
        name for name in {*own, *given} if name not in own or name not in given or own[name].shape != given[name].shape
    )
    if wrong or not own:
        what = f"{len(wrong)} weights differ, such as {wrong[0]!r}" if wrong else "there is none"
        raise CheckpointError(f"the encoders are not of one kind and size ({what}); take a model with the same encoder")
    network.module.load_state_dict(given, strict=False)
