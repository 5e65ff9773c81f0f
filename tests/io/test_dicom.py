"""Real files that come with pydicom, and small made ones, against pydicom's own results."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from dicom_files import MR, SECRETS, ULTRASOUND, ULTRASOUND_CINE, dataset, save, slice_at
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, pixel_array

from promptseg import io
from promptseg.errors import LimitError, MissingExtraError, ReadError
from promptseg.io.codestreams import frame_size
from promptseg.types import Cine, Image, Volume

RNG = np.random.default_rng(0)
MR_VARIANTS = (
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_expb.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_padded.dcm",
)
COLOUR_FILES = (
    "examples_rgb_color.dcm",
    "examples_jpeg2k.dcm",
    "ExplVR_BigEnd.dcm",
    "GDCMJ2K_TextGBR.dcm",
    "SC_jpeg_no_color_transform.dcm",
    "SC_rgb_dcmtk_+eb+cr.dcm",
    "SC_rgb_dcmtk_+eb+cy+n1.dcm",
    "SC_rgb_dcmtk_+eb+cy+np.dcm",
    "SC_rgb_gdcm_KY.dcm",
    "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jls_lossy_sample.dcm",
    "SC_rgb_jpeg_dcmd.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jpeg_lossy_gdcm.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit.dcm",
    "SC_rgb_rle_32bit.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_rgb_small_odd_big_endian.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
)


def real(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def image(path: Path) -> Image:
    picture = io.read(path)
    assert isinstance(picture, Image)
    return picture


@pytest.mark.parametrize("name", MR_VARIANTS)
def test_every_encoding_of_one_picture_gives_the_same(name: str) -> None:
    reference = image(real("MR_small.dcm"))
    found = image(real(name))
    np.testing.assert_array_equal(found.pixels, reference.pixels)
    assert found.pixels.dtype == reference.pixels.dtype == np.int16
    assert found.pixels.dtype.isnative
    assert found.window == reference.window == (-200, 1399)
    assert found.spacing_mm == reference.spacing_mm == (0.3125, 0.3125)


LOSSLESS_JPEG = "SC_rgb_jpeg_gdcm.dcm"
"""pydicom itself has no decoder for it that this project installs; its colours are compared with known bars below."""


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in COLOUR_FILES if name != LOSSLESS_JPEG])
def test_colours_come_out_as_rgb(name: str) -> None:
    found = image(real(name))
    reference = pixel_array(real(name))
    assert found.pixels.shape[-1] == 3
    assert np.abs(found.pixels.astype(int) - reference.astype(int)).max() <= 2
    assert found.window is None


def test_known_colours() -> None:
    """pydicom's SC_rgb files show bars: red, ..., white; sampled where its own tests sample them."""
    bars = ((5, (255, 0, 0)), (25, (0, 255, 0)), (45, (0, 0, 255)), (65, (0, 0, 0)), (95, (255, 255, 255)))
    for name in (*COLOUR_FILES[5:8], "SC_rgb_rle.dcm", "SC_rgb_jpeg_gdcm.dcm", "SC_ybr_full_422_uncompressed.dcm"):
        pixels = image(real(name)).pixels.astype(int)
        for row, colour in bars:
            assert np.abs(pixels[row, 50] - colour).max() <= 5


def test_a_palette_becomes_rgb_of_8_bits() -> None:
    with pytest.warns(io.CalibrationWarning):
        found = image(real("examples_palette.dcm"))
    stored = pydicom.dcmread(real("examples_palette.dcm"))
    reference = apply_color_lut(stored.pixel_array, stored)
    assert reference.dtype == np.uint16
    np.testing.assert_array_equal(found.pixels, (reference >> 8).astype(np.uint8))


def test_twelve_bit_jpeg_and_deflated() -> None:
    assert image(real("JPGExtended.dcm")).pixels.max() == 264
    assert image(real("image_dfl.dcm")).size == (512, 512)


def test_a_cine_and_one_of_its_frames() -> None:
    path = real("examples_ybr_color.dcm")
    with pytest.warns(io.CalibrationWarning, match="320 x 240 pixels"):
        cine = io.read(path)
    assert isinstance(cine, Cine)
    assert cine.frames.shape == (30, 240, 320, 3)
    assert cine.spacing_mm is None
    np.testing.assert_array_equal(cine.frames, pixel_array(path))
    assert cine.frame_time_ms == pytest.approx(33.333)
    with pytest.warns(io.CalibrationWarning):
        frame = io.read_image(path, frame=7)
    np.testing.assert_array_equal(frame.pixels, cine.frames[7])
    assert frame.source is not None
    assert frame.source.frame == 7
    with pytest.raises(ReadError, match="frame 30 does not exist; there are 30, counted from 0"):
        io.read_image(path, frame=30)
    with (
        pytest.warns(io.CalibrationWarning),
        pytest.raises(ReadError, match="30 frames; say which one with frame=0 to 29"),
    ):
        io.read_image(path)


def test_frames_in_space_are_a_volume() -> None:
    volume = io.read(real("rtdose.dcm"))
    assert isinstance(volume, Volume)
    assert volume.voxels.shape == (15, 10, 10)
    assert volume.spacing_mm == (5.0, 10.0, 10.0)


def functional_groups(places: list[float | None]) -> dict[str, Any]:
    def item(**values: Any) -> pydicom.Dataset:
        made = pydicom.Dataset()
        for name, value in values.items():
            setattr(made, name, value)
        return made

    frames = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[0.0, 0.0, place])]) if place is not None else item()
        for place in places
    ]
    for index, frame in enumerate(frames):
        frame.PixelValueTransformationSequence = [item(RescaleSlope=2.0, RescaleIntercept=float(index))]
    shared = item(
        PixelMeasuresSequence=[item(PixelSpacing=[0.5, 0.25])],
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1.0, 0, 0, 0, 1.0, 0])],
        FrameVOILUTSequence=[item(WindowCenter=50.0, WindowWidth=100.0)],
    )
    return {"PerFrameFunctionalGroupsSequence": frames, "SharedFunctionalGroupsSequence": [shared]}


@pytest.mark.parametrize(
    ("places", "kind"),
    [
        ([0.0, 3.0, 6.0, 9.0], Volume),
        ([9.0, 6.0, 3.0, 0.0], Volume),
        ([0.0, 0.0, 0.0, 0.0], Cine),
        ([0.0, 3.0, 0.0, 3.0], Cine),
        ([0.0, 3.0, 9.0, 12.0], Cine),
        ([0.0, 3.0, None, 9.0], Cine),
    ],
)
def test_enhanced_frames(tmp_path: Path, places: list[float | None], kind: type) -> None:
    stored = RNG.integers(0, 100, (4, 5, 7), dtype=np.uint16)
    path = save(tmp_path / "a.dcm", stored, **functional_groups(places))
    whole = io.read(path)
    assert isinstance(whole, kind)
    values = whole.voxels if isinstance(whole, Volume) else whole.frames
    np.testing.assert_array_equal(values, stored.astype(int) * 2 + np.arange(4)[:, None, None])
    assert whole.spacing_mm == ((3.0, 0.5, 0.25) if kind is Volume else (0.5, 0.25))
    assert whole.window == (0.0, 99.0)
    one = io.read_image(path, frame=2)
    np.testing.assert_array_equal(one.pixels, values[2])
    assert one.spacing_mm == (0.5, 0.25)


@pytest.mark.parametrize("attributes", [{"FrameTime": 40.0}, {"FrameTimeVector": [0.0, 40.0, 40.0]}])
def test_time_between_frames(tmp_path: Path, attributes: dict[str, Any]) -> None:
    frames = np.zeros((3, 5, 7), np.uint8)
    cine = io.read(save(tmp_path / "a.dcm", frames, SOPClassUID=ULTRASOUND_CINE, **attributes))
    assert isinstance(cine, Cine)
    assert cine.frame_time_ms == 40


def test_time_that_is_uneven_is_unknown(tmp_path: Path) -> None:
    cine = io.read(save(tmp_path / "a.dcm", np.zeros((3, 5, 7), np.uint8), FrameTimeVector=[0.0, 40.0, 90.0]))
    assert isinstance(cine, Cine)
    assert cine.frame_time_ms is None


def test_partial_range_colour(tmp_path: Path) -> None:
    """YBR_PARTIAL_422, 2 x 2 pixels: black and white, then two greys; luma 16 is black and 235 white."""
    data = bytes([16, 235, 128, 128, 126, 126, 128, 128])
    path = save(
        tmp_path / "a.dcm",
        np.zeros((2, 2, 3), np.uint8),
        PhotometricInterpretation="YBR_PARTIAL_422",
        PixelData=data,
        SOPClassUID=ULTRASOUND,
    )
    found = image(path).pixels
    assert found[0].tolist() == [[0, 0, 0], [255, 255, 255]]
    assert found[1].tolist() == [[128, 128, 128]] * 2


@pytest.mark.parametrize("photometric", ["HSV", "CMYK", "ARGB", "YBR_PARTIAL_420", "", None, "DOE SECRET"])
def test_other_photometric_interpretations_are_refused(tmp_path: Path, photometric: str | None) -> None:
    made = dataset(np.zeros((2, 2, 3), np.uint8))
    del made.PhotometricInterpretation
    if photometric is not None:
        made.PhotometricInterpretation = photometric
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ReadError, match="photometric interpretation is") as caught:
        io.read(tmp_path / "a.dcm")
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rtstruct.dcm", "no Rows and Columns.*RT Structure Set Storage"),
        ("reportsi.dcm", "Basic Text SR Storage"),
        ("DICOMDIR", "is a DICOMDIR"),
        ("liver_1frame.dcm", "is a segmentation.*read_mask"),
        ("MR_truncated.dcm", "cut off"),
        ("badVR.dcm", "NumberOfFrames is not a whole number"),
    ],
)
def test_what_is_no_picture_says_what_it_is(name: str, words: str) -> None:
    with pytest.raises(ReadError, match=words):
        io.read(real(name))


def test_without_preamble_and_without_meta(tmp_path: Path) -> None:
    whole = real("MR_small_implicit.dcm").read_bytes()
    made = pydicom.dcmread(real("MR_small_implicit.dcm"))
    start = whole.index(b"\x08\x00\x05\x00") if b"\x08\x00\x05\x00" in whole else whole.index(b"\x08\x00\x08\x00")
    (tmp_path / "a").write_bytes(whole[start:])
    np.testing.assert_array_equal(image(tmp_path / "a").pixels, made.pixel_array)
    (tmp_path / "b").write_bytes(real("MR_small.dcm").read_bytes()[132:])
    np.testing.assert_array_equal(image(tmp_path / "b").pixels, made.pixel_array)


def test_the_decoder_is_named_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydicom.pixels.decoders.base import Decoder

    monkeypatch.setattr(Decoder, "available_plugins", property(lambda _: ()))
    monkeypatch.setattr(Decoder, "is_available", property(lambda _: False))
    with pytest.raises(MissingExtraError, match=r"JPEG-LS Lossless.*promptseg\[dicom\]"):
        io.read(real("MR_small_jpeg_ls_lossless.dcm"))


def test_limits_are_checked_before_decoding(tmp_path: Path) -> None:
    path = save(tmp_path / "a.dcm", np.zeros((3, 5, 7), np.uint8))
    for limits, words in (
        (io.Limits(pixels=104), "105 decoded pixels"),
        (io.Limits(frames=2), "3 frames"),
        (io.Limits(file_bytes=100), "bytes are more than the limit of 100"),
    ):
        with pytest.raises(LimitError, match=words):
            io.read(path, limits=limits)
    assert io.read_image(path, frame=1, limits=io.Limits(pixels=35)).size == (5, 7)


def test_a_deflated_bomb_is_not_unpacked(tmp_path: Path) -> None:
    made = dataset(np.zeros((2000, 2000), np.uint8), syntax="1.2.840.10008.1.2.1.99")
    made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert (tmp_path / "a.dcm").stat().st_size < 10_000
    with pytest.raises(LimitError, match="bytes are more than the limit of 1000000"):
        io.read(tmp_path / "a.dcm", limits=io.Limits(file_bytes=10**6))
    assert image(tmp_path / "a.dcm").size == (2000, 2000)


def test_a_compressed_frame_cannot_claim_more_than_the_header(tmp_path: Path) -> None:
    path = real("examples_jpeg2k.dcm")
    whole = bytearray(path.read_bytes())
    start = whole.index(b"\xff\x4f\xff\x51")
    assert frame_size(bytes(whole[start:])) == (480, 640, 8, True)
    whole[start + 8 : start + 12] = (2**31).to_bytes(4, "big")
    (tmp_path / "a.dcm").write_bytes(bytes(whole))
    with pytest.raises(ReadError, match="claims 2147483648 x 480 pixels, but the header states 640 x 480"):
        io.read(tmp_path / "a.dcm")


def test_frame_sizes_of_jpeg() -> None:
    from pydicom.encaps import get_frame

    for name, expected in (
        ("JPGExtended.dcm", (1024, 256, 12)),
        ("SC_rgb_jpeg_gdcm.dcm", (100, 100, 8)),
        ("JPEGLSNearLossless_16.dcm", (50, 10, 16)),
    ):
        stored = pydicom.dcmread(real(name))
        size = frame_size(get_frame(stored.PixelData, 0, number_of_frames=1))
        assert size is not None
        assert size[:3] == expected
    for damaged in (b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" * 3, b"\xff\xd8abcdefghij", b"RLE"):
        assert frame_size(damaged) is None


def test_no_patient_data_are_kept_or_shown(tmp_path: Path, recwarn: pytest.WarningsRecorder, caplog: Any) -> None:
    path = save(
        tmp_path / "a.dcm",
        np.zeros((5, 7), np.uint8),
        WindowCenter="1234567890",
        WindowWidth="99",
        Modality="XXXXXXXXXX",
    )
    damaged = path.read_bytes().replace(b"1234567890", b"Doe^Secret").replace(b"XXXXXXXXXX", b"Doe^Secret")
    path.write_bytes(damaged)
    with caplog.at_level(0):
        picture = io.read(tmp_path / "a.dcm")
    said = repr(picture) + repr(picture.source) + caplog.text + "".join(str(notice.message) for notice in recwarn)
    assert not [secret for secret in SECRETS if secret in said]


def test_one_slice_has_its_spacing(tmp_path: Path) -> None:
    picture = image(slice_at(tmp_path / "a.dcm", 5.0, np.zeros((5, 7), np.int16), SOPClassUID=MR))
    assert picture.spacing_mm == (0.5, 0.25)


@pytest.mark.parametrize("spacing", [[0.0, 1.0], [-1.0, 1.0], [1.0], "abc", []])
def test_a_spacing_that_makes_no_sense_is_unknown(tmp_path: Path, spacing: Any) -> None:
    made = dataset(np.zeros((5, 7), np.uint8))
    with pydicom.config.disable_value_validation():
        made.add_new(0x00280030, "LO" if isinstance(spacing, str) else "DS", spacing)
        made.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert image(tmp_path / "a.dcm").spacing_mm is None


def test_sizes_at_the_detector_are_not_used(tmp_path: Path) -> None:
    made = save(tmp_path / "a.dcm", np.zeros((5, 7), np.uint8), ImagerPixelSpacing=[0.1, 0.1])
    assert image(made).spacing_mm is None


@pytest.mark.parametrize(
    ("dtype", "bits"), [(np.uint8, 8), (np.uint16, 12), (np.uint16, 16), (np.int16, 12), (np.int16, 16)]
)
@pytest.mark.parametrize("predictor", [1, 4, 7])
def test_lossless_jpeg(tmp_path: Path, dtype: type, bits: int, predictor: int) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    half = 2 ** (bits - 1) if np.dtype(dtype).kind == "i" else 0
    frames = RNG.integers(-half, 2**bits - half, (3, 33, 47)).astype(dtype)
    unsigned = frames.view(f"u{frames.dtype.itemsize}") & (2**bits - 1)
    streams = [
        imagecodecs.jpeg8_encode(one, lossless=True, predictor=predictor, bitspersample=bits) for one in unsigned
    ]
    path = save_compressed(tmp_path / "a.dcm", frames, streams, BitsStored=bits, HighBit=bits - 1)
    cine = io.read(path)
    assert isinstance(cine, Cine)
    np.testing.assert_array_equal(cine.frames, frames)
    np.testing.assert_array_equal(io.read_image(path, frame=1).pixels, frames[1])


def test_lossless_jpeg_in_colour(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = RNG.integers(0, 256, (33, 47, 3)).astype(np.uint8)
    stream = imagecodecs.jpeg8_encode(pixels, lossless=True, colorspace="RGB", outcolorspace="RGB")
    np.testing.assert_array_equal(image(save_compressed(tmp_path / "a.dcm", pixels, [stream])).pixels, pixels)
    ybr = pydicom.pixels.convert_color_space(pixels, "RGB", "YBR_FULL")
    stream = imagecodecs.jpeg8_encode(ybr, lossless=True, colorspace="RGB", outcolorspace="RGB")
    path = save_compressed(tmp_path / "b.dcm", pixels, [stream], PhotometricInterpretation="YBR_FULL")
    assert np.abs(image(path).pixels.astype(int) - pixels).max() <= 3


def save_compressed(path: Path, pixels: np.ndarray, streams: list[bytes], **attributes: Any) -> Path:
    made = dataset(pixels, syntax="1.2.840.10008.1.2.4.70", **attributes)
    made.PixelData = pydicom.encaps.encapsulate(streams)
    made["PixelData"].VR = "OB"
    made.save_as(path, enforce_file_format=True)
    return path


def test_lossless_jpeg_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    for name in ("SC_rgb_jpeg_gdcm.dcm", "JPGExtended.dcm"):
        with pytest.raises(MissingExtraError, match=r"promptseg\[dicom\]"):
            io.read(real(name))
