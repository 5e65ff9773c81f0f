"""What people do with a mouse: clicks that are a little off or miss, strokes, many clicks at once, rough masks."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from promptseg.prompts.noise import jitter_click, miss_click, scribble
from promptseg.training.curricula.by_area import grid_clicks
from promptseg.training.curricula.cells import Rng, deepest_cells, depths, grown, mistakes, uniform, uniform_cells
from promptseg.training.simulation import Decode, ObjectPrompts
from promptseg.types import Point

__all__ = ["Hand", "click_mistake", "click_region", "click_several", "rough_masks", "stroke"]

_SURE: Final = 8.0
"""Logit deep inside a rough mask."""

_NEAR: Final = 0.08
"""How far from the object negative clicks of several lie, as a share of the grid."""


@final
@dataclass(frozen=True)
class Hand:
    """How exactly somebody clicks.

    Attributes:
        deep: share of clicks that aim at the deepest place of a region; the others aim anywhere in it.
        unsteady: spread of the place, as a share of the region's diameter; the click stays in the region.
        miss: share of clicks that miss the region by a little.
    """

    deep: float
    unsteady: float
    miss: float


def click_region(
    region_Mhw: Tensor, hand: Hand, decode: Decode, rng: Rng, *, positive_M: Tensor | None = None
) -> ObjectPrompts:
    """One click in the region of each object, of the sign given (else positive); none where the region is empty."""
    objects = len(region_Mhw)
    deep = uniform(rng, (objects,), like=region_Mhw) < hand.deep
    inner = depths(region_Mhw & deep[:, None, None])
    signs = torch.ones(objects, dtype=torch.bool) if positive_M is None else positive_M
    return _clicked(region_Mhw, inner, signs, hand, decode, rng)


def click_mistake(truth_Mhw: Tensor, logits_Mhw: Tensor, hand: Hand, decode: Decode, rng: Rng) -> ObjectPrompts:
    """One click on an error of each mask: on the deepest place of the deeper kind of error, or anywhere on any."""
    missing, extra = mistakes(truth_Mhw, logits_Mhw)
    deep = uniform(rng, (len(truth_Mhw),), like=truth_Mhw) < hand.deep
    inner, outer = depths(missing & deep[:, None, None]), depths(extra & deep[:, None, None])
    deeper = inner.flatten(1).amax(dim=1) > outer.flatten(1).amax(dim=1)
    missed, wrong = missing.flatten(1).sum(dim=1), (missing | extra).flatten(1).sum(dim=1)
    larger = uniform(rng, (len(truth_Mhw),), like=truth_Mhw) * wrong < missed
    positive = torch.where(deep, deeper, larger)
    chosen = positive[:, None, None]
    region, depth = torch.where(chosen, missing, extra), torch.where(chosen, inner, outer)
    return _clicked(region, depth, positive, hand, decode, rng)


def click_several(truth_Mhw: Tensor, most: int, hand: Hand, decode: Decode, rng: Rng) -> ObjectPrompts:
    """From 1 to ``most`` clicks on each object, and from 0 to ``most`` outside but near it."""
    objects, side = len(truth_Mhw), truth_Mhw.shape[-1]
    reach = torch.full((objects,), max(1, round(_NEAR * side)), device=truth_Mhw.device)
    near = grown(truth_Mhw, reach) & ~truth_Mhw
    parts = []
    for region, positive in ((truth_Mhw, True), (near, False)):
        wanted = torch.from_numpy(rng.integers(int(positive), most, size=objects, endpoint=True)).to(region.device)
        signs = torch.full((objects,), positive, device=region.device)
        for number in range(most):
            asked = region & (wanted > number)[:, None, None]
            parts.append(click_region(asked, hand, decode, rng, positive_M=signs))
    return ObjectPrompts(
        torch.cat([part.points_MP2 for part in parts], dim=1), torch.cat([part.labels_MP for part in parts], dim=1)
    )


def stroke(truth_Mhw: Tensor, most: int, decode: Decode, rng: Rng) -> ObjectPrompts:
    """A stroke along the middle of each object or winding through it, as at most so many positive clicks."""
    strokes: list[tuple[Point, ...]] = []
    for mask in truth_Mhw.cpu().numpy():
        medial = rng.random() < 0.5
        strokes.append(scribble(mask, rng, course="medial" if medial else "random", count=most) if mask.any() else ())
    return grid_clicks(strokes, decode, like=truth_Mhw)


def rough_masks(masks_Mhw: Tensor, rng: Rng) -> Tensor:
    """Logits (M, 1, h, w) of masks that somebody else might have drawn: too large, too small, and with a wrong outline.

    The blurred reference is moved up or down by a constant and by a smooth random field near the object; two of five
    are hard masks.
    """
    objects, side = len(masks_Mhw), masks_Mhw.shape[-1]
    field = torch.from_numpy(rng.standard_normal((objects, 1, 8, 8), dtype=np.float32)).to(masks_Mhw.device)
    smooth = interpolate(field, size=(side, side), mode="bilinear", align_corners=False)
    around = max(1, round(side / 32))
    blurred = avg_pool2d(masks_Mhw[:, None], 2 * around + 1, stride=1, padding=around)
    offset, amount, hard = (uniform(rng, (objects, 1, 1, 1), like=masks_Mhw) for _ in range(3))
    near = (blurred > 0.01).float()
    logits = _SURE * (blurred - 0.5 + ((offset - 0.5) * 0.6 + 0.5 * amount * smooth) * near)
    return torch.where(hard < 0.4, torch.sign(logits) * _SURE, logits)


def _clicked(
    region_Mhw: Tensor, inner_Mhw: Tensor, positive_M: Tensor, hand: Hand, decode: Decode, rng: Rng
) -> ObjectPrompts:
    """One click in each region: on its deepest cell where depths are given, else anywhere; then moved as by a hand."""
    anywhere, found = uniform_cells(region_Mhw, rng)
    deepest, deep = deepest_cells(inner_Mhw)
    cells = torch.where(deep[:, None, None], deepest, anywhere)[:, 0]
    offsets = (rng.random((len(cells), 2)) - 0.5) * (1 - decode.grid_side / decode.side)
    places = cells.cpu().numpy() + offsets
    clicks: list[tuple[Point, ...]] = []
    masks, signs, any_cell = region_Mhw.cpu().numpy(), positive_M.tolist(), found.tolist()
    for mask, (x, y), positive, some in zip(masks, places.tolist(), signs, any_cell, strict=True):
        if not some:
            clicks.append(())
            continue
        moved = jitter_click(Point(x, y, positive), mask, rng, fraction=hand.unsteady)
        clicks.append((miss_click(moved, mask, rng, probability=hand.miss),))
    made = grid_clicks(clicks, decode, like=region_Mhw)
    if made.labels_MP.shape[1] == 0:
        return ObjectPrompts(
            torch.zeros(len(cells), 1, 2, device=region_Mhw.device),
            torch.full_like(found, -1, dtype=torch.long)[:, None],
        )
    return made
