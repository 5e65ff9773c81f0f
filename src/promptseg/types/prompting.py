"""Points, boxes and masks: what a user says about one object, as frozen values."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError
from promptseg.types.images import BoolMask

__all__ = ["Box", "Floats", "MaskPrompt", "Point", "Prompts"]

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Point:
    """A click at column ``x`` and row ``y`` of the image as given; fractions are allowed.

    >>> Point(120, 90, positive=False)
    Point(x=120.0, y=90.0, positive=False)
    """

    x: float
    y: float
    positive: bool = True

    def __post_init__(self) -> None:
        for name in ("x", "y"):
            object.__setattr__(self, name, _finite(getattr(self, name), f"Point.{name}"))
        if not isinstance(self.positive, bool | np.bool_):
            raise PromptError(f"Point.positive must be True or False, got {self.positive!r}")
        object.__setattr__(self, "positive", bool(self.positive))


@dataclass(frozen=True, slots=True)
class Box:
    """A box by two opposite corners, both inside it; drawn from any corner it is the same box.

    >>> Box(90, 70, 10, 20)
    Box(x0=10.0, y0=20.0, x1=90.0, y1=70.0)
    """

    x0: float
    y0: float
    x1: float
    y1: float

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = (_finite(getattr(self, name), f"Box.{name}") for name in ("x0", "y0", "x1", "y1"))
        for name, value in zip(
            ("x0", "y0", "x1", "y1"), (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), strict=True
        ):
            object.__setattr__(self, name, value)

    def contains(self, point: Point) -> bool:
        """Whether the point lies in the box or on its border."""
        return self.x0 <= point.x <= self.x1 and self.y0 <= point.y <= self.y1


@dataclass(frozen=True, eq=False)
class MaskPrompt:
    """A mask in a model's own low-resolution frame, to be fed back with the next click.

    Attributes:
        logits: (h, w) float32, positive inside, over the model's square input (padding included).
        model: name of the model that made it; another model refuses it.
        crop: the part of the image that the model looked at when it made the mask, or None for the whole.
    """

    logits: Floats
    model: str
    crop: Box | None = None

    def __post_init__(self) -> None:
        given: object = self.logits
        if not isinstance(given, np.ndarray) or given.dtype.kind != "f":
            kind = getattr(given, "dtype", type(given).__name__)
            raise PromptError(f"MaskPrompt.logits must be a floating (h, w) array, got {kind}")
        if self.logits.ndim != 2 or not np.isfinite(self.logits).all():
            raise PromptError(f"MaskPrompt.logits must be a finite (h, w) array, got shape {self.logits.shape}")


@dataclass(frozen=True, eq=False)
class Prompts:
    """All that a user says about **one** object.

    Several boxes are parts of the same object: each gives a mask and the masks are united; positive points then go
    to the boxes that hold them, negative ones to every box. For several objects give a sequence of ``Prompts``.

    Attributes:
        points: clicks, in order.
        boxes: boxes, in order.
        mask: a :class:`MaskPrompt` from :attr:`Candidates.mask_prompt`, or a boolean (H, W) mask of the image.
    """

    points: Sequence[Point] = ()
    boxes: Sequence[Box] = ()
    mask: MaskPrompt | BoolMask | None = None

    def __post_init__(self) -> None:
        for name, kind in (("points", Point), ("boxes", Box)):
            values = getattr(self, name)
            if isinstance(values, kind) or not isinstance(values, Sequence):
                raise PromptError(f"Prompts.{name} must be a sequence of {kind.__name__}, got {values!r}")
            wrong = [value for value in values if not isinstance(value, kind)]
            if wrong:
                example = "Point(x, y)" if kind is Point else "Box(x0, y0, x1, y1)"
                raise PromptError(f"Prompts.{name} must hold {example} values, got {wrong[0]!r}")
            object.__setattr__(self, name, tuple(values))
        if isinstance(self.mask, np.ndarray) and (self.mask.ndim != 2 or self.mask.dtype != np.bool_):
            raise PromptError(
                f"Prompts.mask must be a boolean (H, W) array, got {self.mask.dtype} of shape {self.mask.shape}"
            )
        if not (self.mask is None or isinstance(self.mask, MaskPrompt | np.ndarray)):
            raise PromptError(f"Prompts.mask must be a MaskPrompt or a boolean (H, W) array, got {type(self.mask)}")

    @property
    def is_empty(self) -> bool:
        """Whether nothing was said: no point, no box, no mask."""
        return not self.points and not self.boxes and self.mask is None

    def check_inside(self, image_size: tuple[int, int]) -> None:
        """Refuse prompts that do not lie on an image of (height, width) pixels.

        A point must lie on a pixel, so x from -0.5 to width - 0.5; a box must overlap the image; a boolean mask must
        have the image's size.

        Raises:
            PromptError: with a hint where x and y look swapped.
        """
        if self.is_empty:
            raise PromptError("Prompts are empty: give at least one point, box or mask")
        height, width = image_size
        for point in self.points:
            if not _on_image(point.x, point.y, image_size):
                swapped = _on_image(point.y, point.x, image_size)
                hint = f"; did you mean Point({point.y:g}, {point.x:g})? points are (x, y)" if swapped else ""
                raise PromptError(
                    f"Point({point.x:g}, {point.y:g}) is outside the image of width {width} and height {height}{hint}"
                )
        for box in self.boxes:
            if box.x1 < -0.5 or box.y1 < -0.5 or box.x0 > width - 0.5 or box.y0 > height - 0.5:
                raise PromptError(
                    f"Box({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g}) does not touch the image of width {width} "
                    f"and height {height}; boxes are (x0, y0, x1, y1)"
                )
        if isinstance(self.mask, np.ndarray) and self.mask.shape != image_size:
            raise PromptError(f"Prompts.mask has shape {self.mask.shape}, but the image has {image_size}")
        if isinstance(self.mask, np.ndarray) and not self.mask.any():
            raise PromptError("Prompts.mask is empty: no pixel is True")


def _finite(value: object, name: str) -> float:
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
        raise PromptError(f"{name} must be a number, got {value!r}")
    if not math.isfinite(value):
        raise PromptError(f"{name} must be finite, got {value!r}")
    return float(value)


def _on_image(x: float, y: float, image_size: tuple[int, int]) -> bool:
    height, width = image_size
    return -0.5 <= x <= width - 0.5 and -0.5 <= y <= height - 0.5
