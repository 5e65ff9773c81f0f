"""What is written comes back, in every format, from one pixel up; and nothing half-written is left behind."""

import json
import os
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_files import slice_at
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image as Pillow
from shared_data import shared

from promptseg import io
from promptseg.errors import ReadError, ValueRangeError, WriteError
from promptseg.io.mask_pictures import palette
from promptseg.io.writing import SUFFIXES
from promptseg.types import Cine, Image, Source, Volume

FLAT = [suffix for suffix in SUFFIXES if suffix != ".dcm"]
DEEP = [".npz", ".nii", ".nii.gz"]
AFFINE = np.array([[0.5, 0, 0.1, -10], [0, -0.75, 0, 20], [0, 0.2, 3, 30], [0, 0, 0, 1.0]])
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("masks")


@pytest.mark.parametrize("suffix", FLAT)
@settings(max_examples=25)
@given(mask=arrays.arrays(np.bool_, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_masks_come_back(folder: Path, suffix: str, mask: np.ndarray) -> None:
    io.write(mask, folder / f"a{suffix}")
    found = io.read_mask(folder / f"a{suffix}")
    assert found.dtype == np.bool_
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize("suffix", FLAT)
@settings(max_examples=25)
@given(
    labels=arrays.arrays(
        np.uint16, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 300)
    )
)
def test_label_maps_come_back(folder: Path, suffix: str, labels: np.ndarray) -> None:
    io.write(labels, folder / f"a{suffix}")
    found = io.read_mask(folder / f"a{suffix}")
    if set(np.unique(labels)) <= {0, 255}:
        np.testing.assert_array_equal(found > 0, labels > 0)
    else:
        np.testing.assert_array_equal(found, labels)


@pytest.mark.parametrize("suffix", DEEP)
@settings(max_examples=25)
@given(
    labels=arrays.arrays(np.uint8, arrays.array_shapes(min_dims=3, max_dims=3, max_side=5), elements=st.integers(0, 3))
)
def test_volumes_come_back(folder: Path, suffix: str, labels: np.ndarray) -> None:
    io.write(labels, folder / f"a{suffix}")
    np.testing.assert_array_equal(io.read_mask(folder / f"a{suffix}"), labels)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("suffix", FLAT)
def test_large_labels(tmp_path: Path, suffix: str, dtype: type) -> None:
    most = min(np.iinfo(dtype).max, 2**31 - 1)
    labels = np.array([[0, 1, most]], dtype)
    if suffix == ".png" and most > 65535:
        with pytest.raises(WriteError, match=f"labels up to 65535, but the mask has {most}"):
            io.write(labels, tmp_path / f"a{suffix}")
        return
    io.write(labels, tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(io.read_mask(tmp_path / f"a{suffix}"), labels)
    if most == 2**31 - 1:
        labels[0, 2] = 0
        labels = labels.astype(np.int64)
        labels[0, 2] = 2**31
        if suffix != ".json":
            with pytest.raises(WriteError, match="label 2147483648 is too large"):
                io.write(labels, tmp_path / f"a{suffix}")


@pytest.mark.parametrize("suffix", FLAT)
def test_several_masks_become_labels(tmp_path: Path, suffix: str) -> None:
    first, second = np.zeros((2, 4, 5), np.bool_)
    first[0, 1:3], second[2:, 4] = True, True
    io.write([first, second], tmp_path / f"a{suffix}", labels=["lesion", "shadow"])
    np.testing.assert_array_equal(io.read_mask(tmp_path / f"a{suffix}"), first + 2 * second)


@pytest.mark.parametrize("suffix", FLAT)
def test_overlaps_are_kept_or_refused(tmp_path: Path, suffix: str) -> None:
    first, second = np.zeros((2, 4, 5), np.bool_)
    first[1, 1:4], second[:, 2] = True, True
    path = tmp_path / f"a{suffix}"
    if suffix == ".json":
        io.write([first, second], path)
        with pytest.raises(ReadError, match="two objects share 1 pixels"):
            io.read_mask(path)
    else:
        with pytest.raises(WriteError, match=r"mask 2 shares 1 pixels .* write \.json or \.dcm"):
            io.write([first, second], path)
        assert not path.exists()


def test_png_is_indexed_and_coloured(tmp_path: Path) -> None:
    io.write(np.array([[0, 1, 2]], np.uint8), tmp_path / "a.png")
    with Pillow.open(tmp_path / "a.png") as picture:
        assert picture.mode == "P"
        assert np.array(picture).tolist() == [[0, 1, 2]]
        assert np.array(picture.convert("RGB")).tolist() == [palette(3).tolist()]
    assert len({tuple(colour) for colour in palette(256).tolist()}) == 256


def test_npz_holds_what_is_known(tmp_path: Path) -> None:
    picture = Image(np.zeros((2, 3)), spacing_mm=(0.5, 0.25))
    io.write(np.array([[0, 0, 4], [0, 2, 2]]), tmp_path / "a.npz", like=picture, labels={2: "nerve", 4: "vessel"})
    with np.load(tmp_path / "a.npz", allow_pickle=False) as stored:
        assert stored["spacing_mm"].tolist() == [0.5, 0.25]
        assert dict(zip(stored["values"].tolist(), stored["names"].tolist(), strict=True)) == {2: "nerve", 4: "vessel"}


@pytest.mark.parametrize("suffix", FLAT)
def test_the_same_mask_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    mask = RNG.random((7, 5)) > 0.5
    for name in ("a", "b"):
        io.write(
            mask, tmp_path / f"{name}{suffix}", like=Image(np.zeros((7, 5)), source=Source(Path("x.png"), "picture"))
        )
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


# geometry


def nifti_source(path: Path) -> Volume:
    data = RNG.integers(0, 9, (4, 5, 6)).astype(np.int16)
    image = nibabel.Nifti1Image(data, AFFINE)
    image.header["descrip"] = b"Doe^Secret"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Doe^Secret"))
    image.set_qform(np.diag([0.5, 0.75, 3, 1]), code=1)
    image.header.set_xyzt_units("mm", "sec")
    nibabel.save(image, path)
    volume = io.read(path)
    assert isinstance(volume, Volume)
    return volume


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_nifti_takes_the_geometry_of_its_source(tmp_path: Path, suffix: str) -> None:
    volume = nifti_source(tmp_path / "source.nii.gz")
    labels = RNG.integers(0, 3, volume.voxels.shape)
    io.write(labels, tmp_path / f"a{suffix}", like=volume)
    source, written = nibabel.load(tmp_path / "source.nii.gz"), nibabel.load(tmp_path / f"a{suffix}")
    for name in ("sform_code", "qform_code", "srow_x", "srow_y", "srow_z", "quatern_b", "pixdim", "xyzt_units"):
        np.testing.assert_array_equal(written.header[name], source.header[name])
    np.testing.assert_array_equal(np.asarray(written.dataobj), labels.transpose(2, 1, 0))
    assert written.get_data_dtype() == np.uint8
    assert b"Secret" not in written.to_bytes()
    np.testing.assert_array_equal(io.read_mask(tmp_path / f"a{suffix}"), labels)


def test_a_slice_lies_at_its_place_in_the_volume(tmp_path: Path) -> None:
    volume = nifti_source(tmp_path / "source.nii.gz")
    mask = RNG.random(volume.voxels.shape[1:]) > 0.5
    io.write(mask, tmp_path / "a.nii.gz", like=volume[4])
    found = io.read_mask(tmp_path / "a.nii.gz")
    assert found.shape == volume.voxels.shape
    np.testing.assert_array_equal(found[4], mask)
    assert found.sum() == mask.sum()


def test_the_source_may_have_gone_or_changed(tmp_path: Path) -> None:
    volume = nifti_source(tmp_path / "source.nii.gz")
    mask = np.zeros(volume.voxels.shape, np.bool_)
    nibabel.save(nibabel.Nifti1Image(np.zeros((4, 5, 7), np.uint8), AFFINE), tmp_path / "source.nii.gz")
    with pytest.raises(WriteError, match=r"the mask has shape \(6, 5, 4\), but .* now has \(7, 5, 4\)"):
        io.write(mask, tmp_path / "a.nii.gz", like=volume)
    (tmp_path / "source.nii.gz").write_bytes(b"gone")
    with pytest.raises(WriteError, match="geometry of the source cannot be read again"):
        io.write(mask, tmp_path / "a.nii.gz", like=volume)
    assert not (tmp_path / "a.nii.gz").exists()


def test_dicom_slices_lie_where_the_series_lies(tmp_path: Path) -> None:
    """By hand: x and y change sign from (left, posterior) to (right, anterior); i steps 0.25 and j 0.5 mm; k 3 mm."""
    series = tmp_path / "series"
    series.mkdir()
    for index in range(3):
        slice_at(series / f"{index}.dcm", 3.0 * index, np.zeros((6, 8), np.uint8))
    volume = io.read(series)
    assert isinstance(volume, Volume)
    expected = [[-0.25, 0, 0, -10], [0, -0.5, 0, -20], [0, 0, 3, 0], [0, 0, 0, 1]]
    mask = RNG.random((3, 6, 8)) > 0.5
    io.write(mask, tmp_path / "a.nii.gz", like=volume)
    written = nibabel.load(tmp_path / "a.nii.gz")
    np.testing.assert_allclose(written.affine, expected)
    np.testing.assert_allclose(written.header.get_qform(), expected, atol=1e-6)
    io.write(mask[2], tmp_path / "b.nii.gz", like=volume[2])
    np.testing.assert_allclose(nibabel.load(tmp_path / "b.nii.gz").affine, expected)
    np.testing.assert_array_equal(io.read_mask(tmp_path / "b.nii.gz")[2], mask[2])
    io.write(mask[2], tmp_path / "c.nii.gz", like=io.read_image(series / "2.dcm"))
    alone = nibabel.load(tmp_path / "c.nii.gz")
    assert alone.shape == (8, 6)
    np.testing.assert_allclose(alone.affine[:, 3], [-10, -20, 6, 1])


def test_pictures_have_their_spacing_and_the_axes_of_a_picture(tmp_path: Path) -> None:
    io.write(np.ones((2, 3), np.bool_), tmp_path / "a.nii", like=Image(np.zeros((2, 3)), spacing_mm=(0.5, 0.25)))
    written = nibabel.load(tmp_path / "a.nii")
    np.testing.assert_allclose(written.affine, np.diag([-0.25, -0.5, 1, 1]))
    assert written.header.get_xyzt_units()[0] == "mm"
    io.write(np.ones((2, 3), np.bool_), tmp_path / "b.nii")
    assert nibabel.load(tmp_path / "b.nii").header.get_xyzt_units()[0] == "unknown"


def test_real_labels_are_written_as_they_came(tmp_path: Path) -> None:
    for path in sorted(shared("data/msd_hippocampus/labels").iterdir())[:3]:
        image = io.read(shared(f"data/msd_hippocampus/images/{path.name}"))
        labels = io.read_mask(path)
        io.write(labels, tmp_path / path.name, like=image)
        before, after = nibabel.load(path), nibabel.load(tmp_path / path.name)
        np.testing.assert_array_equal(np.asarray(after.dataobj), np.asarray(before.dataobj))
        np.testing.assert_array_equal(after.affine, before.affine)


# refusals


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.zeros((2, 3)), "got float64; make a mask of it"),
        (np.zeros((2, 3), complex), "got complex128"),
        (np.array([[-1, 2]]), "labels from 1 and 0 outside, got -1"),
        (np.zeros(3, np.bool_), r"shape \(H, W\) or \(Z, H, W\), got \(3,\)"),
        (np.zeros((1, 1, 1, 1), np.bool_), "got "),
        (np.zeros((0, 3), np.bool_), "non-empty shape"),
        ([], "empty sequence"),
        ([np.zeros((2, 3), np.uint8)], "boolean arrays, got uint8"),
        ([np.zeros((2, 3), np.bool_), np.zeros((3, 2), np.bool_)], r"one shape, got \(2, 3\) and \(3, 2\)"),
        ("mask", "got str"),
        (None, "got NoneType"),
    ],
)
def test_what_is_no_mask_is_refused(tmp_path: Path, mask: Any, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        io.write(mask, tmp_path / "a.png")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("lesion", "labels must be a sequence"),
        ([""], "printable text"),
        ({1: 5}, "printable text"),
        ({3: "x"}, r"names \[3\]"),
    ],
)
def test_wrong_names_are_refused(tmp_path: Path, labels: Any, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        io.write(np.ones((2, 3), np.bool_), tmp_path / "a.json", labels=labels)


def test_the_mask_must_have_the_size_of_its_image(tmp_path: Path) -> None:
    picture, volume = Image(np.zeros((2, 3))), Volume(np.zeros((4, 2, 3)))
    with pytest.raises(
        ValueRangeError, match=r"shape \(3, 2\), but the Image it belongs to has \(2, 3\); rows and columns"
    ):
        io.write(np.ones((3, 2), np.bool_), tmp_path / "a.png", like=picture)
    with pytest.raises(ValueRangeError, match=r"one of the 4 slices or frames give that one as like"):
        io.write(np.ones((2, 3), np.bool_), tmp_path / "a.png", like=volume)
    with pytest.raises(WriteError, match="a PNG holds one picture"):
        io.write(np.ones((4, 2, 3), np.bool_), tmp_path / "a.png", like=volume)
    with pytest.raises(WriteError, match="COCO JSON holds one picture"):
        io.write(np.ones((4, 2, 3), np.bool_), tmp_path / "a.json", like=volume)
    cine = Cine(np.zeros((4, 2, 3)))
    with pytest.raises(WriteError, match="a cine has no place in NIfTI yet"):
        io.write(np.ones((4, 2, 3), np.bool_), tmp_path / "a.nii", like=cine)
    io.write(np.ones((4, 2, 3), np.bool_), tmp_path / "a.npz", like=cine)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


@pytest.mark.parametrize("name", ["mask", "mask.jpg", "mask.nii.bz2", ".png.txt"])
def test_unknown_suffixes_list_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(WriteError, match=r"must be one of \.png, \.npz, \.nii, \.nii\.gz, \.json, \.dcm, got"):
        io.write(np.ones((2, 3), np.bool_), tmp_path / name)


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    mask = np.ones((2, 3), np.bool_)
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    for path, words in (
        (tmp_path / "missing" / "a.png", "the folder .*missing does not exist; create it first"),
        (tmp_path / "folder.png", "is a folder"),
        (tmp_path / "pipe.png", "is a device, pipe or socket"),
        ("", "the path to write is empty"),
        (tmp_path / ("x" * 300 + ".png"), "cannot be written"),
        (tmp_path / "a\0.png", "cannot be written"),
    ):
        with pytest.raises(WriteError, match=words):
            io.write(mask, path)
    with pytest.raises(ValueRangeError, match="a path must be a str"):
        io.write(mask, 5)  # type: ignore[arg-type]  # the point of the test


def test_json_of_a_slice_names_it(tmp_path: Path) -> None:
    volume = nifti_source(tmp_path / "source.nii.gz")
    io.write(np.ones(volume.voxels.shape[1:], np.bool_), tmp_path / "a.json", like=volume[3])
    (picture,) = json.loads((tmp_path / "a.json").read_text())["images"]
    assert picture == {"id": 1, "file_name": "source.nii.gz", "height": 5, "width": 4, "frame": 3}
