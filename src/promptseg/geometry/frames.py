"""The only place where coordinates change frame: from the image as given to a model's square input, and back.

Points are (x, y) and boxes (x0, y0, x1, y1) in pixel indices. A model's frame is the resized image in the upper left
corner of a square of ``side`` pixels. Coordinates are scaled by the ratio of the sizes, as in Segment Anything
(`ResizeLongestSide`), whose prompt encoder adds the half pixel itself; so nothing here ever adds one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from promptseg.errors import ValueRangeError

__all__ = ["FIT", "FitName", "Frame", "letterbox", "squash"]

Floats = NDArray[np.float64]
FitName = Literal["letterbox", "squash"]


@dataclass(frozen=True, slots=True)
class Frame:
    """How one image lies in a model's square input.

    Attributes:
        image_size: (height, width) of the image as given, in pixels.
        side: side of the model's square input, in pixels.
        resized: (height, width) of the image inside that square, each from 1 to ``side``; the rest is padding.
    """

    image_size: tuple[int, int]
    side: int
    resized: tuple[int, int]

    @property
    def scale_xy(self) -> Floats:
        """Model pixels for each image pixel, along x and along y; shape (2,)."""
        (height, width), (resized_height, resized_width) = self.image_size, self.resized
        return np.array([resized_width / width, resized_height / height])

    def points_to_model(self, points_xy: ArrayLike) -> Floats:
        """Image pixels to model pixels; (..., 2) to (..., 2)."""
        return _as_pairs(points_xy) * self.scale_xy

    def points_to_image(self, points_xy: ArrayLike) -> Floats:
        """Model pixels to image pixels; the inverse of :meth:`points_to_model`."""
        return _as_pairs(points_xy) / self.scale_xy

    def boxes_to_model(self, boxes_xyxy: ArrayLike) -> Floats:
        """Boxes (..., 4) from image to model pixels, corner by corner."""
        return self._corners(boxes_xyxy, self.points_to_model)

    def boxes_to_image(self, boxes_xyxy: ArrayLike) -> Floats:
        """Boxes (..., 4) from model to image pixels, corner by corner."""
        return self._corners(boxes_xyxy, self.points_to_image)

    def low_res(self, grid_side: int) -> tuple[int, int]:
        """(rows, columns) of a ``grid_side`` x ``grid_side`` map over the square that hold image, rounded up."""
        height, width = self.resized
        return -(-height * grid_side // self.side), -(-width * grid_side // self.side)

    @staticmethod
    def _corners(boxes_xyxy: ArrayLike, move: Callable[[ArrayLike], Floats]) -> Floats:
        boxes = np.asarray(boxes_xyxy, dtype=np.float64)
        if boxes.shape[-1:] != (4,):
            raise ValueRangeError(f"boxes_xyxy must have shape (..., 4), got {boxes.shape}")
        return move(boxes.reshape(*boxes.shape[:-1], 2, 2)).reshape(boxes.shape)


def letterbox(image_size: tuple[int, int], side: int) -> Frame:
    """The long side becomes ``side``, the aspect is kept, padding is below and to the right (Segment Anything).

    >>> letterbox((113, 151), 160).resized
    (120, 160)
    """
    height, width = _checked(image_size, side)
    scale = side / max(height, width)
    resized = max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))
    return Frame((height, width), side, resized)


def squash(image_size: tuple[int, int], side: int) -> Frame:
    """Both sides become ``side``; the aspect is not kept and there is no padding (MedSAM).

    >>> squash((100, 200), 1024).scale_xy.tolist()
    [5.12, 10.24]
    """
    return Frame(_checked(image_size, side), side, (side, side))


FIT: Final[dict[FitName, Callable[[tuple[int, int], int], Frame]]] = {"letterbox": letterbox, "squash": squash}
"""Ways to fit an image into a square, by the name that stands in a model's preprocessing."""


def _checked(image_size: tuple[int, int], side: int) -> tuple[int, int]:
    height, width = image_size
    if min(height, width) < 1 or side < 1:
        raise ValueRangeError(f"an image of {height} x {width} pixels cannot be fitted into a side of {side}")
    return int(height), int(width)


def _as_pairs(points_xy: ArrayLike) -> Floats:
    points = np.asarray(points_xy, dtype=np.float64)
    if points.shape[-1:] != (2,):
        raise ValueRangeError(f"points_xy must have shape (..., 2), got {points.shape}")
    return points
