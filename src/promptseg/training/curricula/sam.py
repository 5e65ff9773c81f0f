"""Eleven rounds with each object: the interactive training of Segment Anything (arXiv 2304.02643)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import torch
from pydantic import Field

from promptseg.training.curricula.boxes import jitter_boxes
from promptseg.training.curricula.cells import Rng, mistakes, reference, uniform
from promptseg.training.curricula.clicks import best_logits, click_error, click_object, no_points, with_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, ObjectPrompts, Round, Targets

__all__ = ["SegmentAnything", "point_or_box", "rounds_with_clicks"]

BOX_NOISE: Final = 0.1
BOX_NOISE_LIMIT_PX: Final = 20


@final
class SegmentAnything(SimulatedUser):
    """A point or a box, eight clicks on errors, and two rounds with nothing new; every round is learned from.

    Round 0: for half of the objects a random point on the object, for the others the tight box with Gaussian noise of
    10 % of its side, at most 20 px of a frame of 1024; three masks, of which the loss should take the best
    (``choice="least-loss"``). Then a click drawn uniformly from the error of the mask with the highest score, with that
    mask's unthresholded logits as mask prompt; the network answers with its single mask. Two rounds bring nothing new:
    one at a random place between two clicks, and the last.

    In these two the mask prompt stands alone, so that the network learns to use it (``mask_only=False`` keeps the
    prompts made so far; the paper can be read both ways). No code of this training was published.

    Attributes:
        clicks: on errors, 8 in the paper.
        box_share: of objects whose first prompt is a box.
        mask_only: whether the rounds with nothing new show the mask alone, without the prompts made so far.
    """

    clicks: int = Field(default=8, ge=0)
    box_share: float = Field(default=0.5, ge=0, le=1)
    mask_only: bool = True

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network with a point or a box, then correct it."""
        truth = reference(targets.masks_Mhw)
        prompts = point_or_box(targets, decode, rng, box_share=self.box_share)
        rounds = [Round(*decode(prompts, multimask=True))]
        for clicked in rounds_with_clicks(rng, self.clicks):
            shown = best_logits(rounds[-1].logits_MKhw, rounds[-1].scores_MK)
            if clicked:
                prompts = with_points(prompts, *click_error(*mistakes(truth, shown), decode, rng))
            said = no_points(len(prompts), like=shown) if self.mask_only and not clicked else prompts
            rounds.append(Round(*decode(replace(said, masks_M1hw=shown[:, None]), multimask=False)))
        return rounds


def point_or_box(targets: Targets, decode: Decode, rng: Rng, *, box_share: float) -> ObjectPrompts:
    """First prompts: a random point on the object, or a box with noise; which of the two is drawn for each object."""
    boxed = uniform(rng, (len(targets.boxes_M4),), like=targets.boxes_M4) < box_share
    points, labels = click_object(targets.masks_Mhw, "random", decode, rng)
    boxes = jitter_boxes(targets.boxes_M4, rng, side=decode.side, fraction=BOX_NOISE, limit_px=BOX_NOISE_LIMIT_PX)
    return ObjectPrompts(points, torch.where(boxed[:, None], -1, labels), torch.where(boxed[:, None], boxes, torch.nan))


def rounds_with_clicks(rng: Rng, clicks: int) -> list[bool]:
    """For each round after the first, whether it brings a click: all do but the last, and one between two clicks."""
    rounds = [True] * clicks + [False]
    if clicks > 1:
        rounds.insert(int(rng.integers(1, clicks)), False)
    return rounds
