"""One loose box around the object, one answer: MedSAM's training."""

from collections.abc import Sequence
from dataclasses import replace
from typing import final

from pydantic import Field

from promptseg.training.curricula.boxes import widen_boxes
from promptseg.training.curricula.cells import Rng
from promptseg.training.curricula.clicks import no_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, Round, Targets

__all__ = ["LooseBox"]


@final
class LooseBox(SimulatedUser):
    """One round with a box for each object, each side of it moved outwards, never inwards.

    MedSAM (doi 10.1038/s41467-024-44824-z). Its authors draw one object of each image and train at 1024 pixels.

    Attributes:
        outwards_px: most that a side moves, in pixels of a frame of 1024, scaled to the network's side.
        multimask: whether the network answers with three masks or with one.
    """

    outwards_px: int = Field(default=20, ge=0)
    multimask: bool = False

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network once."""
        boxes = widen_boxes(targets.boxes_M4, rng, side=decode.side, limit_px=self.outwards_px)
        prompts = replace(no_points(len(boxes), like=boxes), boxes_M4=boxes)
        return (Round(*decode(prompts, multimask=self.multimask)),)
