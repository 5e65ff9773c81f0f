"""A way to draw one mask from an image and prompts, as a segmenter."""

from collections.abc import Callable, Sequence
from typing import Final, final, overload

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PromptError, UnknownNameError
from promptseg.evaluation.peers.asking import Asked, asked_for
from promptseg.io import to_display
from promptseg.types import (
    BoolMask,
    Candidates,
    Embedding,
    Floats,
    Image,
    Pixels,
    Policy,
    PromptKind,
    Prompts,
    check_policy,
)

__all__ = ["Draw", "Peer"]

Draw = Callable[[NDArray[np.uint8], Asked], BoolMask]
"""From the display copy (H, W) or (H, W, 3) and a part that says where it is to the mask (H, W) of that part."""

_OFFERED: Final[tuple[Policy, ...]] = ("single",)


@final
class Peer:
    """A segmenter without a network: one mask for each object, of logits -1 and 1 at the size of the image.

    It estimates no IoU: scores are NaN. The same prompts give the same mask, whatever was asked before. Safe to use
    from several threads.

    Attributes:
        policies: the only one, ``single``.
    """

    policies: Final = _OFFERED

    def __init__(self, name: str, accepts: frozenset[PromptKind], draw: Draw) -> None:
        """Wrap a way to draw.

        Args:
            name: in the table of peers.
            accepts: the kinds of prompts that it understands.
            draw: called for each box, or once where there is none; never without a box or a positive click.
        """
        self._name = name
        self._accepts = accepts
        self._draw = draw

    def __repr__(self) -> str:
        return f"Peer({self._name!r})"

    @property
    def name(self) -> str:
        """Name in the table of peers."""
        return self._name

    @property
    def accepts(self) -> frozenset[PromptKind]:
        """The kinds of prompts that it understands; others are refused."""
        return self._accepts

    @property
    def default_policy(self) -> Policy:
        """The only one: ``single``."""
        return _OFFERED[0]

    def embed(self, image: Image | Pixels) -> Embedding:
        """Keep the display copy of an image, see :func:`~promptseg.io.to_display`.

        Raises:
            ValueRangeError: the array is no image.
        """
        shown = to_display(image)
        return Embedding({"shown": shown}, (shown.shape[0], shown.shape[1]), self._name)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """The mask of one object, or of each of several, one after the other.

        Where there is neither a box nor a positive click the mask is empty.

        Raises:
            PromptError: the prompts are empty, off the image or of a kind that this peer does not understand, or the
                embedding is another's.
            UnknownNameError: the policy is not ``single``.
        """
        if choose is not None and choose not in _OFFERED:
            check_policy(choose)
            raise UnknownNameError(f"the peer {self._name!r} has one mask and no policy {choose!r}; choose single")
        if embedding.model != self._name:
            raise PromptError(f"the embedding was made by {embedding.model!r}, but this peer is {self._name!r}")
        objects = [prompts] if isinstance(prompts, Prompts) else list(prompts)
        for one in objects:
            one.check_inside(embedding.image_size)
            self._check_kinds(one)
        found = [self._candidates(embedding, one) for one in objects]
        return found[0] if isinstance(prompts, Prompts) else found

    def _check_kinds(self, prompts: Prompts) -> None:
        given: dict[PromptKind, bool] = {
            "points": bool(prompts.points),
            "boxes": bool(prompts.boxes),
            "mask": prompts.mask is not None,
        }
        refused = [kind for kind, said in given.items() if said and kind not in self._accepts]
        if refused:
            known = " and ".join(sorted(self._accepts))
            raise PromptError(f"the peer {self._name!r} understands {known}, but no {refused[0]}; leave it out")

    def _candidates(self, embedding: Embedding, prompts: Prompts) -> Candidates:
        shown: NDArray[np.uint8] = embedding.features["shown"]
        mask = np.zeros(embedding.image_size, np.bool_)
        for asked in asked_for(prompts, embedding.image_size):
            if not asked.is_hopeless:
                mask |= self._draw(shown, asked)
        logits = np.where(mask, np.float32(1), np.float32(-1))[None]
        scores = np.full(1, np.nan, np.float32)
        return Candidates(logits, scores, _OFFERED[0], embedding.image_size, self._name, _as_it_is)


def _as_it_is(logits: Floats) -> Floats:
    return logits
