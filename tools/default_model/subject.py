"""One image under evaluation: embedded once by `CompactNet`, prompted in image coordinates, masks at image size."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from PIL import Image
from safetensors import safe_open
from torch import Tensor

from promptseg.geometry.frames import Frame, letterbox
from promptseg.models.compact import CompactConfig, CompactNet, build
from promptseg.types import Box, Point

BoolMask = npt.NDArray[np.bool_]
DARKEST = 1e-3 * 255.0


class Answer(NamedTuple):
    """Four masks (the single one first) at image size, their scores and their low-resolution logits (4, S/2, S/2)."""

    masks: BoolMask
    scores: npt.NDArray[np.float32]
    logits: Tensor

    @property
    def best(self) -> int:
        """Index of the alternative with the highest score."""
        return int(self.scores[1:].argmax()) + 1


def load_weights(path: Path) -> tuple[CompactNet, dict[str, str]]:
    """Load the network of a weights file, and the file's header."""
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    return build(CompactConfig.from_json(json.loads(header["config"])), weights), header


def prepare_grey(image: npt.NDArray[np.uint8], frame: Frame) -> Tensor:
    """Grey image (H, W) to the network's input (1, 1, S, S): resized, standardised over its own pixels, padded."""
    height, width = frame.resized
    picture = Image.fromarray(image.astype(np.float32))
    if image.shape != frame.resized:
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(picture)
    out = torch.zeros(1, 1, frame.side, frame.side)
    out[0, 0, :height, :width] = torch.from_numpy((pixels - pixels.mean()) / max(float(pixels.std()), DARKEST))
    return out


class Subject:
    """An embedded image."""

    def __init__(self, net: CompactNet, image: npt.NDArray[np.uint8]) -> None:
        self.net = net
        self.frame = letterbox((image.shape[0], image.shape[1]), net.config.size)
        with torch.inference_mode():
            self.features = net.encode(prepare_grey(image, self.frame))

    def segment(
        self, *, points: list[Point] | None = None, box: Box | None = None, previous: Tensor | None = None
    ) -> Answer:
        """Decode one object; `previous` is a mask of an earlier answer's `logits` (S/2, S/2)."""
        clicks = points or []
        points_xy = self.frame.points_to_model(np.array([(p.x, p.y) for p in clicks]).reshape(-1, 2))
        corners = None if box is None else self.frame.boxes_to_model([box.x0, box.y0, box.x1, box.y1])
        with torch.inference_mode():
            logits, scores = self.net.decode_all(
                self.features,
                points_BNP2=torch.from_numpy(points_xy).float()[None, None],
                labels_BNP=torch.tensor([[[int(p.positive) for p in clicks]]], dtype=torch.long),
                boxes_BN4=None if corners is None else torch.from_numpy(corners).float()[None, None],
                masks_BN1hw=None if previous is None else previous[None, None, None],
            )
            return Answer(self._to_image(logits[0, 0]), scores[0, 0].numpy(), logits[0, 0])

    def _to_image(self, logits: Tensor) -> BoolMask:
        side, (height, width) = self.frame.side, self.frame.resized
        square = F.interpolate(logits[None], size=(side, side), mode="bilinear", align_corners=False)
        cropped = square[:, :, :height, :width]
        given = F.interpolate(cropped, size=self.frame.image_size, mode="bilinear", align_corners=False)
        return np.asarray(given[0].numpy() > 0)
