"""Files of our own architectures: safetensors whose header holds the configuration; those inside the package."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from promptseg.errors import CheckpointError
from promptseg.io.files import one_line, shown

__all__ = ["DEFAULT_WEIGHTS", "EMBEDDED", "filled", "read_module"]

_WEIGHTS: Final = Path(__file__).resolve().parent.parent / "weights"

EMBEDDED: Final[dict[str, Path]] = {
    "default": _WEIGHTS / "default.safetensors",
    "default-zeroshot": _WEIGHTS / "default-zeroshot.safetensors",
    "default-clicks": _WEIGHTS / "default-clicks.safetensors",
}
"""The embedded models by name: files inside the package."""

DEFAULT_WEIGHTS: Final = EMBEDDED["default"]
"""The embedded default model."""

ConfigT = TypeVar("ConfigT")
ModuleT = TypeVar("ModuleT", bound=nn.Module)


def read_module(
    path: Path, configure: Callable[[Mapping[str, Any]], ConfigT], make: Callable[[ConfigT], ModuleT], *, what: str
) -> ModuleT:
    """Read a file of one of our architectures into its module: in float32, in evaluation mode, without gradients.

    Args:
        path: of the file.
        configure: from the JSON of the header to the configuration; TypeError or ValueError where it makes no sense.
        make: from the configuration to the module.
        what: name of the architecture, for messages.

    Raises:
        CheckpointError: the file is damaged, or is not of this architecture.
    """
    try:
        with safe_open(path, framework="pt") as file:
            config = configure(_config_in(file.metadata() or {}, path, what))
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
        if path not in EMBEDDED.values():
            _check_fit(config, make, tensors)
        return filled(make, config, tensors).requires_grad_(requires_grad=False)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{shown(path)}: is damaged and cannot be read ({one_line(error)})") from error
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        raise CheckpointError(f"{shown(path)}: does not fit the {what} architecture ({one_line(error)})") from error


def filled(make: Callable[[ConfigT], ModuleT], config: ConfigT, weights: Mapping[str, Tensor]) -> ModuleT:
    """Build a network around given weights, converted to float32; ready for inference.

    The global random state is left as it was. (Building on the "meta" device would spare the initial weights, 25 ms,
    but makes torch import its symbolic shapes, 0.8 s.) Raises RuntimeError if names or shapes do not fit.
    """
    with torch.random.fork_rng(devices=[]):
        net = make(config)
    net.load_state_dict({name: value.float() for name, value in weights.items()}, assign=True)
    return net.eval()


def _check_fit(config: ConfigT, make: Callable[[ConfigT], nn.Module], tensors: Mapping[str, Tensor]) -> None:
    """Refuse weights that the configuration does not ask for, before a network of the claimed size is made.

    Raises:
        ValueError: names or shapes differ, or a weight is not finite.
    """
    with torch.device("meta"):
        wanted = {name: tuple(value.shape) for name, value in make(config).state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    wrong = sorted(name for name in {*wanted, *given} if wanted.get(name) != given.get(name))
    if wrong:
        name = wrong[0]
        raise ValueError(
            f"{len(wrong)} weights are missing, unexpected or of another shape, such as {name!r:.80}: "
            f"{given.get(name, 'missing')} instead of {wanted.get(name, 'none')}"
        )
    for name, value in tensors.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"the weight {name!r} holds NaN or infinity")


def _config_in(metadata: dict[str, str], path: Path, what: str) -> dict[str, Any]:
    if "config" not in metadata:
        raise CheckpointError(f"{shown(path)}: is not a {what} model of promptseg: its header has no configuration")
    config: dict[str, Any] = json.loads(metadata["config"])
    return config
