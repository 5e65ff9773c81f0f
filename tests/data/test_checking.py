"""What ``promptseg data check`` finds in data sets with known faults."""

from pathlib import Path

import data_sets
import numpy as np
import pytest
from data_sets import SHAPE, picture, save
from random_masks import disc

from promptseg.data.checking import Report, check_samples
from promptseg.data.near_duplicates import DuplicateRules
from promptseg.data.sources import list_source


def checked(kind: str, path: Path, **options: object) -> Report:
    return check_samples(list_source(kind, path, **options), rules=DuplicateRules())


def whats(report: Report, severity: str) -> str:
    return "\n".join(f"{one.what} {', '.join(one.names)}" for one in report.findings if one.severity == severity)


def test_counts_of_a_sound_data_set(tmp_path: Path) -> None:
    report = checked("busi", data_sets.busi(tmp_path))
    assert report.sound
    assert (report.images, report.empty, report.unreadable, report.subjects) == (4, 1, 0, None)
    assert report.strata == {"benign": 2, "malignant": 1, "normal": 1}
    assert report.sizes == {SHAPE: 4}
    assert report.pixels == {"uint8 colour": 4}
    areas = sorted(int(disc(SHAPE, (20, x), r).sum()) for x, r in ((20, 8), (30, 9)))
    lesion = report.labels["lesion"]
    assert (lesion.images, lesion.objects) == (3, 3)
    assert {lesion.areas_px[0], lesion.areas_px[2]} <= {*areas, 3 * int(disc(SHAPE, (10, 10), 5).sum())}
    assert report.groups == ()


def test_it_goes_on_after_bad_files_and_names_each(tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path)
    (root / "images" / "p0_0.png").write_bytes(b"no picture")
    (root / "masks" / "p0_1.png").write_bytes((root / "masks" / "p0_1.png").read_bytes()[:60])
    save(disc((9, 9), (4, 4), 2), root / "masks" / "p1_2.png")
    save(picture(5), root / "images" / "lonely.png")
    report = checked("folder", root)
    assert not report.sound
    assert report.unreadable == 3
    errors = whats(report, "error")
    for words in ("p0_0.png", "p0_1.png", "the mask has shape (9, 9)", "1 images have no mask in masks: lonely"):
        assert words in errors
    assert report.findings[0].severity == "error"


def test_no_object_at_all_is_an_error(tmp_path: Path) -> None:
    save(picture(0), tmp_path / "images" / "a.png")
    save(np.zeros(SHAPE, bool), tmp_path / "masks" / "a.png")
    assert "no image has an object" in whats(checked("folder", tmp_path), "error")


def test_masks_worth_a_look(tmp_path: Path) -> None:
    speck = np.zeros(SHAPE, bool)
    speck[3, 3] = True
    for name, mask in (
        ("empty", speck & False),
        ("speck", speck),
        ("full", ~speck),
        ("sound", disc(SHAPE, (20, 20), 9)),
    ):
        save(picture(len(name)), tmp_path / "images" / f"{name}.png")
        save(mask, tmp_path / "masks" / f"{name}.png")
    warnings = whats(checked("folder", tmp_path), "warning")
    assert "no object, although others of their class have empty" in warnings
    assert "objects of fewer than 16 pixels speck" in warnings
    assert "objects over more than 90% of the picture full" in warnings


def test_near_duplicates_and_classes(tmp_path: Path) -> None:
    root = data_sets.busi(tmp_path)
    top = root / "Dataset_BUSI_with_GT"
    same = (top / "benign" / "benign (1).png").read_bytes()
    (top / "malignant" / "malignant (1).png").write_bytes(same)
    report = checked("busi", root)
    assert report.groups == (("benign (1)", "malignant (1)"),)
    warnings = whats(report, "warning")
    assert "1 groups of near-duplicates, 1 images too many (2 are identical) benign (1), malignant (1)" in warnings
    assert "1 groups of near-duplicates of several classes" in warnings
    assert report.sound


def test_images_of_one_subject_may_be_alike_and_of_two_may_not(tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path)
    (root / "images" / "p0_1.png").write_bytes((root / "images" / "p0_0.png").read_bytes())
    assert checked("folder", root).groups == (("p0_0", "p0_1"),)
    assert checked("folder", root, subject="^p([0-9])").groups == ()
    assert "1 pairs of near-duplicates of different subjects" in whats(checked("folder", root, subject=".$"), "warning")


def test_a_group_of_nearly_everything_is_doubted(tmp_path: Path) -> None:
    for number in range(4):
        save(picture(0), tmp_path / "images" / f"{number}.png")
        save(disc(SHAPE, (20, 20), 9), tmp_path / "masks" / f"{number}.png")
    assert "holds 4 of 4 images; where all images look alike" in whats(checked("folder", tmp_path), "warning")


def test_so_many_pairs_that_they_say_nothing_do_not_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptseg.data.near_duplicates._LEAST_LIMIT", 0)
    monkeypatch.setattr("promptseg.data.near_duplicates._MOST_PAIRS", 0)
    root = data_sets.pictures(tmp_path)
    (root / "images" / "p0_1.png").write_bytes((root / "images" / "p0_0.png").read_bytes())
    report = checked("folder", root)
    assert report.sound
    assert "these images look alike by nature" in whats(report, "warning")


def test_coloured_marks_in_grey_pictures(tmp_path: Path) -> None:
    gray = np.stack([picture(0)] * 3, axis=-1)
    gray[5:10, 5:10] = (255, 200, 0)
    save(gray, tmp_path / "images" / "marked.png")
    save(np.stack([picture(1), picture(2), picture(3)], axis=-1), tmp_path / "images" / "photo.png")
    for name in ("marked", "photo"):
        save(disc(SHAPE, (20, 20), 9), tmp_path / "masks" / f"{name}.png")
    assert "coloured marks are burned into grey pictures marked" in whats(checked("folder", tmp_path), "warning")


def test_notes_of_the_source_are_passed_on(tmp_path: Path) -> None:
    report = checked("dicom", data_sets.dicom(tmp_path))
    assert "left out: 1 DICOM files without a mask: A/0" in whats(report, "note")
    assert report.subjects == 2


def test_progress_and_no_near_duplicates(tmp_path: Path) -> None:
    steps: list[int] = []
    listing = list_source("folder", data_sets.pictures(tmp_path))
    report = check_samples(listing, advance=lambda: steps.append(1))
    assert len(steps) == 4
    assert report.groups == ()


@pytest.mark.parametrize("kind", ["usgra", "coco", "nifti", "medsam"])
def test_every_kind_can_be_checked(kind: str, tmp_path: Path) -> None:
    report = checked(kind, data_sets.BUILDERS[kind][1](tmp_path))
    assert report.sound
    assert report.labels
