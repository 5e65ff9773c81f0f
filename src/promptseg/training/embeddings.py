"""Features of images that are computed once and kept on the disk, with their objects beside them, memory-mapped.

A shelf is a folder with one plain file for each feature, a row for each image (and augmented copy); ``done`` has a byte
for each row, written after the row itself, so a shelf that was interrupted is gone on with.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptseg.errors import TrainingError, ValueRangeError, WriteError
from promptseg.io.atomic import replacing
from promptseg.io.files import reason, shown
from promptseg.models.network import Features
from promptseg.training.examples import Example

__all__ = ["Shelf", "ShelfPlan"]

_SYNC_EVERY: Final = 16


@final
@dataclass(frozen=True)
class ShelfPlan:
    """What a shelf will hold.

    Attributes:
        key: of all that decides the content: the encoder, preprocessing, images, augmentation, precision.
        shapes: computes the shapes of one row of each feature, by name; called when a shelf is made.
        precision: ``float16`` or ``float32``.
        counts: the most objects that each row can have.
        grid_side: of the objects' masks.
    """

    key: str
    shapes: Callable[[], Mapping[str, tuple[int, ...]]]
    precision: str
    counts: tuple[int, ...]
    grid_side: int

    @property
    def digest(self) -> str:
        """Name of the shelf's folder."""
        return sha256(f"{self.key} {self.precision} {self.counts} {self.grid_side}".encode()).hexdigest()[:20]


@final
class Shelf:
    """Kept features and objects of a list of images."""

    def __init__(self, plan: ShelfPlan, folder: Path) -> None:
        """Use :meth:`open`."""
        self._plan = plan
        self._folder = folder
        self._starts = np.concatenate([[0], np.cumsum(plan.counts)]).astype(np.int64)

    @classmethod
    def open(cls, plan: ShelfPlan, parent: Path) -> Self:
        """The shelf of this plan below a folder, made where there is none.

        Raises:
            WriteError: it cannot be made, or the disk has too little space for it.
        """
        shelf = cls(plan, parent / plan.digest)
        try:
            shelf._reserve()
        except OSError as error:
            raise WriteError(f"{shown(shelf._folder)}: embeddings cannot be kept ({reason(error)})") from error
        return shelf

    @cached_property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Of one row of each feature; from the shelf where it is made already."""
        record = self._folder / "shelf.json"
        if record.is_file():
            return {name: tuple(shape) for name, shape in json.loads(record.read_text(encoding="utf-8")).items()}
        return dict(self._plan.shapes())

    def missing(self) -> list[int]:
        """The rows that are not there yet."""
        return np.flatnonzero(np.fromfile(self._folder / "done", dtype=np.uint8) == 0).tolist()

    def fill(self, rows: Iterable[tuple[int, Features, Example]]) -> None:
        """Write rows, each with features of one image on any device.

        Several processes may write different rows at the same time.

        Raises:
            ValueRangeError: a feature is too large for half precision.
            WriteError: the disk is full, and the like; what was written stays.
        """
        written: list[int] = []
        try:
            for row, features, example in rows:
                self._write(row, features, example)
                written.append(row)
                if len(written) >= _SYNC_EVERY:
                    self._settle(written)
            self._settle(written)
        except OSError as error:
            raise WriteError(f"{shown(self._folder)}: embeddings cannot be kept ({reason(error)})") from error

    def features(self, rows: list[int], device: torch.device) -> dict[str, Tensor]:
        """Features (B, ...) of some rows in float32."""
        return {
            name: torch.from_numpy(np.stack([kept[row] for row in rows])).to(device).float()
            for name, kept in self._features.items()
        }

    def objects(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Masks (N, g, g) and boxes (N, 4) of the objects in a row."""
        start = int(self._starts[row])
        places = slice(start, start + int(self._counts[row]))
        return self._masks[places], self._boxes[places]

    @cached_property
    def _features(self) -> dict[str, NDArray[Any]]:
        rows = len(self._plan.counts)
        return {
            name: self._mapped(f"{name}.bin", self._plan.precision, (rows, *shape))
            for name, shape in self._shapes.items()
        }

    @cached_property
    def _masks(self) -> NDArray[np.uint8]:
        shape = (sum(self._plan.counts), self._plan.grid_side, self._plan.grid_side)
        masks: NDArray[np.uint8] = self._mapped("masks.bin", "uint8", shape)
        return masks

    @cached_property
    def _boxes(self) -> NDArray[np.float32]:
        boxes: NDArray[np.float32] = self._mapped("boxes.bin", "float32", (sum(self._plan.counts), 4))
        return boxes

    @cached_property
    def _counts(self) -> NDArray[np.int64]:
        counts: NDArray[np.int64] = self._mapped("counts.bin", "int64", (len(self._plan.counts),))
        return counts

    def _mapped(self, name: str, dtype: str, shape: tuple[int, ...]) -> Any:  # noqa: ANN401 (an array of any type)
        if 0 in shape:
            return np.zeros(shape, dtype=dtype)
        return np.memmap(self._folder / name, dtype=dtype, mode="r", shape=shape)

    def _sizes(self) -> dict[str, int]:
        rows, objects = len(self._plan.counts), sum(self._plan.counts)
        item = np.dtype(self._plan.precision).itemsize
        features = {f"{name}.bin": int(np.prod(shape)) * item * rows for name, shape in self._shapes.items()}
        others = {"masks.bin": objects * self._plan.grid_side**2, "boxes.bin": objects * 16, "counts.bin": rows * 8}
        return {**features, **others, "done": rows}

    def _reserve(self) -> None:
        if (self._folder / "shelf.json").is_file():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._folder).free
        needed = sum(self._sizes().values())
        if free < needed:
            raise WriteError(
                f"{shown(self._folder)}: embeddings need {needed / 1e9:.2f} GB, but only "
                f"{free / 1e9:.2f} GB are free; set training.embeddings_folder, fewer training.augmented_copies, or "
                "training.embeddings = 'live'"
            )
        for name, size in self._sizes().items():
            with (self._folder / name).open("wb") as file:
                file.truncate(size)
        with replacing(self._folder / "shelf.json") as record:
            record.write(json.dumps(self._shapes).encode())

    def _write(self, row: int, features: Features, example: Example) -> None:
        for name, shape in self._shapes.items():
            values = features[name][0].detach().float().cpu().numpy()
            if values.shape != tuple(shape):
                raise TrainingError(f"the feature {name!r} has shape {values.shape} instead of {tuple(shape)}")
            with np.errstate(over="ignore"):
                kept = values.astype(self._plan.precision)
            if not np.isfinite(kept).all():
                raise ValueRangeError(
                    f"features reach {np.abs(values).max():g}, too much for half precision; set "
                    "training.embeddings_precision = 'float32'"
                )
            self._put(f"{name}.bin", row * kept.nbytes, kept)
        start, count = int(self._starts[row]), len(example.boxes_N4)
        self._put("masks.bin", start * self._plan.grid_side**2, example.masks_Ngg)
        self._put("boxes.bin", start * 16, example.boxes_N4)
        self._put("counts.bin", row * 8, np.array([count], dtype=np.int64))

    def _put(self, name: str, place: int, values: NDArray[Any]) -> None:
        with (self._folder / name).open("r+b") as file:
            file.seek(place)
            file.write(np.ascontiguousarray(values).tobytes())

    def _settle(self, rows: list[int]) -> None:
        """Bring what was written to the disk, then say so."""
        for name in self._sizes():
            with (self._folder / name).open("r+b") as file:
                os.fsync(file.fileno())
        for row in rows:
            self._put("done", row, np.ones(1, dtype=np.uint8))
        rows.clear()
