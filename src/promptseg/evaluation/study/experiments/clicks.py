"""Clicks one after the other, each on an error of the mask before.

A chain is one simulated user: an object, a rule of the next click, a policy by which the mask that is corrected is
chosen, whether that mask is handed back, and a repetition. All chains of an image advance together, so that a step is
one pass of the model; steps in which chains say the same, as the first always is, are asked once.

All clicks made so far are passed at each step, as in the code of Mazurowski et al. (the text of their Algorithm 1 shows
the last one only). The first click is the rule's on an empty mask, so for the rule ``random`` any pixel of the object.
Where no error is left to click on, the chain is finished: its remaining steps repeat the last mask and its prompts, so
that every chain has all its rows. (The authors' code then clicks on a random pixel of the image.)
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final, final

import numpy as np

from promptseg.evaluation.study.experiments.asking import Request, ask, prompts_at_once
from promptseg.evaluation.study.experiments.choosing import Choice, study_policies
from promptseg.evaluation.study.experiments.prompters import PROMPTERS
from promptseg.evaluation.study.recipe import ClickRule, ClicksSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject, StudyPolicy
from promptseg.prompts import deepest_error_click, next_click, random_error_click, study_click
from promptseg.types import BoolMask, Point, Prompts, needs_mask

__all__ = ["clicks"]


@final
@dataclass(eq=False)
class _Chain:
    """One simulated user at work.

    Attributes:
        object: what is to be segmented.
        rule: of the next click.
        policy: by which the mask that is corrected is chosen.
        feedback: whether that mask is handed back.
        repeat: number of the repetition.
        rng: what a rule that draws at random draws from.
        any_label: (H, W) whether a pixel belongs to any class, for the literal label of the authors' code.
        literal: as in the authors' code.
        points: clicks so far.
        prompts: of the last step.
        choice: its answer.
        finished: whether no error was left.
    """

    object: StudiedObject
    rule: ClickRule
    policy: StudyPolicy
    feedback: bool
    repeat: int
    rng: np.random.Generator
    any_label: BoolMask | None
    points: tuple[Point, ...] = ()
    prompts: Prompts = field(default_factory=Prompts)
    choice: Choice | None = None
    finished: bool = False

    @property
    def draws(self) -> bool:
        """Whether its next click is drawn at random."""
        return self.rule == "random" or (self.rule == "study" and self.any_label is not None)

    def mask(self) -> BoolMask:
        """(H, W) what is corrected."""
        return np.zeros_like(self.object.mask) if self.choice is None else self.choice.mask

    def click(self, point: Point | None) -> None:
        """Make the next click, or none if no error is left."""
        self.finished = point is None
        if point is not None:
            self.points = (*self.points, point)
            handed_back = self.choice.mask_prompt if self.feedback and self.choice is not None else None
            self.prompts = Prompts(points=self.points, mask=handed_back)


def clicks(scene: Scene, settings: ClicksSettings) -> Iterator[Evaluation]:
    """All chains of an image, step by step.

    A policy that the segmenter does not offer is left out, and its default one is taken if nothing else is left (a
    peer has but one mask, which every policy would take). A segmenter that accepts no mask gets none; one that is made
    to get its mask back always does.
    """
    chains = _chains(scene, settings)
    at_once = prompts_at_once(scene.image.size)
    for start in range(0, len(chains), at_once):
        block = chains[start : start + at_once]
        for step in range(1, max(settings.count_of(chain.rule) for chain in block) + 1):
            block = [chain for chain in block if step <= settings.count_of(chain.rule)]
            _advance(scene, [chain for chain in block if not chain.finished])
            yield from (evaluation for chain in block for evaluation in _evaluated(chain, step))


def _chains(scene: Scene, settings: ClicksSettings) -> list[_Chain]:
    policies = _policies(scene, settings)
    feedbacks = _feedbacks(scene, settings)
    any_label = None
    if settings.literal and scene.objects:
        any_label = np.any([studied.mask for studied in scene.objects], axis=0)
    chains = []
    for studied, rule in product(scene.objects, dict.fromkeys(settings.prompters)):
        if not PROMPTERS[f"clicks-{rule}"].needs <= scene.accepts:
            continue
        drawn = rule == "random" or (rule == "study" and settings.literal)
        for policy, feedback, repeat in product(policies, feedbacks, range(settings.repeats if drawn else 1)):
            rng = scene.rng(f"clicks-{rule}", studied.label, studied.number, repeat)
            chains.append(_Chain(studied, rule, policy, feedback, repeat, rng, any_label))
    return chains


def _feedbacks(scene: Scene, settings: ClicksSettings) -> Sequence[bool]:
    if needs_mask(scene.segmenter):
        return (True,)
    return list(dict.fromkeys(feedback and "mask" in scene.accepts for feedback in settings.feedback))


def _policies(scene: Scene, settings: ClicksSettings) -> Sequence[StudyPolicy]:
    wanted: Sequence[StudyPolicy] = settings.policies or (scene.segmenter.default_policy, ORACLE_CHOICE)
    offered = study_policies(scene.segmenter)
    kept = [policy for policy in dict.fromkeys(wanted) if policy in offered]
    return kept or [scene.segmenter.default_policy]


def _advance(scene: Scene, chains: Sequence[_Chain]) -> None:
    """Make the next click of each chain and ask the model."""
    known: dict[Hashable, Point | None] = {}
    for chain in chains:
        mask = chain.choice.mask if chain.choice is not None else None
        same = (id(chain.object), chain.rule, id(mask), chain.points, id(chain) if chain.draws else None)
        if same not in known:
            known[same] = _RULES[chain.rule](chain)
        chain.click(known[same])
    clicked = [chain for chain in chains if not chain.finished]
    answers = ask(scene, [Request(chain.object, chain.prompts, (chain.policy,)) for chain in clicked])
    for chain, choices in zip(clicked, answers, strict=True):
        chain.choice = choices[chain.policy]


def _evaluated(chain: _Chain, step: int) -> Iterator[Evaluation]:
    if chain.choice is not None:
        yield Evaluation(
            object=chain.object,
            prompter=f"clicks-{chain.rule}",
            policy=chain.policy,
            prompts=chain.prompts,
            mask=chain.choice.mask,
            candidate=chain.choice.index,
            predicted_score=chain.choice.predicted_score,
            seconds=chain.choice.seconds,
            level=math.nan,
            feedback=chain.feedback,
            repeat=chain.repeat,
            step=step,
        )


def _study(chain: _Chain) -> Point | None:
    reference, prediction = chain.object.mask, chain.mask()
    if chain.any_label is None:
        return study_click(reference, prediction)
    if np.array_equal(reference, prediction):
        return None
    return study_click(reference, prediction, rng=chain.rng, literal=True, any_label=chain.any_label)


def _ritm(chain: _Chain) -> Point | None:
    return next_click(chain.object.mask, chain.mask(), clicked=chain.points)


def _random(chain: _Chain) -> Point | None:
    return random_error_click(chain.object.mask, chain.mask(), chain.rng)


def _deepest(chain: _Chain) -> Point | None:
    return deepest_error_click(chain.object.mask, chain.mask())


_RULES: Final[dict[ClickRule, Callable[[_Chain], Point | None]]] = {
    "study": _study,
    "ritm": _ritm,
    "random": _random,
    "deepest": _deepest,
}
