"""The mixed curriculum draws what its settings say, and its clicks are those of people."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor
from training.scripted_decoder import Asked, ScriptedDecoder, discs, targets_of

from promptseg.errors import ValueRangeError
from promptseg.training.curricula import build_curriculum
from promptseg.training.curricula.mixed import KINDS
from promptseg.training.curricula.people import (
    Hand,
    click_mistake,
    click_region,
    click_several,
    rough_masks,
    stroke,
)

GRID, SIDE = 32, 128
STEADY = Hand(deep=0.0, unsteady=0.0, miss=0.0)
ONLY = dict.fromkeys(KINDS, 0.0)


def masks(count: int = 40) -> Tensor:
    return discs(*[(10 + k % 11, 12 + k % 9, 4 + k % 5) for k in range(count)], grid=GRID)


def decoder(count: int = 40) -> ScriptedDecoder:
    return ScriptedDecoder(lambda _: (torch.roll(masks(count), (2, 3), dims=(1, 2)) - 0.5) * 8, GRID, SIDE)


def ask(seed: int = 0, *, count: int = 40, **settings: object) -> tuple[list[Asked], int]:
    decode = decoder(count)
    targets = targets_of(masks(count), side=SIDE)
    rounds = build_curriculum("mixed", **settings)(decode, targets, np.random.default_rng(seed))
    return decode.asked, len(rounds)


def kinds(one: Asked) -> dict[str, Tensor]:
    """Of the first call: which objects have a click alone, a box alone, both, more clicks, a mask."""
    clicks = (one.prompts.labels_MP >= 0).sum(dim=1)
    box = ~one.prompts.boxes_M4.isnan().any(dim=1)  # type: ignore[union-attr]
    mask = ~one.prompts.masks_M1hw.flatten(1).isnan().any(dim=1)  # type: ignore[union-attr]
    return {
        "click": (clicks == 1) & ~box & ~mask,
        "box": (clicks == 0) & box & ~mask,
        "box_and_click": (clicks == 1) & box & ~mask,
        "more": (clicks > 1) & ~box & ~mask,
        "mask": (clicks == 0) & ~box & mask,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_kind_is_given_to_all(kind: str) -> None:
    (first, *_), _ = ask(**{**ONLY, kind: 1.0})
    found = kinds(first)
    if kind in {"several", "scribble"}:
        assert (found["more"] | found["click"]).all()
    else:
        assert found[kind].all()
    assert (first.prompts.labels_MP == 0).any() == (kind == "several")


def test_kinds_are_drawn_by_their_weights() -> None:
    weights = {**ONLY, "click": 2.0, "box": 1.0, "mask": 1.0}
    found = [kinds(ask(seed, **weights)[0][0]) for seed in range(25)]
    shares = {name: torch.cat([one[name] for one in found]).float().mean().item() for name in weights if weights[name]}
    assert shares == {
        "click": pytest.approx(0.5, abs=0.05),
        "box": pytest.approx(0.25, abs=0.05),
        "mask": pytest.approx(0.25, abs=0.05),
    }


def test_no_kind_at_all_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="give at least one a weight"):
        build_curriculum("mixed", **ONLY)


def test_one_or_two_corrections_are_learned_or_many_are_not_but_for_the_last() -> None:
    short, long = Counter(), Counter()
    for seed in range(60):
        asked, rounds = ask(seed, count=1, long=0.0)
        assert all(one.learned for one in asked)
        short[rounds] += 1
        asked, rounds = ask(seed, count=1, long=1.0)
        assert rounds == 2
        assert [one.learned for one in asked] == [True, *[False] * (len(asked) - 2), True]
        long[len(asked) - 2] += 1
    assert set(short) == {2, 3}
    assert set(long) == set(range(1, 8))


def test_boxes_are_tight_or_jittered_by_a_tenth() -> None:
    tight = targets_of(masks(), side=SIDE).boxes_M4
    (first, *_), _ = ask(**{**ONLY, "box": 1.0}, loose=0.0)
    assert torch.equal(first.prompts.boxes_M4, tight)  # type: ignore[arg-type]
    moved = [ask(seed, **{**ONLY, "box": 1.0}, loose=1.0)[0][0].prompts.boxes_M4 - tight for seed in range(30)]  # type: ignore[operator]
    width = (tight[:, 2] - tight[:, 0] + 1)[None, :, None]
    assert (torch.stack(moved)[..., ::2] / width).std().item() == pytest.approx(0.1, rel=0.1)


def test_corrections_add_a_click_and_mostly_show_the_mask() -> None:
    asked, _ = ask(3, long=1.0, click_train=0.0, mask_only=0.0, feedback=1.0)
    for before, after in pairwise(asked):
        assert after.prompts.labels_MP.shape[1] == before.prompts.labels_MP.shape[1] + 1
        assert not after.prompts.masks_M1hw.isnan().any()  # type: ignore[union-attr]
    asked, _ = ask(3, **{**ONLY, "click": 1.0}, long=1.0, click_train=0.0, mask_only=0.0, feedback=0.0)
    assert all(one.prompts.masks_M1hw.isnan().all() for one in asked[1:])  # type: ignore[union-attr]


def test_clicks_by_area_take_the_place_of_all_prompts() -> None:
    asked, _ = ask(**{**ONLY, "box": 1.0}, click_train=1.0, mask_only=0.0)
    for one in asked[1:]:
        replaced = one.prompts.boxes_M4.isnan().any(dim=1)  # type: ignore[union-attr]
        assert replaced.float().mean() > 0.8
        assert ((one.prompts.labels_MP >= 0).any(dim=1) == replaced).all()


def test_a_bare_mask_is_said_once_and_the_clicks_come_back() -> None:
    asked, _ = ask(1, **{**ONLY, "click": 1.0}, long=1.0, click_train=0.0, mask_only=0.5)
    counts = torch.stack([(one.prompts.labels_MP >= 0).sum(dim=1) for one in asked])
    bare = counts[1:] == 0
    assert bare.float().mean().item() == pytest.approx(0.5, abs=0.15)
    for number in range(1, len(asked)):
        assert (counts[number][counts[number] > 0] == number + 1).all()


def test_a_steady_hand_clicks_uniformly_or_on_the_deepest_cell() -> None:
    disc = discs((16, 16, 6), grid=GRID).bool().expand(4000, -1, -1)
    decode, rng = decoder(), np.random.default_rng(0)
    anywhere = click_region(disc, STEADY, decode, rng).points_MP2[:, 0]
    distance = ((anywhere + 0.5) / 4 - 16.5).norm(dim=1)
    assert (distance < 3).float().mean().item() == pytest.approx(29 / 113, abs=0.03)
    deepest = click_region(disc[:50], Hand(1.0, 0.0, 0.0), decode, rng).points_MP2[:, 0]
    assert ((deepest + 0.5) / 4 - 16.5).abs().max() <= 0.5


def test_an_unsteady_hand_stays_on_the_object_and_a_missing_one_does_not() -> None:
    disc = discs((16, 16, 6), grid=GRID).bool().expand(500, -1, -1)
    decode, rng = decoder(), np.random.default_rng(0)

    def on(made: Tensor) -> Tensor:
        cells = ((made[:, 0] + 0.5) / 4).floor().long()
        return disc[0][cells[:, 1], cells[:, 0]]

    shaky = click_region(disc, Hand(1.0, 0.3, 0.0), decode, rng).points_MP2
    assert on(shaky).all()
    assert shaky.std(dim=0).min() > 4
    missing = click_region(disc, Hand(0.0, 0.0, 0.3), decode, rng)
    assert (~on(missing.points_MP2)).float().mean().item() == pytest.approx(0.3, abs=0.07)
    assert (missing.labels_MP == 1).all()


def test_clicks_on_mistakes_choose_by_depth_or_by_area() -> None:
    truth = torch.zeros(1, GRID, GRID, dtype=torch.bool)
    truth[0, 2:30, 2:4] = True  # 56 cells, of depth 1
    logits = torch.full((1, GRID, GRID), -5.0)
    logits[0, 10:15, 20:25] = 5.0  # 25 cells, of depth 3
    truth, logits = truth.expand(2000, -1, -1), logits.expand(2000, -1, -1)
    decode, rng = decoder(), np.random.default_rng(0)
    deep = click_mistake(truth[:20], logits[:20], Hand(1.0, 0.0, 0.0), decode, rng)
    assert (deep.labels_MP == 0).all()
    assert ((deep.points_MP2[:, 0] + 0.5) / 4).floor()[0].tolist() == [22, 12]
    anywhere = click_mistake(truth, logits, STEADY, decode, rng)
    assert (anywhere.labels_MP == 1).float().mean().item() == pytest.approx(56 / 81, abs=0.04)


def test_nothing_to_click_on_gives_padding() -> None:
    nothing = torch.zeros(3, GRID, GRID, dtype=torch.bool)
    for made in (
        click_region(nothing, STEADY, decoder(), np.random.default_rng(0)),
        click_mistake(nothing, torch.full((3, GRID, GRID), -1.0), STEADY, decoder(), np.random.default_rng(0)),
    ):
        assert made.labels_MP.tolist() == [[-1]] * 3
    assert stroke(nothing, 5, decoder(), np.random.default_rng(0)).labels_MP.shape == (3, 0)


def test_several_clicks_lie_on_the_object_and_near_it() -> None:
    truth = masks().bool()
    made = click_several(truth, 4, STEADY, decoder(), np.random.default_rng(0))
    assert made.labels_MP.shape == (40, 8)
    positive, negative = (made.labels_MP == 1).sum(dim=1), (made.labels_MP == 0).sum(dim=1)
    assert set(positive.tolist()) == {1, 2, 3, 4}
    assert set(negative.tolist()) == {0, 1, 2, 3, 4}


def test_rough_masks_resemble_their_objects_without_being_right() -> None:
    truth = masks()
    logits = rough_masks(truth, np.random.default_rng(0))
    assert logits.shape == (40, 1, GRID, GRID)
    predicted = logits[:, 0] > 0
    overlap = (predicted & truth.bool()).flatten(1).sum(dim=1) / (predicted | truth.bool()).flatten(1).sum(dim=1)
    assert 0.5 < overlap.median() < 0.98
    assert logits.flatten(1).abs().unique(dim=1).shape[1] > 2
