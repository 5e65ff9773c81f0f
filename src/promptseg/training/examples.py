"""A sample as the network sees it: its square input, its objects on the low-resolution grid, their boxes.

N objects of one image; g = the side of the grid, S = the side of the input.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal, final

import numpy as np
import torch
from numpy.typing import NDArray

from promptseg.data.samples import Sample, TrueObject, united
from promptseg.errors import ReadError
from promptseg.geometry.frames import Frame
from promptseg.geometry.regions import tight_box
from promptseg.models.preprocessing import Preprocessing, prepare
from promptseg.training.simulation import Targets
from promptseg.types import BoolMask, Image

__all__ = ["Example", "ObjectRule", "Reference", "coverage", "make_example", "read_reference", "targets_of"]

ObjectRule = Literal["each", "united"]
"""What one object is: each object of the reference, or all of them together."""

LEVELS = 255
"""Shares of a cell are kept in so many steps, one byte each."""


@final
@dataclass(frozen=True, eq=False)
class Reference:
    """What was read of a sample.

    Attributes:
        image: the picture.
        objects: those that the recipe asks for.
        labels: of all objects of the sample.
        digest: of pixels and objects, so that changed data are noticed.
    """

    image: Image
    objects: tuple[TrueObject, ...]
    labels: frozenset[str]
    digest: str


@final
@dataclass(frozen=True, eq=False)
class Example:
    """One image ready for the network.

    Attributes:
        pixels_CSS: (C, S, S) float32, preprocessed.
        masks_Ngg: (N, g, g) uint8, the share of each cell that the object covers, times 255.
        boxes_N4: (N, 4) float32, tight boxes in pixels of the input, corners inclusive.
    """

    pixels_CSS: NDArray[np.float32]
    masks_Ngg: NDArray[np.uint8]
    boxes_N4: NDArray[np.float32]


def read_reference(sample: Sample, *, labels: Sequence[str], rule: ObjectRule) -> Reference:
    """Read an image and its objects.

    Args:
        sample: where to read.
        labels: which objects count; all where it is empty.
        rule: what one object is; the label of a united object is that of its only kind, or ``object``.

    Raises:
        ReadError: a file is missing or damaged, or a mask has another size than its image.
    """
    image = sample.read_image()
    found = sample.read_objects()
    objects = tuple(item for item in found if not labels or item.label in labels)
    for item in objects:
        if item.mask.shape != image.size:
            raise ReadError(
                f"{sample.dataset} {sample.name}: the image has {image.size} rows and columns, its mask of "
                f"{item.label!r} has {item.mask.shape}; export them again in one size"
            )
    kinds = sorted({item.label for item in objects})
    if rule == "united" and objects:
        objects = (TrueObject(kinds[0] if len(kinds) == 1 else "object", united(objects, image.size)),)
    return Reference(image, objects, frozenset(item.label for item in found), _digest(image, objects))


def make_example(image: Image, masks: Sequence[BoolMask], preprocessing: Preprocessing, *, grid_side: int) -> Example:
    """An image and its objects, in the network's frame."""
    pixels, frame = prepare(image, preprocessing)
    boxes = np.zeros((len(masks), 4), dtype=np.float32)
    for number, mask in enumerate(masks):
        box = tight_box(mask)
        if box is None:
            raise ReadError("an object has no pixel; leave it out")
        boxes[number] = frame.boxes_to_model([box.x0, box.y0, box.x1, box.y1])
    shares = np.zeros((len(masks), grid_side, grid_side), dtype=np.uint8)
    for number, mask in enumerate(masks):
        shares[number] = np.rint(coverage(mask, frame, grid_side=grid_side) * LEVELS)
    return Example(pixels[0], shares, boxes)


def targets_of(masks_Mgg: NDArray[np.uint8], boxes_M4: NDArray[np.float32], device: torch.device) -> Targets:
    """Objects of any number of images as tensors."""
    masks = torch.from_numpy(masks_Mgg).to(device).float() / LEVELS
    return Targets(masks, torch.from_numpy(boxes_M4).to(device))


def coverage(mask: BoolMask, frame: Frame, *, grid_side: int) -> NDArray[np.float32]:
    """The share (g, g) of each cell of the grid over the network's input that a mask (H, W) covers; exact.

    A cell at the edge of the image, part of which is padding, is covered at most by the share that is image.
    """
    rows = _overlaps(mask.shape[0], frame.resized[0], frame.side, grid_side)
    columns = _overlaps(mask.shape[1], frame.resized[1], frame.side, grid_side)
    shares: NDArray[np.float32] = np.clip(rows @ mask.astype(np.float32) @ columns.T, 0, 1)
    return shares


def _overlaps(pixels: int, resized: int, side: int, cells: int) -> NDArray[np.float32]:
    """How much of each cell each pixel covers along one axis: (cells, pixels), in cells."""
    edges = np.arange(pixels + 1) * (resized / pixels) * (cells / side)
    cell = np.arange(cells)[:, None]
    shared = np.minimum(edges[1:], cell + 1) - np.maximum(edges[:-1], cell)
    overlaps: NDArray[np.float32] = np.maximum(shared, 0).astype(np.float32)
    return overlaps


def _digest(image: Image, objects: Sequence[TrueObject]) -> str:
    digest = blake2b(digest_size=16)
    for array in (image.pixels, image.valid, image.shown):
        _add(digest, array)
    digest.update(f"{image.window}".encode())
    for item in objects:
        digest.update(item.label.encode())
        _add(digest, np.packbits(item.mask))
    return digest.hexdigest()


def _add(digest: Any, array: NDArray[Any] | None) -> None:  # noqa: ANN401 (hashlib names no public type)
    if array is not None:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
