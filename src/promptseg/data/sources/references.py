"""From masks and label maps in files to the objects of a sample."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from promptseg.data.numbers import check_whole
from promptseg.data.samples import TrueObject
from promptseg.errors import DatasetError, ValueRangeError
from promptseg.geometry.regions import label_components
from promptseg.io import read_image, read_mask
from promptseg.io.files import existing, opening, shown
from promptseg.io.limits import limits_in_force
from promptseg.io.pictures import PLUGINS, open_picture
from promptseg.io.signatures import OPENING_BYTES, kind_of
from promptseg.types import BoolMask, Image

__all__ = ["LabelNames", "ObjectRules", "PictureSample", "check_size", "object_rules", "objects_of", "picture_size"]

LabelNames = Mapping[str, str] | Sequence[str]
"""Names by label value (as text, so that TOML and JSON can hold them), or the names of 1, 2, ... in order."""

_NEVER_TURNED: Final = ("png", "bmp")


@final
@dataclass(frozen=True)
class ObjectRules:
    """What counts as one object of a label map.

    Attributes:
        names: (value, name) pairs; a value without a name is called by its digits.
        components: each 8-connected part is an object of its own, such as nuclei; else all pixels of a value are one.
        smallest_px: objects of fewer pixels are left out.
    """

    names: tuple[tuple[int, str], ...] = ()
    components: bool = False
    smallest_px: int = 1

    def name(self, value: int) -> str:
        """What objects of a label value are called."""
        return dict(self.names).get(value, str(value))


def object_rules(labels: LabelNames, *, components: bool, smallest_px: int) -> ObjectRules:
    """Check the options of a source and make rules of them.

    Raises:
        ValueRangeError: a value is no whole number from 1, a name is no text, or ``smallest_px`` is below 1.
    """
    check_whole(smallest_px, "smallest_px", least=1)
    return ObjectRules(tuple(_name(value, name) for value, name in _named_values(labels)), components, smallest_px)


def _named_values(labels: object) -> list[tuple[object, object]]:
    if isinstance(labels, Mapping):
        return list(labels.items())
    if isinstance(labels, Sequence) and not isinstance(labels, str):
        return list(enumerate(labels, start=1))
    raise ValueRangeError(f"labels must be names of 1, 2, ... or a table of values and names, got {labels!r}")


def _name(value: object, name: object) -> tuple[int, str]:
    digits = str(value)
    if not (digits.isascii() and digits.isdigit() and int(digits) > 0):
        raise ValueRangeError(f"labels must have whole numbers from 1 as values, got {value!r}")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ValueRangeError(f"the name of label {digits} must be printable text, got {name!r}")
    return int(digits), name


def objects_of(label_map: NDArray[Any], rules: ObjectRules) -> tuple[TrueObject, ...]:
    """The objects of a (H, W) mask or label map, by value, parts of one value from the largest on; none if it is empty.

    >>> [item.label for item in objects_of(np.array([[0, 2, 2, 7]]), ObjectRules(((2, "vessel"),)))]
    ['vessel', '7']
    """
    found = []
    for value in np.unique(label_map).tolist():
        if not value:
            continue
        mask: BoolMask = label_map == value
        found += [TrueObject(rules.name(int(value)), part) for part in _parts(mask, rules)]
    return tuple(found)


def _parts(mask: BoolMask, rules: ObjectRules) -> list[BoolMask]:
    if not rules.components:
        return [mask] if np.count_nonzero(mask) >= rules.smallest_px else []
    numbers, areas_px = label_components(mask)
    return [numbers == number for number, area in enumerate(areas_px, start=1) if area >= rules.smallest_px]


def check_size(mask: NDArray[Any], size: tuple[int, int], mask_path: Path, image_path: Path) -> None:
    """Refuse a mask that does not lie on its image.

    Raises:
        DatasetError: the sizes differ, or the mask is no single picture.
    """
    if mask.shape != size:
        raise DatasetError(
            f"{shown(mask_path)}: the mask has shape {mask.shape}, but its image {shown(image_path)} {size}; "
            "export one of them again"
        )


def picture_size(path: Path) -> tuple[int, int]:
    """(height, width) of a picture as :func:`~promptseg.io.read_image` gives it, from the header alone where it can.

    Raises:
        ReadError: as for reading.
    """
    kind = kind_of(opening(existing(path), OPENING_BYTES))
    if kind in PLUGINS and kind in _NEVER_TURNED and not _has_exif(path):
        from promptseg.io.files import decoding

        with decoding(path, PLUGINS[kind][2]), open_picture(path, kind, limits_in_force(None)) as picture:
            return picture.height, picture.width
    return read_image(path).size


def _has_exif(path: Path) -> bool:
    """Whether a PNG may state an orientation: the chunk that holds it stands before the pixels in practice."""
    return b"eXIf" in opening(path, 65536)


@final
@dataclass(frozen=True)
class PictureSample:
    """One picture with the files of its masks.

    Attributes:
        dataset: name of the data set.
        name: of the sample.
        stratum: its class, or "".
        subject: whom it shows, or None.
        image: the picture.
        masks: (label, file) pairs. With label "" the file is a label map and ``rules`` name its values; else
            everything above 0 in it is of that label.
        united: files of one label are one object; else each file is one.
        rules: what is an object in a file.
    """

    dataset: str
    name: str
    stratum: str
    subject: str | None
    image: Path
    masks: tuple[tuple[str, Path], ...]
    united: bool = True
    rules: ObjectRules = ObjectRules()

    def read_image(self) -> Image:
        """The picture as it is stored."""
        return read_image(self.image)

    def read_objects(self) -> tuple[TrueObject, ...]:
        """Its objects; what is empty, or too small for the rules, is left out.

        Raises:
            DatasetError: a mask has another size than the picture.
            ReadError: a file is damaged or holds no mask.
        """
        size = picture_size(self.image)
        layers: list[tuple[str, NDArray[Any]]] = []
        for label, path in self.masks:
            mask = read_mask(path)
            check_size(mask, size, path, self.image)
            layers.append((label, mask if not label else mask > 0))
        if self.united:
            layers = _united_layers(layers)
        return tuple(item for label, layer in layers for item in self._objects(label, layer))

    def _objects(self, label: str, layer: NDArray[Any]) -> tuple[TrueObject, ...]:
        if not label:
            return objects_of(layer, self.rules)
        return tuple(TrueObject(label, part) for part in _parts(layer, self.rules) if part.any())


def _united_layers(layers: list[tuple[str, NDArray[Any]]]) -> list[tuple[str, NDArray[Any]]]:
    """Files of one label as one layer; where label maps overlap the larger value stays."""
    merged: dict[str, NDArray[Any]] = {}
    for label, layer in layers:
        merged[label] = np.maximum(merged[label], layer) if label in merged else layer
    return list(merged.items())
