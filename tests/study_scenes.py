"""A small scene of the study before the fake segmenter, and one that writes down what it is asked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from fakes import FakeSegmenter

from promptseg.evaluation.study.experiments.choosing import study_policies
from promptseg.evaluation.study.scene import Scene, StudiedObject
from promptseg.types import Candidates, Embedding, Image, Prompts, Segmenter, accepted_prompts

__all__ = ["AskedSegmenter", "AtOnceSegmenter", "scene", "two_objects"]


class AskedSegmenter(FakeSegmenter):
    """The fake, and how many prompts each call had under which policy."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[int, str | None]] = []

    def segment(self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Any = None) -> Any:
        self.asked.append((1 if isinstance(prompts, Prompts) else len(prompts), choose))
        return super().segment(embedding, prompts, choose=choose)


class AtOnceSegmenter(AskedSegmenter):
    """The same, and its one mask and its candidates can be had in one call."""

    both_at_once = True

    def segment_both(self, embedding: Embedding, prompts: Sequence[Prompts]) -> list[tuple[Candidates, Candidates]]:
        self.asked.append((len(prompts), "both"))
        single, several = (FakeSegmenter.segment(self, embedding, prompts, choose=way) for way in ("single", "first"))
        return list(zip(single, several, strict=True))


def two_objects() -> tuple[Image, tuple[StudiedObject, ...]]:
    """A noisy picture (48, 64): an object in three parts, one of them dimmer, and one in one part with a hole."""
    grey = np.random.default_rng(0).random((48, 64)) * 12
    parts = np.zeros((48, 64), dtype=np.bool_)
    parts[4:20, 5:30] = parts[30:38, 6:12] = parts[40:45, 20:24] = True
    grey += 80 * parts
    grey[30:38, 6:12] -= 20
    ring = np.zeros_like(parts)
    ring[25:45, 40:60] = True
    ring[33:36, 48:52] = False
    grey += 60 * ring
    return Image(grey), (StudiedObject("parts", 0, parts), StudiedObject("ring", 0, ring))


def scene(segmenter: Segmenter | None = None, **changes: Any) -> Scene:
    """Both objects before a segmenter, the fake by default, under all its policies."""
    model = segmenter or FakeSegmenter()
    image, objects = two_objects()
    fields = {
        "image": image,
        "segmenter": model,
        "embedding": model.embed(image),
        "objects": objects,
        "policies": study_policies(model),
        "accepts": accepted_prompts(model),
        "key": "set/image",
        "seed": 3,
    }
    return Scene(**fields | changes)
