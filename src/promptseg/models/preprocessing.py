"""From an image with its depth to the array that a network was trained on; each model has its own way, as data.

Plain numpy and Pillow: nothing here imports torch, so the table of models can be listed without it.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from promptseg.geometry.frames import FIT, FitName, Frame
from promptseg.io import to_display, to_gray
from promptseg.types import Image

__all__ = ["INTENSITY", "IntensityName", "Preprocessing", "gray_levels", "prepare", "standardised_square"]

Floats = NDArray[np.float32]
IntensityName = Literal["display", "min-max", "standardise"]
_RESAMPLE: Final = {"bilinear": Pillow.Resampling.BILINEAR, "bicubic": Pillow.Resampling.BICUBIC}


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its pixels.

    Attributes:
        fit: ``letterbox`` keeps the aspect and pads below and to the right; ``squash`` does not keep it.
        side: side of the square input in pixels.
        channels: 3 (grey images are repeated) or 1 (colour images become luma).
        intensity: ``display`` takes the 8-bit display copy; ``min-max`` takes it (or, for deeper grey images without
            a window, the pixels clipped to percentiles 0.5 to 99.5 of those that are not zero) and rescales the
            resized image to 0..1; ``standardise`` gives the pixels, or the display copy where the file says what to
            show, mean 0 and deviation 1.
        mean: for each channel, subtracted before padding; None leaves the values.
        std: for each channel, divided by before padding; None leaves the values.
        resample: filter of the resize, always with anti-aliasing.
        rounded: whether the resize rounds to whole grey levels, as 8-bit code of the original does.
    """

    fit: FitName
    side: int
    channels: Literal[1, 3]
    intensity: IntensityName
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    resample: Literal["bilinear", "bicubic"] = "bilinear"
    rounded: bool = False

    def frame(self, image_size: tuple[int, int]) -> Frame:
        """How an image of (height, width) lies in the square input."""
        return FIT[self.fit](image_size, self.side)


def prepare(image: Image, preprocessing: Preprocessing) -> tuple[Floats, Frame]:
    """The network's input of shape (1, channels, side, side), and the frame in which it lies.

    A constant image becomes all zeros where its intensities are standardised or rescaled; nothing is divided by zero.
    """
    frame = preprocessing.frame(image.size)
    levels = INTENSITY[preprocessing.intensity](image, preprocessing, frame)
    if preprocessing.mean is not None and preprocessing.std is not None:
        mean, std = (np.array(values, np.float32) for values in (preprocessing.mean, preprocessing.std))
        levels = ((levels - mean) / std).astype(np.float32)
    height, width = frame.resized
    padded = np.zeros((1, preprocessing.channels, frame.side, frame.side), dtype=np.float32)
    padded[0, :, :height, :width] = levels.reshape(height, width, -1).transpose(2, 0, 1)
    return padded, frame


def _display(image: Image, preprocessing: Preprocessing, frame: Frame) -> Floats:
    shown = _coloured(to_display(image)) if preprocessing.channels == 3 else np.rint(to_gray(image))
    return _resized(shown, frame, preprocessing)


def _min_max(image: Image, preprocessing: Preprocessing, frame: Frame) -> Floats:
    deep = image.pixels.dtype != np.uint8 and image.window is None and image.shown is None and image.pixels.ndim == 2
    levels = _clipped_to_percentiles(image) if deep else to_display(image).astype(np.float32)
    resized = _resized(_coloured(levels), frame, preprocessing)
    low, high = float(resized.min()), float(resized.max())
    rescaled: Floats = (resized - low) / max(high - low, 1e-8)
    return rescaled


def _standardised(image: Image, preprocessing: Preprocessing, frame: Frame) -> Floats:
    return _levelled(*gray_levels(image), preprocessing, frame)


def gray_levels(image: Image) -> tuple[Floats, float]:
    """What ``standardise`` begins with: grey values (H, W) of pixels or display copy, and their span."""
    if image.window is not None or image.shown is not None:
        image = replace(image, pixels=to_display(image), window=None, shown=None)
    plain = image.pixels.dtype == np.uint8
    gray = to_gray(image if plain else _from_0_to_1(image))
    return gray, 255.0 if plain else float(gray.max() - gray.min()) or 1.0


def standardised_square(gray: Floats, span: float, preprocessing: Preprocessing) -> tuple[Floats, Frame]:
    """A part (h, w) of :func:`gray_levels` as the network's input (1, 1, side, side), and the frame in which it lies.

    Of the whole image it is what :func:`prepare` gives for ``standardise``.
    """
    frame = preprocessing.frame((gray.shape[0], gray.shape[1]))
    height, width = frame.resized
    padded = np.zeros((1, 1, frame.side, frame.side), dtype=np.float32)
    padded[0, 0, :height, :width] = _levelled(gray, span, preprocessing, frame)
    return padded, frame


def _levelled(gray: Floats, span: float, preprocessing: Preprocessing, frame: Frame) -> Floats:
    resized = _resized(gray, frame, preprocessing)
    standardised: Floats = (resized - resized.mean()) / max(float(resized.std()), 1e-3 * span)
    return standardised


INTENSITY: Final[dict[IntensityName, Callable[[Image, Preprocessing, Frame], Floats]]] = {
    "display": _display,
    "min-max": _min_max,
    "standardise": _standardised,
}
"""Ways to get a resized float32 image (h, w) or (h, w, 3) of a given intensity range, by name."""


def _from_0_to_1(image: Image) -> Image:
    """Pixels from 0 to 1 in double precision: single precision would lose small differences of large values, or all."""
    pixels = image.pixels.astype(np.float64) / 2
    low, high = pixels.min(), pixels.max()
    return replace(image, pixels=(pixels - low) / (high - low) if high > low else np.zeros_like(pixels))


def _clipped_to_percentiles(image: Image) -> Floats:
    """MedSAM's rule for grey images of any depth (arXiv 2304.12306): zeros stay zero, the rest spans 0 to 255."""
    pixels = image.pixels.astype(np.float64)
    inside = pixels != 0 if image.valid is None else (pixels != 0) & image.valid
    if not inside.any():
        return np.zeros_like(pixels, dtype=np.float32)
    pixels /= np.abs(pixels).max()
    low, high = np.percentile(pixels[inside], (0.5, 99.5))
    scaled = (np.clip(pixels, low, high) - low) / max(float(high - low), 1e-8) * 255
    return np.where(inside, scaled, 0).astype(np.float32)


def _coloured(levels: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(levels[..., None], 3, axis=-1) if levels.ndim == 2 else levels


def _resized(levels: NDArray[Any], frame: Frame, preprocessing: Preprocessing) -> Floats:
    height, width = frame.resized
    if levels.shape[:2] == (height, width):
        return levels.astype(np.float32)
    method = _RESAMPLE[preprocessing.resample]
    if preprocessing.rounded:
        picture = Pillow.fromarray(levels.astype(np.uint8)).resize((width, height), method)
        return np.asarray(picture, dtype=np.float32)
    planes = np.atleast_3d(levels.astype(np.float32))
    resized = [
        np.asarray(Pillow.fromarray(np.ascontiguousarray(planes[..., channel])).resize((width, height), method))
        for channel in range(planes.shape[-1])
    ]
    return np.stack(resized, axis=-1) if levels.ndim == 3 else resized[0]
