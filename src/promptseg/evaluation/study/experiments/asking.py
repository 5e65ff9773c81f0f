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
from promptseg.types import BothWays, Candidates, Policy, Prompts, Segmenter, policy_of_several

__all__ = ["Question", "Request", "ask", "evaluations", "prompts_at_once"]

_Answers = dict[bool, tuple[Candidates, float]]
"""The one mask of ``single`` (True), the candidates of the other policies (False), or both; with seconds."""

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
    def ways(self) -> frozenset[bool]:
        """Whether the one mask of ``single`` is wanted (True), the candidates (False), or both."""
        return frozenset(policy == "single" for policy in self.policies)

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
    """For each request the choice of each of its policies.

    A pass is a call of the segmenter: one for ``single`` and one for all other policies, or one for all of them where
    the segmenter computes both at once anyway. Requests with the same prompts for the same object are one: they get
    the same arrays.
    """
    unique: dict[Hashable, Request] = {}
    for request in requests:
        known = unique.get(request.sameness, request)
        union = dict.fromkeys((*known.policies, *request.policies))
        unique[request.sameness] = Request(known.object, known.prompts, tuple(union))
    answers: dict[Hashable, _Answers] = {sameness: {} for sameness in unique}
    for ways in _passes(scene.segmenter, unique.values()):
        part = [request for request in unique.values() if request.ways & ways]
        for request, answer in zip(part, _pass(scene, part, ways), strict=True):
            answers[request.sameness] |= answer
    chosen = {sameness: _chosen(request, answers[sameness]) for sameness, request in unique.items()}
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


def _passes(segmenter: Segmenter, requests: Iterable[Request]) -> list[frozenset[bool]]:
    wanted = frozenset[bool]().union(*(request.ways for request in requests))
    if len(wanted) > 1 and isinstance(segmenter, BothWays) and segmenter.both_at_once:
        return [wanted]
    return [frozenset({single}) for single in (True, False) if single in wanted]


def _pass(scene: Scene, requests: Sequence[Request], ways: frozenset[bool]) -> list[_Answers]:
    """What the segmenter answers in these ways, each with its share of the time."""
    prompts, start = [request.prompts for request in requests], perf_counter()
    found: list[dict[bool, Candidates]]
    if len(ways) > 1 and isinstance(scene.segmenter, BothWays):
        both = scene.segmenter.segment_both(scene.embedding, prompts)
        found = [{True: single, False: several} for single, several in both]
    else:
        (single,) = ways
        choose: Policy = "single" if single else policy_of_several(scene.segmenter)
        found = [{single: one} for one in scene.segmenter.segment(scene.embedding, prompts, choose=choose)]
    seconds = (perf_counter() - start) / len(requests)
    return [{way: (candidates, seconds) for way, candidates in one.items()} for one in found]


def _chosen(request: Request, answers: _Answers) -> dict[StudyPolicy, Choice]:
    chosen: dict[StudyPolicy, Choice] = {}
    for single, (candidates, seconds) in answers.items():
        policies = [policy for policy in request.policies if (policy == "single") == single]
        if policies:
            chosen |= choose_masks(candidates, request.object, policies, seconds=seconds)
    return chosen
