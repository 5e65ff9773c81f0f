"""What a run leaves beside its weights: recipe, versions, split, the table of losses and scores, and its picture."""

import csv
import io
import json
import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, final

import torch

from promptseg._version import __version__
from promptseg.errors import TrainingError
from promptseg.io.atomic import replacing
from promptseg.io.files import reason, shown

__all__ = ["COLUMNS", "MetricsTable", "draw_curves", "versions", "write_text"]

COLUMNS: Final = ("step", "epoch", "images", "lr", "loss", "train_iou", "score", "seconds")
"""Of ``metrics.csv``. ``score`` stands only where there was a validation; ``seconds`` is all that may differ between
two runs of one recipe on one machine."""

_PACKAGES: Final = ("torch", "numpy", "transformers", "accelerate", "safetensors")


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8; it is there whole or not at all."""
    with replacing(path) as file:
        file.write(text.encode())


def versions(*, device: torch.device, processes: int) -> dict[str, object]:
    """What has a say in the last bits of a result."""
    return {
        "promptseg": __version__,
        "git_commit": _commit(),
        "python": platform.python_version(),
        **{name: _package(name) for name in _PACKAGES},
        "platform": platform.platform(),
        "machine": platform.machine(),
        "vector_instructions": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "processes": processes,
    }


@final
class MetricsTable:
    """The table of losses and scores, which grows line by line."""

    def __init__(self, path: Path, *, keep_bytes: int = 0) -> None:
        """Begin the table, or go on after so many bytes of it.

        Raises:
            TrainingError: it is shorter than that: somebody changed it.
        """
        self.path = path
        if keep_bytes == 0:
            write_text(path, ",".join(COLUMNS) + "\n")
            return
        if not path.is_file() or path.stat().st_size < keep_bytes:
            raise TrainingError(f"{shown(path)}: was changed since the last checkpoint, so the run cannot go on")
        os.truncate(path, keep_bytes)

    def add(self, values: Mapping[str, float | int | None]) -> None:
        """Add a line and bring it to the disk; numbers have nine digits.

        Raises:
            TrainingError: the disk is full, and the like.
        """
        line = io.StringIO(newline="")
        cells = [_cell(values.get(name)) for name in COLUMNS]
        csv.writer(line, lineterminator="\n").writerow(cells)
        try:
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(line.getvalue())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TrainingError(
                f"{shown(self.path)}: cannot be written ({reason(error)}); make room, then --resume"
            ) from error

    @property
    def size_bytes(self) -> int:
        """How long it is now."""
        return self.path.stat().st_size

    def rows(self) -> list[dict[str, str]]:
        """All lines."""
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


def draw_curves(table: MetricsTable, path: Path, *, title: str, score: str) -> None:
    """Draw the loss and the score over the epochs as a PNG.

    Args:
        table: with at least one line.
        path: of the picture.
        title: above it.
        score: what the score is, in words.
    """
    from matplotlib.figure import Figure

    rows = table.rows()
    figure = Figure(figsize=(8, 4.5), dpi=120, layout="constrained")
    left = figure.subplots()
    epochs = [float(row["epoch"]) for row in rows]
    left.plot(epochs, [float(row["loss"]) for row in rows], color="#555555", linewidth=1.5)
    left.set(xlabel="epoch", ylabel="loss (training)", title=title)
    left.set_ylim(bottom=0)
    left.grid(alpha=0.25)
    scored = [row for row in rows if row["score"]]
    if scored:
        right = left.twinx()
        values = [float(row["score"]) for row in scored]
        places = [float(row["epoch"]) for row in scored]
        right.plot(places, values, color="#00796b", marker="o", markersize=4)
        best = max(range(len(values)), key=values.__getitem__)
        right.plot(places[best], values[best], color="#00796b", marker="o", markersize=9, fillstyle="none")
        right.set_ylabel(f"{score}; best {values[best]:.4f}", color="#00796b")
        right.tick_params(axis="y", colors="#00796b")
        right.margins(y=0.15)
    picture = io.BytesIO()
    figure.savefig(picture, format="png")
    with replacing(path) as file:
        file.write(picture.getvalue())


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.9g}"


def _package(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of promptseg's own source, where it is used out of a git repository."""
    home = Path(__file__).resolve().parents[3] / ".git"
    try:
        head = (home / "HEAD").read_text(encoding="utf-8").strip()
        if not head.startswith("ref: "):
            return head
        reference = head.removeprefix("ref: ")
        if (home / reference).is_file():
            return (home / reference).read_text(encoding="utf-8").strip()
        packed = (home / "packed-refs").read_text(encoding="utf-8").splitlines()
        return next((line.split()[0] for line in packed if line.endswith(f" {reference}")), None)
    except (OSError, UnicodeDecodeError):
        return None


def write_versions(path: Path, *, device: torch.device, processes: int) -> None:
    """Write :func:`versions` as JSON."""
    words = {**versions(device=device, processes=processes), "command": [Path(sys.argv[0]).name, *sys.argv[1:]]}
    write_text(path, json.dumps(words, indent=1) + "\n")
