"""Many clicks at once, then up to three corrections that are not learned from: RITM (arXiv 2102.06583)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from promptseg.training.curricula.cells import Rng, grown, mistakes, reference, somewhere_in, uniform, uniform_cells
from promptseg.training.curricula.clicks import best_logits, click_core, with_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, ObjectPrompts, Round, Targets

__all__ = ["Ritm", "draw_counts"]

EROSION_STEPS: Final = 3
BORDER: Final = 0.1
LEAST_CELLS: Final = 10


@final
class Ritm(SimulatedUser):
    """Clicks in and around the object, 0 to 3 corrections without gradient, then one round that is learned from.

    From 1 to 24 positive and 0 to 24 negative clicks; each number is 0.8 times as likely as the one before. Positive
    clicks are drawn from the object, for 9 of 10 objects after 3 erosions (unless fewer than 10 cells are left).
    Negative clicks lie in the background or on the border, a rim outside the object of 0.1 times the square root of its
    area. Then a number of corrections, each of 0 to 3 equally likely, adds one click each, drawn from the part of the
    larger error that is deeper than half its greatest depth, and feeds the mask back.

    Other than in the authors' code: clicks on other objects of the image (0.4 of theirs) are not made, the background
    (0.1) and the border (0.5) share them in proportion; two objects are never merged into one; erosion and border are
    counted in cells of the grid; the mask fed back is of logits.

    Attributes:
        most_corrections: without gradient.
        most_clicks: of each sign, at first.
        decay: how much less likely each number of clicks is than the number before.
        eroded_share: of objects whose positive clicks keep off the outline.
        border_share: of negative clicks that lie on the border.
        threshold: probability above which a cell belongs to the mask that is corrected.
    """

    most_corrections: int = Field(default=3, ge=0)
    most_clicks: int = Field(default=24, ge=1)
    decay: float = Field(default=0.8, gt=0, le=1)
    eroded_share: float = Field(default=0.9, ge=0, le=1)
    border_share: float = Field(default=0.5 / 0.6, ge=0, le=1)
    threshold: float = Field(default=0.49, gt=0, lt=1)

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network with many clicks, correct it, learn from the last answer."""
        truth = reference(targets.masks_Mhw)
        prompts = self._first(truth, decode, rng)
        level = float(np.log(self.threshold / (1 - self.threshold)))
        for _ in range(int(rng.integers(self.most_corrections, endpoint=True))):
            with torch.no_grad():
                shown = best_logits(*decode(prompts, multimask=False))
            clicks = click_core(*mistakes(truth, shown, threshold=level), decode, rng)
            prompts = replace(with_points(prompts, *clicks), masks_M1hw=shown[:, None])
        return (Round(*decode(prompts, multimask=False)),)

    def _first(self, truth_Mhw: Tensor, decode: Decode, rng: Rng) -> ObjectPrompts:
        objects, most = len(truth_Mhw), self.most_clicks
        eroded = ~grown(~truth_Mhw, torch.full((objects,), EROSION_STEPS, device=truth_Mhw.device))
        kept = (uniform(rng, (objects,), like=truth_Mhw) < self.eroded_share) & (
            eroded.flatten(1).sum(dim=1) >= LEAST_CELLS
        )
        positive, found = uniform_cells(torch.where(kept[:, None, None], eroded, truth_Mhw), rng, count=most)
        radius = (BORDER * truth_Mhw.flatten(1).sum(dim=1).float().sqrt()).ceil().long()
        border, on_border = uniform_cells(grown(truth_Mhw, radius) & ~truth_Mhw, rng, count=most)
        background, elsewhere = uniform_cells(~truth_Mhw, rng, count=most)
        near = (uniform(rng, (objects, most), like=truth_Mhw) < self.border_share) & on_border[:, None]
        cells = torch.cat((positive, torch.where(near[..., None], border, background)), dim=1)
        order = np.arange(most)
        wanted = [
            order < draw_counts(rng, objects, most=most, decay=self.decay, least=least)[:, None] for least in (1, 0)
        ]
        shown = torch.from_numpy(np.concatenate(wanted, axis=1)).to(truth_Mhw.device)
        possible = torch.cat((found[:, None].expand(-1, most), elsewhere[:, None].expand(-1, most)), dim=1)
        signs = torch.tensor([1] * most + [0] * most, device=truth_Mhw.device)
        return ObjectPrompts(somewhere_in(cells, decode, rng), torch.where(shown & possible, signs, -1))


def draw_counts(
    rng: Rng, objects: int, *, most: int, decay: float, least: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Draw a number from ``least`` to ``most`` for each object, each ``decay`` times as likely as the one before."""
    chances = decay ** np.arange(most - least + 1)
    return least + rng.choice(len(chances), size=objects, p=chances / chances.sum())
