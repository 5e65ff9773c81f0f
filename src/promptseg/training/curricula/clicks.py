"""Clicks of a simulated user on objects and on errors, as prompts of all objects at once."""

from dataclasses import replace
from typing import Literal

import torch
from torch import Tensor

from promptseg.training.curricula.cells import (
    Rng,
    deepest_cells,
    depths,
    inside,
    middles,
    reference,
    somewhere_in,
    uniform_cells,
)
from promptseg.training.simulation import Decode, ObjectPrompts

__all__ = ["Placement", "best_logits", "click_core", "click_error", "click_object", "no_points", "with_points"]

Placement = Literal["random", "centre", "centroid", "projected-centroid"]
"""Where the one click on an object lies: on a random cell; on the centre of the largest disc inside; at the centre of
mass, which may lie outside; on the cell of the object that is nearest to its centre of mass."""


def no_points(count: int, *, like: Tensor) -> ObjectPrompts:
    """Prompts of ``count`` objects that say nothing yet."""
    return ObjectPrompts(
        torch.zeros(count, 0, 2, device=like.device), torch.zeros(count, 0, dtype=torch.long, device=like.device)
    )


def with_points(prompts: ObjectPrompts, points_MP2: Tensor, labels_MP: Tensor) -> ObjectPrompts:
    """The same prompts and more points."""
    return replace(
        prompts,
        points_MP2=torch.cat((prompts.points_MP2, points_MP2), dim=1),
        labels_MP=torch.cat((prompts.labels_MP, labels_MP), dim=1),
    )


def click_object(masks_Mhw: Tensor, where: Placement, decode: Decode, rng: Rng) -> tuple[Tensor, Tensor]:
    """One positive click on each object: points (M, 1, 2) and labels (M, 1); label -1 where the object is empty."""
    truth = reference(masks_Mhw)
    found = truth.flatten(1).any(dim=1)
    if where == "random":
        cells, _ = uniform_cells(truth, rng)
        points = somewhere_in(cells, decode, rng)
    elif where == "centre":
        cells, _ = deepest_cells(depths(truth))
        points = middles(cells, decode)
    else:
        centroid = _centroid(masks_Mhw)
        cells = centroid if where == "centroid" else _nearest_cell(truth, centroid)
        points = middles(cells, decode)
    return points, torch.where(found, 1, -1)[:, None]


def click_error(
    missing_Mhw: Tensor, extra_Mhw: Tensor, decode: Decode, rng: Rng, *, count: int = 1
) -> tuple[Tensor, Tensor]:
    """Clicks drawn uniformly, with replacement, from all that is wrong: points (M, P, 2) and labels (M, P).

    Positive where a cell is missing, negative where one is too much, -1 where nothing is wrong.
    """
    cells, found = uniform_cells(missing_Mhw | extra_Mhw, rng, count=count)
    labels = torch.where(found[:, None], inside(missing_Mhw, cells).long(), -1)
    return somewhere_in(cells, decode, rng), labels


def click_core(
    missing_Mhw: Tensor, extra_Mhw: Tensor, decode: Decode, rng: Rng, *, core: float = 0.5
) -> tuple[Tensor, Tensor]:
    """One click in the heart of the larger error of each object: points (M, 1, 2) and labels (M, 1).

    What is missing and what is too much are compared by their greatest depths (exact distance to other cells); the
    larger wins, equals give a negative click. The click is drawn uniformly from the cells of that error which are
    deeper than a share ``core`` of its greatest depth, as in the training of RITM; 1 gives the first deepest cell.
    """
    missing, extra = depths(missing_Mhw), depths(extra_Mhw)
    greatest_missing, greatest_extra = (depth.flatten(1).amax(dim=1) for depth in (missing, extra))
    positive = greatest_missing > greatest_extra
    chosen = torch.where(positive[:, None, None], missing, extra)
    greatest = torch.maximum(greatest_missing, greatest_extra)
    if core < 1:
        cells, found = uniform_cells((chosen > core * greatest[:, None, None]), rng)
        points = somewhere_in(cells, decode, rng)
    else:
        cells, found = deepest_cells(chosen)
        points = middles(cells, decode)
    return points, torch.where(found, positive.long(), -1)[:, None]


def best_logits(logits_MKhw: Tensor, scores_MK: Tensor) -> Tensor:
    """Of each object the mask with the highest score, without gradient: (M, h, w)."""
    best = scores_MK.detach().argmax(dim=1)
    return logits_MKhw.detach()[torch.arange(len(best), device=best.device), best]


def _centroid(masks_Mhw: Tensor) -> Tensor:
    """Centre of mass (M, 1, 2) in cells; of an empty object (0, 0). No matrix product: autocast would round it."""
    mass = masks_Mhw.flatten(1).sum(dim=1).clamp(min=1e-6)
    places = torch.arange(masks_Mhw.shape[-1], dtype=torch.float32, device=masks_Mhw.device)
    x, y = ((masks_Mhw.sum(dim=dim) * places).sum(dim=1) / mass for dim in (1, 2))
    return torch.stack((x, y), dim=1)[:, None]


def _nearest_cell(truth_Mhw: Tensor, points_M12: Tensor) -> Tensor:
    """The cell (M, 1, 2) of each object that is nearest to a point, the first of equals; (0, 0) of an empty one."""
    places = torch.arange(truth_Mhw.shape[-1], dtype=torch.float32, device=truth_Mhw.device)
    across, down = ((places - points_M12[:, 0, axis, None]) ** 2 for axis in (0, 1))
    squared = (down[:, :, None] + across[:, None, :]).masked_fill(~truth_Mhw, torch.inf)
    cells, _ = deepest_cells(-squared)
    return cells
