"""Ellipses and discs, and which pixels belong to which click: the peers that look at no grey value."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.evaluation.peers.asking import Asked
from promptseg.evaluation.peers.sizes import reach_of
from promptseg.types import BoolMask, Box

__all__ = ["LATER", "claimed", "disc_mask", "draw_disc", "draw_ellipse", "ellipse_mask", "extents", "pixels_in"]

Floats = NDArray[np.float64]

LATER: Final = 0.5
"""Radius of the disc at the second and each further positive click, as a share of that at the first."""


def draw_ellipse(shown: NDArray[np.uint8], asked: Asked) -> BoolMask:
    """The ellipse inscribed in the box, and at least the pixel in its middle."""
    size = shown.shape[0], shown.shape[1]
    return np.zeros(size, np.bool_) if asked.box is None else ellipse_mask(asked.box, size)


def draw_disc(shown: NDArray[np.uint8], asked: Asked, *, share: float) -> BoolMask:
    """A disc at each positive click, without what is nearer to a negative one.

    The disc at the first covers ``share`` of the image (before it is cut off at the border); those at later clicks,
    which correct, have the radius times :data:`LATER`.
    """
    size = shown.shape[0], shown.shape[1]
    reach = reach_of(share, size)
    mask = np.zeros(size, np.bool_)
    for centre, radius in zip(asked.positive_xy, extents(asked.positive_xy, reach), strict=True):
        mask |= disc_mask(centre, radius, size)
    return mask & claimed(asked.positive_xy, asked.negative_xy, size)


def ellipse_mask(box: Box, size: tuple[int, int], *, scale: float = 1.0) -> BoolMask:
    """Pixels of an (H, W) image whose centre lies in the ellipse inscribed in a box with inclusive corners.

    The pixel in the middle of the box belongs to it always, if it is on the image, so a thin ellipse is not empty.

    Args:
        box: corners are pixels inside, so the axes are ``x1 - x0 + 1`` and ``y1 - y0 + 1``.
        size: (H, W).
        scale: factor of both axes.
    """
    rows, columns = np.ogrid[: size[0], : size[1]]
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    across, down = scale * (box.x1 - box.x0 + 1) / 2, scale * (box.y1 - box.y0 + 1) / 2
    inside: BoolMask = ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1
    return _with_middle(inside, x, y)


def disc_mask(centre_xy: Floats, radius: float, size: tuple[int, int]) -> BoolMask:
    """Pixels of an (H, W) image whose centre lies within ``radius`` of a point, and the pixel of that point."""
    x, y = float(centre_xy[0]), float(centre_xy[1])
    rows, columns = np.ogrid[: size[0], : size[1]]
    inside: BoolMask = (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return _with_middle(inside, x, y)


def pixels_in(box: Box, size: tuple[int, int]) -> BoolMask:
    """Pixels of an (H, W) image of which at least half a side is in a box with inclusive corners; none is left out."""
    rows, columns = np.ogrid[: size[0], : size[1]]
    across = (columns >= box.x0 - 0.5) & (columns <= box.x1 + 0.5)
    inside: BoolMask = across & (rows >= box.y0 - 0.5) & (rows <= box.y1 + 0.5)
    return _with_middle(inside, (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)


def extents(positive_xy: Floats, reach: float) -> list[float]:
    """Radius of the disc at each positive click: the first is on the object, later ones correct."""
    return [reach if place == 0 else reach * LATER for place in range(len(positive_xy))]


def claimed(positive_xy: Floats, negative_xy: Floats, size: tuple[int, int]) -> BoolMask:
    """(H, W): pixels that are nearer to a positive than to any negative point, or equally near."""
    if not len(negative_xy):
        return np.ones(size, np.bool_)
    return _nearest_square(positive_xy, size) <= _nearest_square(negative_xy, size)


def _nearest_square(points_xy: Floats, size: tuple[int, int]) -> Floats:
    rows, columns = np.ogrid[: size[0], : size[1]]
    nearest = np.full(size, np.inf)
    for x, y in points_xy:
        nearest = np.minimum(nearest, (columns - x) ** 2 + (rows - y) ** 2)
    return nearest


def _with_middle(mask: BoolMask, x: float, y: float) -> BoolMask:
    row, column = round(y), round(x)
    if 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]:
        mask[row, column] = True
    return mask
