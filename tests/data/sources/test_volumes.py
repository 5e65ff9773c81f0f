"""NIfTI, DICOM and MedSAM's files as slices."""

from pathlib import Path

import data_sets
import numpy as np
import pytest
from data_sets import SHAPE, labelled_volume, save_nifti
from shared_data import shared

from promptseg.data.sources import list_source, open_source
from promptseg.errors import DatasetError


def test_slices_with_labels_alone_and_volumes_are_subjects(tmp_path: Path) -> None:
    samples = open_source("nifti", data_sets.nifti(tmp_path))
    names = [(sample.name, sample.subject) for sample in samples]
    assert names == [(f"case_{case}_{place:03d}", f"case_{case}") for case in (0, 1) for place in (1, 2)]
    voxels, labels = labelled_volume(1)
    image = samples[3].read_image()
    assert (image.pixels == voxels[2]).all()
    assert image.spacing_mm == (0.5, 0.5)
    first, second = samples[3].read_objects()
    assert (first.mask == (labels[2] == 1)).all()
    assert (second.mask == (labels[2] == 2)).all()


def test_empty_slices_if_wanted(tmp_path: Path) -> None:
    samples = open_source("nifti", data_sets.nifti(tmp_path), empty=True)
    assert len(samples) == 8
    assert samples[0].read_objects() == ()


@pytest.mark.parametrize("axis", [1, 2])
def test_slices_along_other_axes(tmp_path: Path, axis: int) -> None:
    samples = open_source("nifti", data_sets.nifti(tmp_path), axis=axis)
    voxels, labels = labelled_volume(0)
    place = int(samples[0].name[-3:])
    image = samples[0].read_image()
    assert (image.pixels == np.take(voxels, place, axis=axis)).all()
    assert image.spacing_mm == (2.0, 0.5)
    union = np.logical_or.reduce([item.mask for item in samples[0].read_objects()])
    assert (union == (np.take(labels, place, axis=axis) > 0)).all()


def test_a_file_written_anew_is_read_anew(tmp_path: Path) -> None:
    root = data_sets.nifti(tmp_path)
    (sample, *_) = open_source("nifti", root)
    before = sample.read_image().pixels
    save_nifti(before[None].repeat(4, axis=0) + np.int16(1), root / "imagesTr" / "case_0.nii.gz")
    assert (sample.read_image().pixels == before + 1).all()


def test_channels_of_nnunet(tmp_path: Path) -> None:
    root = data_sets.nifti(tmp_path)
    (root / "imagesTr" / "case_0.nii.gz").rename(root / "imagesTr" / "case_0_0000.nii.gz")
    assert len(open_source("nifti", root)) == 4


def test_volumes_and_labels_that_do_not_match(tmp_path: Path) -> None:
    root = data_sets.nifti(tmp_path)
    voxels, labels = labelled_volume(0)
    save_nifti(labels[:3], root / "labelsTr" / "case_0.nii.gz")
    save_nifti(labels, root / "labelsTr" / "case_1.nii.gz", shift_mm=4.0)
    save_nifti(labels, root / "labelsTr" / "orphan.nii.gz")
    save_nifti(voxels, root / "imagesTr" / "bare.nii.gz")
    listing = list_source("nifti", root)
    assert listing.samples == ()
    assert len(listing.problems) == 3
    assert "1 label maps have no volume: orphan" in listing.problems[0]
    assert "the label map has shape" in listing.problems[1]
    assert "lies up to 4 mm beside its volume" in listing.problems[2]
    assert listing.notes == ("1 volumes without a label map: bare.nii.gz",)


def test_dicom_slices_and_series(tmp_path: Path) -> None:
    listing = list_source("dicom", data_sets.dicom(tmp_path))
    names = [(sample.name, sample.subject) for sample in listing.samples]
    assert names == [("A_1", "A"), ("A_2", "A"), ("B_001", "B"), ("B_002", "B")]
    assert listing.notes == ("1 DICOM files without a mask: A/0",)
    voxels, labels = labelled_volume(3)
    last = listing.samples[-1]
    assert (last.read_image().pixels == voxels[2] + 100).all(), "slices are in the order of their places"
    assert (last.read_objects()[0].mask == (labels[2] == 1)).all()


def test_a_series_with_a_slice_too_few(tmp_path: Path) -> None:
    root = data_sets.dicom(tmp_path)
    (root / "dicom" / "B" / "9.dcm").unlink()
    sample = open_source("dicom", root)[-1]
    with pytest.raises(DatasetError, match=r"the label map has shape \(4, 40, 56\), but its volume .*\(3, 40, 56\)"):
        sample.read_objects()


def test_masks_without_dicom_are_listed(tmp_path: Path) -> None:
    root = data_sets.dicom(tmp_path)
    (root / "dicom" / "A" / "1.dcm").unlink()
    with pytest.raises(DatasetError, match="1 masks belong to no DICOM file: A/1"):
        open_source("dicom", root)


def test_medsam_volumes(tmp_path: Path) -> None:
    samples = open_source("medsam", data_sets.medsam(tmp_path))
    assert [sample.name for sample in samples] == ["CT_0_001", "CT_0_002", "CT_1_001", "CT_1_002"]
    assert samples[0].subject == "CT_0"
    voxels, labels = labelled_volume(0)
    assert (samples[0].read_image().pixels == (voxels[1] + 100) // 2).all()
    assert [item.label for item in samples[0].read_objects()] == ["1", "2"]
    assert len(open_source("medsam", tmp_path / "CT_1.npz", labels=["liver", "spleen"])) == 2
    assert labels.any()


def test_medsam_arrays(tmp_path: Path) -> None:
    first, second = open_source("medsam", data_sets.medsam_arrays(tmp_path))
    assert (first.name, first.subject, second.subject) == ("CT_a-000", "CT_a", "CT_a")
    assert first.read_image().pixels.shape == (*SHAPE, 3)
    assert len(first.read_objects()) == 2


def test_npz_of_something_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", image=np.zeros((4, 4)))
    with pytest.raises(DatasetError, match="no NPZ with the arrays imgs and gts"):
        open_source("medsam", tmp_path)
    np.savez(tmp_path / "other.npz", imgs=np.zeros((2, 4, 4)), gts=np.zeros((2, 4, 4)))
    with pytest.raises(DatasetError, match="must be a label map"):
        open_source("medsam", tmp_path)


def test_real_volumes_and_series() -> None:
    hippocampus = open_source("nifti", shared("data/msd_hippocampus"), labels=["anterior", "posterior"])
    assert len({sample.subject for sample in hippocampus}) == 40
    assert {item.label for item in hippocampus[10].read_objects()} <= {"anterior", "posterior"}
    heart = open_source("dicom", shared("data/sunnybrook"))
    assert len(heart) == 56
    assert {sample.subject for sample in heart} == {"SCD0000101", "SCD0000201", "SCD0000301"}
