"""Prompts of many objects in few passes: what two prompters say alike is asked once, and answers are chosen from.

The time of an evaluation is its share of the pass in which it ran (the pass over the number of prompts in it) and the
time of choosing. Evaluations that share an answer each carry the whole of it: so long it would have taken alone.
"""

import math
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from time import perf_counter
from typing import Final, final

from promptseg.evaluation.study.experiments.choosing import Choice, choose_masks
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject, StudyPolicy
from promptseg.types import Policy, Prompts, policy_of_several

__all__ = ["Question", "Request", "ask", "evaluations", "prompts_at_once"]

_MOST_AT_ONCE: Final = 64
_PIXELS_AT_ONCE: Final = 2**26


@final
@dataclass(frozen=True, eq=False)
class Request:
    """Prompts for one object, and the policies under which masks are wanted."""

    object: StudiedObject
    prompts: Prompts
    policies: tuple[StudyPolicy, ...]

    @property
    def sameness(self) -> Hashable:
        """Requests that agree in it get the same answer."""
        return id(self.object), self.prompts.points, self.prompts.boxes, id(self.prompts.mask)


@final
@dataclass(frozen=True, eq=False)
class Question:
    """A prompt of an experiment that asks each prompt by itself; all policies of the scene are evaluated."""

    object: StudiedObject
    prompter: str
    prompts: Prompts
    level: float = math.nan
    repeat: int = 0
    step: int = 1


def prompts_at_once(image_size: tuple[int, int]) -> int:
    """How many prompts are asked in one go, so that their masks take little memory."""
    return max(1, min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // math.prod(image_size)))


def ask(scene: Scene, requests: Sequence[Request]) -> list[dict[StudyPolicy, Choice]]:
    """For each request the choice of each of its policies; one pass for ``single``, one for all others.

    Requests with the same prompts for the same object are one: they get the same arrays.
    """
    unique: dict[Hashable, Request] = {}
    for request in requests:
        known = unique.get(request.sameness, request)
        union = dict.fromkeys((*known.policies, *request.policies))
        unique[request.sameness] = Request(known.object, known.prompts, tuple(union))
    chosen: dict[Hashable, dict[StudyPolicy, Choice]] = {sameness: {} for sameness in unique}
    passes: tuple[Policy, ...] = ("single", policy_of_several(scene.segmenter))
    for choose in dict.fromkeys(passes):
        part = {
            sameness: Request(request.object, request.prompts, policies)
            for sameness, request in unique.items()
            if (policies := tuple(one for one in request.policies if (one == "single") == (choose == "single")))
        }
        for sameness, choices in zip(part, _pass(scene, list(part.values()), choose), strict=True):
            chosen[sameness] |= choices
    return [{policy: chosen[request.sameness][policy] for policy in request.policies} for request in requests]


def evaluations(scene: Scene, questions: Iterable[Question]) -> Iterator[Evaluation]:
    """Each question under each policy of the scene, in that order."""
    remaining = iter(questions)
    while batch := list(islice(remaining, prompts_at_once(scene.image.size))):
        answers = ask(scene, [Request(one.object, one.prompts, scene.policies) for one in batch])
        for question, choices in zip(batch, answers, strict=True):
            for policy, choice in choices.items():
                yield Evaluation(
                    object=question.object,
                    prompter=question.prompter,
                    policy=policy,
                    prompts=question.prompts,
                    mask=choice.mask,
                    candidate=choice.index,
                    predicted_score=choice.predicted_score,
                    seconds=choice.seconds,
                    level=question.level,
                    repeat=question.repeat,
                    step=question.step,
                )


def _pass(scene: Scene, requests: Sequence[Request], choose: Policy) -> list[dict[StudyPolicy, Choice]]:
    if not requests:
        return []
    start = perf_counter()
    answers = scene.segmenter.segment(scene.embedding, [request.prompts for request in requests], choose=choose)
    seconds = (perf_counter() - start) / len(requests)
    return [
        choose_masks(candidates, request.object, request.policies, seconds=seconds)
        for request, candidates in zip(requests, answers, strict=True)
    ]
