"""Masks, clicks and boxes drawn over an image."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageChops, ImageDraw, ImageFilter

from promptseg.errors import ValueRangeError
from promptseg.types import BoolMask, Box, Prompts

__all__ = ["COLOURS", "draw_overlay"]

Display = NDArray[np.uint8]
Colour = tuple[int, int, int]

COLOURS: Final[tuple[Colour, ...]] = (
    (38, 198, 218),
    (255, 167, 38),
    (186, 104, 200),
    (255, 238, 88),
    (66, 165, 245),
    (240, 98, 146),
)
"""Colours of objects 1, 2, ... (then from the start again); none is the green or red of clicks."""

POSITIVE: Final[Colour] = (30, 170, 70)
NEGATIVE: Final[Colour] = (215, 40, 40)
WHITE: Final[Colour] = (255, 255, 255)
BLACK: Final[Colour] = (0, 0, 0)
LINE: Final = 5 / 3
"""Width of outlines in pixels of the picture."""
LARGE_PX: Final = 4_000_000
"""Outlines on larger pictures are not smoothed."""
FINE: Final = 3
"""Lines are drawn this many times larger and scaled down, which smooths them."""


def draw_overlay(
    display: Display,
    masks: BoolMask,
    prompts: Sequence[Prompts] = (),
    *,
    opacity: float = 0.28,
    long_side: int = 640,
) -> Display:
    """Draw each object translucent with a crisp outline, its boxes dashed, its clicks green (+) or red (-).

    A small picture is first enlarged by the smallest whole factor with which its longer side reaches ``long_side``
    pixels, at most 32; a large one keeps its size. Outlines are smoothed by less than a pixel of the image.

    Args:
        display: (H, W) or (H, W, 3) uint8, as :func:`promptseg.io.to_display` gives it.
        masks: (H, W) bool, or (N, H, W) for N objects; later objects lie over earlier ones; may be empty.
        prompts: the prompts of each object, in the order of the masks; clicks outside the picture are not drawn.
        opacity: of the fill, from 0 (outline only) to 1.
        long_side: in pixels; 0 never enlarges.

    Returns:
        (s H, s W, 3) uint8, s the factor of enlargement.

    Raises:
        ValueRangeError: if shapes, types or settings do not fit.
    """
    layers = _checked(display, masks, opacity)
    height, width = display.shape[:2]
    scale = min(32, max(1, math.ceil(long_side / max(height, width))))
    picture = (
        Pillow.fromarray(display).convert("RGB").resize((width * scale, height * scale), Pillow.Resampling.BICUBIC)
    )
    for place, mask in enumerate(layers):
        _paint_mask(picture, mask, COLOURS[place % len(COLOURS)], opacity)
    for place, prompt in enumerate(prompts):
        _paint_prompts(picture, prompt, COLOURS[place % len(COLOURS)], scale)
    return np.asarray(picture)


def _checked(display: Display, masks: BoolMask, opacity: float) -> BoolMask:
    if display.dtype != np.uint8 or not (display.ndim == 2 or (display.ndim == 3 and display.shape[2] == 3)):
        raise ValueRangeError(f"display must be uint8 (H, W) or (H, W, 3), got {display.dtype} of {display.shape}")
    layers = masks[None] if masks.ndim == 2 else masks
    if layers.dtype != np.bool_ or layers.ndim != 3 or layers.shape[1:] != display.shape[:2]:
        raise ValueRangeError(
            f"masks must be bool {display.shape[:2]} or (N, {display.shape[0]}, {display.shape[1]}) like the display, "
            f"got {masks.dtype} of {masks.shape}"
        )
    if not 0 <= opacity <= 1:
        raise ValueRangeError(f"opacity must be from 0 to 1, got {opacity}")
    return layers


def _paint_mask(picture: Pillow.Image, mask: BoolMask, colour: Colour, opacity: float) -> None:
    """Lay the fill, a thin dark line around it for contrast, and the outline on the picture."""
    height, width = mask.shape
    scale = picture.width // width
    fine = 1 if picture.width * picture.height > LARGE_PX else FINE
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return
    left, top = max(0, int(columns[0]) - 2), max(0, int(rows[0]) - 2)
    right, bottom = min(width, int(columns[-1]) + 3), min(height, int(rows[-1]) + 3)
    size = ((right - left) * scale * fine, (bottom - top) * scale * fine)
    part = Pillow.fromarray(mask[top:bottom, left:right]).convert("L").resize(size, Pillow.Resampling.BILINEAR)
    inside = part.point([0] * 128 + [255] * 128)
    inner, outer = inside, inside.filter(ImageFilter.MaxFilter(2 * (fine // 2) + 1))
    for _ in range(round(LINE * fine)):
        inner = inner.filter(ImageFilter.MinFilter(3))
    for area, paint, strength in (
        (ImageChops.subtract(outer, inside), BLACK, 0.5),
        (inside, colour, opacity),
        (ImageChops.subtract(inside, inner), colour, 1.0),
    ):
        _stamp(picture, area.reduce(fine), paint, strength, at=(left * scale, top * scale))


def _paint_prompts(picture: Pillow.Image, prompts: Prompts, colour: Colour, scale: int) -> None:
    """Boxes first, so that clicks stay visible."""
    unit = max(1.0, max(picture.size) / 640)
    for box in prompts.boxes:
        _paint_box(picture, _box_edges(box, scale, picture.size), colour, unit)
    for point in prompts.points:
        _paint_click(picture, ((point.x + 0.5) * scale, (point.y + 0.5) * scale), point.positive, unit)


def _paint_click(picture: Pillow.Image, place: tuple[float, float], positive: bool, unit: float) -> None:
    """A disc of about seven pixels' radius around ``place`` with a white rim and a sign."""
    half = math.ceil(9 * unit)
    left, top = math.floor(place[0]) - half, math.floor(place[1]) - half
    x, y = (place[0] - left) * FINE, (place[1] - top) * FINE
    fine = unit * FINE
    for radius, paint, strength in ((7.8, BLACK, 0.5), (7.0, WHITE, 1.0), (5.5, POSITIVE if positive else NEGATIVE, 1)):
        area, reach = Pillow.new("L", ((2 * half + 1) * FINE,) * 2), radius * fine
        ImageDraw.Draw(area).ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
        _stamp(picture, area.reduce(FINE), paint, strength, at=(left, top))
    area, arm = Pillow.new("L", ((2 * half + 1) * FINE,) * 2), 3.4 * fine
    draw = ImageDraw.Draw(area)
    draw.line((x - arm, y, x + arm, y), fill=255, width=round(1.5 * fine))
    if positive:
        draw.line((x, y - arm, x, y + arm), fill=255, width=round(1.5 * fine))
    _stamp(picture, area.reduce(FINE), WHITE, 1.0, at=(left, top))


def _box_edges(box: Box, scale: int, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """Outer edges of the box's corner pixels, kept on the picture."""
    limits = (size[0], size[1], size[0], size[1])
    edges = (box.x0 * scale, box.y0 * scale, (box.x1 + 1) * scale, (box.y1 + 1) * scale)
    x0, y0, x1, y1 = (min(max(edge, 0.0), limit) for edge, limit in zip(edges, limits, strict=True))
    return x0, y0, x1, y1


def _paint_box(picture: Pillow.Image, edges: tuple[float, float, float, float], colour: Colour, unit: float) -> None:
    """Four sides twice: dark and whole, then thinner, dashed and in colour."""
    x0, y0, x1, y1 = edges
    sides = ((x0, y0, x1, y0), (x1, y0, x1, y1), (x0, y1, x1, y1), (x0, y0, x0, y1))
    for width, paint, dash, strength in ((3.2, BLACK, 0.0, 0.55), (1.8, colour, 16.0, 1.0)):
        for side in sides:
            _paint_side(picture, side, paint, (width * unit, dash * unit, strength))


def _paint_side(
    picture: Pillow.Image, side: tuple[float, float, float, float], paint: Colour, style: tuple[float, float, float]
) -> None:
    """A whole line, or dashes with their gaps; ``style`` is (width, length of a dash or 0, strength)."""
    width, dash, strength = style
    room = math.ceil(width)
    left, top = math.floor(side[0]) - room, math.floor(side[1]) - room
    size = (math.ceil(side[2]) + room - left) * FINE, (math.ceil(side[3]) + room - top) * FINE
    xa, xb = ((side[place] - left) * FINE for place in (0, 2))
    ya, yb = ((side[place] - top) * FINE for place in (1, 3))
    area = Pillow.new("L", size)
    pieces = max(1, round(math.dist((xa, ya), (xb, yb)) / (dash * FINE))) if dash else 1
    for piece in range(pieces):
        near, far = piece / pieces, (piece + (0.6 if dash else 1.0)) / pieces
        ends = (xa + (xb - xa) * near, ya + (yb - ya) * near, xa + (xb - xa) * far, ya + (yb - ya) * far)
        ImageDraw.Draw(area).line(ends, fill=255, width=round(width * FINE))
    _stamp(picture, area.reduce(FINE), paint, strength, at=(left, top))


def _stamp(picture: Pillow.Image, cover: Pillow.Image, paint: Colour, strength: float, *, at: tuple[int, int]) -> None:
    """Paint where ``cover`` (L) is not 0, its left upper corner at ``at``; what leaves the picture is cut off."""
    picture.paste(paint, at, cover.point([round(value * strength) for value in range(256)]))
