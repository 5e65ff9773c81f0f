"""ClickSAM (arXiv 2402.05902): one click, then clicks spread over what the mask has right, misses and has too much."""

from collections.abc import Sequence
from typing import Literal, final

import torch
from torch import Tensor

from promptseg.errors import ValueRangeError
from promptseg.prompts.voronoi import Spreading, spread_clicks
from promptseg.training.curricula.by_area import clicks_by_area, grid_clicks
from promptseg.training.curricula.cells import Rng, reference
from promptseg.training.curricula.clicks import click_object, no_points, with_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, ObjectPrompts, Round, Targets
from promptseg.types import Point

__all__ = ["ClickSam"]


@final
class ClickSam(SimulatedUser):
    """Stage 1 or stage 2 of ClickSAM; each stage is a training of its own.

    Stage 1: one positive click at the object's middle, one answer. Stage 2: the mask that the network of ``first``
    gives to that click is compared with the reference, and clicks by the rule of Click Train
    (:func:`~promptseg.prompts.click_train.click_train_clicks`; up to 5 for a part and 10 for a kind, by area) take its
    place; where the rule makes none, the click of stage 1 is kept. No mask prompt.

    The ``literal`` variant does what the authors' notebook does: the click of stage 1 is placed like the others, clicks
    are spread by annealing, and points go to the network as (row, column) of the grid, as if that were (x, y) of its
    input. A network trained so needs the same at test time; the variant is for showing what these errors cost.

    Attributes:
        stage: 1 or 2.
        point: where the click of stage 1 lies; the paper's is the ``centroid``, which may lie outside the object.
        first: whose mask is corrected in stage 2: that of the frozen network that training ``start``-ed from (the
            result of stage 1, say), or of the ``current`` one.
        method: how clicks are spread over a part, see :func:`~promptseg.prompts.voronoi.spread_clicks`.
        literal: repeat the errors of the authors' code.
    """

    stage: Literal[1, 2] = 1
    point: Literal["centroid", "projected-centroid", "centre"] = "projected-centroid"
    first: Literal["start", "current"] = "start"
    method: Spreading = "inverse-distance"
    literal: bool = False

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network with one click, or with the clicks that correct the mask of one click.

        Raises:
            ValueRangeError: if stage 2 wants the starting network's mask and ``decode.start`` is None.
        """
        truth = reference(targets.masks_Mhw)
        prompts = self._one_click(targets, truth, decode, rng)
        if self.stage == 2:
            with torch.no_grad():
                logits, _ = self._first_network(decode)(prompts, multimask=False)
            prompts = self._corrected(prompts, truth, logits[:, 0] > 0, decode, rng)
        return (Round(*decode(prompts, multimask=False)),)

    def _first_network(self, decode: Decode) -> Decode:
        if self.first == "current":
            return decode
        if decode.start is None:
            raise ValueRangeError(
                "clicksam with first='start' needs decode.start, got None; give it, or first='current'"
            )
        return decode.start

    def _one_click(self, targets: Targets, truth: Tensor, decode: Decode, rng: Rng) -> ObjectPrompts:
        nothing = no_points(len(truth), like=truth)
        if not self.literal:
            return with_points(nothing, *click_object(targets.masks_Mhw, self.point, decode, rng))
        places = (spread_clicks(mask, 1, method="annealing", rng=rng).tolist() for mask in truth.cpu().numpy())
        clicks = [[Point(x, y) for x, y in found] for found in places]
        return grid_clicks(clicks, decode, like=truth, literal=True)

    def _corrected(
        self, before: ObjectPrompts, truth: Tensor, predicted: Tensor, decode: Decode, rng: Rng
    ) -> ObjectPrompts:
        clicks = clicks_by_area(truth, predicted, rng, method="annealing" if self.literal else self.method)
        made = grid_clicks(clicks, decode, like=truth, literal=self.literal)
        alone = torch.tensor([not found for found in clicks], device=truth.device)
        kept = torch.where(alone[:, None], before.labels_MP, -1)
        return with_points(made, before.points_MP2, kept)
