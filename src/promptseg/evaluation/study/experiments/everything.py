"""Segment everything, and how well the best of all masks covers each object.

The grid knows nothing of the objects; but which mask belongs to an object is told by the reference, so the policy is
``oracle``. The number of a mask is its place among all that were found, the best score first.
"""

import math
from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from promptseg.autoprompt import EverythingOptions, FoundMask, segment_everything
from promptseg.evaluation.study.experiments.prompters import PROMPTERS
from promptseg.evaluation.study.recipe import EverythingSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject
from promptseg.geometry.regions import box_slices
from promptseg.types import Prompts

__all__ = ["best_mask", "everything"]


def everything(scene: Scene, settings: EverythingSettings) -> Iterator[Evaluation]:
    """For each grid the best mask of each object; an empty one, candidate -1, if none of all touches the object.

    The level is the side of the grid, the prompt the click that found the mask. All objects of an image share the time.
    """
    if not (PROMPTERS["everything"].needs <= scene.accepts and scene.objects):
        return
    for grid in dict.fromkeys(settings.grids):
        start = perf_counter()
        options = EverythingOptions(
            grid=grid,
            score=settings.score,
            stability=settings.stability,
            overlap=settings.overlap,
            crop_layers=settings.crop_layers,
            least_area_px=settings.least_area_px,
        )
        found = segment_everything(scene.segmenter, scene.image, settings=options, embedding=scene.embedding)
        seconds = (perf_counter() - start) / len(scene.objects)
        for studied in scene.objects:
            place = best_mask(found, studied)
            best = None if place is None else found[place]
            yield Evaluation(
                object=studied,
                prompter="everything",
                policy=ORACLE_CHOICE,
                prompts=Prompts() if best is None else Prompts(points=[best.point]),
                mask=np.zeros_like(studied.mask) if best is None else best.mask(scene.image.size),
                candidate=-1 if place is None else place,
                predicted_score=math.nan if best is None else best.score,
                seconds=seconds,
                level=grid,
            )


def best_mask(found: Sequence[FoundMask], studied: StudiedObject) -> int | None:
    """Index of the mask with the highest IoU with the object, the first of several; None if no mask touches it."""
    best, place = 0.0, None
    for index, one in enumerate(found):
        smaller, larger = sorted((one.area_px, studied.area_px))
        if smaller > best * larger:
            inside = studied.mask[box_slices(one.box, studied.mask.shape)]
            shared = int(np.count_nonzero(inside & one.block))
            iou = shared / (one.area_px + studied.area_px - shared)
            if iou > best:
                best, place = iou, index
    return place
