"""Weights in files: PyTorch archives, safetensors, folders of transformers. No code that stands in them is run."""

import json
import pickle
import struct
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from promptseg.errors import CheckpointError
from promptseg.io.files import one_line, reason, shown

__all__ = ["StateFile", "read_header", "read_state", "weights_at"]

State = dict[str, Tensor]
PREFIXES: Final = ("module.", "_orig_mod.", "model.")
"""What training code puts before every name: data parallelism, torch.compile, Lightning."""
WRAPPERS: Final = ("model", "state_dict", "model_state_dict")
"""Where training checkpoints keep the weights."""
SHARDS: Final = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
WHOLE: Final = ("model.safetensors", "pytorch_model.bin")
HEADER_LIMIT: Final = 100_000_000
"""No header of a safetensors file is larger, in bytes; the format says so."""
TEXT_LIMIT: Final = 1 << 24
"""No configuration or index is larger, in bytes."""

_DAMAGE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)
"""What PyTorch raises on damaged files; it promises no class of its own."""


@dataclass(frozen=True, eq=False)
class StateFile:
    """Weights by name, as the file has them, and what stands beside them.

    Attributes:
        tensors: the weights; wrappers and prefixes of training code are taken off.
        config: the folder's ``config.json``, or None.
        header: the metadata of a safetensors file, empty for others.
    """

    tensors: Mapping[str, Tensor]
    config: Mapping[str, Any] | None = None
    header: Mapping[str, str] = field(default_factory=dict)


def read_state(path: Path) -> StateFile:
    """Read a ``.pth``, ``.pt``, ``.bin`` or ``.safetensors`` file, or a folder that transformers saved.

    The content decides, not the name. Pickles are read by PyTorch's restricted reader: tensors and plain containers
    only. Where the format allows it, weights are mapped into memory and read when they are used.

    Raises:
        CheckpointError: nothing is there, or it is not a file of weights, damaged, or wants to run code.
    """
    with _refusals(path):
        if path.is_dir():
            return _read_folder(path)
        return _unwrapped(_read_file(path), path)


def read_header(path: Path) -> Mapping[str, str]:
    """The metadata of a safetensors file, without its weights; empty for any other file or folder.

    Raises:
        CheckpointError: it may not be read, or is damaged.
    """
    with _refusals(path):
        if not path.is_file() or _kind(path) != "safetensors":
            return {}
        return _safetensors(path, names_only=True).header


def weights_at(text: str) -> Path | None:
    """The path that a user wrote, with ``~`` put in full; None if nothing is there that may be looked at."""
    try:
        path = Path(text).expanduser()
        path.stat()
    except (OSError, RuntimeError, ValueError):
        return None
    return path


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """What the operating system refuses becomes a CheckpointError."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{shown(path)}: cannot be read ({reason(error)})") from error


def _read_file(path: Path) -> StateFile:
    if path.exists() and not path.is_file():
        raise CheckpointError(f"{shown(path)}: is a device, pipe or socket; give a regular file or a folder")
    kind = _kind(path)
    if kind == "safetensors":
        return _safetensors(path)
    if kind == "unknown":
        raise CheckpointError(
            f"{shown(path)}: is no file of weights; expected a PyTorch .pth or .pt, a .safetensors, or a folder with "
            f"config.json"
        )
    if kind in _NO_WEIGHTS:
        raise CheckpointError(f"{shown(path)}: {_NO_WEIGHTS[kind]}")
    return StateFile(_torch_content(path, mapped=kind == "archive"))


_NO_WEIGHTS: Final = {
    "empty": "the file is empty (0 bytes); copy or fetch it again",
    "pointer": "is a git-lfs pointer, not the weights; run `git lfs pull` where it came from",
    "page": "is a web page, not weights; open the address in a browser and save the file that it offers",
    "packed": "is a packed archive; unpack it and give the file of weights that it holds",
}
_STARTS: Final = (
    (b"version https://git-lfs", "pointer"),
    (b"<", "page"),
    (b"\x1f\x8b", "packed"),
    (b"7z\xbc\xaf", "packed"),
    (b"PK\x03\x04", "archive"),
    (b"\x80", "pickle"),
)


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(64)
    if not start:
        return "empty"
    if len(start) > 8 and start[8:9] == b"{" and struct.unpack("<Q", start[:8])[0] <= HEADER_LIMIT:
        return "safetensors"
    return next((kind for sign, kind in _STARTS if start.lstrip().startswith(sign)), "unknown")


def _safetensors(path: Path, *, names_only: bool = False) -> StateFile:
    try:
        with safe_open(path, framework="pt") as file:
            names = [] if names_only else list(file.keys())
            return StateFile({name: file.get_tensor(name) for name in names}, header=file.metadata() or {})
    except (SafetensorError, *_DAMAGE) as error:
        raise _damaged(path, error) from error


def _torch_content(path: Path, *, mapped: bool) -> Mapping[str, Tensor]:
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.filterwarnings("ignore", message="Detected pickle protocol")
            named_otherwise = path.suffix == ".safetensors"  # PyTorch goes by this name, we by the content
            content: Mapping[str, Tensor] = torch.load(
                file if named_otherwise or not mapped else path,
                map_location="cpu",
                weights_only=True,
                mmap=mapped and not named_otherwise,
            )
    except pickle.UnpicklingError as error:
        if "weights_only" in str(error) or "GLOBAL" in str(error):
            raise CheckpointError(
                f"{shown(path)}: holds more than weights, and reading it would run code, which promptseg never does; "
                f"save the model's state_dict() alone, where you trust the file"
            ) from error
        raise _damaged(path, error) from error
    except _DAMAGE as error:
        if "TorchScript" in str(error):
            raise CheckpointError(
                f"{shown(path)}: is a TorchScript program; give the weights that it was made from"
            ) from error
        raise _damaged(path, error) from error
    return content


def _damaged(path: Path, error: Exception) -> CheckpointError:
    return CheckpointError(
        f"{shown(path)}: is damaged or incomplete; copy or fetch it again ({one_line(error, most=120)})"
    )


def _unwrapped(file: StateFile, path: Path) -> StateFile:
    content: Any = file.tensors
    for _ in range(3):
        inner = next((content[name] for name in WRAPPERS if isinstance(content, Mapping) and name in content), None)
        if not isinstance(inner, Mapping):
            break
        content = inner
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError(f"{shown(path)}: holds {type(content).__name__}, not weights by name")
    strangers = [name for name, value in content.items() if not isinstance(name, str) or not isinstance(value, Tensor)]
    if strangers:
        raise CheckpointError(
            f"{shown(path)}: {strangers[0]!r:.80} is not a weight ({len(strangers)} such entries); expected a "
            f"state_dict, alone or under {', '.join(map(repr, WRAPPERS))}"
        )
    return StateFile(_without_prefix(content), file.config, file.header)


def _without_prefix(tensors: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    for prefix in PREFIXES * 2:
        if all(name.startswith(prefix) and name != prefix for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _read_folder(folder: Path) -> StateFile:
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"{shown(folder)}: has no config.json; give a file of weights, or a folder that transformers saved"
        )
    config = _json(folder / "config.json")
    index = next((folder / name for name in SHARDS if (folder / name).is_file()), None)
    whole = next((folder / name for name in WHOLE if (folder / name).is_file()), None)
    if whole is not None:
        read = _unwrapped(_read_file(whole), whole)
        return StateFile(read.tensors, config, read.header)
    if index is None:
        raise CheckpointError(f"{shown(folder)}: has a config.json but none of {', '.join((*WHOLE, *SHARDS))}")
    return StateFile(_sharded(index), config)


def _sharded(index: Path) -> State:
    places = _json(index).get("weight_map")
    if not isinstance(places, Mapping) or not all(isinstance(name, str) for name in places.values()):
        raise CheckpointError(f"{shown(index)}: has no weight_map from names to files")
    tensors: State = {}
    for name in sorted(set(places.values())):
        shard = index.parent / name
        if Path(name).name != name or not shard.is_file():
            raise CheckpointError(
                f"{shown(index)}: names the part {name!r:.80}, which is not in the folder; copy it there"
            )
        tensors.update(_unwrapped(_read_file(shard), shard).tensors)
    lost = sorted(set(places) - set(tensors))
    if lost:
        raise CheckpointError(f"{shown(index)}: {len(lost)} weights are in none of its parts, such as {lost[0]!r}")
    return tensors


def _json(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > TEXT_LIMIT:
        raise CheckpointError(f"{shown(path)}: has {path.stat().st_size} bytes, too many for a configuration")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{shown(path)}: is no valid JSON ({one_line(error, most=120)})") from error
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{shown(path)}: holds {type(content).__name__}, expected a JSON object")
    return content
