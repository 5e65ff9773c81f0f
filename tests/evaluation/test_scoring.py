"""Scores of files: labels, parts, probabilities, and what cannot be scored."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Picture
from random_masks import disc

from promptseg.errors import PairingError, PromptsegError, ReadError, UnknownNameError, ValueRangeError
from promptseg.evaluation.pairing import pair_files
from promptseg.evaluation.scoring import MAX_LABELS, Scores, ScoreSettings, score_files, score_labels
from promptseg.metrics import METRICS, score_pair

SHAPE = 40, 60
FIRST, SECOND = disc(SHAPE, (20, 25), 9), disc(SHAPE, (18, 28), 8)
THIRD, FOURTH = disc(SHAPE, (30, 50), 5), disc(SHAPE, (31, 50), 4)
NOTHING = np.zeros(SHAPE, dtype=bool)


def save(path: Path, values: NDArray[np.generic]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = values.astype(np.uint8) * 255 if values.dtype == np.bool_ else values
    Picture.fromarray(whole).save(path)
    return path


def scored(tmp_path: Path, pairs: dict[str, tuple[NDArray, NDArray]], **settings: object) -> Scores:
    for name, (reference, prediction) in pairs.items():
        save(tmp_path / "r" / f"{name}.png", reference)
        save(tmp_path / "p" / f"{name}.png", prediction)
    return score_files(pair_files(tmp_path / "r", tmp_path / "p"), ScoreSettings(**settings))


def labelled(*masks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for label, mask in enumerate(masks, start=1):
        labels[mask] = label
    return labels


def test_plain_masks_have_one_row_each(tmp_path: Path) -> None:
    found = scored(tmp_path, {"b": (FIRST, SECOND), "a": (THIRD, FOURTH), "c": (NOTHING, NOTHING)})
    assert [(row.name, row.label) for row in found.rows] == [("a", 1), ("b", 1), ("c", 1)]
    assert found.rows[1].scores == score_pair(FIRST, SECOND, ["dice", "iou", "box_iou", "hd95"])
    assert found.rows[2].scores == {"dice": 1, "iou": 1, "box_iou": 1, "hd95": 0}
    assert (found.unit, found.labels, found.names) == ("px", (1,), ("a", "b", "c"))


def test_label_maps_have_a_row_for_each_label_and_image(tmp_path: Path) -> None:
    """Label 2 is only in the first image, label 3 only in a prediction."""
    pairs = {
        "a": (labelled(FIRST, THIRD), labelled(SECOND, FOURTH)),
        "b": (labelled(FIRST), labelled(SECOND, NOTHING, FOURTH)),
    }
    found = scored(tmp_path, pairs, metrics=("dice", "hd95"))
    scores = {(row.name, row.label): row.scores["dice"] for row in found.rows}
    assert set(scores) == {(name, label) for name in "ab" for label in (1, 2, 3)}
    assert scores["a", 2] == score_pair(THIRD, FOURTH, ["dice"])["dice"]
    assert scores["a", 1] == scores["b", 1]
    assert (scores["b", 2], scores["a", 3], scores["b", 3]) == (1, 1, 0)
    distances = {(row.name, row.label): row.scores["hd95"] for row in found.rows}
    assert distances["b", 3] == pytest.approx(math.hypot(*SHAPE))


def test_labels_that_are_absent_follow_the_policy(tmp_path: Path) -> None:
    pairs = {"a": (labelled(FIRST, THIRD), labelled(SECOND, FOURTH)), "b": (labelled(FIRST), labelled(SECOND))}
    found = scored(tmp_path, pairs, metrics=("dice", "pixel_accuracy"), empty="skip")
    (absent,) = [row for row in found.rows if (row.name, row.label) == ("b", 2)]
    assert math.isnan(absent.scores["dice"])
    assert math.isnan(absent.scores["pixel_accuracy"])


def test_binary_unites_all_labels(tmp_path: Path) -> None:
    pairs = {"a": (labelled(FIRST, THIRD), labelled(THIRD, FIRST))}
    found = scored(tmp_path, pairs, binary=True)
    assert [row.scores["dice"] for row in found.rows] == [1]
    assert found.labels == (1,)


def test_a_map_of_one_label_is_not_taken_for_another(tmp_path: Path) -> None:
    found = scored(tmp_path, {"a": (2 * labelled(FIRST), labelled(FIRST))}, metrics=("dice",))
    assert [(row.label, row.scores["dice"]) for row in found.rows] == [(1, 0), (2, 0)]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64])
def test_labels_of_all_types(dtype: type) -> None:
    settings = ScoreSettings(metrics=("iou",))
    found = score_labels(labelled(FIRST, THIRD).astype(dtype), labelled(SECOND, FOURTH).astype(dtype), settings)
    assert found == {
        1: score_pair(FIRST & ~THIRD, SECOND & ~FOURTH, ["iou"]),
        2: score_pair(THIRD, FOURTH, ["iou"]),
    }
    assert score_labels(NOTHING, NOTHING.astype(dtype), settings) == {}


def test_volumes_of_labels() -> None:
    reference = np.stack([labelled(FIRST, THIRD)] * 3)
    settings = ScoreSettings(metrics=tuple(METRICS), tolerance=1)
    found = score_labels(reference, reference, settings, spacing_mm=(3, 1, 1))
    assert {label: scores["hd95"] for label, scores in found.items()} == {1: 0, 2: 0}


def test_parts_are_united(tmp_path: Path) -> None:
    save(tmp_path / "r" / "a_mask.png", FIRST)
    save(tmp_path / "r" / "a_mask_1.png", THIRD)
    save(tmp_path / "r" / "a.png", labelled(SECOND))
    save(tmp_path / "p" / "a.png", FIRST | THIRD)
    pairs = pair_files(tmp_path / "r", tmp_path / "p", reference_ending="_mask")
    assert score_files(pairs, ScoreSettings()).rows[0].scores["iou"] == 1


@pytest.mark.parametrize(
    ("part", "words"), [(2 * labelled(FIRST), "different label"), (THIRD[:20], r"shapes are \(20, 60\) and \(40, 60\)")]
)
def test_parts_that_do_not_fit(tmp_path: Path, part: NDArray, words: str) -> None:
    save(tmp_path / "r" / "a_mask.png", FIRST)
    save(tmp_path / "r" / "a_mask_1.png", part)
    save(tmp_path / "p" / "a.png", FIRST)
    pairs = pair_files(tmp_path / "r", tmp_path / "p", reference_ending="_mask")
    with pytest.raises(PairingError, match=words):
        score_files(pairs, ScoreSettings())


def test_probabilities_of_grey_pictures(tmp_path: Path) -> None:
    grey = np.where(SECOND, 204, 51).astype(np.uint8)
    found = scored(tmp_path, {"a": (FIRST, grey)}, metrics=("mae", "dice"), threshold=0.5)
    assert found.rows[0].scores["mae"] == pytest.approx(np.abs(grey / 255 - FIRST).mean())
    assert found.rows[0].scores["dice"] == score_pair(FIRST, SECOND, ["dice"])["dice"]
    strict = scored(tmp_path, {"a": (FIRST, grey)}, metrics=("dice",), threshold=0.9)
    assert strict.rows[0].scores["dice"] == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_of_arrays(tmp_path: Path, dtype: type) -> None:
    reference = save(tmp_path / "a.png", FIRST)
    probability = np.linspace(0, 1, FIRST.size).reshape(SHAPE).astype(dtype)
    np.save(tmp_path / "a.npy", probability)
    pairs = pair_files(reference, tmp_path / "a.npy")
    found = score_files(pairs, ScoreSettings(metrics=("mae", "iou"), threshold=0.25)).rows[0].scores
    assert found["mae"] == pytest.approx(np.abs(probability - FIRST).mean())
    assert found["iou"] == score_pair(FIRST, probability > 0.25, ["iou"])["iou"]


def test_what_is_no_probability_map(tmp_path: Path) -> None:
    reference, wrong = save(tmp_path / "a.png", FIRST), tmp_path / "b.npy"
    np.save(wrong, np.full(SHAPE, 1.5))
    with pytest.raises(ReadError, match=r"b\.npy: holds values from 1\.5 to 1\.5; probabilities lie from 0 to 1"):
        score_files(pair_files(reference, wrong), ScoreSettings(threshold=0.5))
    colour = save(tmp_path / "c.png", np.stack([labelled(FIRST), labelled(SECOND), labelled(THIRD)], axis=-1) * 9)
    with pytest.raises(ReadError, match="colour picture"):
        score_files(pair_files(reference, colour), ScoreSettings(threshold=0.5))


def test_a_mask_may_be_scored_as_probabilities_of_0_and_1(tmp_path: Path) -> None:
    found = scored(tmp_path, {"a": (FIRST, SECOND)}, metrics=("mae", "pixel_accuracy"))
    assert found.rows[0].scores["mae"] == pytest.approx(1 - found.rows[0].scores["pixel_accuracy"])


def test_a_given_spacing_makes_millimetres(tmp_path: Path) -> None:
    found = scored(tmp_path, {"a": (FIRST, SECOND)}, spacing_mm=(0.5, 0.25))
    assert found.unit == "mm"
    assert found.rows[0].scores == score_pair(FIRST, SECOND, ["dice", "iou", "box_iou", "hd95"], spacing_mm=(0.5, 0.25))


def save_nifti(path: Path, voxels: NDArray[np.uint8], affine: NDArray[np.float64]) -> Path:
    import nibabel

    image = nibabel.Nifti1Image(voxels, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


VOXELS, MOVED = np.zeros((2, 7, 8, 9), dtype=np.uint8)
VOXELS[2:4, 2:5, 2:6], MOVED[2:4, 2:5, 3:7] = 1, 1
AFFINE = np.array([[0.5, 0, 0, -3], [0, 1, 0, 7], [0, 0, 4, 20], [0, 0, 0, 1]])


def test_nifti_volumes_know_their_spacing(tmp_path: Path) -> None:
    """One step along k is 4 mm."""
    reference = save_nifti(tmp_path / "r.nii.gz", VOXELS, AFFINE)
    prediction = save_nifti(tmp_path / "p.nii", MOVED, AFFINE + 1e-4)
    found = score_files(pair_files(reference, prediction), ScoreSettings(metrics=("hd", "dice")))
    assert found.unit == "mm"
    assert found.rows[0].scores == {"hd": pytest.approx(4), "dice": 0.75}


def test_nifti_slices_know_their_spacing(tmp_path: Path) -> None:
    """One step along j, the row, is 1 mm, and along i, the column, half of it."""
    paths = [
        save_nifti(tmp_path / f"{name}.nii", VOXELS[:, shift : 6 + shift, 3], AFFINE)
        for name, shift in (("r", 0), ("p", 2))
    ]
    found = score_files(pair_files(*paths), ScoreSettings(metrics=("hd",)))
    assert (found.unit, found.rows[0].scores["hd"]) == ("mm", pytest.approx(2))


@pytest.mark.parametrize("change", [np.diag([-1, 1, 1, 1]), np.diag([1, 1, 1.1, 1])])
def test_nifti_volumes_at_different_places_are_no_pair(tmp_path: Path, change: NDArray[np.float64]) -> None:
    reference = save_nifti(tmp_path / "r.nii.gz", VOXELS, AFFINE)
    prediction = save_nifti(tmp_path / "p.nii.gz", VOXELS, change @ AFFINE)
    with pytest.raises(PairingError, match=r"p\.nii\.gz: lies up to .* mm beside the reference .*r\.nii\.gz"):
        score_files(pair_files(reference, prediction), ScoreSettings())


def test_references_with_and_without_spacing_need_one_for_all(tmp_path: Path) -> None:
    for folder in "rp":
        save(tmp_path / folder / "a.png", FIRST)
        save_nifti(tmp_path / folder / "b.nii.gz", VOXELS, AFFINE)
    pairs = pair_files(tmp_path / "r", tmp_path / "p")
    with pytest.raises(ValueRangeError, match="b and a: only one of them knows its spacing"):
        score_files(pairs, ScoreSettings())
    assert len(score_files(pairs, ScoreSettings(metrics=("dice",))).rows) == 2


def test_dicom_segmentations(tmp_path: Path) -> None:
    pydicom = pytest.importorskip("pydicom")
    pytest.importorskip("highdicom")
    from promptseg.io import read, write

    source = read(pydicom.examples.get_path("ct"))
    mask = disc(source.pixels.shape, (60, 50), 20)
    write(mask, tmp_path / "r.dcm", like=source)
    write(np.roll(mask, 3, axis=0), tmp_path / "p.dcm", like=source)
    found = score_files(pair_files(tmp_path / "r.dcm", tmp_path / "p.dcm"), ScoreSettings(metrics=("hd",)))
    assert (found.unit, found.rows[0].scores["hd"]) == ("px", 3)


@pytest.mark.parametrize(
    ("pair", "settings", "error", "words"),
    [
        ((FIRST, FIRST[:, :50]), {}, PairingError, r"a: the reference .*a\.png is 40x60, the prediction .* 40x50"),
        ((FIRST, FIRST), {"spacing_mm": (1, 1, 1)}, ValueRangeError, "masks have 2 dimensions, the spacing 3"),
        ((np.arange(200, dtype=np.uint8)[None], np.zeros((1, 200), dtype=bool)), {}, ValueRangeError, "grey edges"),
    ],
)
def test_what_cannot_be_scored(
    tmp_path: Path, pair: tuple[NDArray, NDArray], settings: dict, error: type[Exception], words: str
) -> None:
    assert MAX_LABELS < 200
    with pytest.raises(error, match=words):
        scored(tmp_path, {"a": pair}, **settings)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    reference = save(tmp_path / "a.png", FIRST)
    broken = tmp_path / "b.png"
    broken.write_bytes(reference.read_bytes()[:60])
    with pytest.raises(PromptsegError, match=r"b\.png"):
        score_files(pair_files(reference, broken), ScoreSettings())


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"metrics": ("dise",)}, UnknownNameError, "unknown metric"),
        ({"metrics": ()}, ValueRangeError, "no metric"),
        ({"metrics": ("nsd",)}, ValueRangeError, "needs a tolerance"),
        ({"empty": "none"}, UnknownNameError, "unknown policy"),
        ({"tolerance": -1}, ValueRangeError, "tolerance must be 0 or more"),
        ({"tolerance": math.nan}, ValueRangeError, "tolerance"),
        ({"threshold": 1.0}, ValueRangeError, "threshold must be from 0 to below 1"),
        ({"threshold": math.nan}, ValueRangeError, "threshold"),
        ({"spacing_mm": (1,)}, ValueRangeError, "ROW,COLUMN"),
        ({"spacing_mm": (0, 1)}, ValueRangeError, "positive"),
    ],
)
def test_settings_are_checked_before_anything_is_read(settings: dict, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        ScoreSettings(**settings)
