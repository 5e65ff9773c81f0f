"""How much it matters where one clicks: single clicks all over the object."""

from collections.abc import Iterator

from promptseg.evaluation.study.experiments.asking import Question, evaluations
from promptseg.evaluation.study.experiments.prompters import PROMPTERS
from promptseg.evaluation.study.recipe import LocationSettings
from promptseg.evaluation.study.scene import Evaluation, Scene
from promptseg.prompts import probe_clicks
from promptseg.types import Prompts

__all__ = ["location"]


def location(scene: Scene, settings: LocationSettings) -> Iterator[Evaluation]:
    """Each place as the only click, under every policy; the step is the number of the place, from 1."""
    if PROMPTERS["probe"].needs <= scene.accepts:
        yield from evaluations(scene, _questions(scene, settings))


def _questions(scene: Scene, settings: LocationSettings) -> Iterator[Question]:
    for studied in scene.objects:
        rng = scene.rng("probe", studied.label, studied.number)
        places = probe_clicks(studied.mask, rng, count=settings.places)
        for step, point in enumerate(places, start=1):
            yield Question(studied, "probe", Prompts(points=[point]), step=step)
