"""Simulated ultrasound images with a known lesion: for tests, demonstrations and extra training images.

The image formation is the classical statistical one, not a wave simulation: fully developed speckle is the modulus of
a complex gaussian field smoothed by the point spread function (Goodman 2007; Burckhardt 1978,
doi 10.1109/T-SU.1978.30978), multiplied by an echogenicity map and a depth-dependent gain, then log-compressed.
Shadow and enhancement come from attenuation summed along each beam.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import ndimage

Geometry = Literal["linear", "fan"]
Echogenicity = Literal["anechoic", "hypoechoic", "isoechoic", "hyperechoic"]
Effect = Literal["shadow", "enhancement", "none"]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

CONTRAST_DB: dict[Echogenicity, tuple[float, float]] = {
    "anechoic": (-45.0, -24.0),
    "hypoechoic": (-18.0, -7.0),
    "isoechoic": (-3.0, 2.0),
    "hyperechoic": (6.0, 13.0),
}
EFFECT_DB: dict[Effect, tuple[float, float]] = {
    "shadow": (10.0, 28.0),
    "enhancement": (-12.0, -4.0),
    "none": (0.0, 0.0),
}
FAN_HALF_ANGLE_RAD = math.radians(37.0)
FAN_APEX_DEPTH = 0.12


class Phantom(NamedTuple):
    """A simulated image (H, W) uint8, its lesion (H, W) bool, and the pixel size in mm (row, column)."""

    image: npt.NDArray[np.uint8]
    mask: BoolArray
    spacing_mm: tuple[float, float]


class _Shape(NamedTuple):
    """A star-shaped outline: centre, half axes (fractions of the image height), rotation, harmonics of the radius."""

    centre_xy: tuple[float, float]
    half_axes: tuple[float, float]
    angle_rad: float
    amplitudes: FloatArray
    phases: FloatArray


def speckle_amplitude(
    rng: np.random.Generator, shape: tuple[int, int], *, axial_sigma_px: float, lateral_sigma_px: float
) -> FloatArray:
    """Draw fully developed speckle: Rayleigh-distributed amplitude with mean square 1.

    The mean over the standard deviation is sqrt(pi / (4 - pi)) = 1.91 whatever the point spread function, a gaussian
    with the given sigmas along rows (axial) and columns (lateral) of `shape` = (H, W).
    """
    field = rng.standard_normal((2, *shape), dtype=np.float32)
    field = ndimage.gaussian_filter(field, (0.0, axial_sigma_px, lateral_sigma_px), mode="wrap", truncate=3.0)
    power = field[0] ** 2 + field[1] ** 2
    amplitude: FloatArray = np.sqrt(power / power.mean(), dtype=np.float32)
    return amplitude


def ultrasound_phantom(
    rng: np.random.Generator,
    *,
    size: tuple[int, int] = (256, 256),
    geometry: Geometry = "linear",
    lesion: Echogenicity | None = None,
    effect: Effect | None = None,
    marks: bool = False,
) -> Phantom:
    """Simulate one ultrasound image with one lesion.

    `size` is (rows, columns), at least 32 each. `lesion` and `effect` (what happens to the echoes behind the lesion)
    are drawn at random if not given. `marks` adds calipers, a depth scale and text-like bars, drawn over the image as
    in clinical exports; they never change the mask. With `geometry="fan"` everything outside the sector is 0 and the
    mask lies inside it. Pure: the same state of `rng` and the same settings give the same phantom. Raises ValueError
    for a size that is too small.
    """
    if min(size) < 32:
        raise ValueError(f"size: expected at least 32 rows and columns, got {size}; ask for a larger phantom")
    kinds: tuple[Echogenicity, ...] = ("anechoic", "hypoechoic", "isoechoic", "hyperechoic")
    effects: tuple[Effect, ...] = ("none", "shadow", "enhancement")
    kind = lesion or kinds[int(rng.choice(4, p=(0.2, 0.45, 0.15, 0.2)))]
    behind = effect or effects[int(rng.choice(3, p=(0.4, 0.3, 0.3)))]
    aspect = size[1] / size[0]
    outline = _draw_outline(rng, aspect=aspect, geometry=geometry)
    x, y = _sample_positions(size, geometry=geometry, aspect=aspect)
    decibel = _tissue_db(rng, x, y)
    decibel = _add_distractors(rng, decibel, x, y, aspect=aspect)
    decibel = _add_lesion(rng, decibel, _radius(outline, x, y), kind=kind, behind=behind)
    speckle = speckle_amplitude(
        rng, decibel.shape, axial_sigma_px=rng.uniform(0.6, 1.1), lateral_sigma_px=rng.uniform(0.9, 2.6)
    )
    grey = _compress(rng, decibel + 20.0 * np.log10(speckle + 1e-4), y)
    x_image, y_image = _pixel_grid(size, aspect=aspect)
    mask = _radius(outline, x_image, y_image) < 1.0
    if geometry == "fan":
        grey, inside = _scan_convert(grey, x_image, y_image, aspect=aspect)
        mask &= inside
    image = np.clip(grey, 0.0, 255.0).astype(np.uint8)
    if marks:
        _draw_marks(rng, image, mask)
    depth_mm = rng.uniform(25.0, 60.0) if geometry == "linear" else rng.uniform(80.0, 160.0)
    spacing = float(depth_mm / size[0])
    return Phantom(image, mask, (spacing, spacing))


def sector_mask(size: tuple[int, int]) -> BoolArray:
    """Pixels (H, W) that belong to the sector of a phantom with `geometry="fan"`."""
    x, y = _pixel_grid(size, aspect=size[1] / size[0])
    radius, angle = _polar(x, y, aspect=size[1] / size[0])
    result: BoolArray = (np.abs(angle) <= FAN_HALF_ANGLE_RAD) & (radius >= FAN_APEX_DEPTH) & (radius <= _reach())
    return result


def _reach() -> float:
    return 1.0 + FAN_APEX_DEPTH * math.cos(FAN_HALF_ANGLE_RAD)


def _pixel_grid(size: tuple[int, int], *, aspect: float) -> tuple[FloatArray, FloatArray]:
    """Pixel centres in units of the image height: x in [0, aspect], y in [0, 1]."""
    y = ((np.arange(size[0], dtype=np.float32) + 0.5) / size[0])[:, None]
    x = ((np.arange(size[1], dtype=np.float32) + 0.5) / size[1] * aspect)[None, :]
    grid_x, grid_y = np.broadcast_arrays(x, y)
    return grid_x.astype(np.float32), grid_y.astype(np.float32)


def _polar(x: FloatArray, y: FloatArray, *, aspect: float) -> tuple[FloatArray, FloatArray]:
    dx, dy = x - np.float32(0.5 * aspect), y + np.float32(FAN_APEX_DEPTH * math.cos(FAN_HALF_ANGLE_RAD))
    return np.hypot(dx, dy), np.arctan2(dx, dy)


def _sample_positions(size: tuple[int, int], *, geometry: Geometry, aspect: float) -> tuple[FloatArray, FloatArray]:
    """Where the echoes are computed: the pixels themselves, or (depth, beam) samples of a sector."""
    if geometry == "linear":
        return _pixel_grid(size, aspect=aspect)
    radius = np.linspace(FAN_APEX_DEPTH, _reach(), size[0], dtype=np.float32)[:, None]
    angle = np.linspace(-FAN_HALF_ANGLE_RAD, FAN_HALF_ANGLE_RAD, size[1], dtype=np.float32)[None, :]
    x = np.float32(0.5 * aspect) + radius * np.sin(angle)
    y = radius * np.cos(angle) - np.float32(FAN_APEX_DEPTH * math.cos(FAN_HALF_ANGLE_RAD))
    return x.astype(np.float32), y.astype(np.float32)


def _draw_outline(rng: np.random.Generator, *, aspect: float, geometry: Geometry) -> _Shape:
    long_axis = float(np.exp(rng.uniform(math.log(0.055), math.log(0.26))))
    short_axis = long_axis * float(rng.uniform(0.45, 1.0))
    y = float(rng.uniform(0.25, 0.72))
    spread = min(0.32 * aspect, 0.5 * y) if geometry == "fan" else 0.34 * aspect
    x = 0.5 * aspect + float(rng.uniform(-1.0, 1.0)) * spread
    amplitudes = np.zeros(14, dtype=np.float32)
    style = rng.random()
    amplitudes[1:4] = rng.normal(0.0, 0.05, 3)
    if style > 0.45:
        amplitudes[2:7] += rng.normal(0.0, 0.06, 5)
    if style > 0.8:
        amplitudes[7:14] += rng.normal(0.0, 0.055, 7)
    phases = rng.uniform(0.0, 2.0 * math.pi, 14).astype(np.float32)
    angle = float(rng.normal(0.0, 0.5))
    return _Shape((x, y), (long_axis, short_axis), angle, amplitudes, phases)


def _radius(outline: _Shape, x: FloatArray, y: FloatArray) -> FloatArray:
    """Distance from the centre as a multiple of the outline's radius in that direction: below 1 is inside."""
    dx, dy = x - np.float32(outline.centre_xy[0]), y - np.float32(outline.centre_xy[1])
    cos, sin = np.float32(math.cos(outline.angle_rad)), np.float32(math.sin(outline.angle_rad))
    u = (cos * dx + sin * dy) / np.float32(outline.half_axes[0])
    v = (cos * dy - sin * dx) / np.float32(outline.half_axes[1])
    table = np.linspace(-math.pi, math.pi, 721, dtype=np.float32)
    orders = np.arange(1, len(outline.amplitudes) + 1, dtype=np.float32)[:, None]
    wave = (outline.amplitudes[:, None] * np.cos(orders * table + outline.phases[:, None])).sum(axis=0)
    reach = np.interp(np.arctan2(v, u), table, np.maximum(1.0 + wave, 0.3))
    result: FloatArray = (np.hypot(u, v) / reach).astype(np.float32)
    return result


def _smooth_noise(rng: np.random.Generator, shape: tuple[int, int], *, cells: tuple[int, int]) -> FloatArray:
    """Smooth field with about unit variance and `cells` independent values along each axis."""
    coarse = rng.standard_normal((cells[0] + 3, cells[1] + 3), dtype=np.float32)
    zoom = (shape[0] / cells[0], shape[1] / cells[1])
    fine = ndimage.zoom(coarse, zoom, order=1)[: shape[0], : shape[1]]
    smoothed: FloatArray = ndimage.uniform_filter(fine, (int(zoom[0] / 2) + 1, int(zoom[1] / 2) + 1)) * np.float32(1.4)
    return smoothed


def _tissue_db(rng: np.random.Generator, x: FloatArray, y: FloatArray) -> FloatArray:
    """Echogenicity of layered tissue in dB: skin, fat, gland, muscle with wavy borders, fine texture inside."""
    depths = np.sort(rng.uniform(0.03, 0.95, int(rng.integers(2, 6))))
    levels = rng.normal(0.0, 4.5, len(depths) + 1)
    levels[0] += 3.0
    decibel = np.full(x.shape, levels[0], dtype=np.float32)
    for depth, above, below in zip(depths, levels[:-1], levels[1:], strict=True):
        tilt, bend = rng.normal(0.0, 0.08), rng.normal(0.0, 0.02)
        border = depth + tilt * (x - 0.5) + bend * np.sin(2.0 * math.pi * (x * rng.uniform(0.6, 2.5) + rng.random()))
        ahead = (y - border).astype(np.float32)
        decibel += np.float32(below - above) * np.clip(ahead / 0.012 + 0.5, 0.0, 1.0).astype(np.float32)
        if rng.random() < 0.6:
            decibel += np.float32(rng.uniform(3.0, 11.0)) * np.exp(-((ahead / np.float32(0.008)) ** 2))
    shape = (x.shape[0], x.shape[1])
    decibel += np.float32(rng.uniform(1.0, 3.5)) * _smooth_noise(rng, shape, cells=(6, 4))
    decibel += np.float32(rng.uniform(0.5, 3.0)) * _smooth_noise(rng, shape, cells=(int(rng.integers(14, 40)), 9))
    return decibel


def _add_distractors(
    rng: np.random.Generator, decibel: FloatArray, x: FloatArray, y: FloatArray, *, aspect: float
) -> FloatArray:
    """Add small dark or bright structures (vessels, ducts, septa) that are not the lesion."""
    for _ in range(int(rng.integers(0, 4))):
        centre = (float(rng.uniform(0.0, aspect)), float(rng.uniform(0.1, 0.95)))
        axes = (float(rng.uniform(0.012, 0.07)), float(rng.uniform(0.01, 0.03)))
        shape = _Shape(centre, axes, float(rng.normal(0.0, 0.6)), np.zeros(1, np.float32), np.zeros(1, np.float32))
        change = float(rng.choice((-22.0, -10.0, 8.0)))
        decibel = decibel + np.float32(change) * np.clip((1.1 - _radius(shape, x, y)) / 0.2, 0.0, 1.0)
    return decibel


def _add_lesion(
    rng: np.random.Generator, decibel: FloatArray, radius: FloatArray, *, kind: Echogenicity, behind: Effect
) -> FloatArray:
    """Replace the tissue inside by the lesion, with rim and inner texture, and attenuate what lies behind it."""
    blur = float(rng.uniform(0.02, 0.22))
    weight = np.clip((1.0 - radius) / blur + 0.5, 0.0, 1.0).astype(np.float32)
    inner = float(np.median(decibel)) + rng.uniform(*CONTRAST_DB[kind])
    texture = 0.0 if kind == "anechoic" else rng.uniform(0.5, 3.0)
    shape = (decibel.shape[0], decibel.shape[1])
    target = np.float32(inner) + np.float32(texture) * _smooth_noise(rng, shape, cells=(16, 16))
    result = decibel + weight * (target - decibel)
    if kind == "isoechoic" or rng.random() < 0.25:
        rim = np.exp(-(((radius - 1.0) / rng.uniform(0.05, 0.12)) ** 2))
        result += np.float32(rng.choice((-9.0, 6.0))) * rim.astype(np.float32)
    inside = (radius < 1.0).astype(np.float32)
    path = np.cumsum(inside, axis=0)
    longest = max(float(path.max()), 1.0)
    behind_db = np.float32(rng.uniform(*EFFECT_DB[behind])) * path / np.float32(longest)
    softened: FloatArray = ndimage.gaussian_filter1d(behind_db * (1.0 - weight), 1.5, axis=1)
    shaded: FloatArray = (result - softened).astype(np.float32)
    return shaded


def _compress(rng: np.random.Generator, decibel: FloatArray, y: FloatArray) -> FloatArray:
    """Depth gain, then log compression of a dynamic range to grey values 0 to 255."""
    attenuation = np.float32(rng.uniform(0.0, 16.0)) * y + np.float32(rng.normal(0.0, 3.0)) * np.sin(
        math.pi * (y * np.float32(rng.uniform(0.5, 2.5)) + np.float32(rng.random()))
    )
    dynamic_range = rng.uniform(42.0, 70.0)
    top = rng.uniform(12.0, 32.0)
    shown = decibel - attenuation
    noise = rng.standard_normal(decibel.shape, dtype=np.float32) * np.float32(1.0)
    grey: FloatArray = ((shown + np.float32(dynamic_range - top)) * np.float32(255.0 / dynamic_range) + noise).astype(
        np.float32
    )
    return np.clip(grey, 0.0, 255.0)


def _scan_convert(grey: FloatArray, x: FloatArray, y: FloatArray, *, aspect: float) -> tuple[FloatArray, BoolArray]:
    """Resample (depth, beam) samples to the image; 0 outside the sector. Also returns the sector."""
    radius, angle = _polar(x, y, aspect=aspect)
    rows = (radius - FAN_APEX_DEPTH) / (_reach() - FAN_APEX_DEPTH) * (grey.shape[0] - 1)
    columns = (angle / FAN_HALF_ANGLE_RAD + 1.0) * 0.5 * (grey.shape[1] - 1)
    inside: BoolArray = (np.abs(angle) <= FAN_HALF_ANGLE_RAD) & (radius >= FAN_APEX_DEPTH) & (radius <= _reach())
    image = ndimage.map_coordinates(grey, np.stack((rows, columns)), order=1, mode="nearest")
    return (image * inside).astype(np.float32), inside


def _draw_marks(rng: np.random.Generator, image: npt.NDArray[np.uint8], mask: BoolArray) -> None:
    """Draw calipers at the ends of the lesion, a depth scale and bars like text into `image`, in place."""
    height, width = image.shape
    rows, columns = np.nonzero(mask)
    arm = max(2, height // 80)
    if len(rows):
        for i in (int(columns.argmin()), int(columns.argmax())):
            r, c = int(rows[i]), int(columns[i])
            image[r, max(0, c - arm) : c + arm + 1] = 255
            image[max(0, r - arm) : r + arm + 1, c] = 255
    step = int(rng.integers(height // 12, height // 6))
    image[step // 2 :: step, width - 4 : width - 1] = 220
    row, column = int(rng.integers(2, max(3, height // 10))), int(rng.integers(2, max(3, width // 8)))
    for _ in range(int(rng.integers(3, 10))):
        bar = int(rng.integers(1, 4))
        image[row : row + 5, column : column + bar] = 235
        column += bar + 2
