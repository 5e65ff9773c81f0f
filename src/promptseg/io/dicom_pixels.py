"""Stored pixels of a DICOM file, decoded frame by frame or at once; colours come out as RGB."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from promptseg.errors import MissingExtraError, ReadError
from promptseg.io.codestreams import frame_size
from promptseg.io.dicom_header import Layout, uid_name
from promptseg.io.dicom_tables import palette_colours
from promptseg.io.files import shown
from promptseg.types import Pixels

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["stored_pixels"]

_VIDEO: Final = "1.2.840.10008.1.2.4.10"
"""Transfer syntaxes that begin so (100 to 108) are MPEG-2, MPEG-4 and HEVC video."""

_EXTENDED: Final = "1.2.840.10008.1.2.4.51"
"""JPEG Extended, the one that may have 12 bits."""

_LOSSLESS: Final = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
"""JPEG Lossless, of which pydicom knows only decoders that end the process on damaged data, or of a strict licence.

The one used here fills up with grey where the end is missing."""

_JPEG_LS: Final = ("1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81")
"""JPEG-LS, whose decoder takes seconds to find out that the end is missing."""

_PLUGINS: Final = ("pydicom", "pylibjpeg", "pyjpegls", "pillow")
"""pydicom's decoders in the order to try; gdcm is none of them, since it can end the process on damaged data."""


def stored_pixels(path: Path, header: "Dataset", layout: Layout, *, frame: int | None = None) -> Pixels:
    """Decode one frame, or all.

    Args:
        path: the DICOM file.
        header: what ``read_header`` gave.
        layout: what ``layout_of`` gave.
        frame: its index, or None for all frames.

    Returns:
        Stored values (H, W), or (H, W, 3) for colour, which is RGB; before them the number of frames where
        ``frame`` is None and the file has several.

    Raises:
        MissingExtraError: the compression needs a decoder that is not installed.
        ReadError: the pixels are missing, are video, or do not have the size that the header states.
    """
    plugins = _plugins(path, layout)
    index = 0 if layout.frames == 1 else frame
    deep = _check_frames(path, header, layout, index)
    if layout.transfer_syntax in _LOSSLESS or (layout.transfer_syntax == _EXTENDED and deep):
        pixels = _by_imagecodecs(path, header, layout, index)
    else:
        pixels = _decoded(path, layout, index, plugins)
    if layout.photometric == "YBR_PARTIAL_422":
        pixels = _partial_to_rgb(pixels)
    if layout.photometric == "PALETTE COLOR":
        pixels = palette_colours(pixels, header, path)
    if layout.unused_low_bits and layout.bits_allocated == 8 * pixels.dtype.itemsize:
        spare = layout.bits_allocated - layout.bits_stored
        pixels = (pixels << (spare - layout.unused_low_bits)) >> spare
    if not pixels.dtype.isnative:
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return pixels


def _plugins(path: Path, layout: Layout) -> tuple[str, ...]:
    """The installed decoders for this compression, in the order to try; "" alone where none is needed."""
    from pydicom.pixels.decoders.base import get_decoder

    if layout.transfer_syntax.startswith(_VIDEO) and len(layout.transfer_syntax) > len(_VIDEO):
        raise ReadError(f"{shown(path)}: the pixels are MPEG or HEVC video; export single frames")
    words = uid_name(layout.transfer_syntax) or "an unknown transfer syntax"
    try:
        decoder = get_decoder(layout.transfer_syntax)
    except NotImplementedError:
        raise ReadError(f"{shown(path)}: cannot decode {words}; export it uncompressed") from None
    if not decoder.is_encapsulated or layout.transfer_syntax in _LOSSLESS:
        return ("",)
    installed = tuple(name for name in _PLUGINS if name in decoder.available_plugins)
    if not installed:
        raise MissingExtraError(
            f"{shown(path)}: decoding {words} needs the extra `dicom`: pip install 'promptseg[dicom]'"
        )
    return installed


def _decoded(path: Path, layout: Layout, index: int | None, plugins: tuple[str, ...]) -> Pixels:
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    partial = layout.photometric == "YBR_PARTIAL_422"
    options: dict[str, Any] = {"photometric_interpretation": "YBR_FULL_422", "raw": True} if partial else {}
    if layout.unused_low_bits:
        options["correct_unused_bits"] = False
    if layout.deflated:
        return pixel_array(dcmread(path, force=True), index=index, **options)
    options["transfer_syntax_uid"] = layout.transfer_syntax
    for plugin in plugins:
        with path.open("rb") as file:
            try:
                return pixel_array(file, index=index, decoding_plugin=plugin, **options)
            except AttributeError:
                raise ReadError(f"{shown(path)}: has no pixel data, or is cut off before them") from None
            except ValueError:
                raise ReadError(
                    f"{shown(path)}: its pixels are cut off, or do not fit what the header states"
                ) from None
            except RuntimeError:
                if plugin == plugins[-1]:
                    raise
    raise ReadError(f"{shown(path)}: no decoder is installed for its pixels")


def _check_frames(path: Path, header: "Dataset", layout: Layout, index: int | None) -> bool:
    """Compare what compressed frames claim with the header, so that a decoder cannot be made to fill the memory.

    Returns:
        Whether a frame has more than 8 bits.

    Raises:
        ReadError: a frame claims another size than the header, or is cut off.
    """
    _check_length(path, layout)
    deep = False
    for data in _compressed_frames(path, header, layout, index):
        size = frame_size(data)
        if size is None:
            continue
        if size.height not in (0, layout.rows) or size.width != layout.columns:
            raise ReadError(
                f"{shown(path)}: a compressed frame claims {size.width} x {size.height} pixels, but the header states "
                f"{layout.columns} x {layout.rows}; the file is damaged"
            )
        if layout.transfer_syntax in (*_JPEG_LS, *_LOSSLESS, _EXTENDED) and not size.complete:
            raise ReadError(f"{shown(path)}: a compressed frame is cut off")
        deep = deep or size.bits > 8
    return deep


def _check_length(path: Path, layout: Layout) -> None:
    """Refuse a file that is shorter than the pixels that it claims, if they are neither compressed nor deflated."""
    from pydicom.uid import UID

    bits = layout.rows * layout.columns * layout.frames * layout.samples * layout.bits_allocated
    needed = bits // 8 * 2 // 3 if layout.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422") else bits // 8
    size = path.stat().st_size
    if needed > size and not layout.deflated and not UID(layout.transfer_syntax).is_encapsulated:
        raise ReadError(f"{shown(path)}: its pixels need {needed} bytes, but the file has only {size}; it is cut off")


def _compressed_frames(path: Path, header: "Dataset", layout: Layout, index: int | None) -> Iterator[bytes]:
    """The compressed bytes of one frame or of all; none at all for files that are not compressed."""
    from pydicom import dcmread
    from pydicom.encaps import generate_frames, get_frame
    from pydicom.uid import UID

    if not UID(layout.transfer_syntax).is_encapsulated:
        return
    offsets = header.get("ExtendedOffsetTable"), header.get("ExtendedOffsetTableLengths")
    extended = (offsets[0], offsets[1]) if offsets[0] and offsets[1] else None
    with path.open("rb") as file:
        dcmread(file, stop_before_pixels=True, force=True, specific_tags=[0x00280008])
        tag = file.read(12)
        if len(tag) < 12:
            raise ReadError(f"{shown(path)}: has no pixel data, or is cut off before them")
        if index is not None:
            yield get_frame(file, index, number_of_frames=layout.frames, extended_offsets=extended)
        else:
            yield from generate_frames(file, number_of_frames=layout.frames, extended_offsets=extended)


def _by_imagecodecs(path: Path, header: "Dataset", layout: Layout, index: int | None) -> Pixels:
    """JPEG Lossless, and JPEG Extended with 12 bits, by libjpeg-turbo."""
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError(
            f"{shown(path)}: lossless and 12-bit JPEG need the extra `dicom`: pip install 'promptseg[dicom]'"
        ) from None
    raw: dict[str, Any] = {"colorspace": "RGB", "outcolorspace": "RGB"} if layout.samples == 3 else {}
    frames = [imagecodecs.jpeg8_decode(data, **raw) for data in _compressed_frames(path, header, layout, index)]
    expected = (layout.rows, layout.columns, 3)[: 2 if layout.samples == 1 else 3]
    if not frames or any(frame.shape != expected for frame in frames):
        raise ReadError(f"{shown(path)}: the compressed frames do not have the shape {expected} that the header states")
    pixels: Pixels = frames[0] if index is not None else np.stack(frames)
    if layout.photometric.startswith("YBR"):
        from pydicom.pixels.processing import convert_color_space

        return convert_color_space(pixels, "YBR_FULL", "RGB")
    return _signed(pixels, layout.bits_stored) if layout.signed else pixels


def _signed(pixels: Pixels, bits: int) -> Pixels:
    """Unsigned values of ``bits`` bits as two's complement."""
    wide = pixels.view(f"i{pixels.dtype.itemsize}")
    spare = max(8 * pixels.dtype.itemsize - bits, 0)
    return (wide << spare) >> spare


def _partial_to_rgb(pixels: Pixels) -> Pixels:
    """YCbCr with the range of video (16 to 235, 16 to 240) to RGB; ITU-R BT.601."""
    luma, blue, red = (pixels[..., channel].astype(np.float32) for channel in range(3))
    luma = (luma - 16) * np.float32(255 / 219)
    blue, red = ((chroma - 128) * np.float32(255 / 224) for chroma in (blue, red))
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    whole: Pixels = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return whole
