"""A small network whose input has three channels: the image, positive clicks, negative clicks.

Segmentation Click Train (github.com/FlorinAndrei/segmentation_click_train) trains SegFormer-b3 and larger on images of
512 pixels; here the encoder is that of a compact model, small enough to train on a CPU, with a light head in the way of
feature pyramids (arXiv 1612.03144). Tensors: B images, S the side of the square input.
"""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate

from promptseg.errors import CheckpointError, ValueRangeError
from promptseg.io.atomic import replacing
from promptseg.io.files import one_line, shown
from promptseg.models import load
from promptseg.models.compact_network import CompactNetwork
from promptseg.models.preprocessing import Preprocessing, prepare
from promptseg.types import BoolMask, Image, Point

__all__ = ["SIDE", "PaintedNet", "PaintedPredictor", "new_painted", "open_painted", "paint", "save_painted"]

SIDE: Final = 192
"""Side of the square input in pixels."""

_CLICK_LEVEL: Final = 4.0
"""Value of a painted pixel; the image has deviation 1, so this is about white in Click Train's pictures."""
_SQUARE_PX: Final = 3
_LEVELS: Final = (("embedding", 3), ("stride8", 2), ("stride4", 1), ("stride2", 0))
_HEAD_WIDTH: Final = 32


@final
class PaintedNet(nn.Module):
    """Encoder with three input channels, and a head that sums its pyramid into one map of logits."""

    def __init__(self, encoder: nn.Module, widths: Sequence[int]) -> None:
        """Take over an encoder.

        Args:
            encoder: of a compact model, whose stem knows one channel; the two of the clicks start at random.
            widths: channels of its outputs at strides 2, 4, 8 and 16.
        """
        super().__init__()
        self.encoder = encoder
        old = self.encoder.get_submodule("stem")
        if not isinstance(old, nn.Conv2d):
            raise TypeError(f"the stem of a compact encoder is a convolution, got {type(old).__name__}")
        stem = nn.Conv2d(3, old.out_channels, (3, 3), stride=2, padding=1)
        with torch.no_grad():
            stem.weight[:, :1] = old.weight
            if old.bias is not None and stem.bias is not None:
                stem.bias.copy_(old.bias)
        self.encoder.stem = stem
        self.lateral = nn.ModuleList(nn.Conv2d(width, _HEAD_WIDTH, 1) for width in widths)
        self.smooth = nn.Conv2d(_HEAD_WIDTH, _HEAD_WIDTH, 3, padding=1)
        self.last = nn.Conv2d(_HEAD_WIDTH, 1, 1)

    def forward(self, painted_B3SS: Tensor) -> Tensor:
        """Logits (B, S / 2, S / 2)."""
        features = self.encoder(painted_B3SS)
        merged: Tensor | None = None
        for name, place in _LEVELS:
            level = self.lateral[place](features[name].permute(0, 3, 1, 2))
            merged = level if merged is None else level + interpolate(merged, level.shape[-2:], mode="bilinear")
        if merged is None:
            raise AssertionError
        logits: Tensor = self.last(gelu(self.smooth(merged)))[:, 0]
        return logits


def new_painted(model: str | Path) -> PaintedNet:
    """A network with the encoder of a compact model; the same weights each time.

    Raises:
        ValueRangeError: the model is of another architecture.
    """
    network = load(model, device="cpu").network
    if not isinstance(network, CompactNetwork):
        raise ValueRangeError(f"{shown(model)}: is no compact model; painted clicks start from one, such as 'default'")
    config = network.net.config
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = PaintedNet(deepcopy(network.net.encoder), (*config.fine, config.decoder_width))
    return net.requires_grad_(requires_grad=True)


def save_painted(net: PaintedNet, path: Path) -> None:
    """Write its weights, whole or not at all."""
    with replacing(path) as file:
        file.write(tensors_to_bytes({name: value.contiguous() for name, value in net.state_dict().items()}))


def open_painted(path: Path, model: str | Path) -> PaintedNet:
    """Read weights of :func:`save_painted`.

    Args:
        path: the file.
        model: the compact model that the network began with.

    Raises:
        CheckpointError: the file is damaged, or of a network of other sizes.
    """
    net = new_painted(model)
    try:
        net.load_state_dict(tensors_from_bytes(path.read_bytes()))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{shown(path)}: holds no weights of this network ({one_line(error)})") from error
    return net.eval()


def paint(pixels_SS: NDArray[np.float32], points_xy: NDArray[np.float64], positive: Sequence[bool]) -> Tensor:
    """The image with its clicks, (3, S, S): each a square of 3 x 3 pixels in the channel of its sign.

    Args:
        pixels_SS: (S, S), preprocessed.
        points_xy: (P, 2) in pixels of this input; may be empty.
        positive: of each click.
    """
    painted = np.zeros((3, *pixels_SS.shape), dtype=np.float32)
    painted[0] = pixels_SS
    for (x, y), inside in zip(points_xy, positive, strict=True):
        top, left = (max(0, round(float(value)) - _SQUARE_PX // 2) for value in (y, x))
        painted[1 if inside else 2, top : top + _SQUARE_PX, left : left + _SQUARE_PX] = _CLICK_LEVEL
    return torch.from_numpy(painted)


def painted_preprocessing() -> Preprocessing:
    """How images become the first channel."""
    return Preprocessing("letterbox", SIDE, 1, "standardise")


@final
class PaintedPredictor:
    """Image and clicks in, mask out."""

    def __init__(self, net: PaintedNet) -> None:
        self._net = net.eval()
        self._preprocessing = painted_preprocessing()

    def predict(self, image: Image, points: Sequence[Point]) -> BoolMask:
        """The mask (H, W) of the object that these clicks mark; with none, of whatever is taken for an object."""
        pixels, frame = prepare(image, self._preprocessing)
        places = frame.points_to_model(np.array([(point.x, point.y) for point in points]).reshape(-1, 2))
        painted = paint(pixels[0, 0], places, [point.positive for point in points])
        with torch.no_grad():
            logits = self._net(painted[None])[:, None]
        height, width = frame.resized
        square = interpolate(logits, (SIDE, SIDE), mode="bilinear")[..., :height, :width]
        mask: BoolMask = (interpolate(square, image.size, mode="bilinear")[0, 0] > 0).numpy()
        return mask
