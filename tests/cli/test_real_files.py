"""Real files of every kind from reading to writing, through the command line and the embedded model."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from command_line import Calling
from pydicom import examples
from shared_data import shared

from promptseg.io import read_image, read_mask

pytestmark = pytest.mark.filterwarnings("ignore::promptseg.io.CalibrationWarning")

EXAMPLES = {
    "ybr_color": ("150,70,205,131", 0),
    "rgb_color": ("43,78,158,141", None),
    "palette_color": ("336,66,590,154", None),
    "jpeg2k": ("84,158,316,284", None),
    "ct": ("46,40,70,61", None),
    "mr": ("34,28,47,43", None),
}


def segmented(call: Calling, source: Path, box: str, output: Path, *, frame: int | None = None) -> np.ndarray:
    """The mask that the command wrote, after checking what it said."""
    words = ["--frame", frame] if frame is not None else []
    ended = call("segment", source, "--box", box, *words, "--output", output, "--json")
    assert ended.status == 0, ended.err
    found = json.loads(ended.out)["objects"][0]
    assert found["area_px"] > 0
    mask = read_mask(output)
    if output.suffix != ".gz":
        assert np.count_nonzero(mask) == found["area_px"]
    return mask


@pytest.mark.parametrize("suffix", [".png", ".npz", ".json", ".nii.gz", ".dcm"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_files_of_pydicom(call: Calling, tmp_path: Path, name: str, suffix: str) -> None:
    box, frame = EXAMPLES[name]
    source, output = Path(str(examples.get_path(name))), tmp_path / f"mask{suffix}"
    if frame is not None and suffix in (".dcm", ".nii.gz"):
        ended = call("segment", source, "--box", box, "--frame", frame, "--output", output)
        assert (ended.status, output.exists()) in ((0, True), (1, False))
        assert ended.err.count("error:") == ended.status
        return
    mask = segmented(call, source, box, output, frame=frame)
    assert mask.shape[-2:] == read_image(source, frame=frame).size or suffix == ".nii.gz"


def test_a_segmentation_refers_to_its_source(call: Calling, tmp_path: Path) -> None:
    source, output = Path(str(examples.get_path("rgb_color"))), tmp_path / "mask.dcm"
    segmented(call, source, "43,78,158,141", output)
    written, original = pydicom.dcmread(output), pydicom.dcmread(source)
    assert written.Modality == "SEG"
    assert written.StudyInstanceUID == original.StudyInstanceUID
    assert original.SOPInstanceUID in str(written)


def test_a_breast_ultrasound_picture(call: Calling, tmp_path: Path) -> None:
    source = shared("data/busi/Dataset_BUSI_with_GT/benign")
    image = min(path for path in source.glob("*.png") if "mask" not in path.name)
    height, width = read_image(image).size
    box = f"{width // 4},{height // 4},{3 * width // 4},{3 * height // 4}"
    assert segmented(call, image, box, tmp_path / "mask.png").shape == (height, width)


def test_a_slice_of_a_nifti_volume_lies_in_the_volume(call: Calling, tmp_path: Path) -> None:
    source = min(shared("data/msd_hippocampus/images").glob("*.nii.gz"))
    original = nibabel.load(source)
    box = f"5,5,{original.shape[0] - 6},{original.shape[1] - 6}"
    segmented(call, source, box, tmp_path / "mask.nii.gz", frame=7)
    written = nibabel.load(tmp_path / "mask.nii.gz")
    assert written.shape == original.shape
    assert np.allclose(written.affine, original.affine)
    filled = np.flatnonzero(np.asarray(written.dataobj).any(axis=(0, 1)))
    assert filled.tolist() == [7]


def test_a_file_of_a_dicom_series(call: Calling, tmp_path: Path) -> None:
    folder = min(path for path in shared("data/sunnybrook/dicom").iterdir() if path.is_dir())
    image = min(path for path in folder.rglob("*") if path.is_file())
    mask = segmented(call, image, "90,90,160,160", tmp_path / "mask.dcm")
    assert mask.shape == read_image(image).size
