"""Simulated users for training: first prompts and corrections, for all objects of a batch at once.

Tensors: M objects (images times objects of each), P points, G = S/2 the side of the mask grid. All points are (x, y)
in pixels of the S x S input. Randomness comes from a `torch.Generator`.
"""

from __future__ import annotations

import dataclasses

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

from tools.default_model.recipe import PromptRecipe

EROSIONS = 14


@dataclasses.dataclass(frozen=True)
class Shown:
    """The prompts of M objects: padding is label -1, NaN box, NaN mask, as `CompactNet.decode` has it."""

    points_MP2: Tensor
    labels_MP: Tensor
    boxes_M4: Tensor
    masks_M1GG: Tensor


def uniform(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """Uniform numbers in [0, 1)."""
    return torch.rand(shape, generator=generator)


def depth(region_MGG: Tensor) -> Tensor:
    """How often each pixel survives erosion by 2 x 2 cells of the grid: a cheap distance to the border (M, G, G)."""
    coarse = F.avg_pool2d(region_MGG[:, None], 2)
    alive = (coarse > 0.49).float()
    total = alive.clone()
    for _ in range(EROSIONS):
        alive = -F.max_pool2d(-F.pad(alive, (1, 1, 1, 1)), 3, stride=1)
        total += alive
    return F.interpolate(total, scale_factor=2.0, mode="nearest")[:, 0]


def click(region_MGG: Tensor, deep_M: Tensor, depth_MGG: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One point in each region: at a depth maximum where `deep_M`, else uniform. Returns (M, 2) and found (M,)."""
    m, grid, _ = region_MGG.shape
    noise = uniform((m, grid, grid), generator)
    score = (1.0 + noise + deep_M.float()[:, None, None] * depth_MGG) * (region_MGG > 0.5)
    best = score.flatten(1).argmax(dim=1)
    place = torch.stack((best % grid, best // grid), dim=1).float()
    jitter = uniform((m, 2), generator) * 2.0 - 0.5
    return 2.0 * place + jitter, score.flatten(1).amax(dim=1) > 0


def tight_boxes(target_MGG: Tensor) -> Tensor:
    """Box around each target (M, 4) in input pixels, corners inclusive."""
    grid = target_MGG.shape[-1]
    places = torch.arange(grid, dtype=torch.float32)
    corners = []
    for dim in (1, 2):
        profile = target_MGG.amax(dim=dim) > 0.5
        low = torch.where(profile, places, places.new_tensor(float(grid))).amin(dim=1)
        high = torch.where(profile, places, places.new_tensor(-1.0)).amax(dim=1)
        corners += [2.0 * low, 2.0 * high + 1.0]
    return torch.stack((corners[0], corners[2], corners[1], corners[3]), dim=1)


def jitter_boxes(boxes_M4: Tensor, recipe: PromptRecipe, generator: torch.Generator) -> Tensor:
    """Move the corners of some boxes by gaussian noise in proportion to the side."""
    side = (boxes_M4[:, 2:] - boxes_M4[:, :2]).repeat(1, 2) + 1.0
    noise = torch.randn(boxes_M4.shape, generator=generator).clamp(-2.5, 2.5) * recipe.jitter_sd * side
    chosen = uniform((len(boxes_M4), 1), generator) < recipe.jitter
    moved = boxes_M4 + noise * chosen
    low, high = torch.minimum(moved[:, :2], moved[:, 2:]), torch.maximum(moved[:, :2], moved[:, 2:])
    return torch.cat((low, high), dim=1)


def flawed_masks(target_MGG: Tensor, generator: torch.Generator) -> Tensor:
    """Logits (M, 1, G, G) of wrong masks: targets shifted, grown or shrunk, with blobs added and removed."""
    m, grid, _ = target_MGG.shape
    coarse = torch.randn((m, 1, 8, 8), generator=generator)
    field = F.interpolate(coarse, size=(grid, grid), mode="bilinear", align_corners=False)[:, 0]
    soft = F.avg_pool2d(target_MGG[:, None], 9, stride=1, padding=4)[:, 0]
    amount = uniform((m, 1, 1), generator) * 0.5
    offset = (uniform((m, 1, 1), generator) - 0.5) * 0.6
    logits = 8.0 * (soft - 0.5 + offset * (soft > 0.01) + amount * field * (soft > 0.01))
    hard = uniform((m, 1, 1), generator) < 0.4
    return torch.where(hard, torch.sign(logits) * 10.0, logits)[:, None]


def _many_clicks(target_MGG: Tensor, limit: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Several clicks inside and outside near each target: (M, 2 * limit, 2) and labels."""
    inner = depth(target_MGG)
    near = F.max_pool2d(target_MGG[:, None], 21, stride=1, padding=10)[:, 0] * (target_MGG < 0.5)
    points, labels = [], []
    for region, label in ((target_MGG, 1), (near, 0)):
        wanted = torch.randint(1 if label else 0, limit + 1, (len(target_MGG),), generator=generator)
        for i in range(limit):
            place, found = click(region, torch.zeros(len(target_MGG)), inner, generator)
            points.append(place)
            labels.append(torch.where(found & (wanted > i), label, -1))
    return torch.stack(points, dim=1), torch.stack(labels, dim=1)


def first_prompts(target_MGG: Tensor, recipe: PromptRecipe, generator: torch.Generator) -> Shown:
    """Draw the first prompt of each object: a click, a box, both, many clicks, or a flawed mask."""
    m = len(target_MGG)
    shares = torch.tensor((recipe.click, recipe.box, recipe.box_and_click, recipe.many, recipe.mask))
    kind = torch.multinomial(shares, m, replacement=True, generator=generator)
    deep = uniform((m,), generator) < recipe.deep
    place, found = click(target_MGG, deep, depth(target_MGG), generator)
    one = torch.where(found & ((kind == 0) | (kind == 2)), 1, -1)
    points, labels = place[:, None], one[:, None]
    if bool((kind == 3).any()):
        more, more_labels = _many_clicks(target_MGG, int(torch.randint(2, 7, (1,), generator=generator)), generator)
        points = torch.cat((points, more), dim=1)
        labels = torch.cat((labels, torch.where((kind == 3)[:, None], more_labels, -1)), dim=1)
    boxes = jitter_boxes(tight_boxes(target_MGG), recipe, generator)
    boxes = torch.where(((kind == 1) | (kind == 2))[:, None], boxes, torch.nan)
    masks = torch.where((kind == 4)[:, None, None, None], flawed_masks(target_MGG, generator), torch.nan)
    return Shown(points, labels, boxes, masks)


def correct(
    shown: Shown, target_MGG: Tensor, logits_MGG: Tensor, recipe: PromptRecipe, generator: torch.Generator
) -> Shown:
    """Add one click in the error of each prediction, with the previous logits as mask prompt (mostly)."""
    m = len(target_MGG)
    missed, extra = _errors(target_MGG, logits_MGG)
    deeper = torch.maximum(depth(missed), depth(extra))
    deep = uniform((m,), generator) < recipe.deep
    place, found = click(missed + extra, deep, deeper, generator)
    cell = (place / 2.0).round().long().clamp(0, target_MGG.shape[-1] - 1)
    inside = target_MGG[torch.arange(m), cell[:, 1], cell[:, 0]] > 0.5
    label = torch.where(found, inside.long(), -1)
    points = torch.cat((shown.points_MP2, place[:, None]), dim=1)
    labels = torch.cat((shown.labels_MP, label[:, None]), dim=1)
    fed = uniform((m, 1, 1, 1), generator) < recipe.feedback
    masks = torch.where(fed, logits_MGG[:, None], torch.nan)
    bare = uniform((m, 1), generator) < recipe.mask_only
    masks = torch.where(bare[..., None, None], logits_MGG[:, None], masks)
    return Shown(points, torch.where(bare, -1, labels), torch.where(bare, torch.nan, shown.boxes_M4), masks)


def click_train(target_MGG: Tensor, logits_MGG: Tensor, generator: torch.Generator, *, limit: int = 5) -> Shown:
    """Replace all prompts by clicks in what is right, missed and too much (as ClickSAM does, arXiv 2402.05902)."""
    m = len(target_MGG)
    missed, extra = _errors(target_MGG, logits_MGG)
    hit = (target_MGG > 0.5).float() * (logits_MGG > 0).float()
    points, labels = [], []
    for region, label in ((hit, 1), (missed, 1), (extra, 0)):
        inner = depth(region)
        wanted = torch.randint(0, limit + 1, (m,), generator=generator).clamp(min=1 if region is hit else 0)
        for i in range(limit):
            place, found = click(region, torch.full((m,), 1.0 if i == 0 else 0.0), inner, generator)
            points.append(place)
            labels.append(torch.where(found & (wanted > i), label, -1))
    fed = uniform((m, 1, 1, 1), generator) < 0.35
    masks = torch.where(fed, logits_MGG[:, None], torch.nan)
    nowhere = torch.full((m, 4), torch.nan)
    empty = (torch.stack(labels, dim=1) < 0).all(dim=1)
    masks = torch.where(empty[:, None, None, None], logits_MGG[:, None], masks)
    return Shown(torch.stack(points, dim=1), torch.stack(labels, dim=1), nowhere, masks)


def _errors(target_MGG: Tensor, logits_MGG: Tensor) -> tuple[Tensor, Tensor]:
    truth, predicted = target_MGG > 0.5, logits_MGG > 0
    return (truth & ~predicted).float(), (predicted & ~truth).float()
