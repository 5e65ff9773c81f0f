"""Rounds, numbers and places of each curriculum as its paper or its authors' code has them."""

from collections import Counter

import numpy as np
import pytest
import torch
from torch import Tensor
from training.scripted_decoder import Asked, ScriptedDecoder, discs, targets_of

from promptseg.errors import ValueRangeError
from promptseg.prompts.click_train import click_train_clicks
from promptseg.training.curricula import CURRICULA, build_curriculum
from promptseg.training.curricula.ritm import draw_counts
from promptseg.training.curricula.sam import rounds_with_clicks

GRID, SIDE = 64, 256
MANY = discs(*[(10 + 2 * k, 50 - 2 * k, 6 + k % 5) for k in range(20)], grid=GRID)


def moved(masks: Tensor) -> Tensor:
    return (torch.roll(masks, (3, 4), dims=(1, 2)) - 0.5) * 8


def ask(
    name: str, masks: Tensor = MANY, *, seed: int = 0, answer: Tensor | None = None, **settings: object
) -> list[Asked]:
    logits = moved(masks) if answer is None else answer
    decode = ScriptedDecoder(lambda _: logits, GRID, SIDE)
    build_curriculum(name, **settings)(decode, targets_of(masks, side=SIDE), np.random.default_rng(seed))
    return decode.asked


def clicks(one: Asked) -> list[int]:
    return (one.prompts.labels_MP >= 0).sum(dim=1).tolist()


def said_boxes(one: Asked) -> Tensor:
    boxes = one.prompts.boxes_M4
    assert boxes is not None
    return ~boxes.isnan().any(dim=1)


def test_the_table() -> None:
    assert [name for name, entry in CURRICULA.items() if entry.needs_start] == ["clicksam"]
    assert {"single-click", "clicksam", "box", "sam", "sam-med2d", "ritm"} <= set(CURRICULA)


def test_single_click() -> None:
    (one,) = ask("single-click", point="centre")
    assert not one.multimask
    assert one.prompts.points_MP2[0, 0].tolist() == [10 * 4 + 1.5, 50 * 4 + 1.5]
    (three,) = ask("single-click", multimask=True)
    assert three.multimask


def test_box_is_the_only_prompt_of_medsam_and_never_cuts_the_object() -> None:
    (one,) = ask("box")
    assert not one.multimask
    assert one.prompts.points_MP2.shape == (20, 0, 2)
    assert one.prompts.masks_M1hw is None
    outwards = (one.prompts.boxes_M4 - targets_of(MANY, side=SIDE).boxes_M4) * torch.tensor([-1, -1, 1, 1])  # type: ignore[operator]
    assert outwards.min() >= 0
    assert outwards.max() <= 5
    (tight,) = ask("box", outwards_px=0)
    assert torch.equal(tight.prompts.boxes_M4, targets_of(MANY, side=SIDE).boxes_M4)  # type: ignore[arg-type]


def test_segment_anything_has_eleven_rounds_all_learned() -> None:
    asked = ask("sam")
    assert len(asked) == 11
    assert all(one.learned for one in asked)
    assert [one.multimask for one in asked] == [True] + [False] * 10


def test_segment_anything_starts_with_a_point_or_a_box_half_and_half() -> None:
    boxed = []
    for seed in range(30):
        first = ask("sam", seed=seed)[0]
        assert first.prompts.masks_M1hw is None
        assert ((first.prompts.labels_MP[:, 0] == 1) == ~said_boxes(first)).all()
        boxed.append(said_boxes(first))
    assert torch.cat(boxed).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_segment_anything_clicks_eight_times_and_rests_in_the_middle_and_at_the_end() -> None:
    rests = Counter()
    for seed in range(60):
        numbers = [one.prompts.labels_MP.shape[1] for one in ask("sam", MANY[:1], seed=seed, mask_only=False)]
        steps = np.diff(numbers)
        assert numbers[-1] == 1 + 8
        assert steps[-1] == 0
        assert sorted(steps[:-1].tolist()) == [0] + [1] * 8
        rests[int(np.argmin(steps[:-1]))] += 1
    assert set(rests) == set(range(1, 8))
    assert rounds_with_clicks(np.random.default_rng(0), 0) == [False]
    assert sorted(rounds_with_clicks(np.random.default_rng(0), 1)) == [False, True]


def test_segment_anything_feeds_back_unthresholded_logits_of_the_best_mask() -> None:
    logits = moved(MANY) + torch.linspace(-1, 1, GRID)
    for one in ask("sam", answer=logits)[1:]:
        assert torch.equal(one.prompts.masks_M1hw, logits[:, None])  # type: ignore[arg-type]


def test_segment_anything_with_bare_masks_says_nothing_else_in_the_two_rounds() -> None:
    asked = ask("sam")
    bare = [number for number, one in enumerate(asked) if one.prompts.labels_MP.shape[1] == 0]
    assert len(bare) == 2
    assert bare[1] == 10
    assert all(asked[number].prompts.boxes_M4 is None for number in bare)


def test_sam_med2d_has_nine_rounds_of_three_masks() -> None:
    asked = ask("sam-med2d")
    assert len(asked) == 9
    assert all(one.multimask and one.learned for one in asked)
    assert (said_boxes(asked[0]) == (asked[0].prompts.labels_MP[:, 0] == -1)).all()
    assert all(one.prompts.boxes_M4 is None for one in asked[1:])


def test_sam_med2d_replaces_its_clicks_and_shows_two_bare_masks() -> None:
    bare, counts = Counter(), Counter()
    for seed in range(60):
        for number, one in enumerate(ask("sam-med2d", MANY[:2], seed=seed)[1:]):
            counts[one.prompts.labels_MP.shape[1]] += 1
            if one.prompts.labels_MP.shape[1] == 0:
                bare[number] += 1
    assert bare[7] == 60
    assert set(bare) == {1, 2, 3, 4, 5, 6, 7}
    assert sum(bare.values()) == 120
    assert set(counts) == {0, 1, 3, 5, 9}
    assert [counts[number] for number in (1, 3, 5, 9)] == pytest.approx([90] * 4, abs=30)


@pytest.mark.parametrize("literal", [True, False])
def test_sam_med2d_feeds_back_logits_or_as_published_probabilities(literal: bool) -> None:
    logits = moved(MANY)
    for one in ask("sam-med2d", sigmoid_mask=literal)[1:]:
        assert torch.equal(one.prompts.masks_M1hw, (torch.sigmoid(logits) if literal else logits)[:, None])  # type: ignore[arg-type]


def test_sam_med2d_clicks_nothing_where_nothing_is_wrong() -> None:
    for one in ask("sam-med2d", answer=(MANY - 0.5) * 8)[1:]:
        assert (one.prompts.labels_MP == -1).all()


def test_sam_med2d_refuses_impossible_numbers_of_clicks() -> None:
    for counts in ((), (0, 1)):
        with pytest.raises(ValueRangeError, match="each 1 or more"):
            build_curriculum("sam-med2d", counts=counts)


def test_ritm_corrects_0_to_3_times_equally_often_and_learns_once() -> None:
    corrections = Counter()
    for seed in range(400):
        asked = ask("ritm", MANY[:1], seed=seed)
        corrections[len(asked) - 1] += 1
        assert [one.learned for one in asked] == [False] * (len(asked) - 1) + [True]
        assert [one.prompts.masks_M1hw is None for one in asked] == [True] + [False] * (len(asked) - 1)
        assert {one.prompts.labels_MP.shape[1] for one in asked} == set(range(48, 48 + len(asked)))
    assert [corrections[number] for number in range(4)] == pytest.approx([100] * 4, abs=30)


def test_ritm_draws_numbers_of_clicks_that_decay_by_a_fifth() -> None:
    for least in (0, 1):
        drawn = draw_counts(np.random.default_rng(0), 200_000, most=24, decay=0.8, least=least)
        assert (drawn.min(), drawn.max()) == (least, 24)
        counts = np.bincount(drawn)[least:]
        assert counts[1:8] / counts[:7] == pytest.approx([0.8] * 7, abs=0.03)


def test_ritm_keeps_positive_clicks_off_the_outline_and_negative_ones_near_it() -> None:
    disc = discs((32, 32, 14), grid=GRID)
    positive, negative = [], []
    for seed in range(40):
        first = ask("ritm", disc, seed=seed, most_corrections=0)[0].prompts
        distance = ((first.points_MP2 + 0.5) / 4 - 32.5).norm(dim=-1)
        positive.append(distance[first.labels_MP == 1])
        negative.append(distance[first.labels_MP == 0])
    inner, outer = torch.cat(positive), torch.cat(negative)
    assert (inner < 14 - 2).float().mean() > 0.9
    width = np.ceil(0.1 * np.sqrt(float(disc.sum())))
    assert (outer < 14 + 1.5 * width + 1).float().mean().item() == pytest.approx(5 / 6 + 1 / 6 * 0.1, abs=0.08)


def test_ritm_corrects_at_a_probability_of_049() -> None:
    just_below_half = torch.full((1, GRID, GRID), -0.02)
    disc = discs((32, 32, 14), grid=GRID)
    seed = next(seed for seed in range(50) if len(ask("ritm", disc, seed=seed)) > 1)
    for one in ask("ritm", disc, seed=seed, answer=just_below_half)[1:]:
        assert one.prompts.labels_MP[0, -1] == 0  # everything is taken for the object, so the background is too much


def clicksam(masks: Tensor, *, answer: Tensor, seed: int = 0, **settings: object) -> tuple[list[Asked], list[Asked]]:
    start = ScriptedDecoder(lambda _: answer, GRID, SIDE)
    decode = ScriptedDecoder(lambda _: answer, GRID, SIDE, start)
    build_curriculum("clicksam", **settings)(decode, targets_of(masks, side=SIDE), np.random.default_rng(seed))
    return start.asked, decode.asked


def test_clicksam_stage_1_is_one_click_in_the_middle() -> None:
    start, (one,) = clicksam(MANY, answer=moved(MANY))
    assert start == []
    assert clicks(one) == [1] * 20
    assert one.prompts.points_MP2[0, 0].tolist() == [10 * 4 + 1.5, 50 * 4 + 1.5]


def test_clicksam_stage_2_gives_the_clicks_of_click_train_for_the_first_mask() -> None:
    masks = discs((20, 20, 12), (40, 40, 16), grid=GRID)
    answer = moved(masks)
    (first,), (one,) = clicksam(masks, answer=answer, stage=2)
    assert not first.learned
    assert one.learned
    assert one.prompts.masks_M1hw is None
    rng = np.random.default_rng(0)
    for index in range(2):
        wanted = click_train_clicks(
            masks[index].numpy() > 0, answer[index].numpy() > 0, method="inverse-distance", rng=rng
        )
        assert wanted.fallback is None
        said = one.prompts.labels_MP[index] >= 0
        points = one.prompts.points_MP2[index][said].tolist()
        assert points == [[4 * p.x + 1.5, 4 * p.y + 1.5] for p in wanted.points]
        assert one.prompts.labels_MP[index][said].tolist() == [int(p.positive) for p in wanted.points]


def test_clicksam_keeps_the_first_click_where_the_mask_is_right() -> None:
    masks = discs((20, 20, 12), (40, 40, 16), grid=GRID)
    answer = torch.stack(((masks[0] - 0.5) * 8, moved(masks)[1]))
    (first,), (one,) = clicksam(masks, answer=answer, stage=2)
    assert clicks(one)[0] == 1
    assert clicks(one)[1] > 1
    kept = one.prompts.labels_MP[0] >= 0
    assert torch.equal(one.prompts.points_MP2[0][kept], first.prompts.points_MP2[0])


def test_clicksam_can_correct_its_own_first_mask() -> None:
    asked = ask("clicksam", stage=2, first="current")
    assert [one.learned for one in asked] == [False, True]


def test_clicksam_without_a_starting_network_says_so() -> None:
    with pytest.raises(ValueRangeError, match=r"needs decode.start, got None; give it, or first='current'"):
        ask("clicksam", stage=2)


def test_clicksam_literally_hands_rows_and_columns_of_the_grid() -> None:
    masks = discs((45, 12, 8), grid=GRID)
    (first,), (one,) = clicksam(masks, answer=moved(masks), stage=2, literal=True)
    for prompts in (first.prompts, one.prompts):
        rows, columns = prompts.points_MP2[0].long().T
        on = masks[0, rows, columns] > 0
        said = prompts.labels_MP[0] >= 0
        assert (on[said] == (prompts.labels_MP[0][said] == 1)).all()
