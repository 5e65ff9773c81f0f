"""The arms of the comparison: which networks answer, and what each can be told."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Final, Protocol, final

from promptseg.evaluation.clicksam.prompting import PROMPTERS, Session, Shown, Way
from promptseg.evaluation.peers.shapes import ellipse_mask
from promptseg.prompts.click_train import ClickTrainClicks
from promptseg.types import BoolMask, Box, Candidates, Embedding, Image, Point, Prompts, Segmenter

__all__ = [
    "ARMS",
    "Arm",
    "ArmEntry",
    "Ellipse",
    "Painted",
    "PaintedClicks",
    "Promptable",
    "prompters_of",
    "rows_of_an_image",
]

Embed = Callable[[Segmenter, Image], Embedding]
"""Embeds an image, or knows the embedding already."""


@final
@dataclass(frozen=True)
class ArmEntry:
    """What is known of an arm before anything is trained.

    Attributes:
        title: for people.
        note: one sentence on how it came about.
        ways: what it can be told.
    """

    title: str
    note: str
    ways: frozenset[Way]


_BOTH: Final[frozenset[Way]] = frozenset({"clicks", "box"})

ARMS: Final[dict[str, ArmEntry]] = {
    "none": ArmEntry("no adaptation", "The model as it was loaded.", _BOTH),
    "medsam": ArmEntry(
        "MedSAM recipe",
        "Encoder and decoder trained with loose boxes, prompt encoder frozen.",
        _BOTH,
    ),
    "stage-1": ArmEntry("stage 1", "Decoder trained with one click at the centre of mass.", _BOTH),
    "clicksam": ArmEntry(
        "ClickSAM",
        "The network of stage 1 makes the first mask; the network of stage 2, trained from it on the clicks of that "
        "mask's errors, makes the final one.",
        _BOTH,
    ),
    "clicksam-code": ArmEntry(
        "ClickSAM, as coded",
        "As ClickSAM, but stage 2 starts from the loaded model and not from stage 1, as in the authors' notebook.",
        _BOTH,
    ),
    "click-train": ArmEntry(
        "Click Train",
        "Clicks painted into the channels of the image; a second network of the same kind without clicks makes the "
        "first mask.",
        frozenset({"clicks"}),
    ),
    "ellipse": ArmEntry(
        "ellipse in the box", "The ellipse inscribed in the box: it never saw the image.", frozenset({"box"})
    ),
}
"""Arms in the order of results."""


class Arm(Protocol):
    """An arm ready to look at images."""

    def look(self, image: Image, embed: Embed) -> Session:
        """The arm with its eyes on one image."""
        ...


def prompters_of(arm: str) -> list[str]:
    """Names of the prompters that an arm understands."""
    return [name for name, prompter in PROMPTERS.items() if prompter.way in ARMS[arm].ways]


def rows_of_an_image(arms: Sequence[str]) -> int:
    """How many rows all arms together give for an image."""
    return sum(PROMPTERS[name].steps for arm in arms for name in prompters_of(arm))


@final
@dataclass(frozen=True, eq=False)
class Promptable:
    """A promptable network, or two: ``first`` makes the first mask from a click, ``final`` all others.

    Clicks and boxes go to the network as they are; a user's later clicks together with the mask shown before (mask
    feedback). The oracle's clicks go without a mask, as in the paper.

    Attributes:
        first: the network of stage 1.
        final: the network of stage 2; the same where there is one only.
        encoder: the segmenter that embeds for both; several arms share one where their encoders are the same.
    """

    first: Segmenter
    final: Segmenter
    encoder: Segmenter

    def look(self, image: Image, embed: Embed) -> "_PromptableSession":
        """The arm with its eyes on one image."""
        return _PromptableSession(self.first, self.final, embed(self.encoder, image))


@final
@dataclass(frozen=True, eq=False)
class _PromptableSession:
    first: Segmenter
    final: Segmenter
    embedding: Embedding

    def opening(self, point: Point) -> tuple[Shown, int]:
        return self._ask(self.first, Prompts(points=[point])), 1

    def oracle(self, clicks: ClickTrainClicks, centre: Point) -> tuple[Shown, Sequence[Point]]:
        points = clicks.points or (centre,)
        return self._ask(self.final, Prompts(points=points)), points

    def click(self, points: Sequence[Point], before: Shown | None) -> Shown:
        if before is None or before.feedback is None:
            return self._ask(self.first, Prompts(points=points))
        feedback = replace(before.feedback, model=self.final.name)
        return self._ask(self.final, Prompts(points=points, mask=feedback))

    def box(self, box: Box) -> Shown:
        return self._ask(self.final, Prompts(boxes=[box]))

    def _ask(self, segmenter: Segmenter, prompts: Prompts) -> Shown:
        found: Candidates = segmenter.segment(replace(self.embedding, model=segmenter.name), prompts)
        return Shown(found.mask, found.score, found.mask_prompt)


class Painted(Protocol):
    """A network that is told by marks in the image."""

    def predict(self, image: Image, points: Sequence[Point]) -> BoolMask:
        """The mask of the object that these points mark; with none, of whatever it takes for an object."""
        ...


@final
@dataclass(frozen=True, eq=False)
class PaintedClicks:
    """Click Train's pair: one network without clicks for the first mask, one with painted clicks.

    Only clicks on errors are painted, as in its training; of the oracle's clicks those on what is right are left out.
    """

    baseline: Painted
    clicked: Painted

    def look(self, image: Image, embed: Embed) -> "_PaintedSession":
        """The arm with its eyes on one image; it needs no embedding."""
        del embed
        return _PaintedSession(self.baseline, self.clicked, image)


@final
@dataclass(frozen=True, eq=False)
class _PaintedSession:
    baseline: Painted
    clicked: Painted
    image: Image

    def opening(self, point: Point) -> tuple[Shown, int]:
        del point
        return Shown(self.baseline.predict(self.image, ()), nan), 0

    def oracle(self, clicks: ClickTrainClicks, centre: Point) -> tuple[Shown, Sequence[Point]]:
        del centre
        errors = [point for point, kind in zip(clicks.points, clicks.kinds, strict=True) if kind != "tp"]
        return Shown(self.clicked.predict(self.image, errors), nan), errors

    def click(self, points: Sequence[Point], before: Shown | None) -> Shown:
        del before
        return Shown(self.clicked.predict(self.image, points), nan)


@final
@dataclass(frozen=True)
class Ellipse:
    """The peer that needs no image: the ellipse inscribed in a box."""

    def look(self, image: Image, embed: Embed) -> "_EllipseSession":
        """The size of the image is all that it wants to know."""
        del embed
        return _EllipseSession(image.size)


@final
@dataclass(frozen=True)
class _EllipseSession:
    size: tuple[int, int]

    def box(self, box: Box) -> Shown:
        return Shown(ellipse_mask(box, self.size), nan)
