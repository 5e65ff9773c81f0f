"""The part of an image around a prompt, made small: peers that look at grey values are quick and blind to speckle."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from promptseg.evaluation.peers.asking import Asked
from promptseg.evaluation.peers.shapes import pixels_in
from promptseg.evaluation.peers.sizes import reach_of
from promptseg.geometry.frames import Frame, letterbox
from promptseg.io import to_gray
from promptseg.types import BoolMask, Box

__all__ = ["CloseUp", "Look", "from_close_up"]

Floats = NDArray[np.float64]

_LEAST_MARGIN: float = 2
"""Pixels around a box at least, so that there is background beside the smallest."""


@final
@dataclass(frozen=True, slots=True)
class Look:
    """How a peer looks.

    Attributes:
        share: of the image that an object is taken to cover, for clicks without a box.
        side: longer side of the close-up in pixels at most.
        radii: how far it goes beyond positive clicks, in radii of the disc of that share.
        margin: how far it goes beyond a box, as a share of the box's longer side.
    """

    share: float
    side: int
    radii: float
    margin: float


@final
@dataclass(frozen=True, eq=False)
class CloseUp:
    """A part of an image, made smaller where it is large, with the prompts in its own pixels.

    Attributes:
        shown: (h, w) or (h, w, 3) float32, display levels from 0 to 255.
        asked: the prompts; negative clicks may lie outside.
        reach: radius in its pixels that the object is taken to have: of the disc of as many pixels as the ellipse in
            the box has, or of the disc of the usual share.
    """

    shown: NDArray[np.float32]
    asked: Asked
    reach: float

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) in its pixels."""
        return self.shown.shape[0], self.shown.shape[1]

    @property
    def gray(self) -> NDArray[np.float32]:
        """(h, w) luma from 0 to 255."""
        return to_gray(self.shown)


def from_close_up(shown: NDArray[np.uint8], asked: Asked, look: Look, draw: Callable[[CloseUp], BoolMask]) -> BoolMask:
    """The mask (H, W) from the one (h, w) that ``draw`` makes of a close-up; never outside the box.

    Pixels that were clicked on are as the clicks say, and the one in the middle of the box is inside.

    The part is reduced by bilinear interpolation with anti-aliasing and never enlarged; the mask is enlarged by the
    same, and what is half or more is inside.
    """
    size = shown.shape[0], shown.shape[1]
    reach = reach_of(look.share, size) if asked.box is None else _reach_in(asked.box)
    rows, columns = _window(asked, reach, look, size)
    part = shown[rows, columns]
    frame = letterbox((part.shape[0], part.shape[1]), min(look.side, max(part.shape[:2])))
    origin = np.array([columns.start, rows.start])
    near = Asked(
        _moved(asked.positive_xy, origin, frame),
        _moved(asked.negative_xy, origin, frame),
        None if asked.box is None else _moved_box(asked.box, origin, frame),
    )
    drawn = draw(CloseUp(_resized(part.astype(np.float32), frame.resized), near, reach * float(frame.scale_xy.mean())))
    mask = np.zeros(size, np.bool_)
    mask[rows, columns] = _resized(drawn.astype(np.float32), frame.image_size) >= 0.5
    if asked.box is not None:
        mask &= pixels_in(asked.box, size)
    for places, inside in ((asked.anchors_xy, True), (asked.negative_xy, False)):
        x, y = np.rint(places).astype(int).T
        mask[y, x] = inside
    return mask


def _reach_in(box: Box) -> float:
    return math.sqrt((box.x1 - box.x0 + 1) * (box.y1 - box.y0 + 1)) / 2


def _window(asked: Asked, reach: float, look: Look, size: tuple[int, int]) -> tuple[slice, slice]:
    box = asked.box
    if box is None:
        low, high, beyond = asked.positive_xy.min(axis=0), asked.positive_xy.max(axis=0), look.radii * reach
    else:
        low, high = np.array([box.x0, box.y0]), np.array([box.x1, box.y1])
        beyond = look.margin * float(max(high - low))
    beyond = max(beyond, _LEAST_MARGIN)
    first = np.maximum(np.floor(low - beyond), 0).astype(int)
    last = np.minimum(np.ceil(high + beyond), np.array([size[1], size[0]]) - 1).astype(int)
    return slice(int(first[1]), int(last[1]) + 1), slice(int(first[0]), int(last[0]) + 1)


def _moved(points_xy: Floats, origin_xy: NDArray[np.int64], frame: Frame) -> Floats:
    """The frame scales from the corner of the first pixel, so half a pixel is added before and taken away after."""
    return frame.points_to_model(points_xy - origin_xy + 0.5) - 0.5


def _moved_box(box: Box, origin_xy: NDArray[np.int64], frame: Frame) -> Box:
    """Edges are moved, not the pixels in the corners; what becomes thinner than a pixel is one pixel thick."""
    edges = np.array([[box.x0 - 0.5, box.y0 - 0.5], [box.x1 + 0.5, box.y1 + 0.5]])
    low, high = _moved(edges, origin_xy, frame)
    middle, half = (low + high) / 2, np.maximum((high - low - 1) / 2, 0)
    x0, y0, x1, y1 = np.concatenate([middle - half, middle + half]).tolist()
    return Box(x0, y0, x1, y1)


def _resized(levels: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    if levels.shape[:2] == size:
        return levels
    planes = [
        np.asarray(Pillow.fromarray(np.ascontiguousarray(plane)).resize(size[::-1], Pillow.Resampling.BILINEAR))
        for plane in np.moveaxis(np.atleast_3d(levels), -1, 0)
    ]
    return planes[0] if levels.ndim == 2 else np.stack(planes, axis=-1)
