"""Checkpoints: what was trained and what is needed to go on exactly, in one file that is there whole or not at all."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import Tensor

from promptseg.errors import CheckpointError, TrainingError
from promptseg.io.atomic import replacing
from promptseg.io.files import one_line, shown

__all__ = ["KEPT", "Checkpoint", "newest_checkpoint", "write_checkpoint"]

KEPT: Final = 2
"""So many of the last checkpoints stay."""

_NAME: Final = re.compile(r"step-(\d{9})\.pt")


@final
@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A moment of a run.

    Attributes:
        step: how many times the weights have changed.
        trained: the weights that are trained, by name.
        optimiser: its ``state_dict()``.
        mean: the running means of the weights, empty where there are none.
        sums: what was added up for the next line of the table of losses: steps, losses, IoUs.
        best: the best score so far, or None.
        metrics_bytes: how long the table of losses was.
        seconds: how long the run had taken.
        processes: among how many each step was divided.
        data: digest of the images.
    """

    step: int
    trained: Mapping[str, Tensor]
    optimiser: Mapping[str, Any]
    mean: Mapping[str, Tensor]
    sums: tuple[int, float, float]
    best: float | None
    metrics_bytes: int
    seconds: float
    processes: int
    data: str


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint and remove all but the last ones.

    Raises:
        WriteError: the disk is full, and the like; the checkpoints before are untouched.
    """
    with replacing(folder / f"step-{checkpoint.step:09d}.pt") as file:
        torch.save({**vars(checkpoint), "sums": list(checkpoint.sums)}, file)
    for old in _checkpoints(folder)[:-KEPT]:
        old.unlink(missing_ok=True)


def newest_checkpoint(folder: Path) -> Checkpoint | None:
    """The last checkpoint that can be read, or None where there is none at all.

    Raises:
        TrainingError: there are some, but all are damaged.
    """
    found = _checkpoints(folder)
    damage = ""
    for path in reversed(found):
        try:
            return _read(path)
        except CheckpointError as error:
            damage = str(error)
    if found:
        raise TrainingError(f"no checkpoint can be read, so the run cannot go on; {damage}")
    return None


def _read(path: Path) -> Checkpoint:
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(**{**values, "sums": tuple(values["sums"])})
    except Exception as error:  # a damaged file makes torch raise errors of many kinds; all mean the same here
        raise CheckpointError(f"{shown(path)}: is damaged ({one_line(error, most=120)})") from error


def _checkpoints(folder: Path) -> list[Path]:
    """All checkpoints, the oldest first."""
    return sorted(path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name))
