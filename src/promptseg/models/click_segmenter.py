"""A click-based network as a :class:`~promptseg.types.Segmenter`: RITM's predictor, with FocalClick's steps as options.

The network sees the image, all clicks and the mask before them at once, so nothing is computed in advance and every
call runs the whole network. A loop of clicks feeds the mask back: ``Prompts(points, mask=candidates.mask_prompt)``.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal, final, get_args, overload

import numpy as np
import torch

from promptseg.errors import CheckpointError, PromptError, ValueRangeError
from promptseg.geometry.regions import box_slices
from promptseg.models.click_crops import focus_crop, is_kept, merged, whole_image, zoom_crop
from promptseg.models.click_network import CLICK_PROMPTS, ClickNetwork
from promptseg.models.click_passes import LEAST, Look, look_at
from promptseg.models.predictor import fingerprint_of
from promptseg.models.preprocessing import Preprocessing, gray_levels
from promptseg.models.runtime import memory_errors
from promptseg.types import (
    BoolMask,
    Box,
    Candidates,
    Embedding,
    Floats,
    Image,
    MaskPrompt,
    Pixels,
    Policy,
    PromptKind,
    Prompts,
    check_policy,
)

__all__ = ["ClickOptions", "ClickSegmenter", "Zoom"]

Zoom = Literal["after-first", "always", "never"]

THRESHOLD: Final = 0.49
"""Probability above which a pixel belongs to the mask, as in the published evaluations."""

WIDER: Final = 2.0
"""How much longer than the object the crops of zoom-in are, unless told otherwise."""

LITERAL_THRESHOLD: Final = 1 / (1 + np.exp(-0.49))
"""FocalClick's code takes .49 for a logit where it looks for the focus crop: a probability of .62."""

MOST_REFINED: Final = 10
"""After more clicks than this FocalClick leaves everything outside the focus crop as it was."""


@final
@dataclass(frozen=True, slots=True)
class ClickOptions:
    """How a click-based network is asked; the defaults are RITM's, but for ``expansion``.

    Attributes:
        flip: average the probabilities of the image and of its mirror image.
        zoom: look at a crop around the mask before and the positive clicks: ``after-first`` from the second click on
            (RITM), ``always`` wherever there is a mask before (SimpleClick), or ``never``. A crop stays in use until
            another one is needed; it travels in :attr:`MaskPrompt.crop`.
        focus: look once more at the part that the last click changed (FocalClick; with the same network, not with a
            light refiner of its own).
        merge: of the change only the part that holds the last click is taken (FocalClick's progressive merge), wherever
            there is a mask before.
        literal: in ``focus``, repeat a slip of FocalClick's code, which takes .49 for a logit there.
        expansion: how much longer than the object the crop of ``zoom`` is, along each axis. RITM has 1.4;
            2 did better with the embedded network on validation images.
        least_crop_px: shortest side of that crop in pixels of the image; None for half the side of the network's input
            (RITM has 200 for an input of 400).
    """

    flip: bool = True
    zoom: Zoom = "after-first"
    focus: bool = False
    merge: bool = False
    literal: bool = False
    expansion: float = WIDER
    least_crop_px: int | None = None

    def __post_init__(self) -> None:
        if self.zoom not in get_args(Zoom):
            raise ValueRangeError(f"zoom must be one of {', '.join(get_args(Zoom))}, got {self.zoom!r}")
        if not self.expansion >= 1:
            raise ValueRangeError(f"expansion must be 1 or more, got {self.expansion!r}")
        if self.least_crop_px is not None and self.least_crop_px < 1:
            raise ValueRangeError(f"least_crop_px must be 1 or more, got {self.least_crop_px!r}")


@final
class ClickSegmenter:
    """One loaded click-based model on one device; it takes clicks and a mask, and gives one mask.

    Safe to use from several threads: nothing changes after construction.
    """

    accepts: frozenset[PromptKind] = CLICK_PROMPTS
    policies: tuple[Policy, ...] = ("single",)
    needs_mask = True

    def __init__(
        self,
        network: ClickNetwork,
        preprocessing: Preprocessing,
        *,
        name: str,
        options: ClickOptions | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Wrap a network in evaluation mode.

        Args:
            network: on its device; its weights stay float32.
            preprocessing: what the network was trained with: one channel, standardised.
            name: stands in results and error messages.
            options: how it is asked.
            dtype: precision of the network; coordinates stay float32.
        """
        if (preprocessing.intensity, preprocessing.channels) != ("standardise", 1):
            raise ValueRangeError(f"a click-based network takes one standardised channel, not {preprocessing}")
        self.network = network
        self.preprocessing = preprocessing
        self.options = options or ClickOptions()
        self._name = name
        self._dtype = dtype

    def __repr__(self) -> str:
        return f"ClickSegmenter({self._name!r}, device={self.device.type!r}, {self.options})"

    def with_options(self, options: ClickOptions) -> "ClickSegmenter":
        """The same model, asked in another way."""
        return ClickSegmenter(self.network, self.preprocessing, name=self._name, options=options, dtype=self._dtype)

    @property
    def name(self) -> str:
        """Name in the table of models, or the file that it came from."""
        return self._name

    @property
    def default_policy(self) -> Policy:
        """The only one that there is: ``single``."""
        return "single"

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.module.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of weights, preprocessing and precision."""
        return fingerprint_of(self.network, f"{self.preprocessing} {self._dtype}")

    def embed(self, image: Image | Pixels) -> Embedding:
        """Keep the grey values of an image, which is quick: an :class:`Image`, or an array (H, W) or (H, W, 3).

        Raises:
            ValueRangeError: the array has another shape or type, or holds NaN.
        """
        picture = image if isinstance(image, Image) else Image(np.asarray(image))
        gray, span = gray_levels(picture)
        features = {"gray_HW": torch.from_numpy(np.ascontiguousarray(gray)), "span": torch.tensor([span])}
        return Embedding(features, picture.size, self._name)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """The mask of one object, or of each of several objects; its low-resolution frame is the image itself.

        Args:
            embedding: from :meth:`embed` of this model.
            prompts: clicks and the mask before them of one object, or a sequence of such; the last click is the newest.
            choose: None or ``single``.

        Raises:
            CheckpointError: the network computes NaN or infinity: its weights, or their precision, are of no use.
            PromptError: the prompts hold a box, are empty or off the image, or belong to another model; or the policy
                is another.
        """
        self._check(embedding, choose)
        alone = isinstance(prompts, Prompts)
        objects = [prompts] if isinstance(prompts, Prompts) else list(prompts)
        before = [self._before(one, embedding.image_size) for one in objects]
        looks = [
            Look(self._crop(one, earlier, embedding.image_size), tuple(one.points), earlier)
            for one, earlier in zip(objects, before, strict=True)
        ]
        answers = self._passes(embedding, looks)
        if self.options.focus:
            answers = self._focused(embedding, looks, answers)
        candidates = [
            self._candidates(look, _merged(look, *answer) if self.options.merge else answer, embedding.image_size)
            for look, answer in zip(looks, answers, strict=True)
        ]
        return candidates[0] if alone else candidates

    def _check(self, embedding: Embedding, choose: Policy | None) -> None:
        if choose is not None:
            check_policy(choose)
            if choose not in self.policies:
                raise PromptError(f"{self._name!r} gives one mask, so its only policy is single; got {choose!r}")
        if embedding.model != self._name:
            raise PromptError(f"the embedding was made by {embedding.model!r}, but this model is {self._name!r}")

    def _before(self, prompts: Prompts, image_size: tuple[int, int]) -> Floats | None:
        """Probabilities (H, W) of the mask before, from prompts that are checked."""
        prompts.check_inside(image_size)
        if prompts.boxes:
            raise PromptError(f"{self._name!r} takes clicks and a mask, no boxes; click instead, or take another model")
        mask = prompts.mask
        if isinstance(mask, MaskPrompt):
            if mask.model != self._name or mask.logits.shape != image_size:
                raise PromptError(
                    f"the mask prompt was made by {mask.model!r} with shape {mask.logits.shape}, but {self._name!r} "
                    f"needs its own of shape {image_size}; a boolean mask of the image works with every model"
                )
            return _probabilities(mask.logits)
        return None if mask is None else mask.astype(np.float32)

    def _crop(self, prompts: Prompts, before: Floats | None, image_size: tuple[int, int]) -> Box:
        options = self.options
        whole = whole_image(image_size)
        if before is None or options.zoom == "never" or (options.zoom == "after-first" and len(prompts.points) < 2):
            return whole
        least = self.preprocessing.side / 2 if options.least_crop_px is None else options.least_crop_px
        wanted = zoom_crop(before > THRESHOLD, prompts.points, expansion=options.expansion, least_px=least)
        if wanted is None:
            return whole
        used = prompts.mask.crop if isinstance(prompts.mask, MaskPrompt) else None
        return used if used is not None and is_kept(used, wanted, prompts.points) else wanted

    def _passes(self, embedding: Embedding, looks: Sequence[Look]) -> list[tuple[Floats, float]]:
        """Probabilities (H, W) and score of each object."""
        with memory_errors(), torch.no_grad(), self._precision():
            found = look_at(self.network, self.preprocessing, embedding, looks, flip=self.options.flip)
        if not all(np.isfinite(probabilities).all() and np.isfinite(score) for probabilities, score in found):
            raise CheckpointError(f"the model {self._name!r} computes NaN or infinity; its weights are of no use")
        return found

    def _focused(
        self, embedding: Embedding, looks: Sequence[Look], answers: Sequence[tuple[Floats, float]]
    ) -> list[tuple[Floats, float]]:
        """Each answer with the part around the last change looked at once more."""
        level = LITERAL_THRESHOLD if self.options.literal else THRESHOLD
        places = [number for number, look in enumerate(looks) if look.points]
        again = []
        for number in places:
            look, (found, _) = looks[number], answers[number]
            previous = np.zeros(found.shape, bool) if look.before is None else look.before > THRESHOLD
            crop = focus_crop(previous, found > level, look.points[-1], look.crop)
            again.append(Look(crop, look.points, found))
        refined = list(answers)
        for number, look, (found, score) in zip(places, again, self._passes(embedding, again), strict=True):
            rows, columns = box_slices(look.crop, embedding.image_size)
            before = looks[number].before
            late = before is not None and len(look.points) > MOST_REFINED
            joined = before.copy() if late and before is not None else answers[number][0].copy()
            joined[rows, columns] = found[rows, columns]
            refined[number] = joined, score
        return refined

    def _candidates(self, look: Look, answer: tuple[Floats, float], image_size: tuple[int, int]) -> Candidates:
        found, score = answer
        return Candidates(
            _logits(found)[None],
            np.array([score], dtype=np.float32),
            "single",
            image_size,
            self._name,
            _same,
            None if look.crop == whole_image(image_size) else look.crop,
        )

    def _precision(self) -> AbstractContextManager[object]:
        if self._dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self._dtype)


def _merged(look: Look, found: Floats, score: float) -> tuple[Floats, float]:
    """Probabilities of which only the change at the last click is new."""
    if look.before is None or not look.points:
        return found, score
    previous: BoolMask = look.before > THRESHOLD
    wanted = merged(previous, found > THRESHOLD, look.points[-1])
    return np.where(wanted != previous, found, look.before), score


def _logits(probabilities: Floats) -> Floats:
    """Positive where the probability is above the threshold."""
    kept = np.clip(probabilities.astype(np.float64), LEAST, 1 - LEAST)
    logits: Floats = (np.log(kept / (1 - kept)) - np.log(THRESHOLD / (1 - THRESHOLD))).astype(np.float32)
    return logits


def _probabilities(logits: Floats) -> Floats:
    """The inverse of :func:`_logits`."""
    shifted = logits.astype(np.float64) + np.log(THRESHOLD / (1 - THRESHOLD))
    kept: Floats = (0.5 * (1 + np.tanh(shifted / 2))).astype(np.float32)
    return kept


def _same(logits: Floats) -> Floats:
    return logits
