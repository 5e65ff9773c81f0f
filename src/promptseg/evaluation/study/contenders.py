"""Models and trivial peers, ready to answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

from promptseg.errors import StudyError
from promptseg.evaluation.study.experiments.choosing import study_policies
from promptseg.evaluation.study.planning import DISC, Contender
from promptseg.evaluation.study.recipe import ModelSettings, StudyRecipe
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.evaluation.study.scene import StudyPolicy
from promptseg.models import load
from promptseg.types import PromptKind, Segmenter, accepted_prompts, offered_policies

__all__ = ["OpenSegmenter", "Ready", "disc_name", "fingerprint_of", "open_segmenter", "ready_contenders"]

OpenSegmenter = Callable[[ModelSettings, str], Segmenter]
"""Makes a segmenter of what a recipe says of a model, and the name of a device."""

_USUAL: Final[tuple[StudyPolicy, ...]] = ("single", "first", "best-score")


@final
@dataclass(frozen=True, eq=False)
class Ready:
    """A contender that can be asked.

    Attributes:
        name: in results.
        segmenter: answers.
        policies: how candidates are chosen; all are evaluated.
    """

    name: str
    segmenter: Segmenter
    policies: tuple[StudyPolicy, ...]

    @cached_property
    def accepts(self) -> frozenset[PromptKind]:
        """Kinds of prompts that it understands."""
        return accepted_prompts(self.segmenter)


def open_segmenter(model: ModelSettings, device: str) -> Segmenter:
    """A model of the table or a file; errors as for :func:`promptseg.load`."""
    return load(model.weights or model.name, device=device, like=model.like)


def ready_model(model: ModelSettings, open_one: OpenSegmenter, *, device: str) -> Ready:
    """Open a model.

    Raises:
        StudyError: it does not offer a policy that the recipe names.
        PromptsegError: it cannot be opened.
    """
    segmenter = open_one(model, device)
    possible = study_policies(segmenter)
    unknown = [policy for policy in model.policies if policy not in possible]
    if unknown:
        raise StudyError(
            f"model.{model.name}.policies: expected {', '.join(possible)}, which this model offers; got {unknown[0]!r}"
        )
    usual = tuple(policy for policy in (*_USUAL, ORACLE_CHOICE) if policy in possible)
    return Ready(model.name, segmenter, tuple(model.policies) or usual)


def ready_peer(name: str, *, disc_share: float | None = None) -> Ready:
    """Make a trivial peer, which gives one mask.

    Raises:
        MissingExtraError: what it needs is not installed.
    """
    from promptseg.evaluation.peers import build_peer

    segmenter = build_peer(name) if disc_share is None else build_peer(name, disc_share=disc_share)
    return Ready(name, segmenter, offered_policies(segmenter))


def ready_contenders(
    recipe: StudyRecipe,
    contenders: tuple[Contender, ...],
    open_one: OpenSegmenter,
    *,
    device: str,
    disc_shares: Mapping[tuple[str, str], float],
) -> Mapping[str, Ready]:
    """All models and peers by name; the peer ``disc`` by name, data set and label, see :func:`disc_name`."""
    models = {model.name: model for model in recipe.model}
    ready = {}
    for contender in contenders:
        if not contender.peer:
            ready[contender.name] = ready_model(models[contender.name], open_one, device=device)
        elif contender.name != DISC:
            ready[contender.name] = ready_peer(contender.name)
    for (dataset, label), share in disc_shares.items():
        ready[disc_name(dataset, label)] = ready_peer(DISC, disc_share=share)
    return ready


def disc_name(dataset: str, label: str) -> str:
    """Under which name the disc of a data set and label is found."""
    return f"{DISC}\n{dataset}\n{label}"


def fingerprint_of(segmenter: Segmenter) -> str:
    """Digest of the weights where the segmenter has an attribute ``fingerprint``, else its name."""
    return str(getattr(segmenter, "fingerprint", segmenter.name))
