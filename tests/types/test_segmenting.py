"""Candidates: which mask each policy takes, ties, and that masks are computed only when asked for."""

from dataclasses import replace

import numpy as np
import pytest

from promptseg import Candidates
from promptseg.errors import PromptError, UnknownNameError
from promptseg.types import POLICIES, Policy


def three(policy: Policy, scores: tuple[float, ...] = (0.2, 0.9, 0.9)) -> Candidates:
    logits = np.full((3, 2, 4), -1.0, dtype=np.float32)
    logits[0, :, :2] = 1  # 4 px; candidate 1 is empty
    logits[2, 0, 0] = 1  # 1 px
    return Candidates(logits, np.array(scores, dtype=np.float32), policy, (2, 4), "m", lambda low: low * 2)


@pytest.mark.parametrize(("policy", "index"), [("first", 0), ("best-score", 1), ("largest", 0), ("smallest", 2)])
def test_policies(policy: Policy, index: int) -> None:
    candidates = three(policy)
    assert candidates.chosen == index
    assert (candidates.mask == candidates.masks[index]).all()
    assert candidates.score == pytest.approx(candidates.scores[index])
    assert (candidates.mask_prompt.logits == candidates.low_res_logits[index]).all()
    assert (candidates.logits == 2 * candidates.low_res_logits).all()


def test_choosing_again() -> None:
    candidates = three("first").choose("smallest")
    assert candidates.chosen == 2
    with pytest.raises(PromptError, match="ask the segmenter again"):
        candidates.choose("single")
    with pytest.raises(UnknownNameError, match=", ".join(POLICIES)):
        candidates.choose("best")  # type: ignore[arg-type]


def test_only_the_chosen_mask_is_brought_to_image_size() -> None:
    calls = []

    def to_image(low: np.ndarray) -> np.ndarray:
        calls.append(len(low))
        return low

    scores = np.array([0.1, 0.3, 0.2], dtype=np.float32)
    candidates = Candidates(np.ones((3, 2, 2), dtype=np.float32), scores, "best-score", (2, 2), "m", to_image)
    assert candidates.mask.all()
    assert candidates.mask.all()
    assert calls == [1]


@pytest.mark.parametrize("policy", ["first", "largest", "smallest"])
@pytest.mark.parametrize("before", [None, "logits", "masks"])
def test_chosen_logits_keep_nothing(policy: Policy, before: str | None) -> None:
    candidates = three(policy)
    if before is not None:
        getattr(candidates, before)
    kept = "logits" in vars(candidates)
    assert (candidates.chosen_logits == 2 * candidates.low_res_logits[candidates.chosen]).all()
    assert (candidates.mask == (candidates.chosen_logits > 0)).all()
    assert ("logits" in vars(candidates)) == kept


@pytest.mark.parametrize("before", [None, "logits", "masks"])
def test_some_masks_at_image_size(before: str | None) -> None:
    candidates = three("first")
    if before is not None:
        getattr(candidates, before)
    assert (candidates.masks_at([2, 0]) == candidates.masks[[2, 0]]).all()


def test_a_model_can_have_a_faster_way_to_masks() -> None:
    calls = []

    def to_masks(low: np.ndarray) -> np.ndarray:
        calls.append(len(low))
        return low > 0

    candidates = replace(three("first"), to_masks=to_masks)
    assert (candidates.mask == three("first").mask).all()
    assert (candidates.masks == three("first").masks).all()
    assert calls == [1, 3]
    assert (candidates.logits == three("first").logits).all()
