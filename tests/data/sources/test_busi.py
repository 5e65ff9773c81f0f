"""BUSI as it is distributed, with what trips up simple readers."""

from pathlib import Path

import data_sets
import numpy as np
import pytest
from random_masks import disc
from shared_data import shared

from promptseg.data.sources import list_source, open_source
from promptseg.errors import DatasetError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return data_sets.busi(tmp_path)


def test_classes_and_names(root: Path) -> None:
    found = [(sample.name, sample.stratum, sample.subject) for sample in open_source("busi", root)]
    assert found == [
        ("benign (1)", "benign", None),
        ("benign (2)", "benign", None),
        ("malignant (1)", "malignant", None),
        ("normal (1)", "normal", None),
    ]


def test_the_inner_folder_is_the_same(root: Path) -> None:
    inner, outer = open_source("busi", root / "Dataset_BUSI_with_GT"), open_source("busi", root)
    assert [sample.name for sample in inner] == [sample.name for sample in outer]


def test_three_masks_are_one_lesion_or_three_parts(root: Path) -> None:
    parts = [disc(data_sets.SHAPE, (10, 10 + 14 * part), 5) for part in range(3)]
    (united,) = open_source("busi", root)[0].read_objects()
    assert united.label == "lesion"
    assert (united.mask == np.logical_or.reduce(parts)).all()
    separate = open_source("busi", root, parts=True)[0].read_objects()
    assert all((item.mask == part).all() for item, part in zip(separate, parts, strict=True))


def test_masks_with_alpha_and_of_three_equal_channels(root: Path) -> None:
    samples = open_source("busi", root)
    assert (samples[1].read_objects()[0].mask == disc(data_sets.SHAPE, (20, 20), 8)).all()
    assert samples[3].read_objects() == ()


def test_normals_can_be_left_out(root: Path) -> None:
    assert {sample.stratum for sample in open_source("busi", root, normals=False)} == {"benign", "malignant"}


def test_missing_partners_are_listed(root: Path) -> None:
    (root / "Dataset_BUSI_with_GT" / "benign" / "benign (2)_mask.png").unlink()
    (root / "Dataset_BUSI_with_GT" / "malignant" / "malignant (1).png").unlink()
    with pytest.raises(
        DatasetError, match=r"1 images have no mask NAME_mask.png: benign \(2\); .*1 masks have no image"
    ):
        open_source("busi", root)
    assert [sample.name for sample in list_source("busi", root).samples] == ["benign (1)", "normal (1)"]


def test_a_mask_of_another_size_is_named(root: Path) -> None:
    data_sets.save(disc((30, 30), (9, 9), 4), root / "Dataset_BUSI_with_GT" / "malignant" / "malignant (1)_mask.png")
    with pytest.raises(DatasetError, match=r"malignant \(1\)_mask.png: the mask has shape \(30, 30\), but its image"):
        open_source("busi", root)[2].read_objects()


def test_the_real_one() -> None:
    samples = open_source("busi", shared("data/busi"))
    strata = [sample.stratum for sample in samples]
    assert [strata.count(name) for name in ("benign", "malignant", "normal")] == [350, 168, 106]
    assert samples[0].name == "benign (2)"
    several = [sample for sample in samples if sample.name in ("benign (100)", "benign (195)")]
    assert all(len(sample.read_objects()) == 1 for sample in several)
