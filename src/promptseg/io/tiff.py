"""TIFF of every depth, by tifffile; pages one behind another are a volume."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from promptseg.errors import MissingExtraError, ReadError
from promptseg.io.files import decoding, shown
from promptseg.io.finite import finite_pixels
from promptseg.io.limits import Limits, check_limit
from promptseg.io.notices import quiet_libraries
from promptseg.io.pictures import UPRIGHT, picture_values, turned
from promptseg.types import Cine, Image, Pixels, Source, Volume

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage, TiffPageSeries

__all__ = ["load_tiff", "read_tiff"]

_WORDS: Final = "TIFF"
_GRAY_WHITE_IS_0, _GRAY, _RGB, _PALETTE, _YCBCR = 0, 1, 2, 3, 6
_COMPRESSED_YCBCR: Final = (6, 7)
_ORIENTATION_TAG: Final = 274
_MOST_CHANNELS: Final = 4
"""Samples that count as one pixel: colour and alpha; files may state 65 535 of them."""


def read_tiff(path: Path, limits: Limits) -> Image | Volume | Cine:
    """A TIFF with the depth that it has: 8, 16, 32 bits, integer or floating, grey or RGB.

    One page gives an Image; several of one size a Volume, or a Cine where the file calls the axis time (as ImageJ
    does). Palettes become RGB, one bit becomes 0 and 255, "white is zero" is turned round, alpha is dropped, and the
    orientation that is stated is applied to an Image. A resolution is not taken for a spacing.

    Raises:
        LimitError: too many pages or pixels.
        MissingExtraError: the compression needs the extra ``images``.
        ReadError: it is damaged, cut off, or holds several pictures of different sizes or channels that are no colour.
    """
    values, axes = load_tiff(path, limits)
    coloured = values.shape[-1] == 3 and axes.endswith("S")
    pixels, valid = finite_pixels(values, path, coloured=coloured)
    source = Source(path, "picture")
    if axes[0] == "T":
        if valid is not None:
            raise ReadError(f"{shown(path)}: holds NaN or infinity in a cine; replace them first")
        return Cine(pixels, source=source)
    if len(axes) - coloured == 3:
        return Volume(pixels, valid=valid, source=source)
    return Image(pixels, valid=valid, source=source)


def load_tiff(path: Path, limits: Limits, *, indexed: bool = False) -> tuple[Pixels, str]:
    """Values and their axes: Y and X, before them Z or T, behind them S for three colours.

    Args:
        path: the file.
        limits: the most to decode.
        indexed: leave palette indices as they are, as masks need it.

    Raises:
        LimitError: as for :func:`read_tiff`.
        ReadError: as for :func:`read_tiff`.
    """
    import tifffile

    with quiet_libraries(), decoding(path, _WORDS), tifffile.TiffFile(path, _multifile=False) as tiff:
        series = _only_series(tiff, path, limits)
        page = tiff.pages.first
        try:
            values = np.asarray(series.asarray(maxworkers=1))
        except (NotImplementedError, ValueError) as error:
            if "imagecodecs" not in str(error):
                raise
            return _by_pillow(path, limits, depth=series.dtype.itemsize, indexed=indexed)
        if values.shape != tuple(series.shape):
            raise ReadError(f"{shown(path)}: the TIFF lacks some of its pixels; the file is damaged")
        values, axes = _ordered(values, series.axes, path)
        values, axes = _coloured(values, axes, page, path, indexed=indexed)
        turn = UPRIGHT.get(int(getattr(page.tags.get(_ORIENTATION_TAG), "value", 1)))
    if turn is not None and axes[:2] == "YX":
        values = turned(values, *turn)
    return values, axes


def _only_series(tiff: "TiffFile", path: Path, limits: Limits) -> "TiffPageSeries":
    """The one picture or stack of the file, if its size is right and all of it is there."""
    check_limit(limits, "frames", len(tiff.pages), path)
    many = tiff.series
    if not many:
        raise ReadError(f"{shown(path)}: the TIFF holds no picture; the file is damaged or cut off")
    if len(many) > 1:
        sizes = ", ".join(sorted({"x".join(map(str, series.shape)) for series in many}))
        raise ReadError(f"{shown(path)}: holds {len(many)} pictures that form no stack ({sizes}); save each as a file")
    series = many[0]
    if 0 in series.shape:
        raise ReadError(f"{shown(path)}: the TIFF states a size of 0; the file is damaged")
    channels = min(series.shape[series.axes.index("S")], _MOST_CHANNELS) if "S" in series.axes else 1
    check_limit(limits, "pixels", int(np.prod(series.shape, dtype=object)) // channels, path)
    _check_complete(series, path)
    return series


def _check_complete(series: "TiffPageSeries", path: Path) -> None:
    """Refuse a file that lacks pixels; tifffile would fill them with zeros."""
    end = 0
    for page in series.pages:
        pieces = [] if page is None else list(zip(page.dataoffsets, page.databytecounts, strict=True))
        whole = series.dataoffset is not None or (page is not None and len(pieces) >= math.prod(page.keyframe.chunked))
        if not pieces or not whole or min(count for _, count in pieces) == 0:
            raise ReadError(f"{shown(path)}: the TIFF lacks some of its pixels; the file is damaged")
        end = max(end, *(offset + count for offset, count in pieces))
    if series.dataoffset is not None:
        end = max(end, series.dataoffset + series.nbytes)
    if end > path.stat().st_size:
        raise ReadError(f"{shown(path)}: the file is cut off: its pixels should end at byte {end}")


def _ordered(values: Pixels, axes: str, path: Path) -> tuple[Pixels, str]:
    """Drop axes of length 1, put colours last, and call what is left in front Z or T."""
    kept = [place for place, name in enumerate(axes) if name in "YX" or (values.shape[place] > 1)]
    values = values.reshape([values.shape[place] for place in kept])
    axes = "".join(axes[place] for place in kept)
    if "S" in axes:
        values = np.moveaxis(values, axes.index("S"), -1)
        axes = axes.replace("S", "") + "S"
    front = axes[: axes.index("Y")] if axes.rstrip("S").endswith("YX") else None
    if front is None or len(front) > 1 or front == "C":
        sizes = ", ".join(f"{name} {length}" for name, length in zip(axes, values.shape, strict=True))
        raise ReadError(f"{shown(path)}: has axes {sizes}; expected one picture, or one stack in space or time")
    return values, ("" if not front else "T" if front == "T" else "Z") + axes[len(front) :]


def _coloured(values: Pixels, axes: str, page: "TiffPage", path: Path, *, indexed: bool) -> tuple[Pixels, str]:
    """Grey or RGB from what the photometric interpretation says."""
    photometric = int(page.photometric)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8) * np.uint8(255)
    if axes.endswith("S"):
        channels = values.shape[-1]
        decoded = photometric == _YCBCR and int(page.compression) in _COMPRESSED_YCBCR
        if photometric == _RGB or decoded:
            return np.ascontiguousarray(values[..., :3]), axes
        if photometric in (_GRAY, _GRAY_WHITE_IS_0) and channels == 2:
            values, axes = values[..., 0], axes[:-1]
        else:
            raise ReadError(
                f"{shown(path)}: has {channels} channels of photometric interpretation {photometric}; save it as RGB"
            )
    if photometric == _PALETTE and not indexed:
        table = np.asarray(page.colormap, dtype=np.uint16)
        return np.moveaxis((table >> 8).astype(np.uint8)[:, values], 0, -1), axes + "S"
    if photometric == _GRAY_WHITE_IS_0:
        values = values.dtype.type(0) - values if values.dtype.kind == "f" else ~values
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    return np.ascontiguousarray(values.astype(values.dtype.newbyteorder("="))), axes


def _by_pillow(path: Path, limits: Limits, *, depth: int, indexed: bool) -> tuple[Pixels, str]:
    """Compressed pages that tifffile reads only with imagecodecs; Pillow knows the usual ones of 8 bits."""
    from PIL.TiffImagePlugin import TiffImageFile

    pages: list[Pixels] = []
    try:
        with TiffImageFile(path) as picture:
            for index in range(picture.n_frames):
                picture.seek(index)
                check_limit(limits, "pixels", picture.n_frames * picture.size[0] * picture.size[1], path)
                plain = indexed and picture.mode == "P"
                pages.append(np.array(picture) if plain else picture_values(picture)[0])
    except (KeyError, OSError, SyntaxError, ValueError):
        pages = []
    if any(page.dtype.itemsize < depth for page in pages) or not pages:
        raise MissingExtraError(
            f"{shown(path)}: this TIFF needs the extra `images` (or is damaged): pip install 'promptseg[images]'"
        )
    if len({page.shape for page in pages}) != 1:
        raise ReadError(f"{shown(path)}: holds pictures of different sizes; save each as a file")
    axes = "YX" if pages[0].ndim == 2 else "YXS"
    return (pages[0], axes) if len(pages) == 1 else (np.stack(pages), "Z" + axes)
