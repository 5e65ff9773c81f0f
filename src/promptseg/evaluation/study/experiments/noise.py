"""How scores fall when prompts are inexact: boxes and clicks as people and other papers draw them.

The box is that of the whole object (mode 5), the click its deepest pixel. At the level that means no noise a prompter
is evaluated once, whatever the number of repeats.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from promptseg.evaluation.study.experiments.asking import Question, evaluations
from promptseg.evaluation.study.experiments.prompters import PROMPTERS
from promptseg.evaluation.study.recipe import NoiseSettings
from promptseg.evaluation.study.scene import Evaluation, Scene
from promptseg.prompts import (
    box_around,
    centre_click,
    jitter_box,
    jitter_click,
    miss_click,
    overlap_box,
    shift_box,
    widen_box,
)
from promptseg.types import BoolMask, Prompts

__all__ = ["noise"]


@final
@dataclass(frozen=True, slots=True)
class _Noise:
    """A way to draw a prompt inexactly.

    Attributes:
        levels: those of a recipe.
        draw: the prompt of a mask at a level.
        none: the level without noise.
    """

    levels: Callable[[NoiseSettings], Sequence[float]]
    draw: Callable[[BoolMask, float, np.random.Generator], Prompts]
    none: float = 0


def noise(scene: Scene, settings: NoiseSettings) -> Iterator[Evaluation]:
    """All objects, prompters, levels and repeats, under every policy.

    What is drawn follows from the prompter, its level, the object and the repeat alone, so it is the same for every
    model, and does not change when a recipe gets more levels.
    """
    yield from evaluations(scene, _questions(scene, settings))


def _questions(scene: Scene, settings: NoiseSettings) -> Iterator[Question]:
    for studied in scene.objects:
        for prompter, one in _NOISES.items():
            if not PROMPTERS[prompter].needs <= scene.accepts:
                continue
            for level in map(float, one.levels(settings)):
                for repeat in range(1 if level == one.none else settings.repeats):
                    rng = scene.rng(prompter, str(level), studied.label, studied.number, repeat)
                    yield Question(studied, prompter, one.draw(studied.mask, level, rng), level, repeat)


def _box_sam(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    return Prompts(boxes=[jitter_box(box_around(mask).boxes[0], mask.shape, rng, fraction=level)])


def _box_medsam(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    return Prompts(boxes=[widen_box(box_around(mask).boxes[0], mask.shape, rng, limit_px=int(level))])


def _box_sam_med2d(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    return Prompts(boxes=[shift_box(box_around(mask).boxes[0], mask.shape, rng, limit_px=int(level))])


def _box_overlap(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    tight = box_around(mask)
    return tight if level == 1 else Prompts(boxes=[overlap_box(tight.boxes[0], mask.shape, rng, target=level)])


def _click_jitter(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    return Prompts(points=[jitter_click(centre_click(mask).points[0], mask, rng, fraction=level)])


def _click_miss(mask: BoolMask, level: float, rng: np.random.Generator) -> Prompts:
    return Prompts(points=[miss_click(centre_click(mask).points[0], mask, rng, probability=level)])


_NOISES: Final[dict[str, _Noise]] = {
    "box-sam": _Noise(lambda settings: settings.box_sam, _box_sam),
    "box-medsam": _Noise(lambda settings: settings.box_medsam, _box_medsam),
    "box-sam-med2d": _Noise(lambda settings: settings.box_sam_med2d, _box_sam_med2d),
    "box-overlap": _Noise(lambda settings: settings.box_overlap, _box_overlap, none=1),
    "click-jitter": _Noise(lambda settings: settings.click_jitter, _click_jitter),
    "click-miss": _Noise(lambda settings: settings.click_miss, _click_miss),
}
