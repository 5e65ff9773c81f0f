"""A segmenter without torch: what is tested above the models is tested in milliseconds with it."""

from collections.abc import Sequence
from typing import Final, overload

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from promptseg.errors import PromptError
from promptseg.types import (
    BoolMask,
    Box,
    Candidates,
    Embedding,
    Image,
    MaskPrompt,
    Pixels,
    Point,
    Policy,
    Prompts,
    check_policy,
)

__all__ = ["FakeSegmenter"]

TOLERANCES: Final = (0.05, 0.15, 0.3)
SCORES: Final = (0.6, 0.8, 0.7)
SINGLE: Final = 1
"""Which of the three candidates is the one mask of policy ``single``."""


class FakeSegmenter:
    """Takes the pixels around a click that are about as bright as the clicked one, or the ellipse in a box.

    The three candidates differ in how bright is about as bright; a box alone gives three ellipses of growing size.
    A negative click takes its own surroundings away. A mask prompt is added before that.
    """

    name = "fake"
    default_policy: Policy = "best-score"

    def __init__(self) -> None:
        self.embedded = 0
        """How many images were embedded: for tests of caches."""

    def embed(self, image: Image | Pixels) -> Embedding:
        pixels = image.pixels if isinstance(image, Image) else Image(np.asarray(image)).pixels
        grey = pixels.mean(axis=2) if pixels.ndim == 3 else pixels.astype(float)
        self.embedded += 1
        return Embedding({"grey": (grey - grey.min()) / max(np.ptp(grey), 1e-9)}, pixels.shape[:2], self.name)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        policy = self.default_policy if choose is None else choose
        check_policy(policy)
        if embedding.model != self.name:
            raise PromptError(f"the embedding was made by {embedding.model!r}, not by {self.name!r}")
        objects = [prompts] if isinstance(prompts, Prompts) else list(prompts)
        for one in objects:
            one.check_inside(embedding.image_size)
        found = [_candidates(embedding, one, policy) for one in objects]
        return found[0] if isinstance(prompts, Prompts) else found


def _candidates(embedding: Embedding, prompts: Prompts, policy: Policy) -> Candidates:
    places = [SINGLE] if policy == "single" else list(range(len(TOLERANCES)))
    masks = np.stack([_mask(embedding.features["grey"], prompts, place) for place in places])
    scores = np.array([SCORES[place] for place in places], np.float32)
    logits = np.where(masks, 4, -4).astype(np.float32)
    return Candidates(logits, scores, policy, embedding.image_size, "fake", lambda low_res: low_res)


def _mask(grey: NDArray[np.float64], prompts: Prompts, place: int) -> BoolMask:
    tolerance = TOLERANCES[place]
    inside = np.zeros(grey.shape, bool)
    for box in prompts.boxes or (None,):
        points = [p for p in prompts.points if p.positive and (box is None or box.contains(p))]
        part = np.zeros(grey.shape, bool) if points or box is None else _ellipse(grey.shape, box, 0.8 + 0.1 * place)
        for point in points:
            part |= _around(grey, point, tolerance)
        inside |= part if box is None else part & _ellipse(grey.shape, box, 1.5)
    inside |= _mask_prompt(prompts.mask, grey.shape)
    for point in prompts.points:
        if not point.positive:
            inside &= ~_around(grey, point, tolerance)
    return inside


def _mask_prompt(mask: MaskPrompt | BoolMask | None, shape: tuple[int, ...]) -> BoolMask:
    if mask is None:
        return np.zeros(shape, bool)
    if not isinstance(mask, MaskPrompt):
        return mask
    if mask.model != "fake" or mask.logits.shape != shape:
        raise PromptError(f"the mask prompt was made by {mask.model!r} with shape {mask.logits.shape}")
    return mask.logits > 0


def _around(grey: NDArray[np.float64], point: Point, tolerance: float) -> BoolMask:
    """Pixels connected with the clicked one (4-neighbours) that differ from it by at most ``tolerance``."""
    row, column = (
        min(max(round(value), 0), length - 1) for value, length in zip((point.y, point.x), grey.shape, strict=True)
    )
    numbers, _ = ndimage.label(np.abs(grey - grey[row, column]) <= tolerance)
    found: BoolMask = numbers == numbers[row, column]
    return found


def _ellipse(shape: tuple[int, ...], box: Box, size: float) -> BoolMask:
    """The ellipse inscribed in the box, ``size`` times as large; never quite empty."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    across, down = (max(size * (high - low + 1) / 2, 0.75) for low, high in ((box.x0, box.x1), (box.y0, box.y1)))
    return ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1
