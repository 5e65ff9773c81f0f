"""Boxes drawn for all objects at once: their distributions, and what they never do."""

import numpy as np
import pytest
import torch
from torch import Tensor

from promptseg.training.curricula.boxes import jitter_boxes, shift_boxes, widen_boxes

BOX = [400.0, 300.0, 599.0, 399.0]


def many(box: list[float], count: int = 20_000) -> Tensor:
    return torch.tensor([box]).expand(count, 4)


def test_medsam_widens_by_0_to_20_pixels_of_1024_and_never_inwards() -> None:
    moved = widen_boxes(many(BOX), np.random.default_rng(0), side=1024) - torch.tensor(BOX)
    outwards = (moved * torch.tensor([-1.0, -1.0, 1.0, 1.0])).numpy()
    for column in outwards.T:
        values, counts = np.unique(column, return_counts=True)
        assert values.tolist() == list(range(21))
        assert counts / len(column) == pytest.approx([1 / 21] * 21, abs=0.008)


def test_widening_scales_with_the_side() -> None:
    small = widen_boxes(many([100.0, 80.0, 150.0, 120.0]), np.random.default_rng(0), side=256)
    outwards = torch.tensor([100.0, 80.0, 150.0, 120.0]) - small
    assert (outwards.abs().amax(dim=0)).tolist() == [5, 5, 5, 5]


def test_segment_anything_jitters_by_a_tenth_and_at_most_20_pixels_of_1024() -> None:
    moved = jitter_boxes(many(BOX), np.random.default_rng(0), side=1024) - torch.tensor(BOX)
    assert moved.abs().max().item() == pytest.approx(20, abs=1e-3)
    assert moved[:, 1].std().item() == pytest.approx(10 * 0.94, abs=0.3)  # sd 10 px, cut at two of them
    at_limit = (moved[:, 0].abs() > 19.99).float().mean().item()
    assert at_limit == pytest.approx(0.317, abs=0.02)  # sd 20 px: beyond one sd
    free = jitter_boxes(many(BOX), np.random.default_rng(0), side=1024, limit_px=1e9) - torch.tensor(BOX)
    assert free.std(dim=0).tolist() == pytest.approx([20, 10, 20, 10], rel=0.03)


def test_sam_med2d_shifts_whole_boxes_by_up_to_5_pixels_of_256() -> None:
    box = [100.0, 80.0, 150.0, 120.0]
    moved = (shift_boxes(many(box), np.random.default_rng(0), side=256) - torch.tensor(box)).numpy()
    assert np.array_equal(moved[:, :2], moved[:, 2:])
    for axis in (0, 1):
        values, counts = np.unique(moved[:, axis], return_counts=True)
        assert values.tolist() == list(range(-5, 5))
        assert counts / len(moved) == pytest.approx([0.1] * 10, abs=0.01)
    small = [100.0, 80.0, 105.0, 120.0]  # half of the shorter side, 5, rounded down
    assert (shift_boxes(many(small), np.random.default_rng(0), side=256) - torch.tensor(small)).abs().max() == 2


@pytest.mark.parametrize("draw", [widen_boxes, jitter_boxes, shift_boxes])
@pytest.mark.parametrize("box", [[0.0, 0.0, 255.0, 255.0], [0.0, 250.0, 3.0, 255.0], [128.0, 128.0, 128.0, 128.0]])
def test_boxes_stay_in_the_input_and_in_order(draw: object, box: list[float]) -> None:
    drawn = draw(many(box, 500), np.random.default_rng(0), side=256)  # type: ignore[operator]
    assert drawn.shape == (500, 4)
    assert drawn.dtype == torch.float32
    assert (drawn >= 0).all()
    assert (drawn <= 255).all()
    assert (drawn[:, 2:] >= drawn[:, :2]).all()
