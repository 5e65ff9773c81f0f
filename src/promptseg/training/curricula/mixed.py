"""All that a user may do, mixed: clicks, boxes, masks, strokes, then corrections. The embedded default learned so."""

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Annotated, Final, Self, final

import torch
from pydantic import Field, model_validator
from torch import Tensor

from promptseg.training.curricula.boxes import jitter_boxes
from promptseg.training.curricula.by_area import clicks_by_area, grid_clicks
from promptseg.training.curricula.cells import Rng, reference, uniform
from promptseg.training.curricula.clicks import best_logits, with_points
from promptseg.training.curricula.people import (
    Hand,
    click_mistake,
    click_region,
    click_several,
    rough_masks,
    stroke,
)
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, ObjectPrompts, Round, Targets

__all__ = ["Mixed"]

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
KINDS: Final = ("click", "box", "box_and_click", "several", "mask", "scribble")


@final
class Mixed(SimulatedUser):
    """A first prompt of any kind, then one or two corrections, all learned from; sometimes many more corrections.

    The kind of the first prompt is drawn for each object. Then either 1 to ``corrections`` rounds that are learned
    from follow, or (``long``) 1 to ``long_corrections`` without gradient and one that is learned from. A correction
    adds a click on an error, mostly with the previous logits as mask prompt; in some rounds clicks by the rule of
    Click Train replace all prompts instead. Made for this project; the parts are those of Segment Anything, RITM and
    ClickSAM.

    Attributes:
        click: weight of one click as the first prompt; the weights need not sum to 1.
        box: weight of a box.
        box_and_click: weight of both.
        several: weight of 1 to ``several_most`` clicks on the object with up to as many near it.
        mask: weight of a rough mask.
        scribble: weight of a stroke on the object.
        several_most: of each sign.
        scribble_points: of a stroke, at most.
        deep: share of clicks that aim at the deepest place; the others aim anywhere.
        unsteady: spread of clicks, as a share of the region's diameter.
        miss: share of clicks that miss the region by a little and keep their sign.
        loose: share of boxes that are drawn inexactly.
        box_noise: spread of each coordinate of these, as a share of the side.
        corrections: most rounds after the first that are learned from.
        long: share of batches with corrections that are not learned from.
        long_corrections: most of these.
        feedback: share of corrections that show the previous logits as mask prompt.
        mask_only: share of objects that show these alone in a round.
        click_train: share of corrections with clicks by area in place of all other prompts.
        multimask_first: share of batches in which the network answers the first prompt with three masks.
        multimask_later: the same for corrections.
    """

    click: Weight = 0.42
    box: Weight = 0.32
    box_and_click: Weight = 0.05
    several: Weight = 0.08
    mask: Weight = 0.08
    scribble: Weight = 0.05
    several_most: int = Field(default=5, ge=1)
    scribble_points: int = Field(default=8, ge=1)
    deep: Share = 0.5
    unsteady: Weight = 0.05
    miss: Share = 0.02
    loose: Share = 0.75
    box_noise: Weight = 0.1
    corrections: int = Field(default=2, ge=1)
    long: Share = 0.22
    long_corrections: int = Field(default=7, ge=1)
    feedback: Share = 0.88
    mask_only: Share = 0.06
    click_train: Share = 0.15
    multimask_first: Share = 0.5
    multimask_later: Share = 0.3

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if not sum(getattr(self, kind) for kind in KINDS) > 0:
            raise ValueError(f"all of {', '.join(KINDS)} are 0; give at least one a weight")
        return self

    @property
    def _hand(self) -> Hand:
        return Hand(self.deep, self.unsteady, self.miss)

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network in any way, then correct it."""
        truth = reference(targets.masks_Mhw)
        prompts = self._first(targets, truth, decode, rng)
        answer = decode(prompts, multimask=bool(rng.random() < self.multimask_first))
        rounds = [Round(*answer)]
        for learned in self._corrections(rng):
            shown = best_logits(*answer)
            prompts, said = self._corrected(prompts, truth, shown, decode, rng)
            multimask = bool(rng.random() < self.multimask_later)
            with nullcontext() if learned else torch.no_grad():
                answer = decode(said, multimask=multimask)
            if learned:
                rounds.append(Round(*answer))
        return rounds

    def _corrections(self, rng: Rng) -> list[bool]:
        """For each correction whether it is learned from."""
        if rng.random() < self.long:
            return [False] * int(rng.integers(1, self.long_corrections, endpoint=True)) + [True]
        return [True] * int(rng.integers(1, self.corrections, endpoint=True))

    def _first(self, targets: Targets, truth: Tensor, decode: Decode, rng: Rng) -> ObjectPrompts:
        weights = [getattr(self, kind) for kind in KINDS]
        drawn = rng.choice(len(KINDS), size=len(truth), p=[weight / sum(weights) for weight in weights])
        of = {name: torch.from_numpy(drawn == number).to(truth.device) for number, name in enumerate(KINDS)}
        clicked = (of["click"] | of["box_and_click"])[:, None, None]
        prompts = click_region(truth & clicked, self._hand, decode, rng)
        for name in ("several", "scribble"):
            if (drawn == KINDS.index(name)).any():
                prompts = _for_some(prompts, of[name], self._clicks(name, truth[of[name]], decode, rng))
        boxed = (of["box"] | of["box_and_click"])[:, None]
        loose = uniform(rng, (len(truth), 1), like=truth) < self.loose
        noisy = jitter_boxes(targets.boxes_M4, rng, side=decode.side, fraction=self.box_noise, limit_px=math.inf)
        boxes = torch.where(boxed, torch.where(loose, noisy, targets.boxes_M4), torch.nan)
        masks = torch.full_like(targets.masks_Mhw[:, None], torch.nan)
        masks[of["mask"]] = rough_masks(targets.masks_Mhw[of["mask"]], rng)
        return replace(prompts, boxes_M4=boxes, masks_M1hw=masks)

    def _clicks(self, name: str, truth: Tensor, decode: Decode, rng: Rng) -> ObjectPrompts:
        if name == "several":
            return click_several(truth, self.several_most, self._hand, decode, rng)
        return stroke(truth, self.scribble_points, decode, rng)

    def _corrected(
        self, before: ObjectPrompts, truth: Tensor, shown: Tensor, decode: Decode, rng: Rng
    ) -> tuple[ObjectPrompts, ObjectPrompts]:
        """The prompts made so far with the correction, and what of them is said in this round."""
        if rng.random() < self.click_train:
            made = _by_area(before, truth, shown, decode, rng)
        else:
            click = click_mistake(truth, shown, self._hand, decode, rng)
            made = with_points(before, click.points_MP2, click.labels_MP)
        draw = uniform(rng, (2, len(truth)), like=truth)
        bare = draw[0] < self.mask_only
        labels = torch.where(bare[:, None], -1, made.labels_MP)
        boxes = None if made.boxes_M4 is None else torch.where(bare[:, None], torch.nan, made.boxes_M4)
        said_anything = (labels >= 0).any(dim=1)
        if boxes is not None:
            said_anything |= ~boxes.isnan().any(dim=1)
        fed = (draw[1] < self.feedback) | ~said_anything
        masks = torch.where(fed[:, None, None, None], shown[:, None], torch.nan)
        return made, replace(made, labels_MP=labels, boxes_M4=boxes, masks_M1hw=masks)


def _for_some(prompts: ObjectPrompts, chosen_M: Tensor, more: ObjectPrompts) -> ObjectPrompts:
    """The same prompts, and for the chosen objects the points of others."""
    count = more.labels_MP.shape[1]
    points = prompts.points_MP2.new_zeros(len(prompts), count, 2)
    labels = prompts.labels_MP.new_full((len(prompts), count), -1)
    points[chosen_M], labels[chosen_M] = more.points_MP2, more.labels_MP
    return with_points(prompts, points, labels)


def _by_area(before: ObjectPrompts, truth: Tensor, shown: Tensor, decode: Decode, rng: Rng) -> ObjectPrompts:
    """Clicks by area in place of all prompts; where there are none to make, the prompts stay."""
    clicks = clicks_by_area(truth, shown > 0, rng, method="inverse-distance")
    alone = torch.tensor([not found for found in clicks], device=truth.device)
    made = grid_clicks(clicks, decode, like=truth)
    kept = torch.where(alone[:, None], before.labels_MP, -1)
    boxes = None if before.boxes_M4 is None else torch.where(alone[:, None], before.boxes_M4, torch.nan)
    return replace(with_points(made, before.points_MP2, kept), boxes_M4=boxes)
