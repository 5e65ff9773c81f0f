"""Models and trivial peers, ready to answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, final

from promptseg.errors import StudyError
from promptseg.evaluation.peers import PEERS, build_peer
from promptseg.evaluation.study.experiments.choosing import study_policies
from promptseg.evaluation.study.planning import Contender
from promptseg.evaluation.study.recipe import ModelSettings, StudyRecipe
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.evaluation.study.scene import StudyPolicy
from promptseg.models import load
from promptseg.types import PROMPT_KINDS, PromptKind, Segmenter, accepted_prompts

__all__ = [
    "OpenSegmenter",
    "Ready",
    "fingerprint_of",
    "name_of_peer",
    "open_segmenter",
    "ready_contenders",
    "refused_prompts",
]

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


def ready_contenders(
    recipe: StudyRecipe,
    contenders: Sequence[Contender],
    open_one: OpenSegmenter,
    *,
    device: str,
    object_shares: Mapping[tuple[str, str], float],
) -> dict[str, Ready]:
    """Open all models and peers: by name, and peers that know a size of objects by :func:`name_of_peer`.

    Raises:
        MissingExtraError: what a peer needs is not installed.
        StudyError: a model does not offer a policy that the recipe names.
        PromptsegError: a model cannot be opened.
    """
    models = {model.name: model for model in recipe.model}
    ready: dict[str, Ready] = {}
    for contender in contenders:
        name = contender.name
        if not contender.peer:
            ready[name] = ready_model(models[name], open_one, device=device)
            continue
        peers = {name_of_peer(name, *key): build_peer(name, disc_share=share) for key, share in object_shares.items()}
        if not PEERS[name].needs_share:
            peers[name] = build_peer(name)
        ready |= {key: Ready(name, peer, peer.policies) for key, peer in peers.items()}
    return ready


def refused_prompts(contenders: Sequence[Contender], ready: Mapping[str, Ready]) -> dict[str, str]:
    """Which models do not understand which prompts, in words for people; peers say so in their descriptions."""
    found = {}
    for name in (contender.name for contender in contenders if not contender.peer):
        accepts = ready[name].accepts
        for kind in sorted(PROMPT_KINDS - accepts):
            found[f"{kind} for {name}"] = f"it understands {' and '.join(sorted(accepts))} only"
    return found


def name_of_peer(name: str, dataset: str, label: str) -> str:
    """Under which name the peer is found that knows how large such objects are."""
    return f"{name}\n{dataset}\n{label}"


def fingerprint_of(segmenter: Segmenter) -> str:
    """Digest of the weights where the segmenter has an attribute ``fingerprint``, else its name."""
    return str(getattr(segmenter, "fingerprint", segmenter.name))
