"""Read the training images: one function for each data set, all giving `Record`s at a bounded size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

Labels = npt.NDArray[np.int16]
Pixels = npt.NDArray[np.uint8]
EIGHT = np.ones((3, 3), dtype=bool)


@dataclasses.dataclass(frozen=True)
class Record:
    """One image with its objects.

    `image` (H, W) uint8; `labels` (H, W) int16, 0 background; an object is a tuple of label numbers (a lesion with two
    parts is one object of two labels, and each part may be an object of its own).
    """

    dataset: str
    name: str
    image: Pixels
    labels: Labels
    objects: tuple[tuple[int, ...], ...]


def read_grey(path: Path) -> Pixels:
    """Read a picture as grey values (ITU-R 601 luma, rounded, as Pillow does)."""
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L"))


def read_mask(path: Path) -> Labels:
    """Read a mask as it is; 1-bit and 0/255 masks become 0/1."""
    with Image.open(path) as picture:
        values = np.asarray(picture.convert("L") if picture.mode not in ("L", "P") else picture)
    return cast("Labels", (values > 0).astype(np.int16) if values.max(initial=0) > 100 else values.astype(np.int16))


def label_components(mask: npt.NDArray[np.bool_], *, first: int, smallest_px: int) -> tuple[Labels, list[int]]:
    """Number the 8-connected parts of `mask` from `first` on; parts below `smallest_px` pixels are left at 0."""
    parts, count = ndimage.label(mask, structure=EIGHT)
    out = np.zeros(mask.shape, dtype=np.int16)
    numbers: list[int] = []
    for part in range(1, count + 1):
        region = parts == part
        if region.sum() >= smallest_px:
            numbers.append(first + len(numbers))
            out[region] = numbers[-1]
    return out, numbers


def _whole_and_parts(numbers: list[int]) -> list[tuple[int, ...]]:
    if len(numbers) == 1:
        return [(numbers[0],)]
    return [tuple(numbers), *((n,) for n in numbers)] if numbers else []


def read_busi(root: Path) -> Iterator[Record]:
    """Breast ultrasound lesions; several mask files of one image are parts of one object. Normals are left out."""
    for path in sorted((root / "busi" / "Dataset_BUSI_with_GT").glob("*/*.png")):
        if "_mask" in path.stem or path.parent.name == "normal":
            continue
        labels = np.zeros(read_grey(path).shape, dtype=np.int16)
        numbers: list[int] = []
        for mask_path in sorted(path.parent.glob(f"{path.stem}_mask*.png")):
            mask = read_mask(mask_path) > 0
            if mask.any():
                numbers.append(len(numbers) + 1)
                labels[mask & (labels == 0)] = numbers[-1]
        numbers = [n for n in numbers if (labels == n).sum() >= 20]
        if numbers:
            yield Record("busi", path.stem, read_grey(path), labels, tuple(_whole_and_parts(numbers)))


def read_usgra(root: Path) -> Iterator[Record]:
    """Nerve (1) and vessel (2) in ultrasound; whole classes and their parts are objects."""
    for path in sorted((root / "usgra" / "images").glob("*.png")):
        values = read_mask(root / "usgra" / "masks" / path.name)
        labels = np.zeros(values.shape, dtype=np.int16)
        objects: list[tuple[int, ...]] = []
        for value in (1, 2):
            parts, numbers = label_components(values == value, first=int(labels.max()) + 1, smallest_px=40)
            labels += parts
            objects += _whole_and_parts(numbers)
        if objects:
            yield Record("usgra", path.stem, read_grey(path), labels, tuple(objects))


def _read_parts(root: Path, dataset: str, *, smallest_px: int, whole: bool) -> Iterator[Record]:
    for path in sorted((root / dataset / "images").glob("*.png")):
        mask = read_mask(root / dataset / "masks" / path.name) > 0
        labels, numbers = label_components(mask, first=1, smallest_px=smallest_px)
        objects = _whole_and_parts(numbers) if whole else [(n,) for n in numbers]
        if objects:
            yield Record(dataset, path.stem, read_grey(path), labels, tuple(objects))


def read_dsb2018(root: Path) -> Iterator[Record]:
    """Nuclei; an object is an 8-connected part of the mask (touching nuclei count as one)."""
    return _read_parts(root, "dsb2018", smallest_px=30, whole=False)


def read_liver_ct(root: Path) -> Iterator[Record]:
    """Liver in CT slices; the whole liver and its parts are objects."""
    return _read_parts(root, "liver_ct", smallest_px=60, whole=True)


def read_sunnybrook(root: Path) -> Iterator[Record]:
    """Left ventricle in cine MRI slices, windowed to the 0.5 to 99.5 percentiles of each slice."""
    import pydicom

    for path in sorted((root / "sunnybrook" / "dicom").glob("*/*.dcm")):
        mask = read_mask(root / "sunnybrook" / "masks" / path.parent.name / f"{path.stem}.png") > 0
        pixels = pydicom.dcmread(path).pixel_array.astype(np.float32)
        low, high = np.percentile(pixels, (0.5, 99.5))
        image = (np.clip((pixels - low) / max(high - low, 1e-6), 0.0, 1.0) * 255.0).astype(np.uint8)
        if mask.sum() >= 30:
            yield Record("sunnybrook", f"{path.parent.name}_{path.stem}", image, mask.astype(np.int16), ((1,),))


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    "busi": read_busi,
    "usgra": read_usgra,
    "dsb2018": read_dsb2018,
    "liver_ct": read_liver_ct,
    "sunnybrook": read_sunnybrook,
}


def bound(record: Record, *, longest_px: int) -> Record:
    """Shrink a record so that its longer side is at most `longest_px` (area average; labels by nearest pixel)."""
    height, width = record.image.shape
    scale = longest_px / max(height, width)
    if scale >= 1.0:
        return record
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = np.asarray(Image.fromarray(record.image).resize(size, Image.Resampling.BOX))
    labels = np.asarray(Image.fromarray(record.labels.astype(np.int32)).resize(size, Image.Resampling.NEAREST))
    return dataclasses.replace(record, image=image, labels=labels.astype(np.int16))
