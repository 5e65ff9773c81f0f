"""Which weights of a network are its encoder, its prompt encoder and its mask decoder, and which are trained."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Literal

import torch
from torch import nn

from promptseg.errors import ValueRangeError
from promptseg.models.network import Network

__all__ = ["TRAINED", "Part", "TrainedName", "choose_trained", "encoder_sha256", "parts_of"]

Part = Literal["encoder", "prompt-encoder", "decoder"]
TrainedName = Literal["decoder", "prompt-encoder+decoder", "encoder+decoder", "all"]

TRAINED: Final[Mapping[TrainedName, frozenset[Part]]] = {
    "decoder": frozenset({"decoder"}),
    "prompt-encoder+decoder": frozenset({"prompt-encoder", "decoder"}),
    "encoder+decoder": frozenset({"encoder", "decoder"}),
    "all": frozenset({"encoder", "prompt-encoder", "decoder"}),
}
"""The parts that are trained, by the name that stands in a recipe."""

_STARTS: Final[tuple[tuple[str, Part], ...]] = (
    ("encoder.", "encoder"),
    ("vision_encoder.", "encoder"),
    ("no_memory_embedding", "encoder"),
    ("mask_decoder.conv_s0.", "encoder"),
    ("mask_decoder.conv_s1.", "encoder"),
    ("prompts.", "prompt-encoder"),
    ("prompt_encoder.", "prompt-encoder"),
    ("decoder.", "decoder"),
    ("mask_decoder.", "decoder"),
)
"""How the names of weights begin. SAM 2 applies two convolutions of its decoder when it encodes an image, and adds
``no_memory_embedding``: what the features of an image depend on is the encoder."""


def parts_of(network: Network) -> dict[str, Part]:
    """The part that each parameter belongs to, by its name in ``network.module``.

    The encoder is all that the features of an image depend on; so features can be kept as long as it is frozen.

    Raises:
        ValueRangeError: a parameter belongs to no part that is known.
    """
    return {name: _part(name) for name, _ in network.module.named_parameters()}


def choose_trained(network: Network, trained: TrainedName) -> dict[str, nn.Parameter]:
    """Let gradients reach the parameters that are trained, and no other; returns those by name.

    Batch norms keep the statistics that they have: the module stays in evaluation mode.
    """
    parts = parts_of(network)
    chosen: dict[str, nn.Parameter] = {}
    for name, parameter in network.module.named_parameters():
        parameter.requires_grad_(parts[name] in TRAINED[trained])
        if parameter.requires_grad:
            chosen[name] = parameter
    return chosen


def _part(name: str) -> Part:
    for start, part in _STARTS:
        if name.startswith(start):
            return part
    raise ValueRangeError(f"the weight {name!r} belongs to no part that training knows")


def encoder_sha256(network: Network) -> str:
    """Hex digest of all weights and statistics that the features of an image depend on."""
    digest = sha256()
    for name, value in sorted(network.module.state_dict().items()):
        if any(name.startswith(start) for start, part in _STARTS if part == "encoder"):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
