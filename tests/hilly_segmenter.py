"""A picture of hills and a segmenter of soft discs, for which Segment Anything's own mask generator was run once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from promptseg.types import Candidates, Embedding, Image, Pixels, Policy, Prompts

__all__ = ["HillySegmenter", "hills", "soft_discs"]


def hills(height: int = 60, width: int = 90) -> NDArray[np.uint8]:
    """(height, width, 3) grey waves of several lengths."""
    rows, columns = np.indices((height, width))
    waves = np.sin(rows / 6.5) + np.cos(columns / 8) + np.sin((rows + 2 * columns) / 17)
    grey = ((waves + 3) / 6 * 255).astype(np.uint8)
    return np.stack([grey] * 3, axis=-1)


def soft_discs(pixels: Pixels, x: float, y: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (3, H, W) of what is about as bright as the clicked pixel and close to it, and three scores."""
    grey = pixels.mean(-1) / 255
    clicked = grey[min(int(y + 0.25), grey.shape[0] - 1), min(int(x + 0.25), grey.shape[1] - 1)]
    rows, columns = np.indices(grey.shape)
    away = np.hypot(rows - y, columns - x)
    logits = [
        12 * (bright - abs(grey - clicked)) / bright - 6 * (away / radius) ** 2 + 6
        for bright, radius in ((0.1, 7), (0.2, 15), (0.3, 30))
    ]
    scores = [0.55 + 0.45 * abs(np.sin(17 * clicked * number + 0.03 * x)) for number in (1, 2, 3)]
    return np.array(logits, np.float32), np.array(scores, np.float32)


class HillySegmenter:
    """Answers each click with :func:`soft_discs`."""

    name = "hilly"
    default_policy: Policy = "first"

    def __init__(self) -> None:
        self.embedded: list[tuple[int, int]] = []

    def embed(self, image: Image | Pixels) -> Embedding:
        picture = image if isinstance(image, Image) else Image(image)
        self.embedded.append(picture.size)
        return Embedding({"pixels": picture.pixels}, picture.size, self.name)

    def segment(self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Any = None) -> Any:
        if isinstance(prompts, Prompts):
            return self.segment(embedding, [prompts], choose=choose)[0]
        answers = [soft_discs(embedding.features["pixels"], one.points[0].x, one.points[0].y) for one in prompts]
        return [
            Candidates(logits, scores, "first", embedding.image_size, self.name, lambda low_res: low_res)
            for logits, scores in answers
        ]
