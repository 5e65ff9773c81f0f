from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_files import dataset, save
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_modality_lut, apply_windowing

from promptseg import io
from promptseg.errors import ReadError
from promptseg.io.dicom_tables import Table, _expanded
from promptseg.types import Image

RAMP = np.arange(0, 4000, 100, dtype=np.uint16).reshape(5, 8)


def image(path: Path) -> Image:
    picture = io.read(path)
    assert isinstance(picture, Image)
    return picture


@pytest.mark.parametrize(
    ("slope", "intercept", "dtype"),
    [
        (1, -1024, np.int16),
        (1, 0, np.uint16),
        (2, 0, np.int16),
        (1000, 0, np.int32),
        (0.5, 3, np.float32),
        (0, 5, np.uint16),
    ],
)
def test_rescaling_keeps_integers_where_it_can(tmp_path: Path, slope: float, intercept: float, dtype: type) -> None:
    found = image(save(tmp_path / "a.dcm", RAMP, RescaleSlope=slope, RescaleIntercept=intercept)).pixels
    np.testing.assert_allclose(found, RAMP.astype(float) * (slope or 1) + (intercept if slope else 0))
    assert found.dtype == dtype


@pytest.mark.filterwarnings("ignore:overflow encountered in exp")
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", None, "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(1000, 500), (2000.5, 1), (1500, 4000), (-20, 7)])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_display_equals_pydicoms_window(
    tmp_path: Path, function: str | None, center: float, width: float, photometric: str
) -> None:
    attributes: dict[str, Any] = {
        "WindowCenter": center,
        "WindowWidth": width,
        "VOILUTFunction": function,
        "PhotometricInterpretation": photometric,
        "RescaleSlope": 1,
        "RescaleIntercept": -50,
        "BitsStored": 12,
        "HighBit": 11,
    }
    path = save(tmp_path / "a.dcm", RAMP, **attributes)
    header = dataset(RAMP, **attributes)
    reference = apply_windowing(apply_modality_lut(RAMP, header), header)
    reference = (reference + 50) / 4095 * 255
    if photometric == "MONOCHROME1":
        reference = 255 - reference
    shown = io.to_display(image(path)).astype(float)
    assert np.abs(shown - reference).max() <= 0.51


def test_a_window_of_width_1_parts_at_its_center(tmp_path: Path) -> None:
    stored = np.array([[98, 99, 100, 101]], np.uint16)
    picture = image(save(tmp_path / "a.dcm", stored, WindowCenter=100, WindowWidth=1))
    assert io.to_display(picture).tolist() == [[0, 0, 255, 255]]


@pytest.mark.parametrize("window", [("", ""), (100, 0), (100, -5), (None, 5), ([1, 2], None)])
def test_windows_that_make_no_sense_are_ignored(tmp_path: Path, window: tuple[Any, Any]) -> None:
    picture = image(save(tmp_path / "a.dcm", RAMP, WindowCenter=window[0], WindowWidth=window[1]))
    assert picture.window is None
    assert (io.to_display(picture).min(), io.to_display(picture).max()) == (0, 255)


def test_of_several_windows_the_first_counts(tmp_path: Path) -> None:
    picture = image(save(tmp_path / "a.dcm", RAMP, WindowCenter=[100, 900], WindowWidth=[50, 10]))
    assert picture.window == (75, 124)


def test_monochrome1_is_turned_round_within_the_stored_range(tmp_path: Path) -> None:
    picture = image(save(tmp_path / "a.dcm", RAMP, PhotometricInterpretation="MONOCHROME1", BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(picture.pixels, 4095 - RAMP)
    assert picture.pixels.dtype == np.uint16
    signed = np.array([[-128, 0, 127]], np.int8)
    picture = image(save(tmp_path / "b.dcm", signed, PhotometricInterpretation="MONOCHROME1"))
    assert picture.pixels.tolist() == [[127, -1, -128]]


def test_a_real_monochrome1_file() -> None:
    path = get_testdata_file("dicomdirtests/77654033/CR1/6154", download=False)
    assert isinstance(path, str)
    picture = image(Path(path))
    import pydicom

    stored = pydicom.dcmread(path)
    values = apply_modality_lut(stored.pixel_array, stored)
    shown = apply_windowing(values, stored)
    expected = 255 * (shown.max() - shown) / (shown.max() - shown.min())
    assert np.corrcoef(picture.pixels.ravel(), values.ravel())[0, 1] < -0.999
    assert np.corrcoef(io.to_display(picture).ravel(), expected.ravel())[0, 1] > 0.99


def table(first: int, bits: int, entries: list[int]) -> Dataset:
    item = Dataset()
    item.LUTDescriptor = [len(entries), first, bits]
    item.LUTData = np.array(entries, "<u2").tobytes()
    return item


def test_look_up_tables_of_modality_and_view(tmp_path: Path) -> None:
    stored = np.array([[0, 10, 11, 12, 13, 500]], np.uint16)
    picture = image(save(tmp_path / "a.dcm", stored, ModalityLUTSequence=[table(10, 16, [5, 50, 500, 5000])]))
    assert picture.pixels.tolist() == [[5, 5, 50, 500, 5000, 5000]]
    picture = image(save(tmp_path / "b.dcm", stored, VOILUTSequence=[table(10, 10, [0, 1023, 512, 256])]))
    assert picture.pixels.tolist() == stored.tolist()
    assert picture.shown is not None
    assert io.to_display(picture).tolist() == [[0, 0, 255, 128, 64, 64]]
    inverted = save(
        tmp_path / "c.dcm",
        stored,
        VOILUTSequence=[table(10, 10, [0, 1023, 512, 256])],
        PhotometricInterpretation="MONOCHROME1",
    )
    assert io.to_display(image(inverted)).tolist() == [[255, 255, 0, 127, 191, 191]]


def test_a_look_up_table_that_is_too_short_is_refused(tmp_path: Path) -> None:
    item = table(10, 16, [5, 50])
    item.LUTDescriptor = [200, 10, 16]
    with pytest.raises(ReadError, match="LUTData states 200 entries but gives 2"):
        io.read(save(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=[item]))
    del item.LUTDescriptor
    with pytest.raises(ReadError, match="no LUTDescriptor of three values"):
        io.read(save(tmp_path / "a.dcm", RAMP, ModalityLUTSequence=[item]))


@pytest.mark.parametrize(
    ("stored", "first", "last", "expected"),
    [
        ([[0, 1, 2]], 1, None, [[True, False, True]]),
        ([[0, 1, 2, 3]], 2, 1, [[True, False, False, True]]),
        ([[5, 6]], 7, None, None),
        ([[5, 5]], 5, None, None),
    ],
)
def test_padding(tmp_path: Path, stored: list, first: int, last: int | None, expected: list | None) -> None:
    pixels = np.array(stored, np.uint16)
    picture = image(save(tmp_path / "a.dcm", pixels, PixelPaddingValue=first, PixelPaddingRangeLimit=last))
    assert (None if picture.valid is None else picture.valid.tolist()) == expected
    np.testing.assert_array_equal(picture.pixels, pixels)


def test_padding_that_was_written_without_its_sign(tmp_path: Path) -> None:
    made = dataset(np.array([[-2000, 0, 7]], np.int16))
    made.add_new(0x00280120, "US", 2**16 - 2000)
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    picture = image(tmp_path / "a.dcm")
    assert picture.valid is not None
    assert picture.valid.tolist() == [[False, True, True]]
    assert io.to_display(picture).tolist() == [[0, 0, 255]]


def test_values_in_the_upper_bits_and_overlays_above_them(tmp_path: Path) -> None:
    values = np.array([[0, 1, 2047, 4095]], np.uint16)
    path = save(tmp_path / "a.dcm", values << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(image(path).pixels, values)
    path = save(tmp_path / "b.dcm", values | 0x8000, BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(image(path).pixels, values)
    signed = np.array([[-5, 5]], np.int16)
    path = save(tmp_path / "c.dcm", signed << 4, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(image(path).pixels, signed)


def test_one_bit_is_shown_black_and_white(tmp_path: Path) -> None:
    bits = np.array([[0, 1, 1, 0, 1, 0, 0, 1]], np.uint8)
    path = save(
        tmp_path / "a.dcm",
        bits,
        BitsAllocated=1,
        BitsStored=1,
        HighBit=0,
        PixelData=np.packbits(bits, bitorder="little").tobytes() + b"\0",
    )
    assert io.to_display(image(path)).tolist() == (bits * 255).tolist()


def test_floating_pixels_with_nan(tmp_path: Path) -> None:
    values = np.array([[1.5, np.nan, -2.0]], np.float32)
    path = save(
        tmp_path / "a.dcm",
        np.zeros((1, 3), np.uint32),
        FloatPixelData=values.tobytes(),
        PixelData=None,
        BitsStored=None,
        HighBit=None,
        PixelRepresentation=None,
    )
    picture = image(path)
    assert picture.pixels.tolist() == [[1.5, -2.0, -2.0]]
    assert picture.valid is not None
    assert picture.valid.tolist() == [[True, False, True]]


def test_a_segmented_palette() -> None:
    """Discrete 0, 10; linear to 40 in 3; indirect: again the discrete segment at byte 0."""
    words = np.array([0, 2, 0, 10, 1, 3, 40, 2, 1, 0, 0], np.uint16)
    assert _expanded(words, 7).tolist() == [0, 10, 20, 30, 40, 0, 10]
    assert _expanded(words, 4).tolist() == [0, 10, 20, 30]
    for damaged in ([1, 3, 40], [2, 1, 0, 0], [7, 1, 1], [0], [0, 2, 0, 10, 2, 1, 8, 0, 0]):
        assert len(_expanded(np.array(damaged, np.uint16), 100)) <= 100


@given(st.lists(st.integers(0, 2**16 - 1), max_size=60), st.integers(1, 500))
def test_no_segmented_palette_grows_beyond_its_size(words: list[int], count: int) -> None:
    assert len(_expanded(np.array(words, np.uint16), count)) <= count


@given(
    st.lists(st.integers(0, 255), min_size=1, max_size=20),
    st.integers(-300, 300),
    st.lists(st.integers(-400, 400), min_size=1, max_size=20),
)
def test_tables_hold_their_ends(entries: list[int], first: int, values: list[int]) -> None:
    found = Table(np.array(entries), first, 8)(np.array(values, np.int16))
    expected = [entries[min(max(value - first, 0), len(entries) - 1)] for value in values]
    assert found.tolist() == expected
