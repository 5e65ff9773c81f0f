"""Masks as COCO JSON: one picture, an annotation for each object with its run lengths; objects may overlap."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from promptseg._version import __version__
from promptseg.errors import ReadError, ValueRangeError, WriteError
from promptseg.io.files import decoding, shown
from promptseg.io.limits import Limits, check_limit
from promptseg.io.masks import Drawing
from promptseg.io.run_lengths import encode_mask, foreground_runs
from promptseg.types import Cine, Image, Volume

__all__ = ["load_coco", "write_coco"]

_WORDS: Final = "COCO JSON file"


def write_coco(file: BinaryIO, drawing: Drawing, like: Image | Volume | Cine | None, path: Path) -> None:
    """Write one picture's objects as a COCO data set of one image.

    ``file_name`` is the name of the file that ``like`` was read from (for a frame or slice its index stands in
    ``frame``), else that of the JSON itself. Each object is an annotation with ``segmentation`` (size and compressed
    run lengths), ``bbox`` (x, y, width, height), ``area`` in pixels, and its label as ``category_id``. ``iscrowd`` is
    0: each annotation is one object.

    Raises:
        WriteError: the mask is a volume.
    """
    if len(drawing.shape) != 2:
        raise WriteError(
            f"{shown(path)}: COCO JSON holds one picture, but the mask has shape {drawing.shape}; use .nii.gz"
        )
    height, width = drawing.shape
    source = None if like is None else like.source
    name = path.name if source is None else source.path.name
    picture = {"id": 1, "file_name": shown(name), "height": height, "width": width}
    if source is not None and source.frame is not None:
        picture["frame"] = source.frame
    document = {
        "info": {"description": "Masks drawn with promptseg", "version": __version__},
        "images": [picture],
        "annotations": [_annotation(drawing, index) for index in range(len(drawing.values))],
        "categories": [
            {"id": value, "name": label} for value, label in zip(drawing.values, drawing.names, strict=True)
        ],
    }
    file.write(json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8"))


def load_coco(path: Path, limits: Limits) -> NDArray[Any]:
    """The objects of a COCO JSON file with one image: a boolean mask, or a label map of ``category_id``.

    Where several annotations share a category (as instances do), the labels are 1, 2, ... in their order instead.

    Raises:
        LimitError: the stated size is too large.
        ReadError: it is no such file, is damaged, holds polygons or several images, or objects overlap.
    """
    check_limit(limits, "file_bytes", path.stat().st_size, path)
    with decoding(path, _WORDS):
        document = json.loads(path.read_bytes())
        if not isinstance(document, dict) or not isinstance(document.get("annotations"), list):
            raise ReadError(f"{shown(path)}: is JSON, but not of COCO: it has no list of annotations")
        images, annotations = document.get("images") or [], document["annotations"]
        if len(images) > 1:
            raise ReadError(
                f"{shown(path)}: holds the masks of {len(images)} images; one file for each image is needed"
            )
        size = _size(images, annotations, path)
        check_limit(limits, "pixels", math.prod(size), path)
        labels = _labels(annotations)
        flat = np.zeros(math.prod(size), np.min_scalar_type(max(labels, default=0)))
        for annotation, label in zip(annotations, labels, strict=True):
            _paint(flat, _runs(annotation, size, path), label, path)
    label_map = np.ascontiguousarray(flat.reshape(size, order="F"))
    return label_map if label_map.max() > 1 else label_map.astype(np.bool_)


def _annotation(drawing: Drawing, index: int) -> dict[str, Any]:
    mask = drawing.mask(index)
    rows, columns = np.nonzero(mask)
    box = [0, 0, 0, 0]
    if rows.size:
        x0, y0 = int(columns.min()), int(rows.min())
        box = [x0, y0, int(columns.max()) - x0 + 1, int(rows.max()) - y0 + 1]
    return {
        "id": index + 1,
        "image_id": 1,
        "category_id": drawing.values[index],
        "segmentation": {"size": list(drawing.shape), "counts": encode_mask(mask)},
        "bbox": box,
        "area": int(rows.size),
        "iscrowd": 0,
    }


def _size(images: list[Any], annotations: list[Any], path: Path) -> tuple[int, int]:
    """(height, width) of the image, from itself or from its first annotation."""
    if images:
        size = [images[0].get("height"), images[0].get("width")]
    else:
        size = annotations[0]["segmentation"]["size"] if annotations else []
    if len(size) != 2 or any(type(side) is not int or side < 1 for side in size):
        raise ReadError(f"{shown(path)}: does not say how large the image is")
    return size[0], size[1]


def _labels(annotations: list[Any]) -> list[int]:
    """The label of each annotation: its ``category_id`` where these are usable and all different, else its number."""
    labels = [annotation.get("category_id", 1) for annotation in annotations]
    if all(type(label) is int and 0 < label < 2**31 for label in labels) and len(set(labels)) == len(labels):
        return labels
    return list(range(1, len(annotations) + 1))


def _runs(annotation: dict[str, Any], size: tuple[int, int], path: Path) -> list[tuple[int, int]]:
    segmentation = annotation["segmentation"]
    if not isinstance(segmentation, dict):
        raise ReadError(f"{shown(path)}: holds polygons, and only run lengths are read; convert it with pycocotools")
    if tuple(segmentation["size"]) != size:
        raise ReadError(f"{shown(path)}: a mask has size {segmentation['size']}, but the image {list(size)}")
    counts = segmentation["counts"]
    if not isinstance(counts, str | list):
        raise ReadError(f"{shown(path)}: the run lengths of a mask are neither text nor a list")
    try:
        return foreground_runs(counts, size)
    except ValueRangeError as error:
        raise ReadError(f"{shown(path)}: {error}; the file is damaged") from None


def _paint(flat: NDArray[Any], runs: Sequence[tuple[int, int]], label: int, path: Path) -> None:
    """Label the runs of one object in the flat label map; the work grows with the object, not with the image."""
    shared = sum(int(np.count_nonzero(flat[start:stop])) for start, stop in runs)
    if shared:
        raise ReadError(f"{shown(path)}: two objects share {shared} pixels, so they are no one label map")
    for start, stop in runs:
        flat[start:stop] = label
