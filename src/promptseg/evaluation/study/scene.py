"""What an experiment is given, and what it gives back: one image before one model, and evaluations."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from promptseg.geometry.distances import distance_inside
from promptseg.geometry.regions import crop_slices
from promptseg.types import BoolMask, Embedding, Image, Policy, PromptKind, Prompts, Segmenter

__all__ = ["Evaluation", "Experiment", "Scene", "StudiedObject", "StudyPolicy"]

StudyPolicy = Policy | Literal["oracle"]
"""How a candidate mask is chosen; ``oracle`` takes the one with the highest true IoU."""


@final
@dataclass(frozen=True, eq=False)
class StudiedObject:
    """What is to be segmented.

    Attributes:
        label: its class.
        number: among the objects of its class in the image, from 0.
        mask: (H, W), not empty: all of the class, or one object, as the recipe says.
    """

    label: str
    number: int
    mask: BoolMask

    @cached_property
    def distances(self) -> NDArray[np.float64]:
        """(H, W) distance of each pixel of the object to the background, see :func:`distance_inside`."""
        return distance_inside(self.mask)

    @cached_property
    def block(self) -> tuple[slice, ...]:
        """(rows, columns) of the smallest block that holds the object."""
        return crop_slices(self.mask)

    @cached_property
    def area_px(self) -> int:
        """How many pixels it has."""
        return int(np.count_nonzero(self.mask))

    def depth(self, x: float, y: float) -> float:
        """Distance of the pixel nearest to (x, y) to the border, over the object's greatest: 0 outside, 1 deepest."""
        height, width = self.mask.shape
        row, column = min(max(round(y), 0), height - 1), min(max(round(x), 0), width - 1)
        return float(self.distances[row, column] / self.distances.max())


@final
@dataclass(frozen=True, eq=False)
class Scene:
    """One image before one model.

    Attributes:
        image: the picture.
        segmenter: the model or peer.
        embedding: of the image, by this segmenter.
        objects: what is in the image.
        policies: how candidates are chosen; all of them are evaluated.
        accepts: kinds of prompts that the segmenter understands; prompters that need others are left out.
        key: what randomness follows from beside the seed: data set and image, and never the model, so that all models
            get the same prompts.
        seed: of the recipe.
    """

    image: Image
    segmenter: Segmenter
    embedding: Embedding
    objects: tuple[StudiedObject, ...]
    policies: tuple[StudyPolicy, ...]
    accepts: frozenset[PromptKind]
    key: str
    seed: int

    def rng(self, *words: str | int) -> np.random.Generator:
        """Randomness for what the words name (prompter, object, repetition); the same for every model."""
        return np.random.default_rng((self.seed, crc32(self.key.encode()), crc32(repr(words).encode())))


@final
@dataclass(frozen=True, eq=False)
class Evaluation:
    """One mask for one object, before it is scored.

    Attributes:
        object: what was to be segmented.
        prompter: how the prompt was made.
        policy: how the mask was chosen.
        prompts: what was said, the mask handed back included.
        mask: (H, W) the chosen mask. The same array for several evaluations is scored once.
        candidate: its index among the candidates; -1 if there was none.
        predicted_score: the model's own estimate of its IoU; NaN if it makes none.
        seconds: share of the time of the batch in which it was made.
        level: how strong the noise was; NaN where there is none.
        feedback: whether the mask before was handed back.
        repeat: number of the repetition.
        step: from 1.
    """

    object: StudiedObject
    prompter: str
    policy: StudyPolicy
    prompts: Prompts
    mask: BoolMask
    candidate: int
    predicted_score: float
    seconds: float
    level: float = math.nan
    feedback: bool = False
    repeat: int = 0
    step: int = 1


class Experiment(Protocol):
    """One experiment: all its evaluations of a scene, in an order that does not depend on chance."""

    def __call__(self, scene: Scene, settings: Any, /) -> Iterator[Evaluation]:  # noqa: ANN401 (its own table)
        """Prompt the model."""
        ...
