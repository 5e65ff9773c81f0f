"""Images, volumes and cines: pixels in the depth that they were stored in, with what is known of their geometry."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError

__all__ = ["BoolMask", "Cine", "Image", "Pixels", "Source", "Volume"]

Pixels = NDArray[Any]
BoolMask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Source:
    """Where pixels came from, so that a mask can be written with the same geometry. It holds no patient data.

    Attributes:
        path: the file, or the folder of a DICOM series.
        kind: ``picture``, ``numpy``, ``dicom``, ``dicom-series`` or ``nifti``.
        frame: index of the frame or slice inside the file, or None for the whole.
        files: for a DICOM series, its files in the order of the slices.
        affine: for NIfTI, the (4, 4) matrix from voxel indices (i, j, k) to millimetres.
    """

    path: Path
    kind: Literal["picture", "numpy", "dicom", "dicom-series", "nifti"]
    frame: int | None = None
    files: tuple[Path, ...] = ()
    affine: NDArray[np.float64] | None = field(default=None, compare=False)


@dataclass(frozen=True, eq=False)
class Image:
    """One picture with the depth that it was stored in.

    Attributes:
        pixels: (H, W) or (H, W, 3), integer or floating, all finite; for CT in Hounsfield units (modality LUT applied).
        spacing_mm: (row, column) distance of pixel centres in millimetres, or None where it is not known.
        window: the pixel values (low, high) to show as black and white, or None for the whole range.
        valid: (H, W), False where the file says that a pixel is padding; None where every pixel counts.
        shown: a ready display copy, uint8 of the shape of ``pixels``, where a file defines one that no window can
            give (a VOI look-up table or a sigmoid); else None.
        source: where it came from, or None for an array made in memory.
    """

    pixels: Pixels
    spacing_mm: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    valid: BoolMask | None = field(default=None, repr=False)
    shown: NDArray[np.uint8] | None = field(default=None, repr=False)
    source: Source | None = None

    def __post_init__(self) -> None:
        _check_pixels(self.pixels, dimensions=2)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[0], self.pixels.shape[1]

    def __repr__(self) -> str:
        return f"Image({self.pixels.shape}, {self.pixels.dtype}, spacing_mm={self.spacing_mm})"


@dataclass(frozen=True, eq=False)
class Volume:
    """Slices in space.

    Attributes:
        voxels: (Z, H, W) or (Z, H, W, 3), integer or floating, all finite.
        spacing_mm: (z, y, x) distance of voxel centres in millimetres, or None where it is not known.
        window: as for :class:`Image`.
        valid: (Z, H, W) or None, as for :class:`Image`.
        source: as for :class:`Image`.
    """

    voxels: Pixels
    spacing_mm: tuple[float, float, float] | None = None
    window: tuple[float, float] | None = None
    valid: BoolMask | None = field(default=None, repr=False)
    source: Source | None = None

    def __post_init__(self) -> None:
        _check_pixels(self.voxels, dimensions=3)

    def __len__(self) -> int:
        return int(self.voxels.shape[0])

    def __getitem__(self, index: int) -> Image:
        """Slice ``index`` as an :class:`Image`; IndexError outside."""
        place = _placed(index, len(self), "slice")
        return Image(
            self.voxels[place],
            spacing_mm=None if self.spacing_mm is None else self.spacing_mm[1:],
            window=self.window,
            valid=None if self.valid is None else self.valid[place],
            source=None if self.source is None else replace(self.source, frame=place),
        )

    def __iter__(self) -> Iterator[Image]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"Volume({self.voxels.shape}, {self.voxels.dtype}, spacing_mm={self.spacing_mm})"


@dataclass(frozen=True, eq=False)
class Cine:
    """Frames in time.

    Attributes:
        frames: (T, H, W) or (T, H, W, 3), integer or floating, all finite.
        spacing_mm: (row, column) as for :class:`Image`; the same for all frames.
        frame_time_ms: time from frame to frame in milliseconds, or None where it is not known.
        window: as for :class:`Image`.
        source: as for :class:`Image`.
    """

    frames: Pixels
    spacing_mm: tuple[float, float] | None = None
    frame_time_ms: float | None = None
    window: tuple[float, float] | None = None
    source: Source | None = None

    def __post_init__(self) -> None:
        _check_pixels(self.frames, dimensions=3)

    def __len__(self) -> int:
        return int(self.frames.shape[0])

    def __getitem__(self, index: int) -> Image:
        """Frame ``index`` as an :class:`Image`; IndexError outside."""
        place = _placed(index, len(self), "frame")
        source = None if self.source is None else replace(self.source, frame=place)
        return Image(self.frames[place], spacing_mm=self.spacing_mm, window=self.window, source=source)

    def __iter__(self) -> Iterator[Image]:
        return (self[index] for index in range(len(self)))

    def __repr__(self) -> str:
        return f"Cine({self.frames.shape}, {self.frames.dtype}, spacing_mm={self.spacing_mm})"


def _placed(index: int, length: int, what: str) -> int:
    if not -length <= index < length:
        raise IndexError(f"{what} {index} does not exist: there are {length}, counted from 0")
    return index % length


def _check_pixels(pixels: Pixels, *, dimensions: int) -> None:
    if not isinstance(pixels, np.ndarray):
        raise ValueRangeError(f"pixels must be a numpy array, got {type(pixels).__name__}")
    coloured = pixels.ndim == dimensions + 1 and pixels.shape[-1] == 3
    if not (pixels.ndim == dimensions or coloured) or 0 in pixels.shape:
        raise ValueRangeError(
            f"pixels must have {dimensions} non-empty dimensions, or one more of size 3 for colour; got {pixels.shape}"
        )
    if pixels.dtype.kind not in "uif":
        raise ValueRangeError(f"pixels must be integer or floating, got {pixels.dtype}")
    if pixels.dtype.kind == "f" and not np.isfinite(pixels).all():
        raise ValueRangeError("pixels hold NaN or infinity; replace them first, or mark them with `valid`")
