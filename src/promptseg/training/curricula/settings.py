"""What all curricula have in common: a value of checked, frozen settings that can be called."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from promptseg.training.simulation import Decode, Round, Targets

__all__ = ["SimulatedUser"]


class SimulatedUser(BaseModel):
    """A curriculum (:class:`~promptseg.training.simulation.Curriculum`) whose fields are its settings.

    Unknown settings are refused, and all mistakes are reported at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @abstractmethod
    def __call__(self, decode: Decode, targets: Targets, rng: np.random.Generator) -> Sequence[Round]:
        """Prompt the network once or several times; return the rounds that are to be learned from."""
