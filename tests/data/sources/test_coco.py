"""COCO JSON: polygons and run lengths, against pycocotools and by hand."""

import json
from pathlib import Path
from typing import Any

import data_sets
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from random_masks import disc

from promptseg.data.sources import list_source, open_source
from promptseg.errors import DatasetError, ReadError
from promptseg.geometry.polygons import polygon_mask
from promptseg.io.run_lengths import decode_mask
from promptseg.metrics import iou


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return data_sets.coco(tmp_path)


def change(root: Path, key: str, place: int, **values: Any) -> None:
    file = root / "all.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    document[key][place] |= values
    file.write_text(json.dumps(document), encoding="utf-8")


def test_polygons_and_run_lengths(root: Path) -> None:
    first, second = open_source("coco", root)
    rectangle, round_one = first.read_objects()
    expected = np.zeros(data_sets.SHAPE, bool)
    expected[5:15, 10:30] = True
    assert (rectangle.label, round_one.label) == ("nerve", "vessel")
    assert (rectangle.mask == expected).all()
    assert (round_one.mask == disc(data_sets.SHAPE, (30, 30), 6)).all()
    (plain,) = second.read_objects()
    assert (np.flatnonzero(plain.mask.ravel(order="F")) == np.arange(5, 15)).all()


def test_crowds_are_left_out_with_a_note(root: Path) -> None:
    assert list_source("coco", root).notes == ("1 annotations of crowds, which are not one object",)


def test_polygons_are_those_of_pycocotools_but_for_the_edge() -> None:
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    radius = 30 + 10 * np.sin(3 * angles)
    corners = np.stack([60 + radius * np.cos(angles), 50 + 0.7 * radius * np.sin(angles)], axis=-1)
    runs = coco_mask.merge(coco_mask.frPyObjects([corners.ravel().tolist()], 100, 120))
    other = decode_mask(runs["counts"].decode("ascii"), (100, 120))
    assert iou(polygon_mask(corners, (100, 120)), other) > 0.96


def test_images_beside_the_file_or_named(root: Path) -> None:
    (root / "images").rename(root / "elsewhere")
    with pytest.raises(DatasetError, match=r"2 images are not there: a.png, b.png; name their folder"):
        open_source("coco", root)
    assert len(open_source("coco", root, images="elsewhere")) == 2
    assert len(open_source("coco", root / "all.json", images="elsewhere")) == 2


def test_names_cannot_lead_out_of_the_data_set(root: Path) -> None:
    change(root, "images", 0, file_name=str(root / "images" / "a.png"))
    change(root, "images", 1, file_name="../images/b.png")
    with pytest.raises(DatasetError, match="2 images are not there"):
        open_source("coco", root)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"segmentation": [[1, 2, 3]]}, "1 annotations have an unknown category or no usable segmentation: 1"),
        ({"segmentation": []}, "no usable segmentation"),
        ({"segmentation": None}, "no usable segmentation"),
        ({"segmentation": {"size": [4], "counts": "1"}}, "no usable segmentation"),
        ({"segmentation": {"size": [10**9, 10**9], "counts": "1"}}, "no usable segmentation"),
        ({"category_id": 99}, "unknown category"),
        ({"image_id": 99}, "1 image_id of annotations stand for no image"),
    ],
)
def test_bad_annotations_are_counted(root: Path, values: dict[str, Any], words: str) -> None:
    change(root, "annotations", 0, **values)
    with pytest.raises(DatasetError, match=words):
        open_source("coco", root)


@pytest.mark.parametrize(
    ("segmentation", "words"),
    [
        ({"size": list(data_sets.SHAPE), "counts": "zzzz"}, "run lengths"),
        ({"size": [10, 10], "counts": [0, 100]}, r"the mask has shape \(10, 10\), but its image"),
    ],
)
def test_damaged_run_lengths_are_met_when_they_are_read(root: Path, segmentation: Any, words: str) -> None:
    change(root, "annotations", 0, segmentation=segmentation)
    with pytest.raises(DatasetError, match=words):
        open_source("coco", root)[0].read_objects()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"images": []}', '{"images": 3, "annotations": [], "categories": []}']
)
def test_other_files_are_refused(root: Path, text: str) -> None:
    (root / "all.json").write_text(text, encoding="utf-8")
    with pytest.raises((DatasetError, ReadError), match=r"all\.json"):
        open_source("coco", root)


def test_several_files_are_not_guessed_among(root: Path) -> None:
    (root / "more.json").write_text("{}", encoding="utf-8")
    with pytest.raises(DatasetError, match="no JSON file or several"):
        open_source("coco", root)
