"""From a name or a path to a ready segmenter."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import torch

from promptseg.errors import FetchError, UnknownNameError, ValueRangeError
from promptseg.models.click_network import ClickNetwork, open_clicks
from promptseg.models.click_segmenter import ClickSegmenter
from promptseg.models.compact_network import open_compact
from promptseg.models.network import Network
from promptseg.models.own_weights import EMBEDDED
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.runtime import memory_errors
from promptseg.models.sizes import Architecture
from promptseg.models.state_files import weights_at
from promptseg.models.zoo import MODELS, ModelEntry

__all__ = ["DTYPES", "DtypeName", "load", "open_model", "place_of"]

DtypeName = Literal["auto", "float32", "bfloat16", "float16"]
DTYPES: Final[dict[DtypeName, torch.dtype]] = {
    "auto": torch.float32,
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
"""Precision of the encoder by name; ``auto`` is float32, so that results are the same on every machine."""

_OPEN: Final[dict[Architecture, Callable[[Path], Network]]] = {"compact": open_compact, "clicks": open_clicks}
"""Our own architectures, of which the package holds weights."""


def load(
    name_or_path: str | Path = "default",
    *,
    device: str = "auto",
    dtype: DtypeName = "auto",
    like: str | None = None,
) -> PromptSegmenter | ClickSegmenter:
    """A model, ready to embed images.

    Args:
        name_or_path: a name of the table of models (``promptseg models list``), or a file or folder: Meta's and
            MobileSAM's ``.pth``, MedSAM's, SAM 2's ``.pt``, a transformers folder, a safetensors file, the folder of a
            training run.
        device: ``auto`` takes CUDA, then Apple's MPS, then the CPU; or any name that torch knows.
        dtype: precision of the encoder, or of a click-based network. The decoder and all coordinates stay float32.
        like: for a path, the name of the model whose preprocessing and policy it needs, where the file alone does
            not tell: ``like="medsam-vit-b"`` for weights that were trained as MedSAM's.

    Raises:
        UnknownNameError: no such name, and no such file.
        FetchError: the model is known, but its file is not on this machine.
        CheckpointError: the file is damaged, incomplete or of an unknown architecture.
        ValueRangeError: the device or the dtype is not usable here.

    >>> load().name
    'default'
    """
    place = place_of(device)
    if dtype not in DTYPES:
        raise ValueRangeError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}")
    network, entry, name = open_model(str(name_or_path), like)
    try:
        with memory_errors():
            network.module.to(place)
        torch.zeros(1, device=place).cpu()  # there are devices that hold nothing, such as "meta"
    except (AssertionError, ImportError, RuntimeError) as error:
        raise ValueRangeError(f"device {device!r} cannot be used: {' '.join(str(error).split())[:200]}") from error
    if isinstance(network, ClickNetwork):
        return ClickSegmenter(network, entry.preprocessing, name=name, dtype=DTYPES[dtype])
    return PromptSegmenter(
        network, entry.preprocessing, name=name, default_policy=entry.default_policy, dtype=DTYPES[dtype]
    )


def open_model(name: str, like: str | None = None) -> tuple[Network, ModelEntry, str]:
    """A network on the CPU, what the table knows of it, and what to call it; errors as for :func:`load`."""
    if like is not None and like not in MODELS:
        raise UnknownNameError(f"unknown model {like!r} for `like`; the known ones are {', '.join(MODELS)}")
    if name in EMBEDDED:
        network = _OPEN[MODELS[name].architecture](EMBEDDED[name])
        return network, _sized(MODELS[name], network), name
    if name in MODELS:
        return _known(MODELS[name])
    path = weights_at(name)
    if path is None:
        raise UnknownNameError(
            f"there is no model named {name!r} and no such file; the known models are {', '.join(MODELS)}"
        )
    from promptseg.models.checkpoints import open_network
    from promptseg.models.run_folder import is_run, open_run

    if is_run(path):
        network, record = open_run(path, lambda base: open_model(base)[0])
        entry = replace(MODELS[record.model], default_policy=record.policy) if like is None else MODELS[like]
        return network, _sized(entry, network), path.name
    network, fitting = open_network(path, like=like)
    return network, _sized(MODELS[like or fitting], network), path.name


def _sized(entry: ModelEntry, network: Network) -> ModelEntry:
    """The entry with the side that the network's file gave."""
    return replace(entry, preprocessing=replace(entry.preprocessing, side=network.side))


def _known(entry: ModelEntry) -> tuple[Network, ModelEntry, str]:
    from promptseg.models.checkpoints import open_network
    from promptseg.models.fetch import local_path

    path = local_path(entry)
    if path is None:
        raise FetchError(
            f"the weights of {entry.name} are not on this machine; run `promptseg models fetch {entry.name}`, or, "
            f"offline, `promptseg models fetch {entry.name} --from FILE`"
        )
    network, _ = open_network(path, like=entry.name, exactly=True)
    return network, entry, entry.name


def place_of(device: str) -> torch.device:
    """The device of a name, or for ``auto`` the best that is there; ValueRangeError for an unknown one."""
    if device != "auto":
        try:
            return torch.device(device)
        except RuntimeError as error:
            raise ValueRangeError(f"device {device!r} is unknown; use auto, cpu, cuda, cuda:1 or mps") from error
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
