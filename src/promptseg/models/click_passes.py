"""One pass of a click-based network over parts of an image, each with its clicks and the mask before them.

Tensors: P clicks, S the side of the network's input; arrays (H, W) are of the image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from promptseg.geometry.frames import Frame
from promptseg.geometry.regions import box_slices
from promptseg.models.click_crops import is_in
from promptseg.models.click_network import ClickNetwork
from promptseg.models.network import PromptBatch, decode_in_parts
from promptseg.models.predictor import onto_image
from promptseg.models.preprocessing import Preprocessing, standardised_square
from promptseg.types import Box, Embedding, Floats, Point

__all__ = ["LEAST", "Look", "look_at"]

LEAST: Final = 1e-6
"""Probabilities stay so far away from 0 and 1, so that logits are finite."""

_Input = tuple[Tensor, Tensor, Tensor, Tensor]
"""Image (1, S, S), clicks (P, 2) with labels (P,), and logits (1, S, S) of the mask before, NaN where there is none."""


@final
@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """One object as the network is to see it.

    Attributes:
        crop: the part of the image, of whole pixels.
        points: all clicks; those outside the crop are not shown.
        before: (H, W) probabilities of the mask before, or None.
    """

    crop: Box
    points: tuple[Point, ...]
    before: Floats | None


def look_at(
    network: ClickNetwork, preprocessing: Preprocessing, embedding: Embedding, looks: Sequence[Look], *, flip: bool
) -> list[tuple[Floats, float]]:
    """Probabilities (H, W) of each object, 0 outside its crop, and its score.

    Args:
        network: on its device.
        preprocessing: of the network.
        embedding: with the grey values ``gray_HW`` of the image and their ``span``.
        looks: any number of objects.
        flip: mean of what the network makes of the part and of its mirror image.
    """
    if not looks:
        return []
    mirrors = (False, True) if flip else (False,)
    gray, span = embedding.features["gray_HW"].cpu().numpy(), float(embedding.features["span"][0])
    inputs = [_input(gray, span, look, preprocessing, mirrored=mirrored) for look in looks for mirrored in mirrors]
    logits, scores = _run(network, inputs)
    found = []
    for number, look in enumerate(looks):
        places = slice(number * len(mirrors), (number + 1) * len(mirrors))
        rows, columns = box_slices(look.crop, embedding.image_size)
        frame = preprocessing.frame((rows.stop - rows.start, columns.stop - columns.start))
        parts = [_shown(part, frame, mirrored=way) for part, way in zip(logits[places], mirrors, strict=True)]
        whole = np.zeros(embedding.image_size, dtype=np.float32)
        whole[rows, columns] = np.mean(parts, axis=0)
        found.append((whole, float(scores[places].mean())))
    return found


def _shown(logits_1hw: Floats, frame: Frame, *, mirrored: bool) -> Floats:
    """Probabilities of a part at its own size."""
    shown: Floats = torch.sigmoid(torch.from_numpy(onto_image(logits_1hw, frame=frame)[0])).numpy()
    return shown[:, ::-1] if mirrored else shown


def _input(gray_HW: Floats, span: float, look: Look, preprocessing: Preprocessing, *, mirrored: bool) -> _Input:
    rows, columns = box_slices(look.crop, (gray_HW.shape[0], gray_HW.shape[1]))
    way = slice(None, None, -1 if mirrored else 1)
    part = gray_HW[rows, columns][:, way].copy()
    pixels, frame = standardised_square(part, span, preprocessing)
    seen = [point for point in look.points if is_in(look.crop, point)]
    points_xy = np.array([(point.x - columns.start, point.y - rows.start) for point in seen]).reshape(-1, 2)
    if mirrored:
        points_xy[:, 0] = part.shape[1] - 1 - points_xy[:, 0]
    before = None if look.before is None else look.before[rows, columns][:, way].copy()
    return (
        torch.from_numpy(pixels[0]),
        torch.from_numpy(frame.points_to_model(points_xy)).float(),
        torch.tensor([int(point.positive) for point in seen], dtype=torch.long),
        _mask(before, frame),
    )


def _mask(before: Floats | None, frame: Frame) -> Tensor:
    """Logits (1, S, S) of probabilities (h, w); NaN where there are none, and the least ones in the padding."""
    square = (1, frame.side, frame.side)
    if before is None:
        return torch.full(square, torch.nan)
    height, width = frame.resized
    shown = interpolate(torch.from_numpy(before)[None, None], (height, width), mode="bilinear", align_corners=False)
    probabilities = torch.zeros(square)
    probabilities[:, :height, :width] = shown[0]
    return torch.logit(probabilities.clamp(LEAST, 1 - LEAST))


def _run(network: ClickNetwork, inputs: Sequence[_Input]) -> tuple[Floats, Floats]:
    """Logits (N, 1, h, w) and scores (N, 1); clicks are filled up to one number, which changes nothing."""
    place = next(network.module.parameters()).device
    images, points, labels, masks = zip(*inputs, strict=True)
    most = max(len(one) for one in labels)
    batch = PromptBatch(
        torch.stack([pad(one, (0, 0, 0, most - len(one))) for one in points]).to(place),
        torch.stack([pad(one, (0, most - len(one)), value=-1) for one in labels]).to(place),
        None,
        torch.stack(masks).to(place),
    )
    logits, scores = decode_in_parts(
        lambda features, part: network.decode(features, part, multimask=False),
        {"image": torch.stack(images).to(place)},
        batch,
    )
    return logits.float().cpu().numpy(), scores.float().cpu().numpy()
