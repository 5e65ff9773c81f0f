"""The decoder with the features of a batch in it: what a curriculum of simulated prompts talks to."""

from typing import final

import torch
from torch import Tensor

from promptseg.models.network import Features, Network, PromptBatch
from promptseg.training.simulation import Decode, ObjectPrompts

__all__ = ["BatchDecode"]


@final
class BatchDecode:
    """Decodes objects of several images at once (:class:`~promptseg.training.simulation.Decode`).

    Attributes:
        side: side of the network's input in pixels.
        grid_side: side of the low-resolution grid.
        start: the same for the frozen network that training started from, or None where no curriculum asks for it.
    """

    def __init__(self, network: Network, features: Features, images_M: Tensor, *, start: Decode | None = None) -> None:
        """Take the features of B images.

        Args:
            network: whose features they are.
            features: with B rows.
            images_M: (M,) int64, the row of the image on which each object lies.
            start: a decoder of other weights for the same objects.
        """
        self.side = network.side
        self.grid_side = network.grid_side
        self.start: Decode | None = start
        self._network = network
        self._features = features
        self._images_M = images_M

    def __call__(self, prompts: ObjectPrompts, *, multimask: bool) -> tuple[Tensor, Tensor]:
        """Logits (M, K, h, w) and scores (M, K) in float32; K = 3 with ``multimask``, else 1.

        A network for which padding is not nothing decodes objects of each shape of prompt by themselves, so the
        result is that of one object after another.
        """
        if self._network.ragged:
            logits, scores = self._decoded(_batch(prompts), self._images_M, multimask=multimask)
            return logits, scores
        shapes = _shapes(prompts)
        kinds, kind_M = torch.unique(shapes, dim=0, return_inverse=True)
        groups = [torch.nonzero(kind_M == kind)[:, 0] for kind in range(len(kinds))]
        answers = [
            self._decoded(_group(prompts, members, kinds[kind]), self._images_M[members], multimask=multimask)
            for kind, members in enumerate(groups)
        ]
        if len(answers) == 1:
            return answers[0]
        place_M = torch.cat(groups).argsort()
        logits, scores = (torch.cat(parts)[place_M] for parts in zip(*answers, strict=True))
        return logits, scores

    def _decoded(self, batch: PromptBatch, images: Tensor, *, multimask: bool) -> tuple[Tensor, Tensor]:
        rows = {name: value[images] for name, value in self._features.items()}
        logits, scores = self._network.decode(rows, batch, multimask=multimask)
        return logits.float(), scores.float()


def _batch(prompts: ObjectPrompts) -> PromptBatch:
    return PromptBatch(prompts.points_MP2, prompts.labels_MP, prompts.boxes_M4, prompts.masks_M1hw)


def _shapes(prompts: ObjectPrompts) -> Tensor:
    """Of each object the number of points, and whether it has a box and a mask: (M, 3) int64."""
    points = (prompts.labels_MP >= 0).sum(dim=1)
    nothing = torch.zeros_like(points)
    boxes, masks = prompts.boxes_M4, prompts.masks_M1hw
    has_box = nothing if boxes is None else (~torch.isnan(boxes).any(dim=1)).long()
    has_mask = nothing if masks is None else (~torch.isnan(masks).flatten(1).any(dim=1)).long()
    return torch.stack((points, has_box, has_mask), dim=1)


def _group(prompts: ObjectPrompts, members: Tensor, shape_3: Tensor) -> PromptBatch:
    """The prompts of objects of one shape, without padding, in the order in which their points were given."""
    count, has_box, has_mask = shape_3.tolist()
    labels = prompts.labels_MP[members]
    order = (labels < 0).int().argsort(dim=1, stable=True)[:, :count]
    points = prompts.points_MP2[members].gather(1, order[..., None].expand(-1, -1, 2))
    boxes, masks = prompts.boxes_M4, prompts.masks_M1hw
    return PromptBatch(
        points,
        labels.gather(1, order),
        boxes[members] if boxes is not None and has_box else None,
        masks[members] if masks is not None and has_mask else None,
    )
