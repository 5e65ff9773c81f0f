"""Batches: which images come when, and what of them the network gets. All follows from the seed and a count.

The images of all epochs form one stream; image ``n`` of it belongs to epoch ``n // images`` and stands where a
permutation drawn from (seed, epoch) puts it. What is drawn for an image follows from (seed, n), so nothing depends on
what happened before, and a run that is resumed sees what it would have seen.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from promptseg.models.preprocessing import Preprocessing
from promptseg.training.augmentation import AugmentationSettings, augment
from promptseg.training.embeddings import Shelf
from promptseg.training.examples import Example, make_example, read_reference, targets_of
from promptseg.training.planning import READERS, Item
from promptseg.training.recipe import DataSettings
from promptseg.training.simulation import Targets

__all__ = ["Batch", "CachedSupply", "LiveSupply", "Order", "Reader", "Supply", "stream_rng"]

_OBJECTS: Final = 2
_COPIES: Final = 3


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """Images and their drawn objects, on the device.

    Attributes:
        names: of the images, for messages.
        images: (B, C, S, S) inputs of the encoder, or kept features by name with B rows.
        images_M: (M,) int64, the image of each object.
        targets: the M objects.
    """

    names: tuple[str, ...]
    images: Tensor | dict[str, Tensor]
    images_M: Tensor
    targets: Targets


class Supply(Protocol):
    """Where batches come from."""

    def batch(self, places: Sequence[int]) -> Batch:
        """The images at these places of the stream."""
        ...


def stream_rng(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The source of randomness for one purpose at one place; independent of all others."""
    return np.random.default_rng((seed, purpose, *place))


@final
class Order:
    """Which image stands at a place of the stream."""

    def __init__(self, images: int, *, seed: int) -> None:
        """So many images, in an order that is drawn anew for each epoch."""
        self._images = images
        self._permutation = lru_cache(maxsize=4)(lambda epoch: stream_rng(seed, 0, epoch).permutation(images))

    def __getitem__(self, place: int) -> int:
        """Index of the image at a place."""
        epoch, position = divmod(place, self._images)
        return int(self._permutation(epoch)[position])


@final
@dataclass(frozen=True)
class Reader:
    """Reads examples as the recipe wants them.

    Attributes:
        data: which objects count.
        preprocessing: of the model.
        grid_side: of the model.
        augmentation: how images are changed.
    """

    data: DataSettings
    preprocessing: Preprocessing
    grid_side: int
    augmentation: AugmentationSettings

    def read(self, item: Item, rng: np.random.Generator | None = None) -> Example:
        """An image and its objects; augmented where ``rng`` is given.

        An augmentation that leaves nothing of any object is not applied.
        """
        reference = read_reference(item.sample, labels=self.data.labels, rule=self.data.objects)
        image, masks = reference.image, [entry.mask for entry in reference.objects]
        if rng is not None:
            changed, moved = augment(image, masks, self.augmentation, rng)
            left = [mask for mask in moved if mask.any()]
            if left:
                image, masks = changed, left
        return make_example(image, masks, self.preprocessing, grid_side=self.grid_side)

    def copy(self, item: Item, number: int, *, seed: int) -> Example:
        """The image as it is (0), or one of its augmented copies (from 1)."""
        return self.read(item, stream_rng(seed, _COPIES, number, int(item.digest[:12], 16)) if number else None)


@final
class LiveSupply:
    """Images for the encoder, read whenever they are wanted."""

    def __init__(self, items: Sequence[Item], reader: Reader, *, seed: int, objects: int, device: torch.device) -> None:
        """Supply these images with at most so many objects each."""
        self._items, self._reader, self._objects, self._device = items, reader, objects, device
        self._seed, self._order = seed, Order(len(items), seed=seed)
        self._pool = ThreadPoolExecutor(READERS)

    def batch(self, places: Sequence[int]) -> Batch:
        """See :meth:`Supply.batch`."""
        rngs = [stream_rng(self._seed, _OBJECTS, place) for place in places]
        items = [self._items[self._order[place]] for place in places]
        examples = list(self._pool.map(self._example, items, rngs))
        drawn = [
            _drawn(example.masks_Ngg, example.boxes_N4, self._objects, rng)
            for example, rng in zip(examples, rngs, strict=True)
        ]
        pixels = torch.from_numpy(np.stack([example.pixels_CSS for example in examples])).to(self._device)
        return _joined(items, pixels, drawn, self._device)

    def _example(self, item: Item, rng: np.random.Generator) -> Example:
        return self._reader.read(item, rng if self._reader.augmentation.changes_anything else None)


@final
class CachedSupply:
    """Features of images from a shelf, and their objects."""

    def __init__(
        self, items: Sequence[Item], shelf: Shelf, *, seed: int, objects: int, copies: int, device: torch.device
    ) -> None:
        """Supply these images; their rows on the shelf are each image followed by its copies."""
        self._items, self._shelf, self._objects, self._device = items, shelf, objects, device
        self._seed, self._order, self._rows = seed, Order(len(items), seed=seed), 1 + copies

    def batch(self, places: Sequence[int]) -> Batch:
        """See :meth:`Supply.batch`."""
        numbers = [self._order[place] for place in places]
        rngs = [stream_rng(self._seed, _OBJECTS, place) for place in places]
        rows = [number * self._rows + int(rng.integers(self._rows)) for number, rng in zip(numbers, rngs, strict=True)]
        drawn = [_drawn(*self._shelf.objects(row), self._objects, rng) for row, rng in zip(rows, rngs, strict=True)]
        features = self._shelf.features(rows, self._device)
        return _joined([self._items[number] for number in numbers], features, drawn, self._device)


_Objects = tuple[NDArray[np.uint8], NDArray[np.float32]]


def _drawn(
    masks_Ngg: NDArray[np.uint8], boxes_N4: NDArray[np.float32], most: int, rng: np.random.Generator
) -> _Objects:
    count = len(boxes_N4)
    chosen = np.sort(rng.permutation(count)[:most])
    return masks_Ngg[chosen], boxes_N4[chosen]


def _joined(
    items: Sequence[Item], images: Tensor | dict[str, Tensor], drawn: Sequence[_Objects], device: torch.device
) -> Batch:
    places = np.repeat(np.arange(len(drawn)), [len(boxes) for _, boxes in drawn])
    masks, boxes = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    return Batch(
        tuple(item.name for item in items),
        images,
        torch.from_numpy(places).to(device),
        targets_of(masks, boxes, device),
    )
