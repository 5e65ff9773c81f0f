from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image as Pillow

from promptseg import io
from promptseg.errors import LimitError, MissingExtraError, ReadError
from promptseg.types import Cine, Image, Volume

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["u1", "u2", "u4", "i2", "i4", "f4", "f8", ">u2", ">f4"])
@pytest.mark.parametrize("channels", [None, 3])
def test_every_depth_comes_through(tmp_path: Path, dtype: str, channels: int | None) -> None:
    shape = (5, 7) if channels is None else (5, 7, channels)
    values = RNG.integers(0, 100, shape).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack" if channels is None else "rgb")
    picture = io.read(tmp_path / "a.tif")
    assert isinstance(picture, Image)
    np.testing.assert_array_equal(picture.pixels, values)
    assert picture.pixels.dtype == values.dtype.newbyteorder("=")


@pytest.mark.parametrize("compression", ["zlib", "lzw", "packbits", "zstd", "jpeg"])
@pytest.mark.parametrize("predictor", [False, True])
def test_compressions(tmp_path: Path, compression: str, predictor: bool) -> None:
    values = np.linspace(0, 250, 16 * 32).reshape(16, 32).astype(np.uint8)
    predicted = predictor and compression not in ("packbits", "jpeg")
    tifffile.imwrite(tmp_path / "a.tif", values, compression=compression, predictor=predicted)
    found = io.read_image(tmp_path / "a.tif").pixels
    assert np.abs(found.astype(int) - values).max() <= (3 if compression == "jpeg" else 0)


def test_jpeg_in_colour_is_rgb(tmp_path: Path) -> None:
    Pillow.new("RGB", (32, 16), (200, 30, 60)).save(tmp_path / "a.tif", compression="jpeg")
    found = io.read_image(tmp_path / "a.tif").pixels
    assert np.abs(found.astype(int) - [200, 30, 60]).max() <= 6


def test_pages_are_a_volume_and_time_is_a_cine(tmp_path: Path) -> None:
    pages = RNG.integers(0, 255, (4, 5, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    volume = io.read(tmp_path / "a.tif")
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels, pages)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif", frame=2).pixels, pages[2])
    with pytest.raises(ReadError, match=r"4 slices; say which one with frame=0 to 3"):
        io.read_image(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", pages, imagej=True, metadata={"axes": "TYX"})
    assert isinstance(io.read(tmp_path / "b.tif"), Cine)
    tifffile.imwrite(tmp_path / "c.tif", pages, imagej=True, metadata={"axes": "ZYX"})
    assert isinstance(io.read(tmp_path / "c.tif"), Volume)


def test_colour_pages_planar_colours_and_alpha(tmp_path: Path) -> None:
    pages = RNG.integers(0, 255, (4, 5, 7, 3), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="rgb")
    volume = io.read(tmp_path / "a.tif")
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels, pages)
    tifffile.imwrite(tmp_path / "b.tif", np.moveaxis(pages[0], -1, 0), photometric="rgb", planarconfig="separate")
    np.testing.assert_array_equal(io.read_image(tmp_path / "b.tif").pixels, pages[0])
    with_alpha = np.dstack([pages[0], pages[1][..., 0]])
    tifffile.imwrite(tmp_path / "c.tif", with_alpha, photometric="rgb", extrasamples=["unassalpha"])
    np.testing.assert_array_equal(io.read_image(tmp_path / "c.tif").pixels, pages[0])


def test_channels_that_are_no_colour_are_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 5, 7), np.uint8), imagej=True, metadata={"axes": "CYX"})
    with pytest.raises(ReadError, match="axes C 2, Y 5, X 7"):
        io.read(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", np.zeros((5, 7, 4), np.uint8), photometric="separated")
    with pytest.raises(ReadError, match="4 channels of photometric interpretation 5"):
        io.read(tmp_path / "b.tif")


def test_pictures_that_form_no_stack_are_refused(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(np.zeros((5, 7), np.uint8))
        writer.write(np.zeros((6, 8), np.uint8))
    with pytest.raises(ReadError, match=r"2 pictures that form no stack \(5x7, 6x8\)"):
        io.read(tmp_path / "a.tif")


def test_white_is_zero_is_turned_round(tmp_path: Path) -> None:
    values = np.array([[0, 10], [200, 255]], np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").pixels, 255 - values)


def test_palette_and_one_bit(tmp_path: Path) -> None:
    indices = np.array([[0, 1], [2, 3]], np.uint8)
    colours = np.zeros((3, 256), np.uint16)
    colours[0, 1], colours[1, 2], colours[2, 3] = 0xFF00, 0x8000, 0x4000
    tifffile.imwrite(tmp_path / "a.tif", indices, photometric="palette", colormap=colours)
    expected = [[[0, 0, 0], [255, 0, 0]], [[0, 128, 0], [0, 0, 64]]]
    assert io.read_image(tmp_path / "a.tif").pixels.tolist() == expected
    np.testing.assert_array_equal(io.read_mask(tmp_path / "a.tif"), indices)
    tifffile.imwrite(tmp_path / "b.tif", indices > 1, photometric="minisblack")
    np.testing.assert_array_equal(io.read_image(tmp_path / "b.tif").pixels, np.where(indices > 1, 255, 0))
    np.testing.assert_array_equal(io.read_mask(tmp_path / "b.tif"), indices > 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_pillow_does(tmp_path: Path, orientation: int) -> None:
    from PIL import ImageOps

    values = RNG.integers(0, 255, (5, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, extratags=[(274, "H", 1, orientation, True)])
    exif = Pillow.Exif()
    exif[274] = orientation
    plain = Pillow.fromarray(values)
    plain.getexif().update(exif)
    expected = np.array(ImageOps.exif_transpose(plain))
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").pixels, expected)


def test_nan_is_marked(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.array([[1.0, np.nan]], np.float32))
    picture = io.read_image(tmp_path / "a.tif")
    assert picture.pixels.tolist() == [[1, 1]]
    assert picture.valid is not None
    assert picture.valid.tolist() == [[True, False]]


def test_without_imagecodecs_the_usual_compressions_still_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = RNG.integers(0, 255, (5, 7), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, compression="lzw", predictor=True)
    tifffile.imwrite(tmp_path / "b.tif", np.stack([values, values]), compression="lzw", photometric="minisblack")
    deep = RNG.integers(0, 2**16, (5, 7, 3), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "c.tif", deep, compression="lzw", photometric="rgb")

    class WithoutCodecs(tifffile.TiffPageSeries):
        def asarray(self, **_: object) -> np.ndarray:
            raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPageSeries, "asarray", WithoutCodecs.asarray)
    np.testing.assert_array_equal(io.read_image(tmp_path / "a.tif").pixels, values)
    volume = io.read(tmp_path / "b.tif")
    assert isinstance(volume, Volume)
    np.testing.assert_array_equal(volume.voxels, np.stack([values, values]))
    with pytest.raises(MissingExtraError, match=r"promptseg\[images\]"):
        io.read(tmp_path / "c.tif")


def test_limits_on_pixels_and_pages(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 5, 7), np.uint8), photometric="minisblack")
    with pytest.raises(LimitError, match="140 decoded pixels"):
        io.read(tmp_path / "a.tif", limits=io.Limits(pixels=139))
    with pytest.raises(LimitError, match="4 frames or slices"):
        io.read(tmp_path / "a.tif", limits=io.Limits(frames=3))


def test_a_cut_off_file_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((50, 70), np.uint8))
    whole = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[:-100])
    with pytest.raises(ReadError, match="cut off"):
        io.read(tmp_path / "a.tif")
