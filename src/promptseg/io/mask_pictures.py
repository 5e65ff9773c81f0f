"""Masks as indexed PNG and as NPZ."""

import colorsys
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import WriteError
from promptseg.io.files import shown
from promptseg.io.masks import Drawing
from promptseg.types import Cine, Image, Volume

__all__ = ["palette", "write_npz", "write_png"]

_GOLDEN: Final = 0.6180339887498949


def palette(count: int) -> NDArray[np.uint8]:
    """(count, 3) colours: black, then hues far from each other, the same ones every time.

    >>> palette(2).tolist()
    [[0, 0, 0], [255, 64, 64]]
    """
    hues = [colorsys.hsv_to_rgb(_GOLDEN * index % 1, 0.75, 1 - 0.35 * (index // 12 % 2)) for index in range(count - 1)]
    colours: NDArray[np.uint8] = np.rint(np.array([(0.0, 0.0, 0.0), *hues]) * 255).astype(np.uint8)
    return colours


def write_png(file: BinaryIO, drawing: Drawing, path: Path) -> None:
    """A PNG whose indices are the labels, with colours to tell them apart; 16-bit grey for labels over 255.

    Raises:
        WriteError: a volume, overlapping objects, or a label over 65 535.
    """
    from PIL import Image as Pillow

    if len(drawing.shape) != 2:
        raise WriteError(f"{shown(path)}: a PNG holds one picture, but the mask has shape {drawing.shape}; use .nii.gz")
    labels = drawing.flat(path)
    if labels.dtype == np.uint8:
        picture = Pillow.fromarray(labels)
        picture.putpalette(palette(256).tobytes())
    elif labels.dtype == np.uint16:
        picture = Pillow.fromarray(labels)
    else:
        raise WriteError(
            f"{shown(path)}: a PNG holds labels up to 65535, but the mask has {max(drawing.values)}; use .nii.gz"
        )
    picture.save(file, format="PNG")


def write_npz(file: BinaryIO, drawing: Drawing, like: Image | Volume | Cine | None, path: Path) -> None:
    """An NPZ with ``mask``, and ``spacing_mm`` and ``names`` where they are known; no pickles.

    Raises:
        WriteError: overlapping objects.
    """
    arrays: dict[str, NDArray[Any]] = {"mask": drawing.flat(path)}
    if drawing.values == (1,):
        arrays["mask"] = arrays["mask"].astype(np.bool_)
    if like is not None and like.spacing_mm is not None:
        arrays["spacing_mm"] = np.array(like.spacing_mm)
    arrays["names"] = np.array(drawing.names, dtype=np.str_)
    arrays["values"] = np.array(drawing.values, dtype=np.int64)
    np.savez_compressed(file, allow_pickle=False, **arrays)
