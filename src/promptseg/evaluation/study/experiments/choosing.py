"""Which candidate masks are taken, by each policy of a study, and the oracle's choice by true IoU.

One answer of the model serves all policies but ``single``, for which the model is asked for its one mask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, final

import numpy as np

from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.evaluation.study.scene import StudiedObject, StudyPolicy
from promptseg.types import BoolMask, Candidates, Floats, MaskPrompt, Segmenter, offered_policies

__all__ = ["Choice", "choose_masks", "study_policies", "true_ious"]

_OF_ALL_MASKS: Final = frozenset({ORACLE_CHOICE, "largest", "smallest"})
"""Policies that look at every candidate mask at image size."""


@final
@dataclass(frozen=True, eq=False)
class Choice:
    """One mask of a model's answer.

    Attributes:
        candidates: the answer.
        index: of the mask among them.
        mask: (H, W); the same array for every policy that takes the same candidate.
        seconds: share of the time of the batch, and the time of choosing.
    """

    candidates: Candidates
    index: int
    mask: BoolMask
    seconds: float

    @property
    def predicted_score(self) -> float:
        """The model's own estimate of the mask's IoU."""
        return float(self.candidates.scores[self.index])

    @cached_property
    def mask_prompt(self) -> MaskPrompt:
        """This mask, to be handed back with the next click."""
        offered = self.candidates.mask_prompt
        return replace(offered, logits=self.candidates.low_res_logits[self.index].copy())


def study_policies(segmenter: Segmenter) -> tuple[StudyPolicy, ...]:
    """The policies that a segmenter offers, and ``oracle`` where it answers with several masks."""
    offered = offered_policies(segmenter)
    several = {"best-score", "largest", "smallest"} & set(offered)
    return (*offered, ORACLE_CHOICE) if several else offered


def choose_masks(
    candidates: Candidates, studied: StudiedObject, policies: Iterable[StudyPolicy], *, seconds: float = 0
) -> dict[StudyPolicy, Choice]:
    """What each policy takes; masks that nobody takes or looks at are not computed.

    ``oracle`` takes the highest true IoU. All ties go to the lower index, as in :attr:`Candidates.chosen`; if no mask
    touches the object the oracle takes the first.

    Args:
        candidates: of one answer.
        studied: the object that was meant.
        policies: ``single`` means the first mask here: ask the segmenter for its one mask before.
        seconds: what the answer took; the time of the choice is added.
    """
    from time import perf_counter

    start = perf_counter()
    wanted = tuple(policies)
    if _OF_ALL_MASKS.isdisjoint(wanted):
        taken: dict[StudyPolicy, int] = {policy: _without_masks(candidates, policy) for policy in wanted}
        needed = sorted(set(taken.values()))
        masks = dict(zip(needed, candidates.masks_at(needed), strict=True))
    else:
        masks = dict(enumerate(candidates.masks))
        taken = _by_masks(candidates, studied, wanted)
    spent = seconds + perf_counter() - start
    choices = {index: Choice(candidates, index, masks[index], spent) for index in set(taken.values())}
    return {policy: choices[index] for policy, index in taken.items()}


def true_ious(masks: Sequence[BoolMask] | BoolMask, studied: StudiedObject) -> Floats:
    """IoU of each (H, W) mask with the object, (K,) float64; counted in the object's block only."""
    inside = studied.mask[studied.block]
    shared = np.array([np.count_nonzero(mask[studied.block] & inside) for mask in masks])
    found = np.array([np.count_nonzero(mask) for mask in masks])
    ious: Floats = shared / (found + studied.area_px - shared)
    return ious


def _without_masks(candidates: Candidates, policy: StudyPolicy) -> int:
    return int(np.argmax(candidates.scores)) if policy == "best-score" else 0


def _by_masks(
    candidates: Candidates, studied: StudiedObject, policies: Sequence[StudyPolicy]
) -> dict[StudyPolicy, int]:
    areas_px = np.array([np.count_nonzero(mask) for mask in candidates.masks])
    taken: dict[StudyPolicy, int] = {}
    for policy in policies:
        if policy == ORACLE_CHOICE:
            taken[policy] = int(np.argmax(true_ious(candidates.masks, studied)))
        elif policy == "largest":
            taken[policy] = int(np.argmax(areas_px))
        elif policy == "smallest":
            taken[policy] = int(np.argmin(np.where(areas_px > 0, areas_px, np.inf)))
        else:
            taken[policy] = _without_masks(candidates, policy)
    return taken
