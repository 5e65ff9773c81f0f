from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import ULTRASOUND, ULTRASOUND_CINE, region, save
from pydicom.data import get_testdata_file

from promptseg import io
from promptseg.errors import ReadError, ValueRangeError
from promptseg.types import Cine

PICTURE = np.zeros((60, 80, 3), np.uint8)


def ultrasound(path: Path, *regions: Any, **attributes: Any) -> Path:
    return save(path, PICTURE, SOPClassUID=ULTRASOUND, SequenceOfUltrasoundRegions=list(regions), **attributes)


def test_centimetres_become_millimetres(tmp_path: Path) -> None:
    path = ultrasound(tmp_path / "a.dcm", region((10, 5, 70, 50), PhysicalDeltaX=0.02, PhysicalDeltaY=-0.01))
    assert io.read_image(path).spacing_mm == pytest.approx((0.1, 0.2))
    (found,) = io.ultrasound_regions(path)
    assert found.box_xyxy == (10, 5, 70, 50)


@pytest.mark.parametrize(
    "odd",
    [
        {"PhysicalUnitsXDirection": 4},
        {"PhysicalUnitsYDirection": 7},
        {"PhysicalUnitsXDirection": 0, "PhysicalUnitsYDirection": 0},
        {"RegionSpatialFormat": 2},
        {"RegionSpatialFormat": 3},
        {"RegionDataType": 3},
        {"RegionDataType": 10},
        {"PhysicalDeltaX": 0.0},
        {"PhysicalDeltaY": float("nan")},
    ],
)
def test_regions_that_are_no_tissue_in_centimetres_do_not_count(tmp_path: Path, odd: dict[str, Any]) -> None:
    path = ultrasound(tmp_path / "a.dcm", region((10, 5, 70, 50), **odd), PixelSpacing=[0.3, 0.3])
    assert io.read_image(path).spacing_mm is None
    assert io.ultrasound_regions(path) == ()


def test_colour_flow_counts_as_tissue_does(tmp_path: Path) -> None:
    path = ultrasound(tmp_path / "a.dcm", region((10, 5, 70, 50), RegionDataType=2))
    assert io.read_image(path).spacing_mm == pytest.approx((0.1, 0.1))


def test_without_regions_the_pixel_spacing_counts(tmp_path: Path) -> None:
    assert io.read_image(ultrasound(tmp_path / "a.dcm", PixelSpacing=[0.3, 0.4])).spacing_mm == (0.3, 0.4)


@pytest.mark.parametrize("box", [(10, 5, 82, 50), (10, 5, 70, 62), (-1, 5, 70, 50), (70, 5, 10, 50), (10, 5, 10, 50)])
def test_a_region_outside_of_the_picture_is_refused_with_a_warning(tmp_path: Path, box: tuple[int, ...]) -> None:
    made = region((10, 5, 70, 50))
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    for name, corner in zip(names, box, strict=True):
        made.add_new(name, "SL" if corner < 0 else "UL", corner)
    path = ultrasound(tmp_path / "a.dcm", made, PixelSpacing=[0.3, 0.3])
    with pytest.warns(io.CalibrationWarning, match="does not lie in the picture of 80 x 60 pixels"):
        assert io.read_image(path).spacing_mm is None


def test_a_corner_one_pixel_too_far_is_let_pass(tmp_path: Path) -> None:
    path = ultrasound(tmp_path / "a.dcm", region((0, 0, 80, 60)))
    assert io.read_image(path).spacing_mm == pytest.approx((0.1, 0.1))
    assert io.ultrasound_regions(path)[0].box_xyxy == (0, 0, 79, 59)


def test_several_regions_must_agree_or_the_mask_decides(tmp_path: Path) -> None:
    left, right = region((0, 0, 39, 59)), region((40, 0, 79, 59), delta_cm=0.02)
    with pytest.warns(io.CalibrationWarning, match="2 ultrasound regions have different pixel sizes"):
        assert io.read_image(ultrasound(tmp_path / "a.dcm", left, right)).spacing_mm is None
    regions = io.ultrasound_regions(tmp_path / "a.dcm")
    mask = np.zeros((60, 80), np.bool_)
    assert io.region_spacing(regions, mask) is None
    mask[10:20, 45:60] = True
    assert io.region_spacing(regions, mask) == pytest.approx((0.2, 0.2))
    mask[10, 39] = True
    assert io.region_spacing(regions, mask) is None
    assert io.region_spacing(regions) is None
    same = ultrasound(tmp_path / "b.dcm", left, region((40, 0, 79, 59)))
    assert io.read_image(same).spacing_mm == pytest.approx((0.1, 0.1))
    with pytest.raises(ValueRangeError, match="boolean"):
        io.region_spacing(regions, mask.astype(np.uint8))


def test_a_spectrum_beside_the_tissue_does_not_count(tmp_path: Path) -> None:
    spectrum = region((0, 40, 79, 59), RegionSpatialFormat=3, PhysicalUnitsXDirection=4, PhysicalUnitsYDirection=7)
    path = ultrasound(tmp_path / "a.dcm", region((0, 0, 79, 39)), spectrum)
    assert io.read_image(path).spacing_mm == pytest.approx((0.1, 0.1))
    below = np.zeros((60, 80), np.bool_)
    below[50, 10] = True
    assert io.region_spacing(io.ultrasound_regions(path), below) is None


def test_a_cine_is_calibrated_too(tmp_path: Path) -> None:
    path = save(
        tmp_path / "a.dcm",
        np.zeros((3, 60, 80), np.uint8),
        SOPClassUID=ULTRASOUND_CINE,
        SequenceOfUltrasoundRegions=[region((0, 0, 79, 59))],
    )
    cine = io.read(path)
    assert isinstance(cine, Cine)
    assert cine.spacing_mm == pytest.approx((0.1, 0.1))


@pytest.mark.parametrize("name", ["examples_palette.dcm", "examples_ybr_color.dcm"])
def test_real_pictures_that_were_resized_are_not_calibrated(name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    with pytest.warns(io.CalibrationWarning):
        assert io.ultrasound_regions(path) == ()


def test_other_files_state_no_regions(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for path in (tmp_path / "a.png", tmp_path):
        with pytest.raises(ReadError, match="is not a DICOM file"):
            io.ultrasound_regions(path)
