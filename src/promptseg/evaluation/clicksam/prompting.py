"""How the test prompts a network: oracle clicks as in the paper, a simulated user, boxes.

Every prompter knows the reference, so every score reached with one is an oracle's. What a prompter sees of an arm is a
:data:`Session`: the arm with its eyes on one image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, final
from zlib import crc32

import numpy as np

from promptseg.prompts import box_around, centre_click, centroid_click, jitter_box, next_click
from promptseg.prompts.click_train import ClickTrainClicks, click_train_clicks
from promptseg.types import BoolMask, Box, MaskPrompt, Point, Prompts

__all__ = ["CLICKS", "PROMPTERS", "Prompter", "Session", "Shown", "Step", "Way", "prompted"]

CLICKS: Final = 9
"""Clicks that the simulated user makes."""

Way = Literal["clicks", "box"]
"""What a session must understand."""

Rng = np.random.Generator


@final
@dataclass(frozen=True, eq=False)
class Shown:
    """A mask that the user is shown.

    Attributes:
        mask: (H, W) at the size of the image as given.
        score: the network's own estimate of its IoU; NaN if it makes none.
        feedback: what is handed back with the next click, or None where the arm takes no mask.
    """

    mask: BoolMask
    score: float
    feedback: MaskPrompt | None = None


class ClickSession(Protocol):
    """An arm that looks at one image and understands clicks."""

    def opening(self, point: Point) -> tuple[Shown, int]:
        """The mask whose errors the oracle's clicks correct, and how many clicks it took (Click Train: none)."""
        ...

    def oracle(self, clicks: ClickTrainClicks, centre: Point) -> tuple[Shown, Sequence[Point]]:
        """The final mask from the oracle's clicks alone, and what was clicked; without any, ``centre`` is."""
        ...

    def click(self, points: Sequence[Point], before: Shown | None) -> Shown:
        """The mask after the last of a user's clicks; ``before`` is what was shown before it."""
        ...


class BoxSession(Protocol):
    """An arm that looks at one image and understands boxes."""

    def box(self, box: Box) -> Shown:
        """The mask of what a box holds."""
        ...


Session = ClickSession | BoxSession
"""An arm that looks at one image."""


@final
@dataclass(frozen=True, eq=False)
class Step:
    """One evaluation: what was said until then, and what came of it."""

    step: int
    prompts: Prompts
    shown: Shown
    n_clicks: int


@final
@dataclass(frozen=True)
class Prompter:
    """One way to prompt.

    Attributes:
        title: for people.
        way: what a session must understand.
        steps: how many :class:`Step` come of it.
        run: a session that understands it, reference and randomness to those steps.
    """

    title: str
    way: Way
    steps: int
    run: Callable[[Any, BoolMask, Rng], list[Step]]


def prompted(session: Session, reference: BoolMask, name: str, *, image: str, seed: int) -> list[Step]:
    """All steps of a prompter; its noise follows from the names of image and prompter, so all arms get the same.

    Args:
        session: the arm on this image.
        reference: (H, W), not empty.
        name: from :data:`PROMPTERS`.
        image: name of the sample.
        seed: of the reproduction.
    """
    rng = np.random.default_rng((seed, crc32(image.encode()), crc32(name.encode())))
    return PROMPTERS[name].run(session, reference, rng)


def _oracle_clicks(session: ClickSession, reference: BoolMask, rng: Rng) -> list[Step]:
    """Stage 1 from the centre of mass, stage 2 from the clicks of Click Train's rule on its errors.

    Where the rule gives no click (IoU above .95, or no error worth one), stage 2 gets the click of stage 1, as in the
    paper's notebook and in training.
    """
    centre = centroid_click(reference).points[0]
    first, made = session.opening(centre)
    opened = Step(1, Prompts(points=[centre] if made else []), first, made)
    final, points = session.oracle(click_train_clicks(reference, first.mask, rng=rng), centre)
    return [opened, Step(2, Prompts(points=points), final, len(points))]


def _simulated_user(session: ClickSession, reference: BoolMask, rng: Rng) -> list[Step]:
    """Nine clicks, each in the middle of the largest error of the mask shown (RITM's rule), all kept."""
    del rng
    points = [centre_click(reference).points[0]]
    shown = session.click(points, None)
    steps = [Step(1, Prompts(points=points), shown, 1)]
    for step in range(2, CLICKS + 1):
        point = next_click(reference, shown.mask, clicked=points)
        if point is not None:
            points = [*points, point]
            shown = session.click(points, shown)
        steps.append(Step(step, Prompts(points=points), shown, len(points)))
    return steps


def _tight_box(session: BoxSession, reference: BoolMask, rng: Rng) -> list[Step]:
    del rng
    prompts = box_around(reference)
    return [Step(1, prompts, session.box(prompts.boxes[0]), 0)]


def _jittered_box(session: BoxSession, reference: BoolMask, rng: Rng) -> list[Step]:
    """Each corner coordinate moved by Gaussian noise of 10 % of the side, at most 20 pixels."""
    box = jitter_box(box_around(reference).boxes[0], reference.shape, rng)
    return [Step(1, Prompts(boxes=[box]), session.box(box), 0)]


PROMPTERS: Final[dict[str, Prompter]] = {
    "oracle-clicks": Prompter("the paper's clicks", "clicks", 2, _oracle_clicks),
    "simulated-user": Prompter("simulated user", "clicks", CLICKS, _simulated_user),
    "tight-box": Prompter("tight box", "box", 1, _tight_box),
    "jittered-box": Prompter("box, jittered by 10 %", "box", 1, _jittered_box),
}
"""Ways to prompt, in the order of results."""
