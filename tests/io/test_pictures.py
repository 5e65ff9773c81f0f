import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from promptseg import io
from promptseg.errors import LimitError, MissingExtraError, ReadError
from promptseg.types import Image

GRADIENT = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7) * 7
COLOURS = np.stack([GRADIENT, 255 - GRADIENT, np.roll(GRADIENT, 2, axis=1)], axis=-1)


def read_picture(path: Path) -> Image:
    picture = io.read(path)
    assert isinstance(picture, Image)
    assert picture.spacing_mm is None
    assert picture.source is not None
    assert (picture.source.kind, picture.source.path) == ("picture", path)
    return picture


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp"])
@pytest.mark.parametrize("pixels", [GRADIENT, COLOURS], ids=["grey", "colour"])
def test_lossless_formats_give_the_stored_pixels(tmp_path: Path, suffix: str, pixels: np.ndarray) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    Pillow.fromarray(pixels).save(tmp_path / f"a.{suffix}", **options)
    found = read_picture(tmp_path / f"a.{suffix}").pixels
    expected = np.stack([pixels] * 3, axis=-1) if suffix == "webp" and pixels.ndim == 2 else pixels
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint8


def test_jpeg_is_close_to_what_was_saved(tmp_path: Path) -> None:
    smooth = np.linspace(0, 255, 64).astype(np.uint8)[None, :].repeat(48, axis=0)
    Pillow.fromarray(smooth).save(tmp_path / "a.jpg", quality=95)
    found = read_picture(tmp_path / "a.jpg").pixels
    assert found.shape == (48, 64)
    assert np.abs(found.astype(int) - smooth).max() <= 4


def test_sixteen_bit_grey_keeps_its_depth(tmp_path: Path) -> None:
    deep = (np.arange(35, dtype=np.uint16) * 1800).reshape(5, 7)
    Pillow.fromarray(deep).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png").pixels
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, deep)


def sixteen_bit_png(pixels: np.ndarray, colour_type: int) -> bytes:
    """A PNG written by hand: signature, header, rows with filter 0, end."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    height, width = pixels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("colour_type", "channels"), [(2, 3), (6, 4), (4, 2)])
def test_sixteen_bit_colour_keeps_its_depth(tmp_path: Path, colour_type: int, channels: int) -> None:
    deep = np.random.default_rng(1).integers(0, 2**16, (5, 7, channels), dtype=np.uint16)
    deep[0, 0, -1] = 0
    (tmp_path / "a.png").write_bytes(sixteen_bit_png(deep, colour_type))
    picture = read_picture(tmp_path / "a.png")
    expected = deep[..., 0] if channels == 2 else deep[..., :3]
    np.testing.assert_array_equal(picture.pixels, expected)
    if channels != 3:
        assert picture.valid is not None
        np.testing.assert_array_equal(picture.valid, deep[..., -1] > 0)


def test_sixteen_bit_colour_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.png").write_bytes(sixteen_bit_png(np.zeros((5, 7, 3), np.uint16), 2))
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(MissingExtraError, match=r"promptseg\[images\]"):
        io.read(tmp_path / "a.png")


def test_one_bit_becomes_0_and_255(tmp_path: Path) -> None:
    Pillow.fromarray(GRADIENT > 100).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, np.where(GRADIENT > 100, 255, 0))


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    indexed = Pillow.fromarray(GRADIENT % 3)
    indexed.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    indexed.save(tmp_path / "a.png")
    table = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png").pixels, table[GRADIENT % 3])


def test_alpha_is_dropped_and_clear_pixels_are_marked(tmp_path: Path) -> None:
    alpha = np.full((5, 7, 1), 200, np.uint8)
    alpha[1, 2] = 0
    Pillow.fromarray(np.concatenate([COLOURS, alpha], axis=-1)).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, COLOURS)
    assert picture.valid is not None
    assert np.argwhere(~picture.valid).tolist() == [[1, 2]]
    assert not io.to_display(picture)[1, 2].any()


def test_opaque_alpha_leaves_no_trace(tmp_path: Path) -> None:
    Pillow.fromarray(np.dstack([GRADIENT, np.full_like(GRADIENT, 255)]), mode=None).save(tmp_path / "a.png")
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, GRADIENT)
    assert picture.valid is None


def test_a_transparent_grey_level_is_marked(tmp_path: Path) -> None:
    Pillow.fromarray(GRADIENT).save(tmp_path / "a.png", transparency=7)
    picture = read_picture(tmp_path / "a.png")
    np.testing.assert_array_equal(picture.pixels, GRADIENT)
    np.testing.assert_array_equal(picture.valid, GRADIENT != 7)


def test_cmyk_jpeg_becomes_rgb(tmp_path: Path) -> None:
    Pillow.new("RGB", (16, 8), (200, 30, 60)).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    found = read_picture(tmp_path / "a.jpg").pixels
    assert found.shape == (8, 16, 3)
    assert np.abs(found.astype(int) - [200, 30, 60]).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_exif_orientation_is_applied_as_pillow_does(tmp_path: Path, orientation: int, suffix: str) -> None:
    from PIL import ImageOps

    exif = Pillow.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {}
    path = tmp_path / f"a.{suffix}"
    Pillow.fromarray(COLOURS).save(path, exif=exif, **options)
    with Pillow.open(path) as stored:
        expected = np.array(ImageOps.exif_transpose(stored))
    np.testing.assert_array_equal(read_picture(path).pixels, expected)


def test_exif_orientation_of_jpeg(tmp_path: Path) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    Pillow.fromarray(COLOURS).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == (7, 5)


@pytest.mark.parametrize(
    "exif", [b"", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"]
)
def test_damaged_exif_is_ignored(tmp_path: Path, exif: bytes) -> None:
    Pillow.fromarray(COLOURS).save(tmp_path / "a.jpg", exif=exif)
    assert read_picture(tmp_path / "a.jpg").size == (5, 7)


def test_the_name_has_no_say(tmp_path: Path) -> None:
    Pillow.fromarray(GRADIENT).save(tmp_path / "a.png")
    wrong = (tmp_path / "a.png").rename(tmp_path / "Größe ünd Leer zeichen 图.jpg")
    np.testing.assert_array_equal(read_picture(wrong).pixels, GRADIENT)


def test_an_animation_is_refused_with_its_length(tmp_path: Path) -> None:
    frames = [Pillow.fromarray(GRADIENT), Pillow.fromarray(255 - GRADIENT)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ReadError, match="animation of 2 frames"):
        io.read(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "webp"])
def test_the_limit_is_checked_before_decoding(tmp_path: Path, suffix: str) -> None:
    Pillow.fromarray(COLOURS).save(tmp_path / f"a.{suffix}")
    assert io.read(tmp_path / f"a.{suffix}", limits=io.Limits(pixels=35))
    with pytest.raises(
        LimitError, match=r"35 decoded pixels.*limit of 34.*PROMPTSEG_MAX_PIXELS=35.*Limits\(pixels=35\)"
    ):
        io.read(tmp_path / f"a.{suffix}", limits=io.Limits(pixels=34))


def test_read_image_picks_the_only_picture(tmp_path: Path) -> None:
    Pillow.fromarray(GRADIENT).save(tmp_path / "a.png")
    for frame in (None, 0):
        np.testing.assert_array_equal(io.read_image(tmp_path / "a.png", frame=frame).pixels, GRADIENT)
    with pytest.raises(ReadError, match="frame 1 does not exist"):
        io.read_image(tmp_path / "a.png", frame=1)
