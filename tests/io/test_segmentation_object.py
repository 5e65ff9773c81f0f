"""DICOM SEG against highdicom's own reader; patient attributes go along here and nowhere else."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import SECRETS, SPACE, ULTRASOUND, region, save, slice_at
from pydicom.data import get_testdata_file

from promptseg import io
from promptseg.errors import MissingExtraError, ReadError, ValueRangeError, WriteError
from promptseg.types import Image, Volume

highdicom = pytest.importorskip("highdicom")
pytestmark = pytest.mark.filterwarnings("ignore:.*:DeprecationWarning")
RNG = np.random.default_rng(0)


def real(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def masks_of(path: Path) -> np.ndarray:
    """(segments, H, W) as highdicom reads them."""
    stored = highdicom.seg.segread(path)
    uids = [item[2] for item in stored.get_source_image_uids()]
    frames = stored.get_pixels_by_source_instance(source_sop_instance_uids=uids)
    return np.moveaxis(frames[0], -1, 0).astype(np.bool_)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("geometry", ["synthetic", "none"])
@pytest.mark.parametrize(
    "name", ["examples_rgb_color.dcm", "examples_palette.dcm", "examples_jpeg2k.dcm", "CT_small.dcm"]
)
def test_highdicom_reads_back_what_was_written(tmp_path: Path, name: str, geometry: Any) -> None:
    picture = io.read(real(name))
    assert isinstance(picture, Image)
    masks = [RNG.random(picture.size) > 0.7, RNG.random(picture.size) > 0.7]
    io.write(masks, tmp_path / "a.dcm", like=picture, labels=["lesion", "shadow"], seg_geometry=geometry, algorithm="m")
    np.testing.assert_array_equal(masks_of(tmp_path / "a.dcm"), masks)
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert [segment.SegmentLabel for segment in header.SegmentSequence] == ["lesion", "shadow"]
    source = pydicom.dcmread(real(name), stop_before_pixels=True)
    assert header.StudyInstanceUID == source.StudyInstanceUID
    assert header.SeriesInstanceUID != source.SeriesInstanceUID
    if "FrameOfReferenceUID" in source:
        assert header.FrameOfReferenceUID == source.FrameOfReferenceUID
    elif geometry == "none":
        assert "FrameOfReferenceUID" not in header
        assert header.PatientOrientation == ""
    else:
        shared_groups = header.SharedFunctionalGroupsSequence[0]
        assert shared_groups.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
        assert shared_groups.PixelMeasuresSequence[0].PixelSpacing == [1, 1]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy of dicom3tools")
@pytest.mark.parametrize("geometry", ["synthetic", "none"])
@pytest.mark.parametrize("name", ["examples_rgb_color.dcm", "examples_palette.dcm", "CT_small.dcm"])
def test_the_validator_of_the_standard_finds_no_error(tmp_path: Path, name: str, geometry: Any) -> None:
    picture = io.read(real(name))
    assert isinstance(picture, Image)
    io.write(RNG.random(picture.size) > 0.7, tmp_path / "a.dcm", like=picture, seg_geometry=geometry)
    found = subprocess.run(["dciodvfy", "-new", tmp_path / "a.dcm"], capture_output=True, text=True, check=False)
    assert not [line for line in (found.stderr + found.stdout).splitlines() if line.startswith("Error")]


@pytest.mark.parametrize(
    "labels", [np.eye(5, 7, dtype=np.uint8), 2 * np.eye(5, 7, dtype=np.uint8) + np.eye(5, 7, 2, dtype=np.uint8)]
)
def test_masks_come_back(tmp_path: Path, labels: np.ndarray) -> None:
    picture = io.read(slice_at(tmp_path / "source.dcm", 3.0, np.zeros((5, 7), np.int16)))
    io.write(labels, tmp_path / "a.dcm", like=picture)
    np.testing.assert_array_equal(io.read_mask(tmp_path / "a.dcm"), labels)
    io.write(np.zeros((5, 7), np.bool_), tmp_path / "b.dcm", like=picture)
    assert not io.read_mask(tmp_path / "b.dcm").any()


def test_the_spacing_of_the_ultrasound_region_goes_along(tmp_path: Path) -> None:
    calibrated = region((0, 0, 6, 4), PhysicalDeltaX=0.02)
    source = save(
        tmp_path / "us.dcm",
        np.zeros((5, 7), np.uint8),
        SOPClassUID=ULTRASOUND,
        SequenceOfUltrasoundRegions=[calibrated],
    )
    before = source.read_bytes()
    io.write(np.eye(5, 7, dtype=np.bool_), tmp_path / "a.dcm", like=io.read(source))
    header = pydicom.dcmread(tmp_path / "a.dcm")
    assert header.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing == pytest.approx([0.1, 0.2])
    assert source.read_bytes() == before


def test_a_series_and_one_of_its_slices(tmp_path: Path) -> None:
    series = tmp_path / "series"
    series.mkdir()
    for index in range(3):
        slice_at(series / f"{index}.dcm", 3.0 * index, np.zeros((6, 8), np.uint8))
    volume = io.read(series)
    assert isinstance(volume, Volume)
    mask = RNG.random((3, 6, 8)) > 0.5
    io.write(mask, tmp_path / "a.dcm", like=volume)
    stored = highdicom.seg.segread(tmp_path / "a.dcm")
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in volume.source.files]
    found = stored.get_pixels_by_source_instance(source_sop_instance_uids=uids)[..., 0]
    np.testing.assert_array_equal(found.astype(np.bool_), mask)
    assert stored.FrameOfReferenceUID == SPACE
    with pytest.raises(ReadError, match="holds several pictures"):
        io.read_mask(tmp_path / "a.dcm")
    io.write(mask[1], tmp_path / "b.dcm", like=volume[1])
    np.testing.assert_array_equal(io.read_mask(tmp_path / "b.dcm"), mask[1])
    assert [item[2] for item in highdicom.seg.segread(tmp_path / "b.dcm").get_source_image_uids()] == [uids[1]]


def test_attributes_that_anonymising_spoilt_are_emptied(tmp_path: Path) -> None:
    source = slice_at(
        tmp_path / "s.dcm", 0.0, np.zeros((5, 7), np.uint8), PatientID=None, StudyTime=None, PatientSex=""
    )
    damaged = source.read_bytes().replace(SECRETS[2].encode(), b"00000000")
    source.write_bytes(damaged)
    io.write(np.eye(5, 7, dtype=np.bool_), tmp_path / "a.dcm", like=io.read(source))
    assert pydicom.dcmread(tmp_path / "a.dcm").PatientBirthDate == ""


def test_only_dcm_holds_patient_data(tmp_path: Path) -> None:
    picture = io.read(slice_at(tmp_path / "source.dcm", 3.0, np.zeros((5, 7), np.int16)))
    mask = np.eye(5, 7, dtype=np.bool_)
    for suffix in (".png", ".npz", ".nii", ".json", ".dcm"):
        io.write(mask, tmp_path / f"a{suffix}", like=picture)
        held = any(secret.encode() in (tmp_path / f"a{suffix}").read_bytes() for secret in SECRETS)
        assert held == (suffix == ".dcm"), suffix


@pytest.mark.filterwarnings("ignore")
def test_refusals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.eye(5, 7, dtype=np.bool_)
    for like in (None, Image(np.zeros((5, 7)))):
        with pytest.raises(WriteError, match="belongs to a DICOM image: give like="):
            io.write(mask, tmp_path / "a.dcm", like=like)
    cine = io.read(real("examples_ybr_color.dcm"))
    for like in (cine, cine[3]):
        with pytest.raises(WriteError, match="comes later"):
            io.write(
                np.zeros((like.frames if like is cine else like.pixels).shape[:-1], np.bool_),
                tmp_path / "a.dcm",
                like=like,
            )
    source = slice_at(tmp_path / "source.dcm", 3.0, np.zeros((5, 7), np.int16), StudyInstanceUID=None)
    with pytest.raises(WriteError, match="lacks attributes of its study or series"):
        io.write(mask, tmp_path / "a.dcm", like=io.read(source))
    with pytest.raises(ValueRangeError, match="seg_geometry must be one of synthetic, none"):
        io.write(mask, tmp_path / "a.dcm", like=io.read(source), seg_geometry="own")  # type: ignore[arg-type]  # the point
    monkeypatch.setitem(sys.modules, "highdicom", None)
    with pytest.raises(MissingExtraError, match=r"promptseg\[dicom\]"):
        io.write(mask, tmp_path / "a.dcm", like=io.read(source))
    picture = io.read(source)
    source.unlink()
    monkeypatch.undo()
    with pytest.raises(WriteError, match="source cannot be read again"):
        io.write(mask, tmp_path / "a.dcm", like=picture)
    assert not (tmp_path / "a.dcm").exists()


def test_pydicoms_own_segmentation() -> None:
    for name in ("liver_1frame.dcm", "liver_expb_1frame.dcm"):
        mask = io.read_mask(real(name))
        np.testing.assert_array_equal(mask, pydicom.dcmread(real(name)).pixel_array > 0)
    with pytest.raises(ReadError):
        io.read_mask(real("rtstruct.dcm"))
    with pytest.raises(ReadError, match="is a DICOM CT Image Storage, not a segmentation"):
        io.read_mask(real("CT_small.dcm"))


def test_an_attribute_of_an_unknown_kind_is_one_line(tmp_path: Path) -> None:
    """pydicom looks at an element only when it is asked for it, and then it is too late for the reader."""
    path = save(tmp_path / "a.dcm", np.zeros((4, 5), np.uint8), StudyID="7")
    data = path.read_bytes()
    place = data.index(b"\x20\x00\x10\x00SH")
    path.write_bytes(data[: place + 4] + b"Lq" + data[place + 6 :])
    with pytest.raises(WriteError, match="no DICOM SEG can be made for this source"):
        io.write(np.ones((4, 5), bool), tmp_path / "mask.dcm", like=io.read(path))
    assert not (tmp_path / "mask.dcm").exists()
