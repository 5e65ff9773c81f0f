"""Losses of masks and of their predicted scores, as one checked value of weights.

Tensors: M objects, K masks, h = w = the side of the grid. All is computed in float32. Targets lie in [0, 1].
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Self, final

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, interpolate

from promptseg.training.simulation import Round, Targets

__all__ = [
    "LOSSES",
    "LossSettings",
    "balanced_cross_entropy",
    "cross_entropy",
    "dice_loss",
    "focal_loss",
    "mask_iou",
    "normalised_focal_loss",
    "object_losses",
    "rounds_loss",
]

Weight = Annotated[float, Field(ge=0)]


def dice_loss(logits: Tensor, target: Tensor, *, squared: bool = False, smooth: float = 1.0) -> Tensor:
    """One minus the soft Dice coefficient, over the last two dimensions: (...).

    1 - (2 Σ p t + e) / (Σ p + Σ t + e), or with p² and t² in the denominator (Milletari et al. 2016,
    doi 10.1109/3DV.2016.79; MONAI's ``squared_pred``; MedSAM). It is 0 where both are empty.

    Args:
        logits: (..., h, w).
        target: of the same shape.
        squared: which denominator.
        smooth: the e above; MONAI has 1e-5.
    """
    probability = torch.sigmoid(logits)
    common = (probability * target).sum((-2, -1))
    power = 2 if squared else 1
    total = (probability**power).sum((-2, -1)) + (target**power).sum((-2, -1))
    return 1 - (2 * common + smooth) / (total + smooth)


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean binary cross-entropy over the last two dimensions: (..., h, w) to (...)."""
    return _entropy(logits, target).mean((-2, -1))


def balanced_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Half the mean cross-entropy over the object and half that over the background: (..., h, w) to (...).

    The means are weighted by the target and by one minus the target; one cell is added to each denominator, so that
    an object of few cells does not outweigh all others.
    """
    entropy = _entropy(logits, target)
    inner = (entropy * target).sum((-2, -1)) / (target.sum((-2, -1)) + 1)
    outer = (entropy * (1 - target)).sum((-2, -1)) / ((1 - target).sum((-2, -1)) + 1)
    return (inner + outer) / 2


def focal_loss(logits: Tensor, target: Tensor, *, alpha: float = 0.25, gamma: float = 2.0) -> Tensor:
    """Mean focal loss over the last two dimensions: (..., h, w) to (...).

    -a (1 - q)^gamma log q with q = p, a = alpha in the object and q = 1 - p, a = 1 - alpha outside (Lin et al. 2017,
    doi 10.1109/ICCV.2017.324). A target between 0 and 1 mixes q and a linearly.
    """
    probability = torch.sigmoid(logits)
    right = probability * target + (1 - probability) * (1 - target)
    balance = alpha * target + (1 - alpha) * (1 - target)
    return (balance * (1 - right) ** gamma * _entropy(logits, target)).mean((-2, -1))


def normalised_focal_loss(logits: Tensor, target: Tensor, *, alpha: float = 0.5, gamma: float = 2.0) -> Tensor:
    """Focal loss whose modulating factors sum to the number of cells: (..., h, w) to (...).

    Sofiiuk et al. 2019 (arXiv 1909.07829), the loss of RITM: the gradient does not fade as the mask becomes right. No
    gradient flows through the normalisation, as in the authors' code.
    """
    probability = torch.sigmoid(logits)
    factor = (probability - target).abs() ** gamma
    share = factor / factor.detach().sum((-2, -1), keepdim=True).clamp(min=1e-8)
    balance = alpha * target + (1 - alpha) * (1 - target)
    return (balance * share * _entropy(logits, target)).sum((-2, -1))


def mask_iou(logits: Tensor, target: Tensor) -> Tensor:
    """IoU of the masks logits > 0 and target >= 0.5, (..., h, w) to (...), without gradient; 1 where both are empty.

    The target may have a dimension of 1 where the logits have more.
    """
    predicted = logits.detach() > 0
    truth = (target >= 0.5).expand_as(predicted)
    common = (predicted & truth).sum((-2, -1))
    either = (predicted | truth).sum((-2, -1))
    return torch.where(either > 0, common / either.clamp(min=1), 1.0)


@final
class LossSettings(BaseModel):
    """Weights of the terms of the loss, and which of several masks they are for.

    In a recipe ``preset`` gives all values that are not written beside it (:data:`LOSSES`).

    >>> LossSettings(preset="sam", dice=2.0).focal
    20.0

    Attributes:
        preset: name of the values to start from.
        dice: weight of :func:`dice_loss`.
        dice_squared: whether its denominator is of squares.
        dice_smooth: its constant.
        bce: weight of :func:`cross_entropy`.
        balanced_bce: weight of :func:`balanced_cross_entropy` from ``balanced_until`` on.
        balanced_bce_start: its weight when training starts, from where it changes linearly; None for no change.
        balanced_until: share of the training after which it no longer changes.
        focal: weight of :func:`focal_loss`, with ``focal_alpha`` and ``focal_gamma``.
        normalised_focal: weight of :func:`normalised_focal_loss` (alpha 0.5, gamma 2).
        choice: of several masks, the one that is learned: ``least-loss``, ``best-score`` (the network's own choice), or
            the ``mean`` of all.
        others: weight of the mean over all masks, beside the chosen one, so that none of them dies.
        score: weight of the squared error of the predicted scores, as predictions of the masks' true IoU.
        scored: whether scores of ``all`` masks are learned (their mean), or only that of the ``chosen`` one.
        upsample: by which factor logits and targets are enlarged (bilinearly) before the loss; MedSAM takes it at the
            side of the input, four times the grid. The enlarged target is binary.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    preset: str | None = None
    dice: Weight = 1.0
    dice_squared: bool = False
    dice_smooth: float = Field(default=1.0, gt=0)
    bce: Weight = 1.0
    balanced_bce: Weight = 0.0
    balanced_bce_start: Weight | None = None
    balanced_until: float = Field(default=0.25, gt=0, le=1)
    focal: Weight = 0.0
    focal_alpha: float = Field(default=0.25, ge=0, le=1)
    focal_gamma: Weight = 2.0
    normalised_focal: Weight = 0.0
    choice: Literal["least-loss", "best-score", "mean"] = "least-loss"
    others: Weight = 0.0
    score: Weight = 0.0
    scored: Literal["all", "chosen"] = "all"
    upsample: int = Field(default=1, ge=1, le=16)

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, values: Any) -> Any:  # noqa: ANN401 (whatever stands in a recipe)
        if not isinstance(values, Mapping) or values.get("preset") is None:
            return values
        if values["preset"] not in LOSSES:
            raise ValueError(f"unknown preset {values['preset']!r}; choose one of {', '.join(LOSSES)}")
        return {**LOSSES[values["preset"]], **values}

    @model_validator(mode="after")
    def _of_masks(self) -> Self:
        if not any((self.dice, self.bce, self.balanced_bce, self.focal, self.normalised_focal)):
            raise ValueError("all weights of losses of masks are 0; give at least one")
        return self

    def at(self, progress: float) -> "LossSettings":
        """The settings at a share of the training, from 0 to 1: what changes on the way has its value then."""
        if self.balanced_bce_start is None:
            return self
        passed = min(1.0, progress / self.balanced_until)
        weight = self.balanced_bce_start + (self.balanced_bce - self.balanced_bce_start) * passed
        return self.model_copy(update={"balanced_bce": weight, "balanced_bce_start": None})


LOSSES: Final[Mapping[str, Mapping[str, Any]]] = {
    "sam": {"focal": 20.0, "dice": 1.0, "bce": 0.0, "score": 1.0},
    "medsam": {"dice": 1.0, "dice_squared": True, "dice_smooth": 1e-5, "bce": 1.0, "upsample": 4},
    "clicksam": {"dice": 1.0, "dice_squared": True, "dice_smooth": 1e-5, "bce": 1.0},
    "ritm": {"normalised_focal": 1.0, "dice": 0.0, "bce": 0.0},
    "sam-med2d": {"focal": 20.0, "dice": 1.0, "bce": 0.0, "score": 1.0, "choice": "best-score", "scored": "chosen"},
    "promptseg": {
        "dice": 1.0,
        "bce": 1.0,
        "balanced_bce_start": 1.0,
        "balanced_bce": 0.1,
        "others": 0.03,
        "score": 2.0,
    },
}
"""Settings by name: those of Segment Anything (arXiv 2304.02643), MedSAM (doi 10.1038/s41467-024-44824-z), ClickSAM
(arXiv 2402.05902), RITM (arXiv 2102.06583; without the term of its auxiliary output, which our networks do not have),
SAM-Med2D (arXiv 2308.16184), and of the embedded default model."""


def rounds_loss(rounds: Sequence[Round], targets: Targets, settings: LossSettings) -> Tensor:
    """The mean over the rounds, by their weights, of the mean loss of the objects: a scalar.

    Args:
        rounds: at least one, with a positive sum of weights.
        targets: what all rounds should have answered.
        settings: the weights of the terms, at this moment of the training (:meth:`LossSettings.at`).
    """
    total = sum(one.weight for one in rounds)
    losses = [object_losses(one, targets, settings).mean() * (one.weight / total) for one in rounds]
    return torch.stack(losses).sum()


def object_losses(answer: Round, targets: Targets, settings: LossSettings) -> Tensor:
    """Loss of one round for each object: (M,)."""
    logits, scores = answer.logits_MKhw.float(), answer.scores_MK.float()
    iou = mask_iou(logits, targets.masks_Mhw[:, None])
    losses = _mask_losses(*_enlarged(logits, targets.masks_Mhw.float(), settings.upsample), settings)
    chosen = (scores if settings.choice == "best-score" else -losses).detach().argmax(dim=1, keepdim=True)
    learned = losses.mean(dim=1) if settings.choice == "mean" else losses.gather(1, chosen)[:, 0]
    if losses.shape[1] > 1 and settings.others > 0:
        learned = learned + settings.others * losses.mean(dim=1)
    errors = (scores - iou) ** 2
    scored = errors.gather(1, chosen)[:, 0] if settings.scored == "chosen" else errors.mean(dim=1)
    return learned + settings.score * scored


def _mask_losses(logits_MKhw: Tensor, target_MKhw: Tensor, settings: LossSettings) -> Tensor:
    """Weighted sum of the terms of each mask: (M, K). Terms of weight 0 are not computed."""
    terms = (
        (settings.dice, lambda a, b: dice_loss(a, b, squared=settings.dice_squared, smooth=settings.dice_smooth)),
        (settings.bce, cross_entropy),
        (settings.balanced_bce, balanced_cross_entropy),
        (settings.focal, lambda a, b: focal_loss(a, b, alpha=settings.focal_alpha, gamma=settings.focal_gamma)),
        (settings.normalised_focal, normalised_focal_loss),
    )
    return torch.stack([weight * term(logits_MKhw, target_MKhw) for weight, term in terms if weight > 0]).sum(dim=0)


def _enlarged(logits_MKhw: Tensor, target_Mhw: Tensor, factor: int) -> tuple[Tensor, Tensor]:
    target = target_Mhw[:, None]
    if factor > 1:
        logits_MKhw = interpolate(logits_MKhw, scale_factor=factor, mode="bilinear", align_corners=False)
        target = (interpolate(target, scale_factor=factor, mode="bilinear", align_corners=False) >= 0.5).float()
    return logits_MKhw, target.expand_as(logits_MKhw)


def _entropy(logits: Tensor, target: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, target, reduction="none")
