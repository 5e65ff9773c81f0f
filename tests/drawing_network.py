"""A network that draws what it was told: discs at the clicks, the box, the mask. It has one parameter and no taste."""

import torch
from torch import Tensor, nn

from promptseg.models.network import Features, PromptBatch


class DrawingNetwork:
    """Discs of ``radius`` model pixels at positive clicks, holes at negative ones, inside the box where there is one.

    With ``multimask`` the three masks have radius r / 2, r and 2 r and the scores .3, .5 and .4.
    """

    channels = 1

    def __init__(self, side: int = 64, radius: float = 6.0, grid_side: int | None = None) -> None:
        self.module = nn.Linear(1, 1)
        self.side = side
        self.grid_side = grid_side or side
        self.radius = radius
        self.calls = 0

    def encode(self, image_1CSS: Tensor) -> Features:
        assert image_1CSS.shape == (1, self.channels, self.side, self.side)
        return {"image": image_1CSS}

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        assert set(features) == {"image"}
        self.calls += 1
        radii = [self.radius / 2, self.radius, 2 * self.radius] if multimask else [self.radius]
        scores = torch.tensor([0.3, 0.5, 0.4] if multimask else [0.6]).expand(len(prompts), -1)
        return torch.stack([self._draw(prompts, radius) for radius in radii], dim=1), scores

    def _draw(self, prompts: PromptBatch, radius: float) -> Tensor:
        cell = self.side / self.grid_side
        centres = (torch.arange(self.grid_side) + 0.5) * cell - 0.5
        logits = torch.full((len(prompts), self.grid_side, self.grid_side), -radius)
        if prompts.masks_N1hw is not None:
            logits = torch.maximum(logits, prompts.masks_N1hw[:, 0])
        if prompts.boxes_N4 is not None:
            x0, y0, x1, y1 = prompts.boxes_N4.T[..., None, None]
            inside_x = torch.minimum(centres[None, None, :] - x0, x1 - centres[None, None, :])
            inside_y = torch.minimum(centres[None, :, None] - y0, y1 - centres[None, :, None])
            logits = torch.maximum(logits, torch.minimum(inside_x, inside_y) + 0.5)
        for number in range(prompts.points_NP2.shape[1]):
            x, y = prompts.points_NP2[:, number].T[..., None, None]
            distance = torch.hypot(centres[None, None, :] - x, centres[None, :, None] - y)
            disc = radius - distance
            positive = prompts.labels_NP[:, number, None, None] == 1
            logits = torch.where(positive, torch.maximum(logits, disc), torch.minimum(logits, -disc))
        return logits
