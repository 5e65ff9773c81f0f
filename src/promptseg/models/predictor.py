"""A network and its preprocessing as a :class:`~promptseg.types.Segmenter`: images and prompts in, masks out."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from typing import Final, final, overload

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor
from torch.nn.functional import interpolate

from promptseg.errors import CheckpointError, PromptError
from promptseg.geometry.frames import Frame
from promptseg.models.network import Network, PromptBatch, WholeNetwork
from promptseg.models.preprocessing import Preprocessing, prepare
from promptseg.models.runtime import memory_errors
from promptseg.models.upsampling import masks_onto_image
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
    Prompts,
    check_policy,
)

__all__ = ["MASK_LOGIT", "PromptSegmenter", "fingerprint_of", "onto_image"]

MASK_LOGIT: Final = 8.0
"""Logit that a pixel inside a boolean mask prompt gets; outside it is the negative of this."""


@final
class PromptSegmenter:
    """One loaded model on one device.

    Safe to use from several threads: nothing changes after construction.
    """

    def __init__(
        self,
        network: Network,
        preprocessing: Preprocessing,
        *,
        name: str,
        default_policy: Policy,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        """Wrap a network in evaluation mode.

        Args:
            network: on its device; its weights stay float32.
            preprocessing: what the network was trained with.
            name: stands in results and error messages.
            default_policy: used where ``segment`` is not told another.
            dtype: precision of the encoder; the decoder and all coordinates stay float32.
        """
        self.network = network
        self.preprocessing = preprocessing
        self._name = name
        self._default_policy = default_policy
        self._dtype = dtype

    def __repr__(self) -> str:
        return f"PromptSegmenter({self._name!r}, device={self.device.type!r}, dtype={self._dtype})"

    @property
    def name(self) -> str:
        """Name in the table of models, or the file that it came from."""
        return self._name

    @property
    def default_policy(self) -> Policy:
        """The policy that :meth:`segment` uses unless told otherwise."""
        return self._default_policy

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.module.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of all that determines an embedding: weights, preprocessing and precision."""
        return fingerprint_of(self.network, f"{self.preprocessing} {self._dtype}")

    def embed(self, image: Image | Pixels) -> Embedding:
        """Look at an image: an :class:`Image`, or an array (H, W) or (H, W, 3) of any integer or floating type.

        Raises:
            MemoryError: the device has too little memory for this model.
            ValueRangeError: the array has another shape or type, or holds NaN.
        """
        picture = image if isinstance(image, Image) else Image(np.asarray(image))
        pixels, _ = prepare(picture, self.preprocessing)
        with memory_errors(), torch.no_grad(), self._precision():
            features = self.network.encode(torch.from_numpy(pixels).to(self.device))
        return Embedding({name: value.float() for name, value in features.items()}, picture.size, self._name)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """Masks of one object, or of each of several objects in one pass.

        Args:
            embedding: from :meth:`embed` of this model.
            prompts: what is known of one object, or a sequence of such.
            choose: policy that chooses among the candidate masks; ``single`` asks the network for one mask only.

        Raises:
            CheckpointError: the network computes NaN or infinity: its weights, or their precision, are of no use.
            PromptError: the prompts are empty or off the image, or belong to another model.
        """
        policy = self._default_policy if choose is None else choose
        check_policy(policy)
        alone = isinstance(prompts, Prompts)
        objects = [prompts] if isinstance(prompts, Prompts) else list(prompts)
        found = self._decode_objects(embedding, objects, partial(self.network.decode, multimask=policy != "single"))
        candidates = [self._candidates(embedding, logits, scores, policy) for logits, scores in found]
        return candidates[0] if alone else candidates

    @property
    def both_at_once(self) -> bool:
        """Whether :meth:`segment_both` takes one pass of the decoder and not two."""
        return isinstance(self.network, WholeNetwork)

    def segment_both(self, embedding: Embedding, prompts: Sequence[Prompts]) -> list[tuple[Candidates, Candidates]]:
        """For each object its one mask (policy ``single``) and its candidates (``first``; choose another as you like).

        The same as two calls of :meth:`segment`, errors too.
        """
        if not isinstance(self.network, WholeNetwork):
            ways: tuple[Policy, ...] = ("single", "first")
            single, several = (self.segment(embedding, list(prompts), choose=way) for way in ways)
            return list(zip(single, several, strict=True))
        found = self._decode_objects(embedding, list(prompts), self.network.decode_whole)
        return [
            (
                self._candidates(embedding, logits[:1], scores[:1], "single"),
                self._candidates(embedding, logits[1:], scores[1:], "first"),
            )
            for logits, scores in found
        ]

    def _candidates(self, embedding: Embedding, logits: Floats, scores: Floats, policy: Policy) -> Candidates:
        frame = self.preprocessing.frame(embedding.image_size)
        return Candidates(
            logits,
            scores,
            policy,
            embedding.image_size,
            self._name,
            to_image=partial(onto_image, frame=frame),
            to_masks=partial(masks_onto_image, frame=frame),
        )

    def _decode_objects(
        self, embedding: Embedding, objects: Sequence[Prompts], decode: Callable[..., tuple[Tensor, Tensor]]
    ) -> list[tuple[Floats, Floats]]:
        if embedding.model != self._name:
            raise PromptError(f"the embedding was made by {embedding.model!r}, but this model is {self._name!r}")
        for one in objects:
            one.check_inside(embedding.image_size)
        frame = self.preprocessing.frame(embedding.image_size)
        queries = [query for number, one in enumerate(objects) for query in self._queries(one, number, frame)]
        groups: dict[tuple[int, bool, bool], list[_Query]] = {}
        for query in queries:
            groups.setdefault(query.shape, []).append(query)
        parts: list[list[tuple[Floats, Floats]]] = [[] for _ in objects]
        for group in groups.values():
            with memory_errors(), torch.no_grad():
                logits, scores = decode(embedding.features, self._batch(group))
            self._check_finite(logits, scores)
            answers = zip(group, logits.float().cpu().numpy(), scores.float().cpu().numpy(), strict=True)
            for query, query_logits, query_scores in answers:
                parts[query.number].append((query_logits, query_scores))
        return [_united(part) for part in parts]

    def _check_finite(self, logits: Tensor, scores: Tensor) -> None:
        if torch.isfinite(logits.sum() + scores.sum()):  # quick, and false wherever one of them is not finite
            return
        if not (torch.isfinite(logits).all() and torch.isfinite(scores).all()):
            hint = "its weights are of no use" if self._dtype == torch.float32 else 'try dtype="float32"'
            raise CheckpointError(f"the model {self._name!r} computes NaN or infinity for this image; {hint}")

    def _queries(self, prompts: Prompts, number: int, frame: Frame) -> "list[_Query]":
        mask = self._low_res_mask(prompts.mask, frame)
        boxes: Sequence[Box | None] = prompts.boxes or (None,)
        if len(boxes) > 1:
            for point in prompts.points:
                if point.positive and not any(box.contains(point) for box in prompts.boxes):
                    raise PromptError(f"{point} lies in none of the {len(boxes)} boxes of its object")
        queries = []
        for box in boxes:
            points = [p for p in prompts.points if len(boxes) == 1 or box is None or not p.positive or box.contains(p)]
            points_xy = frame.points_to_model(np.array([(p.x, p.y) for p in points]).reshape(-1, 2))
            queries.append(
                _Query(
                    number=number,
                    points_xy=points_xy.astype(np.float32),
                    labels=np.array([p.positive for p in points], dtype=np.int64),
                    box=None if box is None else _box_on_image(box, frame),
                    mask=mask,
                )
            )
        return queries

    def _low_res_mask(self, mask: MaskPrompt | BoolMask | None, frame: Frame) -> Floats | None:
        if mask is None:
            return None
        side = self.network.grid_side
        if isinstance(mask, MaskPrompt):
            if mask.model != self._name or mask.logits.shape != (side, side):
                raise PromptError(
                    f"the mask prompt was made by {mask.model!r} with shape {mask.logits.shape}, but {self._name!r} "
                    f"needs its own of shape {(side, side)}; a boolean mask of the image works with every model"
                )
            return mask.logits
        return _rasterised(mask, frame, side)

    def _batch(self, group: "Sequence[_Query]") -> PromptBatch:
        boxes = [query.box for query in group if query.box is not None]
        masks = [query.mask for query in group if query.mask is not None]
        batch = PromptBatch(
            points_NP2=torch.from_numpy(np.stack([query.points_xy for query in group])).to(self.device),
            labels_NP=torch.from_numpy(np.stack([query.labels for query in group])).to(self.device),
        )
        if boxes:
            batch = replace(batch, boxes_N4=torch.from_numpy(np.stack(boxes)).to(self.device))
        if masks:
            batch = replace(batch, masks_N1hw=torch.from_numpy(np.stack(masks)[:, None]).to(self.device))
        return batch

    def _precision(self) -> AbstractContextManager[object]:
        if self._dtype == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self._dtype)


def fingerprint_of(network: Network, settings: str) -> str:
    """Hex digest of the settings and of all weights, with their names, types and shapes."""
    digest = sha256(settings.encode())
    for name, value in sorted(network.module.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


@dataclass(frozen=True, eq=False, slots=True)
class _Query:
    """One decoder call's worth of prompts: of object ``number``, with at most one box, in the model's frame."""

    number: int
    points_xy: Floats
    labels: np.ndarray[tuple[int], np.dtype[np.int64]]
    box: Floats | None
    mask: Floats | None

    @property
    def shape(self) -> tuple[int, bool, bool]:
        """Queries of one shape can share a batch without padding, so the result is the same as one by one."""
        return len(self.points_xy), self.box is not None, self.mask is not None


def _box_on_image(box: Box, frame: Frame) -> Floats:
    height, width = frame.image_size
    corners = np.clip([box.x0, box.y0, box.x1, box.y1], 0, [width - 1, height - 1, width - 1, height - 1])
    return frame.boxes_to_model(corners).astype(np.float32)


def _rasterised(mask: BoolMask, frame: Frame, side: int) -> Floats:
    """A boolean (H, W) mask as (side, side) logits: the share of each cell that it covers, from -1 to 1, scaled."""
    height, width = (max(1, round(length * side / frame.side)) for length in frame.resized)
    picture = Pillow.fromarray(mask.astype(np.float32)).resize((width, height), Pillow.Resampling.BOX)
    logits = np.full((side, side), -MASK_LOGIT, dtype=np.float32)
    logits[:height, :width] = (2 * np.asarray(picture) - 1) * MASK_LOGIT
    return logits


def _united(parts: Sequence[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Candidate by candidate the union of the parts of one object; its score is the mean of theirs."""
    if len(parts) == 1:
        return parts[0]
    return np.max([logits for logits, _ in parts], axis=0), np.mean([scores for _, scores in parts], axis=0)


def onto_image(logits: Floats, *, frame: Frame) -> Floats:
    """Logits (K, h, w) over the square input to (K, H, W) of the image: up to the square, crop, then to the image."""
    height, width = frame.resized
    square = _bilinear(torch.from_numpy(logits)[None], (frame.side, frame.side))
    whole: Floats = _bilinear(square[..., :height, :width], frame.image_size)[0].numpy()
    return whole


def _bilinear(logits_BKhw: Tensor, size: tuple[int, int]) -> Tensor:
    return interpolate(logits_BKhw, size, mode="bilinear", align_corners=False)
