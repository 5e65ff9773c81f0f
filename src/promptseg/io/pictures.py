"""PNG, JPEG, BMP and WebP, by Pillow, one decoder each so that a PNG costs only the import of PNG."""

import importlib
import struct
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from promptseg.errors import MissingExtraError, ReadError
from promptseg.io.files import decoding, shown
from promptseg.io.limits import Limits, check_limit
from promptseg.io.notices import quiet_libraries
from promptseg.io.signatures import FileKind
from promptseg.types import BoolMask, Image, Pixels, Source

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

__all__ = ["PLUGINS", "open_picture", "picture_values", "read_picture"]

PLUGINS: Final[dict[FileKind, tuple[str, str, str]]] = {
    "png": ("PIL.PngImagePlugin", "PngImageFile", "PNG picture"),
    "jpeg": ("PIL.JpegImagePlugin", "JpegImageFile", "JPEG picture"),
    "bmp": ("PIL.BmpImagePlugin", "BmpImageFile", "BMP picture"),
    "webp": ("PIL.WebPImagePlugin", "WebPImageFile", "WebP picture"),
}
"""Module, class and words for each kind."""

_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3
UPRIGHT: Final[dict[int, tuple[bool, int]]] = {
    2: (True, 0),
    3: (False, 2),
    4: (True, 2),
    5: (True, 1),
    6: (False, 3),
    7: (True, 3),
    8: (False, 1),
}
"""EXIF orientation: whether to mirror left and right first, and then how many quarter turns counter-clockwise."""


def read_picture(path: Path, kind: FileKind, limits: Limits) -> Image:
    """A picture as a viewer shows it.

    Greys and colours keep their depth: uint8 or uint16. One-bit pictures become 0 and 255, palettes and CMYK become
    RGB. An alpha channel is dropped and the colours stay as stored, but pixels that are wholly transparent are marked
    in ``valid``. The orientation that EXIF states is applied, so coordinates are those of the picture as displayed.
    A resolution in dots per inch says nothing about the body, so ``spacing_mm`` is None.

    Raises:
        LimitError: the header claims too many pixels.
        MissingExtraError: a 16-bit colour PNG needs the extra ``images``.
        ReadError: the file is damaged, or holds an animation.
    """
    words = PLUGINS[kind][2]
    with decoding(path, words):
        if kind == "png" and _has_deep_colour(path):
            pixels, valid = _deep_png(path, limits)
            return Image(pixels, valid=valid, source=Source(path, "picture"))
        with open_picture(path, kind, limits) as picture:
            pixels, valid = picture_values(picture)
            turn = UPRIGHT.get(_orientation(picture.info.get("exif")))
    if turn is not None:
        pixels = turned(pixels, *turn)
        valid = None if valid is None else turned(valid, *turn)
    return Image(pixels, valid=valid, source=Source(path, "picture"))


@contextmanager
def open_picture(path: Path, kind: FileKind, limits: Limits) -> Iterator["PillowImage"]:
    """Open a picture without decoding it, and check what its header claims.

    The decoder's class is called directly: ``PIL.Image.open`` would load every decoder and has a limit of its own.
    That of JPEG warns of damaged EXIF data, which do not matter.

    Raises:
        LimitError: too many pixels.
        ReadError: an animation.
    """
    module, name, words = PLUGINS[kind]
    plugin = getattr(importlib.import_module(module), name)
    with path.open("rb") as file:
        with quiet_libraries() if kind == "jpeg" else nullcontext():
            picture: PillowImage = plugin(file)
        frames = getattr(picture, "n_frames", 1)
        if frames != 1 and kind != "jpeg":
            raise ReadError(f"{shown(path)}: this {words} is an animation of {frames} frames; save one frame")
        check_limit(limits, "pixels", picture.size[0] * picture.size[1], path)
        yield picture


def picture_values(picture: "PillowImage") -> tuple[Pixels, BoolMask | None]:
    """Pixels of an open picture, and where it is not wholly transparent (None: nowhere is it)."""
    mode = picture.mode
    if mode == "1":
        return np.asarray(picture).astype(np.uint8) * np.uint8(255), None
    if mode in ("I", "F"):
        return np.array(picture), None
    if mode.startswith("I;16"):
        return np.array(picture).astype(np.uint16), None
    if mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in picture.info:
        gray = mode in ("L", "LA", "La")
        coloured = np.array(picture.convert("LA" if gray else "RGBA"))
        clear = coloured[..., -1] > 0
        return coloured[..., 0] if gray else coloured[..., :3], None if clear.all() else clear
    if mode != "L":
        picture = picture.convert("RGB")
    return np.array(picture), None


def _orientation(exif: object) -> int:
    """The orientation, 1 to 8, in the first directory of EXIF data; 1 where there is none or the data are damaged."""
    if not isinstance(exif, bytes):
        return 1
    data = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II*\x00": "<", b"MM\x00*": ">"}.get(data[:4])
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        for place in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, _, value = struct.unpack_from(f"{order}HHIH", data, place)
            if (tag, kind) == (_ORIENTATION_TAG, _SHORT):
                return int(value)
    except struct.error:
        return 1
    return 1


def turned(values: Pixels, mirrored: bool, quarter_turns: int) -> Pixels:
    upright = values[:, ::-1] if mirrored else values
    return np.ascontiguousarray(np.rot90(upright, quarter_turns))


def _has_deep_colour(path: Path) -> bool:
    """Whether a PNG has 16 bits and more than one channel, which Pillow would cut to 8 bits."""
    with path.open("rb") as file:
        head = file.read(26)
    return len(head) == 26 and head[24] == 16 and head[25] in (2, 4, 6)


def _deep_png(path: Path, limits: Limits) -> tuple[Pixels, BoolMask | None]:
    data = path.read_bytes()
    width, height = struct.unpack_from(">II", data, 16)
    check_limit(limits, "pixels", width * height, path)
    try:
        import imagecodecs
    except ImportError:
        raise MissingExtraError(
            f"{shown(path)}: a PNG with 16 bits a colour needs the extra `images`: pip install 'promptseg[images]'"
        ) from None
    decoded: Pixels = imagecodecs.png_decode(data)
    if decoded.shape[-1] in (2, 4):
        clear = decoded[..., -1] > 0
        decoded = decoded[..., 0] if decoded.shape[-1] == 2 else decoded[..., :3]
        return np.ascontiguousarray(decoded), None if clear.all() else clear
    return decoded, None
