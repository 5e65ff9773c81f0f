"""Stored pixels of a DICOM file, decoded frame by frame or at once; colours come out as RGB."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from promptseg.errors import MissingExtraError, ReadError
from promptseg.io.dicom_header import Layout, uid_name
from promptseg.io.files import shown
from promptseg.types import Pixels

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["stored_pixels"]

_VIDEO: Final = "1.2.840.10008.1.2.4.10"
"""Transfer syntaxes that begin so (100 to 108) are MPEG-2, MPEG-4 and HEVC video."""


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
        ReadError: the pixels are missing, or are video.
    """
    _check_decodable(path, layout)
    partial = layout.photometric == "YBR_PARTIAL_422"
    options: dict[str, Any] = {"photometric_interpretation": "YBR_FULL_422", "raw": True} if partial else {}
    index = 0 if layout.frames == 1 else frame
    pixels = _decoded(path, layout, index, options)
    if partial:
        pixels = _partial_to_rgb(pixels)
    if layout.photometric == "PALETTE COLOR":
        from promptseg.io.dicom_tables import palette_colours

        pixels = palette_colours(pixels, header, path)
    if not pixels.dtype.isnative:
        pixels = pixels.astype(pixels.dtype.newbyteorder("="))
    return pixels


def _decoded(path: Path, layout: Layout, index: int | None, options: dict[str, Any]) -> Pixels:
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    if layout.deflated:
        return pixel_array(dcmread(path, force=True), index=index, **options)
    with path.open("rb") as file:
        try:
            return pixel_array(file, index=index, transfer_syntax_uid=layout.transfer_syntax, **options)
        except AttributeError:
            raise ReadError(f"{shown(path)}: the DICOM file has no pixel data, or it is cut off before them") from None


def _check_decodable(path: Path, layout: Layout) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    if layout.transfer_syntax.startswith(_VIDEO) and len(layout.transfer_syntax) > len(_VIDEO):
        raise ReadError(f"{shown(path)}: the pixels are MPEG or HEVC video; export single frames")
    words = uid_name(layout.transfer_syntax) or "an unknown transfer syntax"
    try:
        decoder = get_decoder(layout.transfer_syntax)
    except NotImplementedError:
        raise ReadError(f"{shown(path)}: cannot decode {words}; export it uncompressed") from None
    if not decoder.is_available:
        raise MissingExtraError(
            f"{shown(path)}: decoding {words} needs the extra `dicom`: pip install 'promptseg[dicom]'"
        )


def _partial_to_rgb(pixels: Pixels) -> Pixels:
    """YCbCr with the range of video (16 to 235, 16 to 240) to RGB; ITU-R BT.601."""
    luma, blue, red = (pixels[..., channel].astype(np.float32) for channel in range(3))
    luma = (luma - 16) * np.float32(255 / 219)
    blue, red = ((chroma - 128) * np.float32(255 / 224) for chroma in (blue, red))
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], axis=-1)
    whole: Pixels = np.clip(np.rint(rgb), 0, 255).astype(np.uint8)
    return whole
