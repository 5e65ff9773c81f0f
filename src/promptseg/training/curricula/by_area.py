"""Clicks spread over what masks have right, miss and have too much, as prompts of all objects at once."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from promptseg.prompts.click_train import click_train_clicks
from promptseg.prompts.voronoi import Spreading
from promptseg.training.curricula.cells import Rng
from promptseg.training.simulation import Decode, ObjectPrompts
from promptseg.types import Point

__all__ = ["clicks_by_area", "grid_clicks"]


def clicks_by_area(truth_Mhw: Tensor, predicted_Mhw: Tensor, rng: Rng, *, method: Spreading) -> list[tuple[Point, ...]]:
    """Clicks on cells by the rule of Click Train (:mod:`promptseg.prompts.click_train`) for each object; maybe none.

    Objects are looked at one after another on the processor, about a millisecond each.
    """
    pairs = zip(truth_Mhw.cpu().numpy(), predicted_Mhw.cpu().numpy(), strict=True)
    return [
        click_train_clicks(truth, predicted, method=method, rng=rng).points if truth.any() else ()
        for truth, predicted in pairs
    ]


def grid_clicks(
    clicks: Sequence[Sequence[Point]], decode: Decode, *, like: Tensor, literal: bool = False
) -> ObjectPrompts:
    """Clicks on cells of the grid, any number for each object, as prompts in pixels of the network's input.

    With ``literal`` they go as (row, column) of the grid, unscaled, as in ClickSAM's code.
    """
    most = max((len(found) for found in clicks), default=0)
    points, labels = np.zeros((len(clicks), most, 2), np.float32), np.full((len(clicks), most), -1, np.int64)
    scale = decode.side / decode.grid_side
    for row, found in enumerate(clicks):
        for column, click in enumerate(found):
            middle = (scale * (click.x + 0.5) - 0.5, scale * (click.y + 0.5) - 0.5)
            points[row, column] = (click.y, click.x) if literal else middle
            labels[row, column] = click.positive
    return ObjectPrompts(torch.from_numpy(points).to(like.device), torch.from_numpy(labels).to(like.device))
