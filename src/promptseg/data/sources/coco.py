"""Data sets in COCO's JSON for instances: polygons, and run lengths plain or compressed.

Lin et al., ECCV 2014, arXiv 1405.0312; format: https://cocodataset.org/#format-data.
"""

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np

from promptseg.data.numbers import check_whole
from promptseg.data.samples import TrueObject
from promptseg.data.sources.listing import Listing, check_pattern, found_by, listed, subfolder, whole_listing
from promptseg.data.sources.references import check_size, picture_size
from promptseg.errors import DatasetError, ValueRangeError
from promptseg.geometry.polygons import polygon_mask
from promptseg.io import read_image
from promptseg.io.files import decoding, existing, opening, shown
from promptseg.io.limits import check_limit, limits_in_force
from promptseg.io.run_lengths import decode_mask
from promptseg.types import BoolMask, Image

__all__ = ["CocoObject", "CocoOptions", "CocoSample", "is_coco", "list_coco"]

IMAGE_FOLDERS: Final = ("images", "image", "imgs", "train2017", "val2017")
_WORDS: Final = "COCO JSON file"


@final
@dataclass(frozen=True)
class CocoOptions:
    """How to read COCO JSON.

    Attributes:
        dataset: what to call it; the name of the JSON file by default.
        images: folder of the pictures, relative to that of the JSON; by default the pictures are looked for beside it,
            in ``images`` beside it, and in ``images`` beside its folder.
        smallest_px: objects of fewer pixels are left out.
        empty: also the images without an object.
        subject: a regular expression that finds whom a picture shows in its file name.
    """

    dataset: str = ""
    images: str = ""
    smallest_px: int = 1
    empty: bool = True
    subject: str = ""

    def __post_init__(self) -> None:
        check_pattern(self.subject, "subject")
        check_whole(self.smallest_px, "smallest_px", least=1)


@final
@dataclass(frozen=True)
class CocoObject:
    """One annotation.

    Attributes:
        label: name of its category.
        polygons: their corners x0, y0, x1, y1, ...; the object is their union.
        counts: or its run lengths, compressed or plain.
        size: (height, width) that the run lengths are for.
    """

    label: str
    polygons: tuple[tuple[float, ...], ...] = ()
    counts: str | tuple[int, ...] | None = None
    size: tuple[int, int] = (0, 0)


@final
@dataclass(frozen=True)
class CocoSample:
    """One image of a COCO file, with its annotations as they stand there.

    Attributes:
        dataset: name of the data set.
        name: the file name without its ending.
        stratum: always "".
        subject: whom it shows, or None.
        image: the picture.
        json: the file of the annotations, for messages.
        objects: its annotations, without crowds.
        smallest_px: objects of fewer pixels are left out.
    """

    dataset: str
    name: str
    stratum: str
    subject: str | None
    image: Path
    json: Path
    objects: tuple[CocoObject, ...]
    smallest_px: int

    def read_image(self) -> Image:
        """The picture as it is stored."""
        return read_image(self.image)

    def read_objects(self) -> tuple[TrueObject, ...]:
        """Its objects; they may overlap, and empty ones are left out.

        Raises:
            DatasetError: run lengths are for another size than the picture's, or damaged; a polygon is none.
            ReadError: the picture cannot be read.
        """
        size = picture_size(self.image)
        found = (TrueObject(item.label, self._mask(item, size)) for item in self.objects)
        return tuple(item for item in found if np.count_nonzero(item.mask) >= self.smallest_px)

    def _mask(self, item: CocoObject, size: tuple[int, int]) -> BoolMask:
        try:
            if item.counts is not None:
                mask = decode_mask(item.counts, item.size)
                check_size(mask, size, self.json, self.image)
                return mask
            mask = np.zeros(size, np.bool_)
            for polygon in item.polygons:
                mask |= polygon_mask(np.reshape(polygon, (-1, 2)), size)
        except ValueRangeError as error:
            raise DatasetError(f"{shown(self.json)}: {error}, in the image {shown(self.name)}") from None
        return mask


def is_coco(path: Path) -> bool:
    """Whether it is a JSON file with annotations, or a folder with just one JSON in it or in ``annotations``."""
    file = _file(path)
    if file is None or file.suffix.lower() != ".json":
        return False
    text = opening(file, -1)
    return b'"annotations"' in text and b'"images"' in text


def list_coco(path: Path, options: CocoOptions) -> Listing:
    """Every image of a COCO file; annotations with ``iscrowd`` are left out, since they are not one object.

    Raises:
        DatasetError: there is no JSON file, or several, or it is not of COCO.
        LimitError: it is too large.
        ReadError: it is damaged.
    """
    file = _file(existing(path))
    if file is None:
        raise DatasetError(f"{shown(path)}: holds no JSON file or several; give the file of the annotations itself")
    check_limit(limits_in_force(None), "file_bytes", existing(file).stat().st_size, file)
    with decoding(file, _WORDS):
        document = json.loads(file.read_bytes())
        missing = [key for key in ("images", "annotations", "categories") if not _is_list(document, key)]
        if missing:
            raise DatasetError(f"{shown(file)}: is JSON, but not of COCO: it has no list of {', '.join(missing)}")
        labels = {category["id"]: str(category["name"]) for category in document["categories"]}
        objects, problems, crowds = _objects(document["annotations"], labels, file)
        samples, more = _samples(document["images"], objects, file, options)
    notes = [f"{crowds} annotations of crowds, which are not one object"] if crowds else []
    return whole_listing(samples, [*problems, *more], file, notes=notes)


def _objects(
    annotations: list[dict[str, Any]], labels: dict[Any, str], file: Path
) -> tuple[dict[Any, list[CocoObject]], list[str], int]:
    """The objects of each image by its id, what is wrong, and the number of crowds."""
    objects: dict[Any, list[CocoObject]] = defaultdict(list)
    wrong: list[str] = []
    crowds = 0
    for place, annotation in enumerate(annotations):
        if annotation.get("iscrowd"):
            crowds += 1
            continue
        label = labels.get(annotation.get("category_id"))
        item = None if label is None else _object(annotation.get("segmentation"), label)
        if item is None:
            wrong.append(str(annotation.get("id", f"number {place}")))
        else:
            objects[annotation["image_id"]].append(item)
    problems = []
    if wrong:
        problems.append(
            f"{shown(file)}: {len(wrong)} annotations have an unknown category or no usable segmentation: "
            f"{listed(wrong)}"
        )
    return objects, problems, crowds


def _object(segmentation: object, label: str) -> CocoObject | None:
    """An annotation's polygons or run lengths; None if it has neither."""
    if isinstance(segmentation, dict):
        counts, size = segmentation.get("counts"), segmentation.get("size")
        if not isinstance(counts, str | list) or not isinstance(size, list) or len(size) != 2 or min(size) < 1:
            return None
        if math.prod(size) > limits_in_force(None).pixels:
            return None
        return CocoObject(label, counts=counts if isinstance(counts, str) else tuple(counts), size=(size[0], size[1]))
    if not isinstance(segmentation, list) or not segmentation:
        return None
    usable = all(isinstance(polygon, list) and len(polygon) >= 6 and len(polygon) % 2 == 0 for polygon in segmentation)
    if not usable:
        return None
    return CocoObject(label, tuple(tuple(float(number) for number in polygon) for polygon in segmentation))


def _samples(
    images: list[dict[str, Any]], objects: dict[Any, list[CocoObject]], file: Path, options: CocoOptions
) -> tuple[list[CocoSample], list[str]]:
    samples, missing, unnamed = [], [], []
    for image in images:
        name = Path(image["file_name"]).with_suffix("").as_posix()
        own = objects.get(image["id"], [])
        place = _picture(str(image["file_name"]), file, options)
        subject = found_by(options.subject, name) if options.subject else None
        if place is None:
            missing.append(str(image["file_name"]))
        elif options.subject and not subject:
            unnamed.append(name)
        elif own or options.empty:
            dataset = options.dataset or file.stem
            samples.append(CocoSample(dataset, name, "", subject, place, file, tuple(own), options.smallest_px))
    problems = []
    if missing:
        problems.append(f"{shown(file)}: {len(missing)} images are not there: {listed(missing)}; name their folder")
    if unnamed:
        problems.append(f"subject: {options.subject!r} finds nothing in {len(unnamed)} names: {listed(unnamed)}")
    orphans = set(objects) - {image["id"] for image in images}
    if orphans:
        problems.append(f"{shown(file)}: {len(orphans)} image_id of annotations stand for no image")
    return samples, problems


def _picture(name: str, file: Path, options: CocoOptions) -> Path | None:
    """Where a picture lies; None if nowhere, or if its name would lead out of the data set."""
    if Path(name).is_absolute() or ".." in Path(name).parts:
        return None
    if options.images:
        folders = [file.parent / options.images]
    else:
        inner = (subfolder(root, IMAGE_FOLDERS) for root in (file.parent, file.parent.parent))
        folders = [file.parent, *(folder for folder in inner if folder is not None)]
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def _file(path: Path) -> Path | None:
    if path.is_file():
        return path
    for folder in (path, path / "annotations"):
        files = sorted(folder.glob("*.json"))
        if files:
            return files[0] if len(files) == 1 else None
    return None


def _is_list(document: object, key: str) -> bool:
    return isinstance(document, dict) and isinstance(document.get(key), list)
