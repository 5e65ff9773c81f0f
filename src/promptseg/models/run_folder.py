"""A folder that a training run left, as a model: what was trained, on top of the weights that training started from.

``run.json`` says which model that was. ``model.safetensors`` holds the whole network where what was not trained is
small, else ``trained.safetensors`` holds the weights that differ, and the others are read from where they came.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final

import torch
from safetensors import SafetensorError
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from promptseg.errors import CheckpointError, FetchError, UnknownNameError, ValueRangeError
from promptseg.io.atomic import replacing
from promptseg.io.files import one_line, shown
from promptseg.models.checkpoints import open_network
from promptseg.models.network import Network
from promptseg.models.saving import save_network
from promptseg.models.state_files import read_state
from promptseg.models.zoo import MODELS
from promptseg.types import Policy, check_policy

__all__ = ["RunRecord", "is_run", "open_run", "read_record", "read_trained", "save_trained", "weights_sha256"]

RECORD: Final = "run.json"
WHOLE: Final = "model.safetensors"
TRAINED: Final = "trained.safetensors"
WHOLE_BELOW_BYTES: Final = 64 * 2**20
"""Up to so many bytes of weights that were not trained are kept with those that were."""

_FORMAT: Final = 1


@final
@dataclass(frozen=True, slots=True)
class RunRecord:
    """Where a run began.

    Attributes:
        base: name in the table of models, or the path of a file of weights.
        base_sha256: digest of all its weights, see :func:`weights_sha256`.
        model: name of the model in the table whose preprocessing it has.
        policy: which candidate mask it gives unless told otherwise.
        trained: names of all weights that may differ from the base.
    """

    base: str
    base_sha256: str
    model: str
    policy: Policy
    trained: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Write ``run.json``."""
        text = json.dumps({"format": _FORMAT, **asdict(self)}, indent=1)
        with replacing(folder / RECORD) as file:
            file.write(text.encode())


def is_run(path: Path) -> bool:
    """Whether a path is the folder of a training run."""
    return (path / RECORD).is_file()


def weights_sha256(network: Network) -> str:
    """Hex digest of all weights, with their names, types and shapes."""
    digest = sha256()
    for name, value in sorted(network.module.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def save_trained(network: Network, record: RunRecord, folder: Path) -> None:
    """Write the weights of this moment into the folder of a run; it is there whole or not at all.

    Raises:
        WriteError: the disk is full, and the like; what was there before is untouched.
    """
    state = network.module.state_dict()
    others = sum(value.nbytes for name, value in state.items() if name not in record.trained)
    if others <= WHOLE_BELOW_BYTES:
        save_network(network, folder / WHOLE, model=record.model)
        return
    trained = {name: state[name].detach().cpu().contiguous() for name in record.trained}
    with replacing(folder / TRAINED) as file:
        file.write(tensors_to_bytes(trained, metadata={"promptseg-run": record.base_sha256}))


def read_record(folder: Path) -> RunRecord:
    """Read ``run.json``.

    Raises:
        CheckpointError: it is damaged, or of a later version.
    """
    try:
        values: Any = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if values.pop("format") != _FORMAT:
            raise CheckpointError(f"{shown(folder)}: was made by another version of promptseg; use that one")
        record = RunRecord(**{**values, "trained": tuple(values["trained"])})
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"{shown(folder / RECORD)}: is damaged ({one_line(error, most=120)})") from error
    if record.model not in MODELS:
        raise CheckpointError(
            f"{shown(folder)}: its model {record.model!r} is unknown; the known are {', '.join(MODELS)}"
        )
    check_policy(record.policy)
    return record


def open_run(folder: Path, open_base: Callable[[str], Network]) -> tuple[Network, RunRecord]:
    """The network that a run trained, and where it began.

    Args:
        folder: of the run.
        open_base: opens a model by the name or path that the record has.

    Raises:
        CheckpointError: the run has not yet kept any weights, a file is damaged, or the weights that it began with
            are gone or have changed.
    """
    record = read_record(folder)
    if (folder / WHOLE).is_file():
        return open_network(folder / WHOLE, like=record.model)[0], record
    if not (folder / TRAINED).is_file():
        raise CheckpointError(f"{shown(folder)}: this run has not kept any weights yet; let it run on (--resume)")
    network = _base(folder, record, open_base)
    _put(network, read_trained(folder), folder)
    return network, record


def read_trained(folder: Path) -> Mapping[str, Tensor]:
    """The weights that a run trained, by name.

    Raises:
        CheckpointError: there are none yet, or the file is damaged.
    """
    record = read_record(folder)
    path = next((folder / name for name in (WHOLE, TRAINED) if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(f"{shown(folder)}: this run has not kept any weights yet; let it run on (--resume)")
    try:
        tensors = read_state(path).tensors
        return {name: tensors[name] for name in record.trained}
    except (KeyError, SafetensorError) as error:
        raise CheckpointError(f"{shown(path)}: does not belong to its {RECORD} ({one_line(error)})") from error


def _base(folder: Path, record: RunRecord, open_base: Callable[[str], Network]) -> Network:
    try:
        network = open_base(record.base)
    except (UnknownNameError, FetchError, ValueRangeError, CheckpointError) as error:
        raise CheckpointError(
            f"{shown(folder)}: was trained on top of {record.base!r}, which cannot be opened: {error}"
        ) from error
    if weights_sha256(network) != record.base_sha256:
        raise CheckpointError(
            f"{shown(folder)}: was trained on top of other weights than {record.base!r} has now (SHA-256 "
            f"{record.base_sha256[:12]}... is expected); bring those back"
        )
    return network


def _put(network: Network, trained: Mapping[str, Tensor], folder: Path) -> None:
    own = network.module.state_dict()
    wrong = [name for name, value in trained.items() if name not in own or own[name].shape != value.shape]
    if wrong:
        raise CheckpointError(f"{shown(folder)}: {len(wrong)} weights do not fit, such as {wrong[0]!r}")
    network.module.load_state_dict(dict(trained), strict=False)
