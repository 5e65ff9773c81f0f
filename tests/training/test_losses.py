"""Losses against values worked out by hand, finite differences, and each other."""

import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from promptseg.training.losses import (
    LOSSES,
    LossSettings,
    balanced_cross_entropy,
    cross_entropy,
    dice_loss,
    focal_loss,
    mask_iou,
    normalised_focal_loss,
    object_losses,
    rounds_loss,
)
from promptseg.training.simulation import Round, Targets

LOG3 = math.log(3.0)
"""Its sigmoid is 3/4."""

LOGITS = torch.tensor([[LOG3, LOG3], [-LOG3, -LOG3]], dtype=torch.float64)
TARGET = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
"""Probabilities 3/4, 3/4, 1/4, 1/4: of the truth they give 3/4, 1/4, 1/4, 3/4."""

TERMS = {
    "dice": dice_loss,
    "squared dice": lambda a, b: dice_loss(a, b, squared=True, smooth=1e-5),
    "bce": cross_entropy,
    "balanced": balanced_cross_entropy,
    "focal": focal_loss,
}


def test_dice_by_hand() -> None:
    assert dice_loss(LOGITS, TARGET).item() == pytest.approx(1 - (2 * 1 + 1) / (2 + 2 + 1))
    squares = 2 * 9 / 16 + 2 * 1 / 16
    assert dice_loss(LOGITS, TARGET, squared=True, smooth=1e-5).item() == pytest.approx(
        1 - (2 * 1 + 1e-5) / (squares + 2 + 1e-5)
    )


def test_dice_of_nothing_and_nothing_is_0() -> None:
    logits, target = torch.full((4, 4), -80.0), torch.zeros(4, 4)
    assert dice_loss(logits, target).item() == pytest.approx(0)
    assert dice_loss(logits, target, squared=True, smooth=1e-5).item() == pytest.approx(0)


def test_cross_entropy_by_hand() -> None:
    right, wrong = -math.log(3 / 4), -math.log(1 / 4)
    assert cross_entropy(LOGITS, TARGET).item() == pytest.approx((right + wrong) / 2)


def test_balanced_cross_entropy_gives_object_and_background_one_half_each() -> None:
    logits = torch.zeros(1, 8, 8)
    target = torch.zeros(1, 8, 8)
    target[0, 0, :3] = 1
    expected = math.log(2) * (3 / 4 + 61 / 62) / 2
    assert balanced_cross_entropy(logits, target).item() == pytest.approx(expected)


def test_focal_loss_by_hand() -> None:
    right, wrong = -((1 / 4) ** 2) * math.log(3 / 4), -((3 / 4) ** 2) * math.log(1 / 4)
    expected = (0.25 * right + 0.75 * wrong + 0.25 * wrong + 0.75 * right) / 4
    assert focal_loss(LOGITS, TARGET).item() == pytest.approx(expected)


def test_focal_loss_without_focus_is_half_the_cross_entropy() -> None:
    plain = focal_loss(LOGITS, TARGET, alpha=0.5, gamma=0.0)
    assert plain.item() == pytest.approx(cross_entropy(LOGITS, TARGET).item() / 2)


def test_normalised_focal_loss_by_hand() -> None:
    right, wrong = (1 / 4) ** 2, (3 / 4) ** 2
    total = 2 * right + 2 * wrong
    expected = 0.5 * (2 * right * -math.log(3 / 4) + 2 * wrong * -math.log(1 / 4)) / total
    assert normalised_focal_loss(LOGITS, TARGET).item() == pytest.approx(expected)


def test_normalised_focal_loss_keeps_its_gradient_where_focal_loss_fades() -> None:
    def steepest(loss: object, scale: float) -> float:
        logits = (TARGET * 2 - 1) * scale
        logits.requires_grad_()
        loss(logits, TARGET).backward()  # type: ignore[operator]
        return float(logits.grad.abs().max())  # type: ignore[union-attr]

    assert steepest(focal_loss, 6.0) / steepest(focal_loss, 1.0) < 1e-5
    assert steepest(normalised_focal_loss, 6.0) / steepest(normalised_focal_loss, 1.0) > 1e-3


def test_no_gradient_flows_through_the_normalisation() -> None:
    logits = LOGITS.clone().requires_grad_()
    normalised_focal_loss(logits, TARGET).backward()
    weight = 0.5 / ((torch.sigmoid(LOGITS) - TARGET) ** 2).sum()
    other = LOGITS.clone().requires_grad_()
    entropy = torch.nn.functional.binary_cross_entropy_with_logits(other, TARGET, reduction="none")
    (weight * ((torch.sigmoid(other) - TARGET) ** 2 * entropy).sum()).backward()
    assert torch.allclose(logits.grad, other.grad)  # type: ignore[arg-type]


@pytest.mark.parametrize("term", TERMS)
def test_gradients_agree_with_finite_differences(term: str) -> None:
    rng = np.random.default_rng(3)
    logits = torch.from_numpy(rng.normal(size=(2, 3, 4))).requires_grad_()
    target = torch.from_numpy(rng.random((2, 3, 4)))
    assert torch.autograd.gradcheck(lambda a: TERMS[term](a, target), (logits,))


@pytest.mark.parametrize("term", [*TERMS, "normalised focal"])
def test_each_mask_has_its_own_loss_of_any_leading_shape(term: str) -> None:
    loss = TERMS.get(term, normalised_focal_loss)
    rng = np.random.default_rng(4)
    logits, target = torch.from_numpy(rng.normal(size=(2, 3, 4, 5))), torch.from_numpy(rng.random((2, 3, 4, 5)))
    together = loss(logits, target)
    assert together.shape == (2, 3)
    assert together[1, 2].item() == pytest.approx(loss(logits[1, 2], target[1, 2]).item())


@pytest.mark.parametrize("term", [*TERMS, "normalised focal"])
@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_sure_answers_stay_finite(term: str, truth: float) -> None:
    loss = TERMS.get(term, normalised_focal_loss)
    for answer in (-500.0, 500.0):
        logits = torch.full((4, 4), answer, requires_grad=True)
        value = loss(logits, torch.full((4, 4), truth))
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()  # type: ignore[union-attr]


def test_iou_by_hand() -> None:
    logits = torch.tensor([[[1.0, 1.0, -1.0, -1.0]], [[-1.0, -1.0, -1.0, -1.0]]])
    target = torch.tensor([[[1.0, 0.0, 0.6, 0.4]]])
    assert mask_iou(logits, target).tolist() == pytest.approx([1 / 3, 0])
    assert mask_iou(logits, torch.zeros(1, 1, 4)).tolist() == [0, 1]


def three_masks(scores: tuple[float, float, float]) -> tuple[Round, Targets]:
    """One object; the masks are right, half right and wrong."""
    target = torch.zeros(1, 4, 4)
    target[0, :2] = 1
    sign = target * 2 - 1
    half = sign.clone()
    half[0, 1] *= -1
    logits = torch.stack((4 * sign, 4 * half, -4 * sign), dim=1)
    return Round(logits, torch.tensor([scores])), Targets(target, torch.tensor([[0.0, 0.0, 15.0, 7.0]]))


def masks_alone(answer: Round, targets: Targets) -> Tensor:
    target = targets.masks_Mhw[:, None].expand_as(answer.logits_MKhw)
    return dice_loss(answer.logits_MKhw, target) + cross_entropy(answer.logits_MKhw, target)


def test_which_of_three_masks_is_learned() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    each = masks_alone(answer, targets)[0]
    for choice, expected in (("least-loss", each[0]), ("best-score", each[1]), ("mean", each.mean())):
        settings = LossSettings(choice=choice)  # type: ignore[arg-type]
        assert object_losses(answer, targets, settings).item() == pytest.approx(expected.item())


def test_only_the_mask_of_least_loss_gets_a_gradient_and_with_a_trace_all_do() -> None:
    for others, reached in ((0.0, [True, False, False]), (0.03, [True, True, True])):
        answer, targets = three_masks((0.1, 0.9, 0.2))
        logits = answer.logits_MKhw.clone().requires_grad_()
        object_losses(Round(logits, answer.scores_MK), targets, LossSettings(others=others)).sum().backward()
        assert (logits.grad.abs().amax(dim=(0, 2, 3)) > 0).tolist() == reached  # type: ignore[union-attr]


def test_a_single_mask_has_no_trace() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    single = Round(answer.logits_MKhw[:, 1:2], answer.scores_MK[:, 1:2])
    assert object_losses(single, targets, LossSettings(others=0.5)).item() == pytest.approx(
        masks_alone(answer, targets)[0, 1].item()
    )


def test_scores_learn_the_true_iou() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    masks = object_losses(answer, targets, LossSettings()).item()
    squares = [(0.1 - 1) ** 2, (0.9 - 4 / 8) ** 2, (0.2 - 0) ** 2]
    both = object_losses(answer, targets, LossSettings(score=2.0)).item()
    assert both - masks == pytest.approx(2 * sum(squares) / 3, rel=1e-5)
    chosen = object_losses(answer, targets, LossSettings(score=2.0, scored="chosen")).item()
    assert chosen - masks == pytest.approx(2 * squares[0], rel=1e-5)


def test_no_gradient_of_the_score_reaches_the_mask() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    gradients = []
    for score in (0.0, 5.0):
        logits = answer.logits_MKhw.clone().requires_grad_()
        object_losses(Round(logits, answer.scores_MK), targets, LossSettings(score=score)).sum().backward()
        gradients.append(logits.grad)
    assert torch.equal(*gradients)  # type: ignore[arg-type]


def test_rounds_are_averaged_by_weight_and_objects_evenly() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    singles = [
        Round(answer.logits_MKhw[:, k : k + 1], answer.scores_MK[:, k : k + 1], weight)
        for k, weight in ((0, 1.0), (2, 3.0))
    ]
    each = masks_alone(answer, targets)[0]
    assert rounds_loss(singles, targets, LossSettings()).item() == pytest.approx((each[0] + 3 * each[2]).item() / 4)
    two = Round(answer.logits_MKhw[:, [0, 2]].reshape(2, 1, 4, 4), torch.zeros(2, 1))
    twice = Targets(targets.masks_Mhw.repeat(2, 1, 1), targets.boxes_M4.repeat(2, 1))
    assert rounds_loss([two], twice, LossSettings()).item() == pytest.approx((each[0] + each[2]).item() / 2)


def test_enlarged_loss_is_that_of_enlarged_masks() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    single = Round(answer.logits_MKhw[:, 1:2], answer.scores_MK[:, 1:2])
    large = torch.nn.functional.interpolate(single.logits_MKhw, size=(16, 16), mode="bilinear")
    truth = torch.nn.functional.interpolate(targets.masks_Mhw[:, None], size=(16, 16), mode="nearest")
    expected = dice_loss(large, truth) + cross_entropy(large, truth)
    assert object_losses(single, targets, LossSettings(upsample=4)).item() == pytest.approx(expected.item())


def test_the_loss_of_half_precision_is_computed_in_single() -> None:
    answer, targets = three_masks((0.1, 0.9, 0.2))
    half = Round(answer.logits_MKhw.bfloat16(), answer.scores_MK.bfloat16())
    loss = object_losses(half, targets, LossSettings(preset="sam"))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(object_losses(answer, targets, LossSettings(preset="sam")).item(), rel=1e-2)


@pytest.mark.parametrize("preset", LOSSES)
def test_presets_are_valid_and_can_be_changed(preset: str) -> None:
    settings = LossSettings(preset=preset)
    for name, value in LOSSES[preset].items():
        assert getattr(settings, name) == value
    assert LossSettings(preset=preset, dice=7.0).dice == 7.0
    assert LossSettings(**settings.model_dump()) == settings


def test_published_weights() -> None:
    sam = LossSettings(preset="sam")
    assert (sam.focal, sam.dice, sam.score, sam.bce, sam.choice) == (20, 1, 1, 0, "least-loss")
    assert (sam.focal_alpha, sam.focal_gamma, sam.dice_squared) == (0.25, 2, False)
    for name in ("medsam", "clicksam"):
        settings = LossSettings(preset=name)
        assert (settings.dice, settings.bce, settings.dice_squared, settings.score) == (1, 1, True, 0)
    assert LossSettings(preset="sam-med2d").choice == "best-score"


def test_the_balanced_term_falls_over_the_first_quarter() -> None:
    settings = LossSettings(preset="promptseg")
    weights = [settings.at(progress).balanced_bce for progress in (0, 0.125, 0.25, 1)]
    assert weights == pytest.approx([1.0, 0.55, 0.1, 0.1])
    constant = LossSettings(balanced_bce=0.3)
    assert constant.at(0.1) is constant


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dyce": 1.0}, "dyce"),
        ({"dice": -1.0}, "greater than or equal to 0"),
        ({"preset": "sum"}, "unknown preset 'sum'; choose one of sam"),
        ({"dice": 0.0, "bce": 0.0}, "all weights"),
        ({"choice": "worst"}, "least-loss"),
        ({"preset": "sam", "upsample": 0}, "upsample"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        LossSettings(**given)


def test_dice_and_entropy_agree_with_monai_where_it_is_installed() -> None:
    monai = pytest.importorskip("monai.losses", reason="MONAI is not installed")
    rng = np.random.default_rng(5)
    logits = torch.from_numpy(rng.normal(size=(3, 1, 8, 8))).float()
    target = torch.from_numpy((rng.random((3, 1, 8, 8)) < 0.4).astype(np.float32))
    theirs = monai.DiceCELoss(sigmoid=True, squared_pred=True, reduction="mean")(logits, target)
    targets = Targets(target[:, 0], torch.zeros(3, 4))
    ours = rounds_loss([Round(logits, torch.zeros(3, 1))], targets, LossSettings(preset="clicksam"))
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)
