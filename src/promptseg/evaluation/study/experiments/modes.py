"""The five prompt modes of Mazurowski et al. (doi 10.1016/j.media.2023.102918), and further places of one click.

Mode 4 gives several boxes as one prompt, whose masks the model unites candidate by candidate. A model of this project
does that on its low-resolution logits: their maximum is brought to image size and thresholded, where the authors unite
thresholded masks. The mask made here holds every pixel of theirs, and may hold a few more where two parts meet, since
the maximum is interpolated and not the interpolations' maximum taken. For an object in one part both are the same. The
predicted score is the mean of those of the boxes; the authors give none.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, cast

from promptseg.evaluation.study.experiments.asking import Question, evaluations
from promptseg.evaluation.study.experiments.prompters import PROMPTERS
from promptseg.evaluation.study.recipe import ModesSettings
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject
from promptseg.prompts import centroid_click, mode_prompts, scribble
from promptseg.prompts.modes import Mode
from promptseg.types import Prompts

__all__ = ["modes"]

_Placement = Callable[[Scene, StudiedObject], Prompts]


def modes(scene: Scene, settings: ModesSettings) -> Iterator[Evaluation]:
    """All objects in all modes, each under every policy; modes that the segmenter does not understand are left out."""
    yield from evaluations(scene, _questions(scene, settings))


def _questions(scene: Scene, settings: ModesSettings) -> Iterator[Question]:
    placements: dict[str, _Placement] = {
        f"mode-{mode}": partial(_mode, mode=cast(Mode, mode), literal=settings.literal) for mode in settings.modes
    }
    placements |= {name: _EXTRA[name] for name in settings.extra}
    for studied in scene.objects:
        for prompter, place in placements.items():
            if PROMPTERS[prompter].needs <= scene.accepts:
                yield Question(studied, prompter, place(scene, studied))


def _mode(scene: Scene, studied: StudiedObject, *, mode: Mode, literal: bool) -> Prompts:
    if not literal:
        return mode_prompts(studied.mask, mode)
    rng = scene.rng(f"mode-{mode}", studied.label, studied.number)
    return mode_prompts(studied.mask, mode, ties="random", rng=rng, literal=True)


def _centroid(_: Scene, studied: StudiedObject) -> Prompts:
    return centroid_click(studied.mask, how="centroid")


def _centroid_projected(_: Scene, studied: StudiedObject) -> Prompts:
    return centroid_click(studied.mask, how="centroid_projected")


def _scribble(scene: Scene, studied: StudiedObject) -> Prompts:
    return Prompts(points=scribble(studied.mask, scene.rng("scribble", studied.label, studied.number)))


_EXTRA: Final[dict[str, _Placement]] = {
    "centroid": _centroid,
    "centroid-projected": _centroid_projected,
    "scribble": _scribble,
}
