"""Our own files of weights: safetensors whose header says which network it is, so that they load without a guess."""

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor

from promptseg.errors import ValueRangeError, WriteError
from promptseg.io.atomic import replacing
from promptseg.io.files import shown
from promptseg.models.checkpoints import HEADER
from promptseg.models.click_network import ClickNetwork
from promptseg.models.compact_network import CompactNetwork
from promptseg.models.network import Network
from promptseg.models.sizes import SIZES, Architecture, Sizes, sizes_to_json
from promptseg.models.zoo import MODELS

__all__ = ["Precision", "architecture_of", "save_network"]

Precision = Literal["float32", "float16"]
SUFFIX: Final = ".safetensors"
EXACT: Final = ("positional_embedding", "running_mean", "running_var")
"""Last parts of the names of small weights that stay float32 in a file of half precision."""

_CODES: Final = {torch.float32: "F32", torch.float16: "F16", torch.int64: "I64"}


def save_network(network: Network, path: Path, *, model: str, precision: Precision = "float32") -> None:
    """Write a network of `open_network` so that `open_network`, and `load`, take it at once.

    The file is there whole or not at all.

    Args:
        network: of any architecture.
        path: ends in ``.safetensors``.
        model: name of the model in the table whose preprocessing it needs; stands in the file.
        precision: ``float16`` halves the file; coordinates and the statistics of batch norms stay float32.

    Raises:
        WriteError: the path is not usable, or the disk is full.
        ValueRangeError: ``model`` is of another architecture, or a weight is too large for half precision.
    """
    if path.suffix != SUFFIX:
        raise WriteError(f"{shown(path)}: a saved model must be named *{SUFFIX}")
    header = _header(network, model)
    tensors = {name: _stored(name, value, precision) for name, value in network.module.state_dict().items()}
    with replacing(path) as file:
        file.write(_opening(tensors, header))
        for value in tensors.values():
            file.write(value.reshape(-1).view(torch.uint8).numpy().data)


def _header(network: Network, model: str) -> dict[str, str]:
    sizes: Sizes | None = getattr(network, "sizes", None)
    architecture = architecture_of(network)
    if MODELS[model].architecture != architecture:
        raise ValueRangeError(f"{model} is {MODELS[model].architecture}, but the network is {architecture}")
    if isinstance(network, CompactNetwork | ClickNetwork):
        return {"format": f"promptseg-{architecture}", "config": json.dumps(network.net.config.to_json())}
    if sizes is None:
        raise ValueRangeError(f"cannot save a {type(network).__name__}: its sizes are not known")
    return {HEADER: json.dumps({"architecture": architecture, "sizes": sizes_to_json(sizes), "model": model})}


def architecture_of(network: Network) -> Architecture:
    """The name of a network's architecture."""
    sizes: Sizes | None = getattr(network, "sizes", None)
    own: Architecture = "clicks" if isinstance(network, ClickNetwork) else "compact"
    return next((name for name, kind in SIZES.items() if isinstance(sizes, kind)), own)


def _stored(name: str, value: Tensor, precision: Precision) -> Tensor:
    value = value.detach().cpu().contiguous()
    if not value.is_floating_point():
        return value
    if precision == "float32" or name.rpartition(".")[2] in EXACT:
        return value.float()
    half = value.half()
    if not torch.isfinite(half).all():
        raise ValueRangeError(f"the weight {name!r} reaches {float(value.abs().max()):g}, too much for half precision")
    return half


def _opening(tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> bytes:
    """Length and text of the header (github.com/huggingface/safetensors, format), padded to 8 bytes."""
    table: dict[str, object] = {"__metadata__": dict(header)}
    end = 0
    for name, value in tensors.items():
        start, end = end, end + value.nbytes
        table[name] = {"dtype": _CODES[value.dtype], "shape": list(value.shape), "data_offsets": [start, end]}
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text
