"""Choices of masks: as the candidates themselves choose, and the oracle by true IoU."""

from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeSegmenter

from promptseg.evaluation.study.experiments.choosing import choose_masks, study_policies, true_ious
from promptseg.evaluation.study.scene import StudiedObject
from promptseg.metrics import iou
from promptseg.types import POLICIES, Candidates, Floats

SEVERAL = tuple(policy for policy in POLICIES if policy != "single")


def candidates(rng: np.random.Generator, *, count: int = 4) -> Candidates:
    """Random masks (12, 17), of which some are empty, and random scores with ties."""
    logits = rng.normal(-0.5, 1, (count, 12, 17)).astype(np.float32)
    logits[rng.random(count) < 0.2] = -1
    scores = rng.integers(0, 3, count).astype(np.float32) / 2
    return Candidates(logits, scores, "first", (12, 17), "random", lambda low_res: low_res)


def studied(rng: np.random.Generator) -> StudiedObject:
    mask = np.zeros((12, 17), dtype=np.bool_)
    mask[rng.integers(5) :, : rng.integers(2, 17)] = True
    return StudiedObject("it", 0, mask & (rng.random(mask.shape) < 0.6))


@pytest.mark.parametrize("seed", range(30))
def test_each_policy_takes_what_the_candidates_take(seed: int) -> None:
    rng = np.random.default_rng(seed)
    answer, it = candidates(rng), studied(rng)
    choices = choose_masks(answer, it, (*SEVERAL, "oracle"))
    for policy in SEVERAL:
        assert choices[policy].index == answer.choose(policy).chosen
        np.testing.assert_array_equal(choices[policy].mask, answer.choose(policy).mask)
        assert choices[policy].predicted_score == answer.choose(policy).score
    ious = [iou(it.mask, mask) for mask in answer.masks]
    np.testing.assert_array_equal(true_ious(answer.masks, it), ious)
    assert choices["oracle"].index == int(np.argmax(ious))


def test_policies_that_agree_share_one_array() -> None:
    rng = np.random.default_rng(1)
    answer = candidates(rng)
    choices = choose_masks(answer, studied(rng), (*SEVERAL, "oracle"))
    arrays = {choice.index: choice.mask for choice in choices.values()}
    assert len(arrays) < len(choices)
    assert all(choice.mask is arrays[choice.index] for choice in choices.values())


def test_only_masks_that_are_needed_are_brought_to_image_size() -> None:
    sizes: list[int] = []

    def to_image(low_res: Floats) -> Floats:
        sizes.append(len(low_res))
        return low_res

    rng = np.random.default_rng(2)
    answer = replace(candidates(rng), to_image=to_image)
    choose_masks(answer, studied(rng), ("first",))
    assert sizes == [1]
    choose_masks(answer, studied(rng), ("oracle",))
    assert sizes == [1, 4]


def test_the_mask_prompt_is_that_of_the_chosen_mask() -> None:
    rng = np.random.default_rng(3)
    answer = candidates(rng)
    for choice in choose_masks(answer, studied(rng), (*SEVERAL, "oracle")).values():
        np.testing.assert_array_equal(choice.mask_prompt.logits, answer.low_res_logits[choice.index])
        assert choice.mask_prompt.model == "random"
        assert choice.mask_prompt is choice.mask_prompt


def test_a_segmenter_with_one_mask_has_no_oracle() -> None:
    class OneMask(FakeSegmenter):
        policies = ("first",)

    assert study_policies(OneMask()) == ("first",)
    assert study_policies(FakeSegmenter()) == (*POLICIES, "oracle")
