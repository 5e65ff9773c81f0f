"""What a peer is asked for one part of an object: clicks, and at most one box."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError
from promptseg.types import Box, Point, Prompts

__all__ = ["Asked", "asked_for"]

Floats = NDArray[np.float64]


@final
@dataclass(frozen=True, eq=False)
class Asked:
    """One part of an object, by pixels of the image.

    Attributes:
        positive_xy: (N, 2) positive clicks in order, each within the centres of the outermost pixels.
        negative_xy: (M, 2) negative clicks in order, likewise.
        box: cut off at the image, or None.
    """

    positive_xy: Floats
    negative_xy: Floats
    box: Box | None

    @property
    def is_hopeless(self) -> bool:
        """Whether nothing says where the object is: neither a box nor a positive click."""
        return self.box is None and not len(self.positive_xy)

    @property
    def anchors_xy(self) -> Floats:
        """(N, 2) points that are taken to be on the object: the middle of the box and the positive clicks."""
        if self.box is None:
            return self.positive_xy
        middle = [[(self.box.x0 + self.box.x1) / 2, (self.box.y0 + self.box.y1) / 2]]
        return np.concatenate([np.array(middle), self.positive_xy])


def asked_for(prompts: Prompts, image_size: tuple[int, int]) -> Iterator[Asked]:
    """A part for each box, or one where there is none.

    Of several boxes positive clicks go to those that hold them, negative ones to all, as for every segmenter.

    Raises:
        PromptError: a positive click is in none of several boxes.
    """
    if len(prompts.boxes) > 1:
        for point in prompts.points:
            if point.positive and not any(box.contains(point) for box in prompts.boxes):
                raise PromptError(f"{point} lies in none of the {len(prompts.boxes)} boxes of its object")
    positive, negative = (
        _on_image([p for p in prompts.points if p.positive is sign], image_size) for sign in (True, False)
    )
    if not prompts.boxes:
        yield Asked(positive, negative, None)
    for box in prompts.boxes:
        held = [len(prompts.boxes) == 1 or box.contains(point) for point in prompts.points if point.positive]
        yield Asked(positive[np.array(held, np.bool_)], negative, _cut_off(box, image_size))


def _on_image(points: Sequence[Point], image_size: tuple[int, int]) -> Floats:
    points_xy = np.array([(point.x, point.y) for point in points], dtype=np.float64).reshape(-1, 2)
    within: Floats = np.clip(points_xy, 0, np.array(image_size[::-1]) - 1)
    return within


def _cut_off(box: Box, image_size: tuple[int, int]) -> Box:
    height, width = image_size
    x0, y0, x1, y1 = np.clip([box.x0, box.y0, box.x1, box.y1], 0, [width - 1, height - 1] * 2).tolist()
    return Box(x0, y0, x1, y1)
