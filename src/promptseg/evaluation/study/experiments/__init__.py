"""The experiments of a study: each turns a scene and its table of the recipe into evaluations."""

from typing import Final

from promptseg.evaluation.study.experiments.clicks import clicks
from promptseg.evaluation.study.experiments.everything import everything
from promptseg.evaluation.study.experiments.location import location
from promptseg.evaluation.study.experiments.modes import modes
from promptseg.evaluation.study.experiments.noise import noise
from promptseg.evaluation.study.experiments.prompters import PROMPTERS, PrompterEntry
from promptseg.evaluation.study.scene import Experiment

__all__ = ["EXPERIMENTS", "PROMPTERS", "PrompterEntry"]

EXPERIMENTS: Final[dict[str, Experiment]] = {
    "modes": modes,
    "clicks": clicks,
    "noise": noise,
    "location": location,
    "everything": everything,
}
"""Every experiment by the name of its table in a recipe, in the order in which they are done."""
