"""Real files of every kind from reading to writing, through the command line and the embedded model."""

import json
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from command_line import Calling
from pydicom import examples
from scipy import ndimage
from shared_data import shared

import promptseg
from promptseg import Box, Image, Point, Prompts
from promptseg.geometry.regions import tight_box
from promptseg.io import read_image, read_mask, write
from promptseg.metrics import iou

pytestmark = pytest.mark.filterwarnings("ignore::promptseg.io.CalibrationWarning")

EXAMPLES = {
    "ybr_color": ("150,70,205,131", 0),
    "rgb_color": ("43,78,158,141", None),
    "palette_color": ("336,66,590,154", None),
    "jpeg2k": ("84,158,316,284", None),
    "ct": ("46,40,70,61", None),
    "mr": ("34,28,47,43", None),
}
"""A box on each file of pydicom's, and the frame of the cine."""

SUFFIXES = (".png", ".npz", ".json", ".nii", ".nii.gz", ".dcm")


def segmented(call: Calling, source: Path, output: Path, *words: object) -> tuple[np.ndarray, dict[str, Any]]:
    """The mask that the command wrote, and what it said, after checking that the two agree."""
    ended = call("segment", source, *words, "--output", output, "--json")
    assert ended.status == 0, ended.err
    facts = json.loads(ended.out)
    (found,) = facts["objects"]
    mask = read_mask(output)
    assert np.count_nonzero(mask) == found["area_px"] > 0
    if facts["spacing_mm"] is not None:
        assert found["area_mm2"] == pytest.approx(found["area_px"] * np.prod(facts["spacing_mm"]), abs=1e-3)
        assert found["longest_mm"] > 0
    return mask, facts


def lesion(image: Path, mask: Path) -> tuple[np.ndarray, str, str]:
    """The largest object of a reference mask, a click deep inside it and the box around it, as words."""
    labels = read_mask(mask)
    parts, _ = ndimage.label(labels == labels[labels > 0].min())
    largest = parts == np.bincount(parts[parts > 0]).argmax()
    assert largest.shape == read_image(image).size
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1]
    y, x = np.unravel_index(depth.argmax(), depth.shape)
    box = tight_box(largest)
    assert box is not None
    return largest, f"{x},{y}", f"{box.x0:g},{box.y0:g},{box.x1:g},{box.y1:g}"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_files_of_pydicom(call: Calling, tmp_path: Path, name: str, suffix: str) -> None:
    box, frame = EXAMPLES[name]
    source, output = Path(str(examples.get_path(name))), tmp_path / f"mask{suffix}"
    words = ["--box", box] + (["--frame", str(frame)] if frame is not None else [])
    if frame is not None and suffix == ".dcm":
        ended = call("segment", source, *words, "--output", output)
        assert (ended.status, ended.err.count("error:"), output.exists()) == (1, 1, False)
        return
    mask, facts = segmented(call, source, output, *words)
    assert mask.shape[-2:] == read_image(source, frame=frame).size
    assert facts["frame"] == frame
    flat = mask if mask.ndim == 2 else mask[0]
    x0, y0, x1, y1 = (int(number) for number in box.split(","))
    inside = flat[y0 : y1 + 1, x0 : x1 + 1].sum() / flat.sum()
    assert inside > 0.7
    reference = tmp_path / "again.png"
    again, _ = segmented(call, source, reference, *words)
    np.testing.assert_array_equal(again > 0, flat > 0)


@pytest.mark.parametrize("name", ["ct", "mr", "rgb_color"])
def test_the_same_from_python(tmp_path: Path, name: str) -> None:
    box, _ = EXAMPLES[name]
    image = promptseg.read(str(examples.get_path(name)))
    assert isinstance(image, Image)
    segmenter = promptseg.load()
    found = segmenter.segment(segmenter.embed(image), Prompts(boxes=[Box(*map(float, box.split(",")))]))
    for suffix in SUFFIXES:
        path = tmp_path / f"mask{suffix}"
        write(found.mask, path, like=image)
        again = read_mask(path)
        assert again.dtype == np.bool_
        np.testing.assert_array_equal(again.reshape(image.size), found.mask)


def test_a_segmentation_refers_to_its_source(call: Calling, tmp_path: Path) -> None:
    source, output = Path(str(examples.get_path("rgb_color"))), tmp_path / "mask.dcm"
    segmented(call, source, output, "--box", "43,78,158,141")
    written, original = pydicom.dcmread(output), pydicom.dcmread(source)
    assert written.Modality == "SEG"
    assert written.StudyInstanceUID == original.StudyInstanceUID
    assert original.SOPInstanceUID in str(written)


PICTURES = {
    "benign (10)": ("busi/Dataset_BUSI_with_GT/benign", "busi/Dataset_BUSI_with_GT/benign", "_mask"),
    "malignant (10)": ("busi/Dataset_BUSI_with_GT/malignant", "busi/Dataset_BUSI_with_GT/malignant", "_mask"),
    "0061": ("usgra/images", "usgra/masks", ""),
    "10027_121": ("liver_ct/images", "liver_ct/masks", ""),
    "Image_02L": ("chasedb1/images", "chasedb1/masks", ""),
}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_with_a_reference(call: Calling, tmp_path: Path, name: str) -> None:
    images, masks, ending = PICTURES[name]
    (image,) = shared(f"data/{images}").glob(f"{name}.*")
    (reference,) = shared(f"data/{masks}").glob(f"{name}{ending}.*")
    target, click, box = lesion(image, reference)
    for number, words in enumerate((["--box", box], ["--point", click], ["--box", box, "--point", click])):
        mask, facts = segmented(call, image, tmp_path / f"{number}.png", *words)
        assert mask.shape == target.shape
        assert facts["objects"][0]["area_mm2"] is None
        x, y = map(int, click.split(","))
        if name != "Image_02L":  # vessels of the eye are no lesion: nothing is asked but that it works
            assert mask[y, x]
            assert iou(target, mask > 0) > 0.4
            assert iou(target, mask > 0) > 0.65 or "--box" not in words


def test_a_slice_of_a_nifti_volume_lies_in_the_volume(call: Calling, tmp_path: Path) -> None:
    source = min(shared("data/msd_hippocampus/images").glob("*.nii.gz"))
    original = nibabel.load(source)
    labels = read_mask(shared("data/msd_hippocampus/labels") / source.name) > 0
    depth = int(labels.sum(axis=(1, 2)).argmax())
    box = tight_box(labels[depth])
    assert box is not None
    words = ("--frame", depth, "--box", f"{box.x0},{box.y0},{box.x1},{box.y1}")
    mask, facts = segmented(call, source, tmp_path / "mask.nii.gz", *words)
    written = nibabel.load(tmp_path / "mask.nii.gz")
    assert written.shape == original.shape
    assert np.allclose(written.affine, original.affine)
    assert np.flatnonzero(np.asarray(written.dataobj).any(axis=(0, 1))).tolist() == [depth]
    assert facts["frame"] == depth
    assert iou(labels[depth], mask[depth]) > 0.4


def test_a_file_of_a_dicom_series(call: Calling, tmp_path: Path) -> None:
    folder = min(path for path in shared("data/sunnybrook/dicom").iterdir() if path.is_dir())
    image = min(path for path in folder.rglob("*") if path.is_file())
    mask, _ = segmented(call, image, tmp_path / "mask.dcm", "--box", "90,90,160,160")
    assert mask.shape == read_image(image).size


def test_a_slice_of_a_dicom_series_with_two_phases(call: Calling, tmp_path: Path) -> None:
    folder = min(path for path in shared("data/sunnybrook/dicom").iterdir() if path.is_dir())
    words = ("--frame", 4, "--point", "140,130")
    ended = call("segment", folder, *words, "--output", tmp_path / "mask.nii.gz")
    assert (ended.status, "--phase" in ended.err) == (1, True)
    mask, facts = segmented(call, folder, tmp_path / "mask.nii.gz", *words, "--phase", 0)
    assert mask.shape == (9, 256, 256)
    assert mask[4, 130, 140]
    assert not mask[[0, 1, 2, 3, 5, 6, 7, 8]].any()
    assert facts["spacing_mm"] == pytest.approx([1.367188, 1.367188])
    segmented(call, folder, tmp_path / "mask.dcm", *words, "--phase", 1, "--series", 300)


def test_a_click_and_its_correction() -> None:
    """The way that every user goes: look, click, feed the mask back with a second click."""
    segmenter = promptseg.load()
    image = promptseg.read(str(examples.get_path("jpeg2k")))
    embedding = segmenter.embed(image)
    first = segmenter.segment(embedding, Prompts(points=[Point(200, 220)]))
    prompts = Prompts(points=[Point(200, 220), Point(430, 215, positive=False)], mask=first.mask_prompt)
    second = segmenter.segment(embedding, prompts)
    assert second.mask[220, 200]
    assert not second.mask[215, 430]
