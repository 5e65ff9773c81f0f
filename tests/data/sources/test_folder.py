"""Folders of pictures and masks, in the layouts that people use."""

import json
from pathlib import Path

import data_sets
import numpy as np
import pytest
from data_sets import SHAPE, label_map, picture, save
from random_masks import disc
from shared_data import shared

from promptseg.data.sources import list_source, open_source
from promptseg.data.sources.folder import FolderOptions
from promptseg.errors import DatasetError, ReadError, ValueRangeError

LEFT, RIGHT = disc(SHAPE, (12, 12), 5), disc(SHAPE, (28, 40), 7)


def labels_of(root: Path, **options: object) -> dict[str, list[tuple[str, int]]]:
    """(label, area) of the objects of each sample."""
    return {
        sample.name: [(item.label, int(item.mask.sum())) for item in sample.read_objects()]
        for sample in open_source("folder", root, **options)
    }


def test_values_of_a_label_map_get_names(tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path)
    areas = [int((label_map(0) == value).sum()) for value in (1, 2)]
    assert labels_of(root)["p0_0"] == [("1", areas[0]), ("2", areas[1])]
    assert labels_of(root, labels=["nerve", "vessel"])["p0_0"] == [("nerve", areas[0]), ("vessel", areas[1])]
    assert labels_of(root, labels={"2": "vessel"})["p0_0"] == [("1", areas[0]), ("vessel", areas[1])]


def test_parts_are_objects_and_small_ones_are_left_out(tmp_path: Path) -> None:
    speck = np.zeros(SHAPE, bool)
    speck[0, 0] = True
    save(picture(0), tmp_path / "images" / "a.png")
    save(LEFT | RIGHT | speck, tmp_path / "masks" / "a.png")
    sizes = sorted((int(LEFT.sum()), int(RIGHT.sum()), 1), reverse=True)
    assert labels_of(tmp_path, components=True)["a"] == [("1", size) for size in sizes]
    assert labels_of(tmp_path, components=True, smallest_px=2)["a"] == [("1", size) for size in sizes[:2]]
    assert labels_of(tmp_path, smallest_px=10_000)["a"] == []


def test_masks_beside_their_pictures(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "benign" / "7.jpg")
    save(LEFT, tmp_path / "benign" / "7_mask.png")
    save(RIGHT, tmp_path / "benign" / "7_mask_1.png")
    both = int((LEFT | RIGHT).sum())
    assert labels_of(tmp_path) == {"benign/7": [("1", both)]}
    assert labels_of(tmp_path, mask_file="object", labels=["lesion"]) == {
        "benign/7": [("lesion", int(LEFT.sum())), ("lesion", int(RIGHT.sum()))]
    }
    (sample,) = open_source("folder", tmp_path)
    assert (sample.stratum, sample.dataset) == ("benign", tmp_path.name)


@pytest.mark.parametrize("layout", ["masks/nerve/7.png", "masks/7_nerve.png", "masks/7_mask_nerve.png"])
def test_one_file_a_label(tmp_path: Path, layout: str) -> None:
    save(picture(0), tmp_path / "images" / "7.png")
    save(LEFT, tmp_path / layout)
    save(RIGHT, tmp_path / layout.replace("nerve", "blood_vessel"))
    found = labels_of(tmp_path, mask_file="label")["7"]
    assert sorted(found) == [("blood_vessel", int(RIGHT.sum())), ("nerve", int(LEFT.sum()))]


def test_one_file_an_object_as_nuclei_are_given(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "images" / "cell.png")
    save(LEFT, tmp_path / "masks" / "cell" / "0a.png")
    save(RIGHT | LEFT, tmp_path / "masks" / "cell" / "0b.png")
    assert labels_of(tmp_path, mask_file="object")["cell"] == [("1", int(LEFT.sum())), ("1", int((RIGHT | LEFT).sum()))]


def test_folders_by_name_and_suffix(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "us" / "7.bmp")
    save(LEFT, tmp_path / "truth" / "7-seg.png")
    assert labels_of(tmp_path, images="us", masks="truth", suffix="-seg") == {"7": [("1", int(LEFT.sum()))]}
    with pytest.raises(DatasetError, match="wrong: is no folder"):
        open_source("folder", tmp_path, images="wrong")


def test_subjects_and_strata_by_pattern(tmp_path: Path) -> None:
    samples = open_source("folder", data_sets.pictures(tmp_path), subject="^p([0-9])_", stratum="[0-9]$")
    assert [(sample.subject, sample.stratum) for sample in samples] == [("0", "0"), ("0", "1"), ("1", "2"), ("1", "3")]


def test_what_has_no_partner_is_listed(tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path)
    (root / "masks" / "p0_0.png").unlink()
    save(LEFT, root / "masks" / "other.png")
    save(picture(9), root / "images" / "p1_2.bmp")
    with pytest.raises(DatasetError, match="have the same name"):
        open_source("folder", root)
    problems = " ".join(list_source("folder", root).problems)
    assert "1 images have no mask in masks: p0_0" in problems
    assert "1 masks belong to no image: other" in problems


def test_masks_that_are_none(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "images" / "a.png")
    colours = np.stack([picture(1), picture(2), picture(3)], axis=-1)
    save(colours, tmp_path / "masks" / "a.png")
    (sample,) = open_source("folder", tmp_path)
    with pytest.raises(ReadError, match=r"a.png: is a colour picture, not a mask"):
        sample.read_objects()


def test_an_empty_mask_gives_no_object(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "images" / "a.png")
    save(np.zeros(SHAPE, bool), tmp_path / "masks" / "a.png")
    assert labels_of(tmp_path) == {"a": []}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mask_file": "each"}, "mask_file must be one of image, label, object"),
        ({"labels": "nerve"}, "labels must be names of 1, 2, ..."),
        ({"labels": {"0": "ground"}}, "whole numbers from 1"),
        ({"labels": [""]}, "printable text"),
        ({"smallest_px": 0}, "smallest_px must be a whole number from 1"),
        ({"components": 1}, "components must be true or false"),
        ({"subject": "["}, "subject must be a regular expression"),
    ],
)
def test_bad_options(tmp_path: Path, options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        open_source("folder", data_sets.pictures(tmp_path), **options)


def test_options_come_from_json(tmp_path: Path) -> None:
    given = json.loads('{"labels": {"1": "nerve"}, "components": true, "smallest_px": 3}')
    assert FolderOptions(**given).rules().name(1) == "nerve"
    assert open_source("folder", data_sets.pictures(tmp_path), **given)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a file"):
        open_source("folder", save(picture(0), tmp_path / "a.png"))


def test_real_nuclei_are_found_one_by_one() -> None:
    (first, *_) = open_source("folder", shared("data/dsb2018"), components=True)
    assert len(first.read_objects()) > 1
