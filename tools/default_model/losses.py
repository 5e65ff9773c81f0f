"""Losses of the default model. Tensors: M objects, K masks, G the side of the mask grid."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

from tools.default_model.recipe import LossRecipe


def mask_losses(logits_MKGG: Tensor, target_MGG: Tensor, recipe: LossRecipe, *, balanced: float) -> Tensor:
    """Dice + BCE + class-balanced BCE of every mask: (M, K). Targets lie in [0, 1]."""
    target = target_MGG[:, None].expand_as(logits_MKGG)
    entropy = F.binary_cross_entropy_with_logits(logits_MKGG, target, reduction="none").flatten(2)
    truth = target.flatten(2)
    probability = torch.sigmoid(logits_MKGG).flatten(2)
    area, background = truth.sum(-1), (1.0 - truth).sum(-1)
    overlap = (probability * truth).sum(-1)
    dice = 1.0 - (2.0 * overlap + 1.0) / (probability.sum(-1) + area + 1.0)
    inner = (entropy * truth).sum(-1)
    outer = entropy.sum(-1) - inner
    even = 0.5 * (inner / (area + 1.0) + outer / (background + 1.0))
    return recipe.dice * dice + recipe.bce * entropy.mean(-1) + balanced * even


def true_iou(logits_MKGG: Tensor, target_MGG: Tensor) -> Tensor:
    """IoU (M, K) of the thresholded masks with the thresholded target; 0 if both are empty."""
    predicted, truth = logits_MKGG.flatten(2) > 0, target_MGG.flatten(1)[:, None] > 0.5
    common = (predicted & truth).sum(-1).float()
    either = (predicted | truth).sum(-1).float()
    return common / either.clamp(min=1.0)


def round_loss(
    logits_M4GG: Tensor, scores_M4: Tensor, target_MGG: Tensor, recipe: LossRecipe, *, balanced: float, first: bool
) -> tuple[Tensor, Tensor]:
    """Loss (M,) of one decoding round and the true IoU (M, 4) of its masks.

    The single mask counts fully; of the three alternatives the best one counts (SAM), with a trace of the others.
    """
    losses = mask_losses(logits_M4GG, target_MGG, recipe, balanced=balanced)
    best = losses[:, 1:].amin(dim=1)
    weight = recipe.alternatives_first if first else recipe.alternatives_later
    masks = losses[:, 0] + weight * best + recipe.alternatives_all * losses[:, 1:].mean(dim=1)
    iou = true_iou(logits_M4GG.detach(), target_MGG)
    score = ((scores_M4 - iou) ** 2).sum(dim=1)
    return masks + recipe.score * score, iou
