"""From a file of weights to a network, strictly: every weight fits and every place is filled, or an error says why."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn

from promptseg.errors import CheckpointError, UnknownNameError
from promptseg.io.files import one_line, shown
from promptseg.models.click_network import open_clicks
from promptseg.models.compact_network import open_compact
from promptseg.models.key_names import recognise, rename
from promptseg.models.network import Network
from promptseg.models.recognition import sizes_of
from promptseg.models.sizes import ARCHITECTURES, SIZES, Architecture, Sizes, sizes_from_json
from promptseg.models.state_files import StateFile, read_header, read_state
from promptseg.models.zoo import MODELS, fitting

__all__ = ["HEADER", "open_network", "under_our_names"]

HEADER: Final = "promptseg"
"""Name of the entry in a safetensors header that our own saved models carry; see `saving`."""
NAMES_SHOWN: Final = 3
PLAIN_BYTES: Final = 1 << 20
"""Up to this size a weight may repeat values that the file stores once."""

_OWN: Final[dict[str, tuple[Architecture, Callable[[Path], Network]]]] = {
    "promptseg-compact": ("compact", open_compact),
    "promptseg-clicks": ("clicks", open_clicks),
}
"""Formats that headers of our own architectures name."""

_POSITIONS: Final = (
    "prompt_encoder.shared_embedding.positional_embedding",
    "shared_image_embedding.positional_embedding",
)


def open_network(path: Path, *, like: str | None = None, exactly: bool = False) -> tuple[Network, str]:
    """Read a file of weights, or a folder of transformers, into a network.

    Args:
        path: what :func:`~promptseg.models.state_files.read_state` reads.
        like: name of the model in :data:`~promptseg.models.zoo.MODELS` whose architecture the file should have.
        exactly: the sizes must be those of ``like``, too.

    Returns:
        The network in float32 on the CPU, in evaluation mode, without gradients for its weights; and the name of the
        model whose preprocessing it needs: ``like``, else the name that the file itself records, else that of the
        published model of these sizes, else that of the smallest model of this architecture.

    Raises:
        UnknownNameError: there is no model ``like``.
        CheckpointError: the file is damaged, of another architecture, incomplete, holds too much, or NaN.
    """
    if like is not None and like not in MODELS:
        raise UnknownNameError(f"there is no model {like!r}; the known ones are {', '.join(MODELS)}")
    header = read_header(path)
    if header.get("format") in _OWN:
        kind, read = _OWN[header["format"]]
        _check_expected(kind, None, like, path)
        return read(path), like or fitting(kind, None)
    file = read_state(path)
    try:
        architecture, sizes, state, name = _understood(file)
    except CheckpointError as error:
        expected = "" if like is None else f"; expected {like} ({MODELS[like].architecture})"
        raise CheckpointError(f"{shown(path)}: {error}{expected}") from error
    _check_expected(architecture, sizes if exactly else None, like, path)
    network = _filled(architecture, sizes, state, path)
    return network, like or name or fitting(architecture, sizes)


def _understood(file: StateFile) -> tuple[Architecture, Sizes, dict[str, Tensor], str | None]:
    """Architecture, sizes, weights under our names, and the model that our own files record."""
    if HEADER in file.header:
        architecture, sizes, name = _recorded(file.header[HEADER])
        return architecture, sizes, dict(file.tensors), name
    found = recognise(file.tensors)
    if found is None or found not in SIZES:
        raise CheckpointError(_unrecognised(file.tensors))
    state = under_our_names(found, file.tensors)
    return found, sizes_of(found, {key: tuple(value.shape) for key, value in state.items()}, file.config), state, None


def under_our_names(architecture: Architecture, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that the network uses, as its module names them; see `key_names` for what is left out.

    Raises:
        CheckpointError: two weights would take the same name.
    """
    state = rename(architecture, tensors)
    if architecture == "sam2":
        _join_points(state)
    _share_positions(state)
    return state


def _recorded(text: str) -> tuple[Architecture, Sizes, str | None]:
    try:
        record: Any = json.loads(text)
        architecture, name = record["architecture"], record["model"]
        if architecture not in SIZES or not (name is None or name in MODELS):
            raise CheckpointError(
                f"its header names the architecture {architecture!r:.40} and the model {name!r:.40}, which this "
                f"version of promptseg does not know; known are {', '.join(SIZES)} and {', '.join(MODELS)}"
            )
        return architecture, sizes_from_json(SIZES[architecture], record["sizes"]), name
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise CheckpointError(f"its header is damaged ({one_line(error, most=80)}); convert the model again") from error


def _join_points(state: dict[str, Tensor]) -> None:
    """Of SAM 2's kinds of points Meta has a weight for each, and transformers one for all."""
    parts = [f"prompt_encoder.point_embed.{kind}.weight" for kind in range(4)]
    if all(part in state and state[part].ndim == 2 for part in parts):
        state["prompt_encoder.point_embed.weight"] = torch.cat([state.pop(part) for part in parts])


def _share_positions(state: dict[str, Tensor]) -> None:
    """Meta has one matrix, transformers the same twice, of which its files may hold either."""
    held = [name for name in _POSITIONS if name in state]
    if len(held) == 1:
        for name in _POSITIONS:
            state[name] = state[held[0]].clone()


def _unrecognised(tensors: Mapping[str, Tensor]) -> str:
    names = ", ".join(f"{name!r:.80}" for name in list(tensors)[:NAMES_SHOWN])
    return (
        f"its {len(tensors)} weights ({names}, ...) belong to no architecture that promptseg knows; these are "
        f"{', '.join(ARCHITECTURES)}"
    )


def _check_expected(architecture: Architecture, sizes: Sizes | None, like: str | None, path: Path) -> None:
    if like is None:
        return
    entry = MODELS[like]
    if entry.architecture != architecture:
        raise CheckpointError(
            f"{shown(path)}: looks like {architecture}, but {like} is {entry.architecture}; give a file of that kind"
        )
    if sizes is not None and sizes != entry.sizes:
        other = fitting(architecture, sizes)
        hint = (
            f"it has the sizes of {other}"
            if MODELS[other].sizes == sizes
            else f"it has {_difference(sizes, entry.sizes)}"
        )
        raise CheckpointError(f"{shown(path)}: is {architecture}, but not of the sizes of {like}: {hint}")


def _difference(found: Sizes | None, expected: Sizes | None) -> str:
    names = [name for name in getattr(found, "__slots__", ()) if getattr(found, name) != getattr(expected, name, None)]
    return ", ".join(
        f"{name} {getattr(found, name)} instead of {getattr(expected, name, None)}" for name in names[:NAMES_SHOWN]
    )


def _filled(architecture: Architecture, sizes: Sizes, state: dict[str, Tensor], path: Path) -> Network:
    build, wrap = _parts(architecture)
    try:
        module = build(sizes)
    except (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{shown(path)}: looks like {architecture}, but no network has such sizes ({one_line(error, most=120)})"
        ) from error
    _check_complete(module.state_dict(), state, f"{shown(path)}: looks like {architecture}, but")
    ready = {name: _as_weights(name, value, path) for name, value in state.items()}
    module.load_state_dict(ready, assign=True)
    module.requires_grad_(requires_grad=False).eval()
    network: Network = wrap(module, sizes)
    return network


def _parts(architecture: Architecture) -> tuple[Callable[[Any], nn.Module], Callable[[Any, Any], Any]]:
    """What builds an architecture; transformers is imported here, since only files of the SAM family need it."""
    if architecture == "sam2":
        from promptseg.models.sam2 import Sam2Network, build_sam2

        return build_sam2, Sam2Network
    from promptseg.models.sam import SamNetwork, build_mobile_sam, build_sam

    return (build_sam if architecture == "sam" else build_mobile_sam), SamNetwork


def _check_complete(wanted: Mapping[str, Tensor], given: Mapping[str, Tensor], opening: str) -> None:
    missing = [name for name in wanted if name not in given]
    extra = [name for name in given if name not in wanted]
    wrong = [
        f"{name} {tuple(given[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in given and given[name].shape != wanted[name].shape
    ]
    faults = [
        f"{len(names)} of {len(wanted)} weights {what} ({_some(names)})"
        for names, what in ((missing, "are missing"), (wrong, "have another shape"))
        if names
    ]
    if extra:
        faults.append(f"{len(extra)} are unexpected ({_some(extra)})")
    if faults:
        raise CheckpointError(f"{opening} {'; '.join(faults)}; nothing was loaded")


def _some(names: Sequence[str]) -> str:
    return ", ".join(shown(name[:120]) for name in names[:NAMES_SHOWN]) + ", ..." * (len(names) > NAMES_SHOWN)


def _as_weights(name: str, value: Tensor, path: Path) -> Tensor:
    if value.layout != torch.strided or value.is_meta or value.is_quantized or _is_blown_up(value):
        raise CheckpointError(
            f"{shown(path)}: the weight {name!r} is not stored value by value; save it as a plain tensor"
        )
    if not value.is_floating_point():
        if name.endswith(".num_batches_tracked") and not value.is_complex():
            return value.to(torch.int64)
        raise CheckpointError(f"{shown(path)}: the weight {name!r} is of type {value.dtype}, expected floating point")
    ready = value.to(torch.float32).contiguous()
    if not torch.isfinite(ready.sum()) and not torch.isfinite(ready).all():
        raise CheckpointError(f"{shown(path)}: the weight {name!r} holds NaN or infinity; the file is of no use")
    return ready


def _is_blown_up(value: Tensor) -> bool:
    """Whether a file stores far fewer values than the weight has, so that a small file would fill the memory."""
    size = value.numel() * value.element_size()
    return size > max(value.untyped_storage().nbytes(), PLAIN_BYTES)
