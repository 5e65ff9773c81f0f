"""One training step: embed a batch once, prompt it several times, sum the losses."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

from promptseg.models.compact import CompactNet
from tools.default_model.data import Batch
from tools.default_model.losses import round_loss
from tools.default_model.recipe import Recipe
from tools.default_model.simulate import Shown, click_train, correct, first_prompts, uniform


class StepResult(NamedTuple):
    """Loss to differentiate, and IoU of the single mask after the first and after the last prompt (detached)."""

    loss: Tensor
    first_iou: Tensor
    last_iou: Tensor
    score_error: Tensor


def balanced_weight(recipe: Recipe, progress: float) -> float:
    """Weight of the class-balanced BCE: falls linearly over the first quarter of the training."""
    start, end = recipe.loss.balanced_start, recipe.loss.balanced_end
    return start + (end - start) * min(1.0, 4.0 * progress)


def _decode(net: CompactNet, features: dict[str, Tensor], shown: Shown, *, batch: int) -> tuple[Tensor, Tensor]:
    points, labels, boxes, masks = (
        value.reshape(batch, -1, *value.shape[1:])
        for value in (shown.points_MP2, shown.labels_MP, shown.boxes_M4, shown.masks_M1GG)
    )
    logits, scores = net.decode_all(features, points_BNP2=points, labels_BNP=labels, boxes_BN4=boxes, masks_BN1hw=masks)
    return logits.flatten(0, 1), scores.flatten(0, 1)


def _shown_mask(logits_M4GG: Tensor, scores_M4: Tensor, generator: torch.Generator) -> Tensor:
    """What the user sees and corrects: the single mask or the best-scored alternative, half and half."""
    m = len(logits_M4GG)
    best = scores_M4[:, 1:].argmax(dim=1) + 1
    index = torch.where(uniform((m,), generator) < 0.5, 0, best)
    return logits_M4GG[torch.arange(m), index].detach()


def _next_prompts(shown: Shown, target: Tensor, seen: Tensor, recipe: Recipe, generator: torch.Generator) -> Shown:
    if float(uniform((1,), generator)) < recipe.prompts.click_train:
        return click_train(target, seen, generator)
    return correct(shown, target, seen, recipe.prompts, generator)


def run_step(
    net: CompactNet, batch: Batch, recipe: Recipe, generator: torch.Generator, *, progress: float
) -> StepResult:
    """Loss of a batch: first prompt, then one or two corrections, or several without gradient and a last one with."""
    images = batch.image_B1SS.shape[0]
    target = F.avg_pool2d(batch.target_BNSS, 2).flatten(0, 1)
    usable = batch.usable_BN.flatten().float()
    with torch.autocast("cpu", torch.bfloat16):
        features = net.encode(batch.image_B1SS)
    features = {name: value.float() for name, value in features.items()}
    balanced = balanced_weight(recipe, progress)
    shown = first_prompts(target, recipe.prompts, generator)
    logits, scores = _decode(net, features, shown, batch=images)
    total, iou = round_loss(logits, scores, target, recipe.loss, balanced=balanced, first=True)
    first_iou = iou[:, 0]
    long = float(uniform((1,), generator)) < recipe.prompts.long
    rounds = int(torch.randint(1, recipe.prompts.long_rounds + 1, (1,), generator=generator)) if long else 0
    learning = 1 if long else int(torch.randint(1, 3, (1,), generator=generator))
    for i in range(rounds + learning):
        shown = _next_prompts(shown, target, _shown_mask(logits, scores, generator), recipe, generator)
        with torch.set_grad_enabled(i >= rounds):
            logits, scores = _decode(net, features, shown, batch=images)
        if i >= rounds:
            loss, iou = round_loss(logits, scores, target, recipe.loss, balanced=balanced, first=False)
            total = total + loss
    count = usable.sum().clamp(min=1.0)
    loss = (total * usable).sum() / count / (1 + learning)
    error = (scores.detach() - iou).abs().mean(dim=1)
    means = [(value * usable).sum() / count for value in (first_iou, iou[:, 0], error)]
    return StepResult(loss, means[0], means[1], means[2])
