"""Embeddings, candidate masks, and what a segmenter is."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal, Protocol, get_args, overload, runtime_checkable

import numpy as np

from promptseg.errors import PromptError, UnknownNameError
from promptseg.types.images import BoolMask, Image, Pixels
from promptseg.types.prompting import Box, Floats, MaskPrompt, Prompts

__all__ = [
    "POLICIES",
    "PROMPT_KINDS",
    "BothWays",
    "Candidates",
    "Embedding",
    "Policy",
    "PromptKind",
    "Segmenter",
    "accepted_prompts",
    "check_policy",
    "needs_mask",
    "offered_policies",
    "policy_of_several",
]

Policy = Literal["first", "best-score", "largest", "smallest", "single"]
POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
"""How one of a model's candidate masks is chosen; ``single`` asks the model for its one-mask output instead."""

PromptKind = Literal["points", "boxes", "mask"]
PROMPT_KINDS: Final[frozenset[PromptKind]] = frozenset(get_args(PromptKind))
"""What prompts are made of."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """What a model needs to know of an image: made once, prompted often.

    Attributes:
        features: arrays or tensors by name, in the model's own layout.
        image_size: (height, width) of the image as given.
        model: name of the model; another model refuses it.
    """

    features: Mapping[str, Any]
    image_size: tuple[int, int]
    model: str

    def __repr__(self) -> str:
        return f"Embedding(model={self.model!r}, image_size={self.image_size})"


@dataclass(frozen=True, eq=False)
class Candidates:
    """A model's masks for one object, and the one that the policy chose.

    Masks at image size are computed when they are asked for, and then kept.

    Attributes:
        low_res_logits: (K, h, w) float32 in the model's frame, as the model gave them.
        scores: (K,) the model's own estimate of each mask's IoU with the object.
        policy: how the mask was chosen.
        image_size: (height, width) of the image as given.
        model: name of the model.
        to_image: maps (K, h, w) logits of the model's frame to (K, H, W) logits of the image.
        crop: the part of the image that the model looked at, or None for the whole.
        to_masks: maps the logits to (K, H, W) masks, where a model can do that faster; None for ``to_image(...) > 0``.
    """

    low_res_logits: Floats
    scores: Floats
    policy: Policy
    image_size: tuple[int, int]
    model: str
    to_image: Callable[[Floats], Floats] = field(repr=False)
    crop: Box | None = None
    to_masks: Callable[[Floats], BoolMask] | None = field(default=None, repr=False)

    @cached_property
    def logits(self) -> Floats:
        """(K, H, W) logits at image size; positive is inside."""
        return self.to_image(self.low_res_logits)

    @cached_property
    def masks(self) -> BoolMask:
        """(K, H, W) masks at image size."""
        return self.masks_at(range(len(self.low_res_logits)))

    def masks_at(self, indices: Sequence[int]) -> BoolMask:
        """(len(indices), H, W): some of the masks at image size; what is not kept yet is computed, and not kept."""
        kept: dict[str, Any] = vars(self)
        places = list(indices)
        found: BoolMask
        if "masks" in kept:
            found = kept["masks"][places]
        elif "logits" in kept:
            found = kept["logits"][places] > 0
        elif self.to_masks is None:
            found = self.to_image(self.low_res_logits[places]) > 0
        else:
            found = self.to_masks(self.low_res_logits[places])
        return found

    @cached_property
    def chosen(self) -> int:
        """Index of the chosen mask, from 0 to K - 1; ties go to the lower index.

        ``largest`` and ``smallest`` compare areas at image size; an empty mask is taken only if all are empty.
        """
        if self.policy in ("first", "single"):
            return 0
        if self.policy == "best-score":
            return int(np.argmax(self.scores))
        areas_px = self.masks.sum(axis=(1, 2))
        if self.policy == "largest":
            return int(np.argmax(areas_px))
        return int(np.argmin(np.where(areas_px > 0, areas_px, np.inf)))

    @cached_property
    def mask(self) -> BoolMask:
        """(H, W): the chosen mask."""
        one: BoolMask = self.masks_at([self.chosen])[0]
        return one

    @property
    def chosen_logits(self) -> Floats:
        """(H, W) logits of the chosen mask at image size; nothing is kept, so many objects need little memory."""
        kept: Floats | None = vars(self).get("logits")
        one: Floats = self.to_image(self.low_res_logits[[self.chosen]])[0] if kept is None else kept[self.chosen]
        return one

    @property
    def score(self) -> float:
        """The model's own estimate of the chosen mask's IoU."""
        return float(self.scores[self.chosen])

    @property
    def mask_prompt(self) -> MaskPrompt:
        """The chosen mask as a prompt for the next click: ``Prompts(points=..., mask=candidates.mask_prompt)``."""
        return MaskPrompt(self.low_res_logits[self.chosen], self.model, self.crop)

    def choose(self, policy: Policy) -> "Candidates":
        """The same masks under another policy; ``single`` must be asked of the model instead (PromptError)."""
        check_policy(policy)
        if (policy == "single") != (self.policy == "single"):
            raise PromptError(f"these are the masks of policy {self.policy!r}; ask the segmenter again for {policy!r}")
        return replace(self, policy=policy)


BothAnswers = tuple[Candidates, Candidates]
"""The one mask of policy ``single``, and the candidates of the others."""


@runtime_checkable
class Segmenter(Protocol):
    """What every model offers, and all that the rest of the project knows of one."""

    @property
    def name(self) -> str:
        """Name in the table of models, or the file that it came from."""

    @property
    def default_policy(self) -> Policy:
        """The policy that ``segment`` uses unless told otherwise."""

    def embed(self, image: Image | Pixels) -> Embedding:
        """Look at an image: slow, once an image."""

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """Masks of one object, or of several in one pass: fast, as often as you like."""


def check_policy(policy: str) -> None:
    """Refuse a policy that does not exist.

    Raises:
        UnknownNameError: with the names that do.
    """
    if policy not in POLICIES:
        raise UnknownNameError(f"unknown policy {policy!r}; choose one of {', '.join(POLICIES)}")


def accepted_prompts(segmenter: Segmenter) -> frozenset[PromptKind]:
    """What a segmenter understands: its attribute ``accepts`` where it has one, else everything."""
    accepts: frozenset[PromptKind] = getattr(segmenter, "accepts", PROMPT_KINDS)
    return accepts


def offered_policies(segmenter: Segmenter) -> tuple[Policy, ...]:
    """The policies among which a segmenter lets one choose: its attribute ``policies`` where it has one, else all."""
    policies: tuple[Policy, ...] = getattr(segmenter, "policies", POLICIES)
    return policies


@runtime_checkable
class BothWays(Protocol):
    """A segmenter that can be asked for its one mask and for its candidates at once."""

    @property
    def both_at_once(self) -> bool:
        """Whether that takes the time of one; else it takes that of two."""

    def segment_both(self, embedding: Embedding, prompts: Sequence[Prompts]) -> list[BothAnswers]:
        """For each object what ``segment`` gives with ``single`` and with ``first``."""


def policy_of_several(segmenter: Segmenter) -> Policy:
    """The policy by which a segmenter is asked for all its candidate masks; its default one if it has but one mask."""
    return next((policy for policy in offered_policies(segmenter) if policy != "single"), segmenter.default_policy)


def needs_mask(segmenter: Segmenter) -> bool:
    """Whether a segmenter is made to get its mask back with the next click, as click-based networks are.

    Its attribute ``needs_mask`` says so; without one it is not. It works without the mask, but not as it is meant to.
    """
    return bool(getattr(segmenter, "needs_mask", False))
