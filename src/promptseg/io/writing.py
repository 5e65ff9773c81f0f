"""One door out: a mask to a file, the whole file or none."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Final

from promptseg.errors import ValueRangeError, WriteError
from promptseg.io.atomic import replacing, target
from promptseg.io.files import shown
from promptseg.io.mask_pictures import write_npz, write_png
from promptseg.io.masks import Drawing, Labels, MaskInput, drawing_of
from promptseg.types import Cine, Image, Volume

__all__ = ["SUFFIXES", "write"]

Like = Image | Volume | Cine | None


def write(
    mask: MaskInput,
    path: str | os.PathLike[str],
    *,
    like: Like = None,
    labels: Labels | None = None,
) -> None:
    """Write a mask; the suffix of ``path`` chooses the format.

    What was at ``path`` before is replaced only when the new file is complete.

    Args:
        mask: bool (H, W) or (Z, H, W); an integer label map of such a shape, 0 outside; or a sequence of bool masks,
            which get the labels 1, 2, ... and may overlap where the format allows it.
        path: where to write: ``.png``, ``.npz``.
        like: the image, volume or cine that the mask belongs to. Its size is checked, and its geometry goes along.
        labels: names by label, or names of the labels 1, 2, ... in order.

    Raises:
        ValueRangeError: the mask is none of these, or does not have the size of ``like``.
        WriteError: the suffix is unknown, the format cannot hold the mask, the folder is missing, the disk is full.
    """
    place = target(path)
    suffix = _suffix(place)
    drawing = drawing_of(mask, labels)
    check_like(drawing.shape, like)
    with replacing(place) as file:
        _WRITERS[suffix](file, drawing, like, place)


def check_like(shape: tuple[int, ...], like: Like) -> None:
    """Refuse a mask that does not have the size of the image that it belongs to.

    Raises:
        ValueRangeError: with both sizes, and a hint where they look swapped.
    """
    if like is None:
        return
    pixels = like.pixels if isinstance(like, Image) else like.voxels if isinstance(like, Volume) else like.frames
    expected = pixels.shape[: 2 if isinstance(like, Image) else 3]
    if shape == expected:
        return
    hint = "; rows and columns look swapped" if shape[-2:] == expected[-2:][::-1] else ""
    if len(shape) == 2 and len(expected) == 3:
        hint = f"; for one slice or frame give like=... of that one, as volume[k] of the {expected[0]}"
    raise ValueRangeError(f"mask has shape {shape}, but the {type(like).__name__} it belongs to has {expected}{hint}")


def _suffix(path: Path) -> str:
    name = path.name.lower()
    found = [suffix for suffix in _WRITERS if name.endswith(suffix)]
    if not found:
        given = path.suffix or "none"
        raise WriteError(f"{shown(path)}: the suffix must be one of {', '.join(_WRITERS)}, got {shown(given)}")
    return max(found, key=len)


def _png(file: BinaryIO, drawing: Drawing, like: Like, path: Path) -> None:  # noqa: ARG001
    write_png(file, drawing, path)


_WRITERS: Final[dict[str, Callable[[BinaryIO, Drawing, Like, Path], None]]] = {
    ".png": _png,
    ".npz": write_npz,
}

SUFFIXES: Final = tuple(_WRITERS)
"""The suffixes that :func:`write` knows."""
