import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
from shared_data import shared

from promptseg import io
from promptseg.errors import LimitError, ReadError, ValueRangeError
from promptseg.types import Image, Volume

RNG = np.random.default_rng(0)
AFFINE = np.array([[0.5, 0, 0.1, -10], [0, -0.75, 0, 20], [0, 0.2, 3, 30], [0, 0, 0, 1.0]])


def save(path: Path, data: np.ndarray, *, kind: type = nibabel.Nifti1Image, **header: object) -> Path:
    image = kind(data, AFFINE)
    for name, value in header.items():
        image.header[name] = value
    path.write_bytes(gzip.compress(image.to_bytes()) if path.name.endswith(".gz") else image.to_bytes())
    return path


def read_volume(path: Path, **options: int) -> Volume:
    volume = io.read(path, **options)
    assert isinstance(volume, Volume)
    return volume


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "renamed.dat"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", ["u1", "i2", ">i2", "u2", "i4", "f4", "f8"])
def test_voxels_are_the_file_turned_round(tmp_path: Path, name: str, kind: type, dtype: str) -> None:
    data = RNG.integers(0, 100, (4, 5, 6)).astype(dtype)
    volume = read_volume(save(tmp_path / name, data, kind=kind))
    np.testing.assert_array_equal(volume.voxels, data.transpose(2, 1, 0))
    assert volume.voxels.dtype == data.dtype.newbyteorder("=")
    assert volume.source is not None
    assert volume.source.kind == "nifti"
    np.testing.assert_allclose(volume.source.affine, AFFINE, atol=1e-6)
    np.testing.assert_allclose(volume.spacing_mm, np.linalg.norm(AFFINE[:3, :3], axis=0)[::-1], rtol=1e-5)


@pytest.mark.parametrize(("slope", "intercept"), [(2.0, -1024.0), (0.5, 0.0), (1.0, 3.0)])
def test_scaling_is_applied_where_it_is_given(tmp_path: Path, slope: float, intercept: float) -> None:
    data = RNG.integers(0, 100, (4, 5, 6)).astype(np.int16)
    image = nibabel.Nifti1Image(data, AFFINE)
    raw = bytearray(image.to_bytes())
    raw[112:120] = np.array([slope, intercept], "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    volume = read_volume(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.voxels, data.transpose(2, 1, 0) * slope + intercept)
    reference = nibabel.load(tmp_path / "a.nii").get_fdata()
    np.testing.assert_allclose(volume.voxels, reference.transpose(2, 1, 0))


@pytest.mark.parametrize("pair", [(0.0, 5.0), (np.nan, np.nan), (1.0, 0.0)])
def test_scaling_that_says_nothing_keeps_integers(tmp_path: Path, pair: tuple[float, float]) -> None:
    raw = bytearray(nibabel.Nifti1Image(np.ones((2, 3, 4), np.int16), AFFINE).to_bytes())
    raw[112:120] = np.array(pair, "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    assert read_volume(tmp_path / "a.nii").voxels.dtype == np.int16


def test_two_dimensions_are_an_image(tmp_path: Path) -> None:
    data = RNG.integers(0, 100, (4, 5)).astype(np.uint8)
    picture = io.read(save(tmp_path / "a.nii", data))
    assert isinstance(picture, Image)
    np.testing.assert_array_equal(picture.pixels, data.T)
    assert picture.spacing_mm == pytest.approx((np.hypot(0.75, 0.2), 0.5), rel=1e-5)


def test_of_four_dimensions_one_volume_is_chosen(tmp_path: Path) -> None:
    data = RNG.integers(0, 100, (4, 5, 6, 3)).astype(np.uint8)
    path = save(tmp_path / "a.nii.gz", data)
    with pytest.raises(ReadError, match="3 volumes; say which one with volume=0 to 2"):
        io.read(path)
    np.testing.assert_array_equal(read_volume(path, volume=2).voxels, data[..., 2].transpose(2, 1, 0))
    np.testing.assert_array_equal(io.read_image(path, volume=1, frame=4).pixels, data[:, :, 4, 1].T)
    with pytest.raises(ReadError, match="volume 3 does not exist; there are 3"):
        io.read(path, volume=3)
    with pytest.raises(ValueRangeError, match="volume must be a whole number from 0"):
        io.read(path, volume=-1)
    assert len(read_volume(save(tmp_path / "b.nii", data[..., :1]))) == 6


def test_colour(tmp_path: Path) -> None:
    data = RNG.integers(0, 255, (4, 5, 6, 3)).astype(np.uint8)
    structured = data.view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    volume = read_volume(save(tmp_path / "a.nii", structured))
    np.testing.assert_array_equal(volume.voxels, data.transpose(2, 1, 0, 3))


def test_nan_is_marked(tmp_path: Path) -> None:
    data = np.ones((2, 3, 4), np.float32)
    data[0, 1, 2], data[1, 1, 1] = np.nan, -5
    volume = read_volume(save(tmp_path / "a.nii", data))
    assert volume.valid is not None
    assert np.argwhere(~volume.valid).tolist() == [[2, 1, 0]]
    assert volume.voxels[2, 1, 0] == -5


def test_window_and_units(tmp_path: Path) -> None:
    data = np.ones((2, 3, 4), np.float32)
    assert read_volume(save(tmp_path / "a.nii", data, cal_min=-20, cal_max=80)).window == (-20, 80)
    assert read_volume(save(tmp_path / "a.nii", data)).window is None
    plain = read_volume(save(tmp_path / "a.nii", data, xyzt_units=0)).spacing_mm
    metres = read_volume(save(tmp_path / "b.nii", data, xyzt_units=1)).spacing_mm
    assert plain is not None
    assert metres == pytest.approx([1000 * size for size in plain])


def test_an_affine_that_flattens_space_is_no_geometry(tmp_path: Path) -> None:
    raw = bytearray(nibabel.Nifti1Image(np.ones((2, 3, 4), np.int16), AFFINE).to_bytes())
    raw[280:328] = bytes(48)
    (tmp_path / "a.nii").write_bytes(bytes(raw))
    volume = read_volume(tmp_path / "a.nii")
    assert volume.spacing_mm is None
    assert volume.source is not None
    assert volume.source.affine is None


def test_claims_are_checked_first(tmp_path: Path) -> None:
    raw = bytearray(nibabel.Nifti1Image(np.ones((2, 3, 4), np.int16), AFFINE).to_bytes())
    raw[40:48] = np.array([3, 30000, 30000, 30000], "<i2").tobytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(LimitError, match="30000 frames or slices"):
        io.read(tmp_path / "a.nii.gz")
    with pytest.raises(LimitError, match="27000000000000 decoded pixels"):
        io.read(tmp_path / "a.nii.gz", limits=io.Limits(frames=30000))
    raw[40:48] = np.array([3, 3000, 300, 300], "<i2").tobytes()
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(raw)))
    with pytest.raises(ReadError, match="cut off"):
        io.read(tmp_path / "a.nii.gz")


def test_header_and_voxels_apart_are_refused(tmp_path: Path) -> None:
    nibabel.save(nibabel.Nifti1Pair(np.ones((2, 3, 4), np.int16), AFFINE), tmp_path / "a.hdr")
    with pytest.raises(ReadError, match=r"\.hdr and \.img"):
        io.read(tmp_path / "a.hdr")


def test_gzip_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(b"not a volume" * 100))
    with pytest.raises(ReadError, match="something else than NIfTI"):
        io.read(tmp_path / "a.nii.gz")


def test_a_real_volume_equals_nibabel() -> None:
    path = min(shared("data/msd_hippocampus/images").iterdir())
    volume = read_volume(path)
    reference = nibabel.load(path)
    np.testing.assert_array_equal(volume.voxels, np.asarray(reference.dataobj).transpose(2, 1, 0))
    assert volume.spacing_mm == tuple(float(size) for size in reference.header.get_zooms()[::-1])
