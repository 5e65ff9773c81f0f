"""One click on the object, one answer: the plainest way to adapt a promptable network."""

from collections.abc import Sequence
from typing import final

from promptseg.training.curricula.cells import Rng
from promptseg.training.curricula.clicks import Placement, click_object, no_points, with_points
from promptseg.training.curricula.settings import SimulatedUser
from promptseg.training.simulation import Decode, Round, Targets

__all__ = ["SingleClick"]


@final
class SingleClick(SimulatedUser):
    """One round with one positive click for each object.

    Attributes:
        point: where the click lies.
        multimask: whether the network answers with three masks or with one.
    """

    point: Placement = "random"
    multimask: bool = False

    def __call__(self, decode: Decode, targets: Targets, rng: Rng) -> Sequence[Round]:
        """Prompt the network once."""
        points, labels = click_object(targets.masks_Mhw, self.point, decode, rng)
        prompts = with_points(no_points(len(points), like=points), points, labels)
        return (Round(*decode(prompts, multimask=self.multimask)),)
