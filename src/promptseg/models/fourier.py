"""Random Fourier features of coordinates, which keep float32 when the network around them does not."""

import math
from collections.abc import Callable
from typing import Self, final

import torch
from torch import Tensor, nn

__all__ = ["FourierPositions"]


@final
class FourierPositions(nn.Module):
    """Sines and cosines of coordinates in [0, 1], as SAM embeds points, corners and the image grid (arXiv 2006.10739).

    It stands in for transformers' own module of the same weights. That one takes the network's dtype, and in bfloat16
    a coordinate has 8 bits: an error of up to 4 pixels at 1024. This one is never less than float32.
    """

    positional_embedding: Tensor

    def __init__(self, features: int) -> None:
        """Make one for ``features`` sines and as many cosines; the matrix is not initialised."""
        super().__init__()
        self.register_buffer("positional_embedding", torch.empty(2, features, dtype=torch.float32))

    def forward(self, input_coords: Tensor, input_shape: tuple[int, int] | None = None) -> Tensor:
        """Map (..., 2) points (x, y) to (..., 2 x features).

        Args:
            input_coords: in [0, 1], or in pixels where ``input_shape`` is given.
            input_shape: (height, width) by which pixels are divided.
        """
        coordinates = input_coords.to(self.positional_embedding.dtype)
        if input_shape is not None:
            height, width = input_shape
            coordinates = coordinates / coordinates.new_tensor((width, height))
        with torch.autocast(coordinates.device.type, enabled=False):
            angles = 2 * math.pi * ((2 * coordinates - 1) @ self.positional_embedding)
        return torch.cat([angles.sin(), angles.cos()], dim=-1)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        exact = self.positional_embedding
        convert: Callable[..., object] = super()._apply
        convert(fn, recurse)
        moved = self.positional_embedding
        if moved.dtype in {torch.float16, torch.bfloat16}:
            self.positional_embedding = exact.to(device=moved.device, dtype=torch.float32)
        return self

    def grid(self, side: int) -> Tensor:
        """The centres of a ``side`` x ``side`` grid over the unit square, embedded: (1, 2 x features, side, side)."""
        matrix = self.positional_embedding
        centres = (torch.arange(side, device=matrix.device, dtype=matrix.dtype) + 0.5) / side
        rows, columns = torch.meshgrid(centres, centres, indexing="ij")
        embedded: Tensor = self(torch.stack([columns, rows], dim=-1))
        return embedded.permute(2, 0, 1).unsqueeze(0)
