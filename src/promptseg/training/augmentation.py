"""Random changes of a training image together with its masks: where things lie, and how bright they are.

Images are changed as they were read, before the model's own preprocessing (:mod:`promptseg.models.preprocessing`): the
display copy is warped and its grey values changed, and only then it is resized, standardised and padded as any image at
inference. So padding stays padding, every model gets the same augmentation, and it never meets intensities that its
preprocessing would not make. Randomness comes from a numpy generator alone.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Self, final

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad

from promptseg.errors import ValueRangeError
from promptseg.io import to_display
from promptseg.types import BoolMask, Image

__all__ = ["AUGMENTATIONS", "AugmentationSettings", "augment"]

Rng = np.random.Generator
Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0)]
Extent = Annotated[float, Field(gt=0, le=1)]

_GRAIN: Final = 128
"""Cells of speckle and noise along the long side of an image: two pixels each of a network of 256."""


@final
class AugmentationSettings(BaseModel):
    """How much is changed. A spread is a standard deviation, a share is that of images; 0 changes nothing.

    In a recipe ``preset`` gives all values that are not written beside it (:data:`AUGMENTATIONS`).

    >>> AugmentationSettings(preset="ultrasound", inversion=0.0).mirror
    0.5

    Attributes:
        preset: name of the values to start from.
        mirror: share of images that are mirrored left to right.
        upend: share of images that are mirrored top to bottom.
        rotation_deg: spread of the angle.
        scale: spread of the logarithm of the magnification.
        stretch: spread of the logarithm of the magnification of each axis for itself.
        shift: spread of the shift along each axis, as a share of the long side.
        zoom: share of images that are magnified so that their first object spans a part of the image.
        zoom_from: the least that it then spans, as a share of the long side.
        zoom_to: the most.
        bending: spread of smooth random shifts, as a share of the long side; of half of the images.
        gamma: spread of the logarithm of the exponent of grey values.
        depth_gain: spread of the logarithm of the gain from the top to the bottom.
        speckle: spread of the strength of correlated multiplicative noise; of half of the images.
        noise: spread of the strength of correlated additive noise, white being 1; of half of the images.
        blur: share of images that are blurred, or (three of eight) sharpened.
        inversion: share of images whose black and white change places.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str | None = None
    mirror: Share = 0.0
    upend: Share = 0.0
    rotation_deg: Spread = 0.0
    scale: Spread = 0.0
    stretch: Spread = 0.0
    shift: Spread = 0.0
    zoom: Share = 0.0
    zoom_from: Extent = 0.08
    zoom_to: Extent = 0.7
    bending: Spread = 0.0
    gamma: Spread = 0.0
    depth_gain: Spread = 0.0
    speckle: Spread = 0.0
    noise: Spread = 0.0
    blur: Share = 0.0
    inversion: Share = 0.0

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:  # noqa: ANN401 (whatever stands in a recipe)
        if not isinstance(values, Mapping) or values.get("preset") is None:
            return values
        if values["preset"] not in AUGMENTATIONS:
            raise ValueError(f"unknown preset {values['preset']!r}; choose one of {', '.join(AUGMENTATIONS)}")
        return {**AUGMENTATIONS[values["preset"]], **values}

    @model_validator(mode="after")
    def _zooms_upwards(self) -> Self:
        if self.zoom_from > self.zoom_to:
            raise ValueError(f"zoom_from must not be above zoom_to, got {self.zoom_from} and {self.zoom_to}")
        return self

    @property
    def changes_anything(self) -> bool:
        """Whether any value is above 0."""
        return self.moves_anything or any(
            (self.gamma, self.depth_gain, self.speckle, self.noise, self.blur, self.inversion)
        )

    @property
    def moves_anything(self) -> bool:
        """Whether pixels change their places."""
        turned = (self.mirror, self.upend, self.rotation_deg, self.shift, self.bending)
        return any((*turned, self.scale, self.stretch, self.zoom))


AUGMENTATIONS: Final[Mapping[str, Mapping[str, float]]] = {
    "none": {},
    "light": {"mirror": 0.5, "rotation_deg": 6.0, "scale": 0.1, "shift": 0.04, "gamma": 0.15},
    "ultrasound": {
        "mirror": 0.5,
        "upend": 0.04,
        "rotation_deg": 11.5,
        "scale": 0.18,
        "stretch": 0.08,
        "shift": 0.06,
        "zoom": 0.15,
        "bending": 0.02,
        "gamma": 0.28,
        "depth_gain": 0.35,
        "speckle": 0.12,
        "noise": 0.03,
        "blur": 0.4,
        "inversion": 0.06,
    },
}
"""Settings by name. ``light`` suits any images; ``ultrasound`` is that of the embedded default model."""


def augment(
    image: Image,
    masks: Sequence[BoolMask],
    settings: AugmentationSettings,
    rng: Rng,
    *,
    longest_px: int | None = None,
) -> tuple[Image, list[BoolMask]]:
    """A changed copy of an image and of the masks of its objects, all of one size.

    The image becomes its display copy (8 bits; deeper images lose depth, which networks of 8-bit images do not see).
    What comes from outside is black and marked as padding in ``valid``. Masks are cut at the edge, and may end empty.
    Where nothing is to be changed, image and masks come back as they are.

    Args:
        image: of any depth, grey or colour.
        masks: each (H, W); the first is what a zoom looks at.
        settings: how much is changed.
        rng: the only source of randomness.
        longest_px: a larger image is first reduced to this long side (with anti-aliasing), for what is changed then
            costs in proportion to its pixels; 1.25 times the side of the network's input loses little. None keeps the
            size.

    Raises:
        ValueRangeError: a mask has another size than the image, or ``longest_px`` is not positive.
    """
    if longest_px is not None and longest_px < 1:
        raise ValueRangeError(f"longest_px must be 1 or more, got {longest_px}")
    for mask in masks:
        if mask.shape != image.size:
            raise ValueRangeError(f"masks must have the image's size {image.size}, got {mask.shape}")
    if not settings.changes_anything:
        return image, list(masks)
    shown, valid, moved = _reduced(image, masks, longest_px)
    size = valid.shape[0], valid.shape[1]
    levels = torch.from_numpy(np.atleast_3d(shown).astype(np.float32)).permute(2, 0, 1) / 255
    if settings.moves_anything:
        source_HW2 = _source(size, moved, settings, rng)
        levels = _sampled(levels, source_HW2, border="border")
        marks = np.stack([valid, *moved]).astype(np.float32)
        kept = (_sampled(torch.from_numpy(marks), source_HW2, border="zeros") >= 0.5).numpy()
        valid, moved = kept[0], list(kept[1:])
    levels = _regraded(levels, settings, rng)
    pixels = np.rint(levels.clamp(0, 1).permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    pixels[~valid] = 0
    changed = Image(
        np.ascontiguousarray(pixels[..., 0] if shown.ndim == 2 else pixels),
        valid=None if valid.all() else valid,
        source=image.source,
    )
    return changed, moved


def _reduced(
    image: Image, masks: Sequence[BoolMask], longest_px: int | None
) -> tuple[NDArray[np.uint8], BoolMask, list[BoolMask]]:
    """The display copy, where it is no padding, and the masks, at most so long."""
    shown = to_display(image)
    valid = np.ones(image.size, dtype=np.bool_) if image.valid is None else image.valid
    long = max(image.size)
    if longest_px is None or long <= longest_px:
        return shown, valid, list(masks)
    height, width = (max(1, round(length * longest_px / long)) for length in image.size)
    picture = Pillow.fromarray(shown).resize((width, height), Pillow.Resampling.BILINEAR)
    kept, *smaller = (
        np.asarray(Pillow.fromarray(mask.astype(np.float32)).resize((width, height), Pillow.Resampling.BOX)) >= 0.5
        for mask in (valid, *masks)
    )
    return np.array(picture), kept, smaller


def _source(size: tuple[int, int], masks: Sequence[BoolMask], settings: AugmentationSettings, rng: Rng) -> Tensor:
    """For each pixel of the result the place (H, W, 2), (x, y), in the original that it shows."""
    height, width = size
    long = max(size)
    middle = np.array([(width - 1) / 2, (height - 1) / 2])
    looked_at = middle + rng.normal(0, 1, 2) * settings.shift * long
    magnified = math.exp(rng.normal() * settings.scale)
    if rng.random() < settings.zoom and masks and masks[0].any():
        extents = settings.zoom_from, settings.zoom_to
        looked_at, magnified = _zoomed(masks[0], long, magnified, extents, rng)
    signs = np.where(rng.random(2) < (settings.mirror, settings.upend), -1.0, 1.0)
    stretched = np.exp(rng.normal(0, 1, 2) * settings.stretch)
    angle = math.radians(rng.normal() * settings.rotation_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    matrix = torch.from_numpy((turn * (signs * stretched) / magnified).astype(np.float32))
    y, x = torch.meshgrid(torch.arange(height) - middle[1], torch.arange(width) - middle[0], indexing="ij")
    offsets = torch.stack((x, y), dim=-1).float() + _bending(size, settings.bending * long, rng)
    return offsets @ matrix.T + torch.from_numpy(looked_at.astype(np.float32))


def _zoomed(
    mask: BoolMask, long: int, magnified: float, extents: tuple[float, float], rng: Rng
) -> tuple[NDArray[np.float64], float]:
    """A place near the object's middle, and a magnification of 1 to 5 times the given that makes it large."""
    rows, columns = np.nonzero(mask)
    extent = max(np.ptp(rows), np.ptp(columns)) + 1
    wanted = long * math.exp(rng.uniform(math.log(extents[0]), math.log(extents[1])))
    scale = float(np.clip(wanted / extent, magnified, 5 * magnified))
    return np.array([columns.mean(), rows.mean()]) + rng.normal(0, 0.15, 2) * long / scale, scale


def _bending(size: tuple[int, int], spread_px: float, rng: Rng) -> Tensor:
    """A smooth random field of shifts (H, W, 2), 4 to 7 control points along each axis; 0 for half of the images."""
    strength = abs(rng.normal()) * spread_px * (rng.random() < 0.5)
    points = int(rng.integers(4, 8))
    field = (rng.normal(size=(1, 2, points, points)) * strength).astype(np.float32)
    if not strength > 0:
        return torch.zeros(1, 1, 2)
    smooth = interpolate(torch.from_numpy(field), size=size, mode="bicubic", align_corners=True)
    return smooth[0].permute(1, 2, 0)


def _sampled(planes_CHW: Tensor, source_HW2: Tensor, *, border: str) -> Tensor:
    """Bilinear values at places of the original; outside of it the nearest (``border``) or 0 (``zeros``)."""
    height, width = planes_CHW.shape[-2:]
    unit = (2 * source_HW2 + 1) / torch.tensor([width, height]) - 1
    return grid_sample(planes_CHW[None], unit[None], mode="bilinear", padding_mode=border, align_corners=False)[0]


def _regraded(levels_CHW: Tensor, settings: AugmentationSettings, rng: Rng) -> Tensor:
    """Grey values from 0 to 1 as another device or another hand at its knobs would show them."""
    height, width = levels_CHW.shape[-2:]
    if rng.random() < settings.inversion:
        levels_CHW = 1 - levels_CHW
    gamma, gain = rng.normal() * settings.gamma, rng.normal() * settings.depth_gain
    if settings.gamma:
        levels_CHW = levels_CHW ** math.exp(gamma)
    if settings.depth_gain:
        levels_CHW = levels_CHW * torch.exp(gain * torch.linspace(-0.5, 0.5, height))[:, None]
    speckle, noise = np.abs(rng.normal(size=2)) * (settings.speckle, settings.noise) * (rng.random(2) < 0.5)
    if speckle > 0 or noise > 0:
        grain = _grain((height, width), rng)
        levels_CHW = levels_CHW * (1 + float(speckle) * grain[:1]) + float(noise) * grain[1:]
    amount = rng.uniform(-0.6, 1)
    if rng.random() < settings.blur:
        around = max(1, round(max(height, width) / 512))
        smooth = avg_pool2d(pad(levels_CHW, (around,) * 4, mode="replicate"), 2 * around + 1, stride=1)
        levels_CHW = levels_CHW + amount * (smooth - levels_CHW)
    return levels_CHW


def _grain(size: tuple[int, int], rng: Rng) -> Tensor:
    """Two fields (2, H, W) of Gaussian noise that is correlated over a cell."""
    cells = [max(2, round(length * _GRAIN / max(size))) for length in size]
    field = rng.standard_normal((1, 2, *cells), dtype=np.float32)
    return interpolate(torch.from_numpy(field), size=size, mode="bilinear", align_corners=False)[0]
