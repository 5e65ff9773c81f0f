from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from dicom_files import MR, SECRETS, dataset, save, slice_at
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid
from shared_data import shared

from promptseg import io
from promptseg.errors import GeometryError, LimitError, ReadError, ValueRangeError
from promptseg.types import Cine, Image, Volume

RNG = np.random.default_rng(0)
SLICES = RNG.integers(0, 1000, (5, 6, 8), dtype=np.uint16)


def series(folder: Path, heights_mm: list[float], **attributes: Any) -> Path:
    """Slices of :data:`SLICES` at heights; file names in the order of the list."""
    folder.mkdir(exist_ok=True)
    for index, height in enumerate(heights_mm):
        slice_at(folder / f"{len(list(folder.iterdir())):03d}.dcm", height, SLICES[index % 5], **attributes)
    return folder


def read_volume(folder: Path, **options: Any) -> Volume:
    volume = io.read(folder, **options)
    assert isinstance(volume, Volume)
    return volume


def test_slices_are_sorted_by_where_they_lie(tmp_path: Path) -> None:
    volume = read_volume(series(tmp_path / "a", [6.0, 0.0, 9.0, 3.0, -3.0]))
    np.testing.assert_array_equal(volume.voxels, SLICES[[4, 1, 3, 0, 2]])
    assert volume.spacing_mm == (3.0, 0.5, 0.25)
    assert volume.source is not None
    assert [path.name for path in volume.source.files] == ["004.dcm", "001.dcm", "003.dcm", "000.dcm", "002.dcm"]
    np.testing.assert_array_equal(io.read_image(tmp_path / "a", frame=3).pixels, SLICES[0])


def test_oblique_slices_are_sorted_along_their_normal(tmp_path: Path) -> None:
    """Two unit vectors in a plane that is turned by 30 degrees; the third direction by hand."""
    along, down = np.array([0.0, 1.0, 0.0]), np.array([-0.5, 0.0, -np.sqrt(0.75)])
    normal = np.array([-np.sqrt(0.75), 0.0, 0.5])
    for index in range(4):
        slice_at(
            tmp_path / f"{index}.dcm",
            0,
            SLICES[index],
            ImagePositionPatient=[float(f"{x:.6f}") for x in np.array([1, 2, 3]) - 2.5 * index * normal],
            ImageOrientationPatient=[float(f"{x:.6f}") for x in (*along, *down)],
        )
    volume = read_volume(tmp_path)
    np.testing.assert_array_equal(volume.voxels, SLICES[[3, 2, 1, 0]])
    assert volume.spacing_mm == pytest.approx((2.5, 0.5, 0.25), rel=1e-5)


@pytest.mark.parametrize("heights", [[0.0, 3.0, 9.0, 12.0], [0.0, 1.0, 3.0], [0.0, 3.0, 6.0, 9.0, 12.4]])
def test_gaps_are_refused(tmp_path: Path, heights: list[float]) -> None:
    with pytest.raises(GeometryError, match=r"not evenly spaced: most are .* mm apart, but slices \d and \d of"):
        io.read(series(tmp_path / "a", heights))


def test_rounded_positions_are_no_gap(tmp_path: Path) -> None:
    volume = read_volume(series(tmp_path / "a", [0.0, 1.01, 1.99, 3.0]))
    assert volume.spacing_mm == (1.0, 0.5, 0.25)


def test_several_series_are_listed_and_chosen(tmp_path: Path) -> None:
    other = generate_uid()
    series(tmp_path / "a", [0.0, 3.0])
    series(tmp_path / "a", [0.0, 3.0, 6.0], SeriesInstanceUID=other, SeriesNumber=7)
    with pytest.raises(GeometryError, match=r"holds 2 series \(SeriesNumber: pictures: 3: 2 x 8 x 6; 7: 3 x 8 x 6\)"):
        io.read(tmp_path / "a")
    assert len(read_volume(tmp_path / "a", series=7)) == 3
    assert len(read_volume(tmp_path / "a", series=3)) == 2
    assert len(read_volume(tmp_path / "a", series=str(other))) == 3
    with pytest.raises(GeometryError, match="0 of them are series=9"):
        io.read(tmp_path / "a", series=9)
    with pytest.raises(ValueRangeError, match="series must be"):
        io.read(tmp_path / "a", series=True)


def test_phases_are_listed_and_chosen(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0, 6.0], TriggerTime=700.0)
    series(tmp_path / "a", [6.0, 3.0, 0.0], TriggerTime=30.0)
    with pytest.raises(
        GeometryError, match="2 pictures at each of 3 places, which differ in TriggerTime; choose with phase=0"
    ):
        io.read(tmp_path / "a")
    np.testing.assert_array_equal(read_volume(tmp_path / "a", phase=0).voxels, SLICES[[2, 1, 0]])
    np.testing.assert_array_equal(read_volume(tmp_path / "a", phase=1).voxels, SLICES[[0, 1, 2]])
    with pytest.raises(GeometryError, match="phase 2 does not exist; there are 2"):
        io.read(tmp_path / "a", phase=2)
    (tmp_path / "a" / "005.dcm").unlink()
    with pytest.raises(GeometryError, match="5 pictures at 3 places, from 1 to 2 at each"):
        io.read(tmp_path / "a", phase=0)


def test_frames_at_one_place_are_a_cine(tmp_path: Path) -> None:
    for index in (2, 0, 1):
        slice_at(tmp_path / f"{9 - index}.dcm", 5.0, SLICES[index], TriggerTime=40.0 * index)
    cine = io.read(tmp_path)
    assert isinstance(cine, Cine)
    np.testing.assert_array_equal(cine.frames, SLICES[:3])
    assert cine.frame_time_ms == 40
    assert cine.spacing_mm == (0.5, 0.25)
    one = io.read(tmp_path, phase=1)
    assert isinstance(one, Volume)
    assert one.spacing_mm == (2.0, 0.5, 0.25)
    np.testing.assert_array_equal(one.voxels[0], SLICES[1])


def test_copies_of_a_slice_are_noticed(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0, 3.0])
    with pytest.raises(GeometryError, match="3 pictures at 2 places, from 1 to 2"):
        io.read(tmp_path / "a")


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        ({"ImageOrientationPatient": [0.0, 1, 0, 1, 0, 0]}, "1 of 3 pictures have another orientation"),
        ({"PixelSpacing": [0.5, 0.3]}, r"mixes pixel spacings \(0.5 x 0.25, 0.5 x 0.3 mm\)"),
        ({"PixelSpacing": None}, "mixes pixel spacings"),
        ({"ImagePositionPatient": None}, "1 of 3 files do not say where they lie"),
        ({"ImageOrientationPatient": [1.0, 0, 0, 1, 0, 0]}, "1 of 3 files do not say where they lie"),
    ],
)
def test_mixtures_say_what_differs(tmp_path: Path, odd: dict[str, Any], words: str) -> None:
    series(tmp_path / "a", [0.0, 3.0])
    slice_at(tmp_path / "a" / "odd.dcm", 6.0, SLICES[0], **odd)
    with pytest.raises(GeometryError, match=words):
        io.read(tmp_path / "a")


def test_mixtures_of_sizes_colours_and_frames(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0])
    odd = tmp_path / "a" / "odd.dcm"
    for pixels, words in (
        (np.zeros((6, 9), np.uint16), "mixes pictures of 8 x 6, 9 x 6 pixels"),
        (np.zeros((6, 8, 3), np.uint8), "mixes grey and colour"),
        (np.zeros((2, 6, 8), np.uint16), "1 of 3 files hold several frames"),
    ):
        slice_at(odd, 6.0, pixels)
        with pytest.raises(GeometryError, match=words):
            io.read(tmp_path / "a")


def test_what_is_no_picture_is_left_out_with_a_warning(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0])
    (tmp_path / "a" / "notes.txt").write_text("Doe^Secret")
    (tmp_path / "a" / ".hidden").write_text("not counted")
    save(tmp_path / "a" / "report.dcm", None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11")
    with pytest.warns(io.ReadWarning, match=r"left out 1 files that are not DICOM and 1 DICOM files without a picture"):
        volume = read_volume(tmp_path / "a")
    assert len(volume) == 2


def test_one_picture_is_that_picture(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0])
    picture = io.read(tmp_path / "a")
    assert isinstance(picture, Image)
    assert picture.source is not None
    assert picture.source.kind == "dicom"


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="no DICOM pictures among 0 files"):
        io.read(tmp_path)
    (tmp_path / "deeper").mkdir()
    with pytest.raises(ReadError, match="look into its 1 sub-folders"):
        io.read(tmp_path)


def test_limits(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0, 6.0])
    with pytest.raises(LimitError, match=r"3 files in the folder are more than the limit of 2.*PROMPTSEG_MAX_FILES=3"):
        io.read(tmp_path / "a", limits=io.Limits(files=2))
    with pytest.raises(LimitError, match="144 decoded pixels"):
        io.read(tmp_path / "a", limits=io.Limits(pixels=100))


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    series(tmp_path / "a", [0.0, 3.0, 6.0])
    damaged = tmp_path / "a" / "001.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(ReadError, match=r"001\.dcm.*cut off"):
        io.read(tmp_path / "a")


def test_padding_and_windows_of_slices_are_brought_together(tmp_path: Path) -> None:
    for index, width in enumerate((100, 200, 400)):
        slice_at(
            tmp_path / f"{index}.dcm",
            3.0 * index,
            SLICES[index],
            PixelPaddingValue=int(SLICES[1, 2, 3]),
            WindowCenter=500,
            WindowWidth=width,
        )
    volume = read_volume(tmp_path)
    assert volume.window == (400, 599)
    assert volume.valid is not None
    np.testing.assert_array_equal(volume.valid, SLICES[:3] != SLICES[1, 2, 3])


def test_slopes_of_slices_may_differ(tmp_path: Path) -> None:
    for index in range(3):
        slice_at(
            tmp_path / f"{index}.dcm", 3.0 * index, SLICES[index], RescaleSlope=0.5 * (index + 1), RescaleIntercept=0
        )
    expected = SLICES[:3] * np.array([0.5, 1.0, 1.5])[:, None, None]
    np.testing.assert_allclose(read_volume(tmp_path).voxels, expected)


def test_choices_that_do_not_apply_are_refused(tmp_path: Path) -> None:
    slice_at(tmp_path / "a.dcm", 0.0, SLICES[0])
    for options in ({"series": 1}, {"phase": 0}, {"volume": 0}):
        with pytest.raises(ValueRangeError, match=f"has no {next(iter(options))} to choose"):
            io.read(tmp_path / "a.dcm", **options)


def test_messages_hold_no_patient_data(tmp_path: Path) -> None:
    made = dataset(SLICES[0], SOPClassUID=MR)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    series(tmp_path, [0.0, 3.0], SeriesInstanceUID=generate_uid())
    with pytest.raises(GeometryError) as caught:
        io.read(tmp_path)
    assert not [secret for secret in SECRETS if secret in str(caught.value)]


def test_pydicoms_ct_series() -> None:
    path = get_testdata_file("dicomdirtests/98892001/CT5N/2062", download=False)
    assert isinstance(path, str)
    volume = read_volume(Path(path).parent)
    assert volume.voxels.shape == (5, 16, 16)
    assert volume.spacing_mm == pytest.approx((2.5, 0.488281, 0.488281))


@pytest.mark.parametrize(("patient", "count", "step_mm"), [("SCD0000101", 9, 10), ("SCD0000301", 10, 8)])
def test_real_cardiac_series(tmp_path: Path, patient: str, count: int, step_mm: float) -> None:
    folder = shared(f"data/sunnybrook/dicom/{patient}")
    with pytest.raises(GeometryError, match=f"2 pictures at each of {count} places, which differ in TriggerTime"):
        io.read(folder)
    early, late = (read_volume(folder, phase=phase) for phase in (0, 1))
    assert early.spacing_mm == pytest.approx((step_mm, *early.spacing_mm[1:]), rel=1e-4)
    assert early.source is not None
    assert late.source is not None
    numbers = [[int(path.stem) for path in volume.source.files] for volume in (early, late)]
    assert {late - early for early, late in zip(*numbers, strict=True)} <= {11, 13}
    io.write(np.zeros(early.voxels.shape, np.bool_), tmp_path / "m.nii.gz", like=early)
    written = nibabel.load(tmp_path / "m.nii.gz")
    assert np.linalg.norm(written.affine[:3, 2]) == pytest.approx(step_mm, rel=1e-4)
