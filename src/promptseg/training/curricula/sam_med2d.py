"""Nine rounds whose clicks replace each other: the training of SAM-Med2D (arXiv 2308.16184)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import torch
from pydantic import Field, field_validator

from promptseg.training.curricula.boxes import shift_boxes
from promptseg.training.curricula.cells import Rng, mistakes, reference, uniform
from promptseg.training.curricula.clicks import best_logits, click_error, click_object, no_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, ObjectPrompts, Round, Targets

__all__ = ["SamMed2d"]

ROUNDS: Final = 8
"""Rounds after the first."""

EARLY: Final = (1, 6)
"""Of these rounds, numbered from 0, the first and the last that may be the one without clicks; and so is round 7."""


@final
class SamMed2d(SimulatedUser):
    """A box or a point, then eight rounds: six with new clicks on errors and two with the mask alone.

    Round 0: for half of the objects a box, shifted as a whole by up to 5 px of a frame of 256, for the others one
    random point. In each later round 1, 3, 5 or 9 clicks, drawn with replacement from the error, *replace* all earlier
    prompts; the mask with the highest score is the mask prompt. A round with a random number from 1 to 6 (of 0 to 7)
    and the last show the mask alone. The network always answers with three masks, of which the one with the highest
    score is learned (loss preset ``sam-med2d``).

    Other than in the authors' code: point or box is drawn for each object (theirs: for each batch); all rounds enter
    one step of the optimiser (theirs: a step for each round, with the encoder frozen after the first); an object
    without error gets no click (theirs: random points that are marked as none, which is the same to the network).

    Attributes:
        counts: numbers of clicks to draw from.
        box_share: of objects whose first prompt is a box.
        sigmoid_mask: whether the mask prompt is a probability, as in the authors' code, where the prompt encoder
            was made for logits.
    """

    counts: tuple[int, ...] = (1, 3, 5, 9)
    box_share: float = Field(default=0.5, ge=0, le=1)
    sigmoid_mask: bool = False

    @field_validator("counts")
    @classmethod
    def _of_clicks(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if not counts or min(counts) < 1:
            raise ValueError("needs at least one number, each 1 or more")
        return counts

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network with a point or a box, then with clicks on its errors."""
        truth = reference(targets.masks_Mhw)
        rounds = [Round(*decode(self._first(targets, decode, rng), multimask=True))]
        bare = {int(rng.integers(EARLY[0], EARLY[1], endpoint=True)), ROUNDS - 1}
        for number in range(ROUNDS):
            shown = best_logits(rounds[-1].logits_MKhw, rounds[-1].scores_MK)
            said = no_points(len(shown), like=shown)
            if number not in bare:
                count = int(rng.choice(self.counts))
                said = ObjectPrompts(*click_error(*mistakes(truth, shown), decode, rng, count=count))
            mask = torch.sigmoid(shown) if self.sigmoid_mask else shown
            rounds.append(Round(*decode(replace(said, masks_M1hw=mask[:, None]), multimask=True)))
        return rounds

    def _first(self, targets: Targets, decode: Decode, rng: Rng) -> ObjectPrompts:
        boxed = uniform(rng, (len(targets.boxes_M4),), like=targets.boxes_M4) < self.box_share
        points, labels = click_object(targets.masks_Mhw, "random", decode, rng)
        boxes = shift_boxes(targets.boxes_M4, rng, side=decode.side)
        return ObjectPrompts(
            points, torch.where(boxed[:, None], -1, labels), torch.where(boxed[:, None], boxes, torch.nan)
        )
