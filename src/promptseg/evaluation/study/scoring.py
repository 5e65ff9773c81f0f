"""From evaluations to rows of the table."""

import json
import math
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np

from promptseg.errors import StudyError
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.rows import KEY
from promptseg.evaluation.study.scene import Evaluation, StudiedObject
from promptseg.geometry.regions import crop_slices
from promptseg.metrics import EmptyPolicy, check_metrics, score_pair
from promptseg.types import BoolMask, Prompts

__all__ = ["Row", "Scorer", "checked", "metric_columns", "prompts_json"]

Row = dict[str, Any]
"""One row of the table: the columns of :data:`~promptseg.evaluation.study.rows.COLUMNS`, and one for each metric."""

_OF_ALL_PIXELS: Final = frozenset({"pixel_accuracy", "mae"})
"""Metrics that count the background; all others are the same on a block that holds both masks and a rim of a pixel."""

_KEPT: Final = 64


def metric_columns(recipe: StudyRecipe) -> tuple[str, ...]:
    """The metrics of the table: ``iou``, then the recipe's others in their order."""
    return tuple(dict.fromkeys(("iou", *check_metrics(recipe.metrics or ["iou"], tolerance=recipe.tolerance))))


@final
@dataclass(frozen=True, eq=False)
class Scorer:
    """Scores masks; the same array for the same object is scored once.

    Attributes:
        metrics: names of columns.
        empty: policy for empty masks.
        tolerance: for ``nsd``.
    """

    metrics: tuple[str, ...]
    empty: EmptyPolicy
    tolerance: float | None
    _known: OrderedDict[tuple[int, int], tuple[BoolMask, StudiedObject, dict[str, float]]] = field(
        default_factory=OrderedDict, repr=False
    )

    @classmethod
    def of(cls, recipe: StudyRecipe) -> "Scorer":
        """As a recipe says."""
        return cls(metric_columns(recipe), recipe.empty, recipe.tolerance)

    def row(
        self, evaluation: Evaluation, place: Mapping[str, Any], *, spacing_mm: Sequence[float] | None = None
    ) -> Row:
        """The row of an evaluation.

        Args:
            evaluation: to be scored.
            place: what all evaluations of a unit have in common: data set, image, model, and so on.
            spacing_mm: of the image, for distances in millimetres.
        """
        studied, points = evaluation.object, evaluation.prompts.points
        return {
            **place,
            "label": studied.label,
            "object": studied.number,
            "prompter": evaluation.prompter,
            "level": float(evaluation.level),
            "policy": evaluation.policy,
            "feedback": bool(evaluation.feedback),
            "repeat": evaluation.repeat,
            "step": evaluation.step,
            "prompts": prompts_json(evaluation.prompts),
            "n_points": len(points),
            "n_boxes": len(evaluation.prompts.boxes),
            "candidate": int(evaluation.candidate),
            "predicted_score": float(evaluation.predicted_score),
            "depth": studied.depth(points[-1].x, points[-1].y) if points else math.nan,
            "area_px": studied.area_px,
            "image_px": studied.mask.size,
            "seconds": float(evaluation.seconds),
            **self.scores(studied, evaluation.mask, spacing_mm=spacing_mm),
        }

    def scores(
        self, studied: StudiedObject, mask: BoolMask, *, spacing_mm: Sequence[float] | None = None
    ) -> dict[str, float]:
        """``found_px`` and every metric."""
        key = id(studied), id(mask)
        known = self._known.get(key)
        if known is None:
            scores = self._scored(studied, mask, spacing_mm)
            self._known[key] = (mask, studied, scores)  # holding both, so that no other gets their ids
            if len(self._known) > _KEPT:
                self._known.popitem(last=False)
            return scores
        return known[2]

    def _scored(self, studied: StudiedObject, mask: BoolMask, spacing_mm: Sequence[float] | None) -> dict[str, float]:
        found_px = int(np.count_nonzero(mask))
        whole = studied.mask, mask
        local = _cut(studied, mask) if found_px and mask.shape == studied.mask.shape else whole
        scores: dict[str, float] = {}
        for pair, names in (
            (local, [name for name in self.metrics if name not in _OF_ALL_PIXELS]),
            (whole, [name for name in self.metrics if name in _OF_ALL_PIXELS]),
        ):
            if names:
                scores |= score_pair(*pair, names, empty=self.empty, spacing_mm=spacing_mm, tolerance=self.tolerance)
        return {"found_px": found_px, **{name: scores[name] for name in self.metrics}}


def prompts_json(prompts: Prompts) -> str:
    """Points and boxes as they stand in the table; a mask that was handed back is not in it.

    >>> from promptseg.types import Point
    >>> prompts_json(Prompts(points=[Point(3, 4.5), Point(1, 2, positive=False)]))
    '{"points": [[3, 4.5, 1], [1, 2, 0]], "boxes": []}'
    """
    points = [[_short(point.x), _short(point.y), int(point.positive)] for point in prompts.points]
    boxes = [[_short(box.x0), _short(box.y0), _short(box.x1), _short(box.y1)] for box in prompts.boxes]
    return json.dumps({"points": points, "boxes": boxes})


def checked(rows: Iterable[Row], what: str) -> Iterator[Row]:
    """The rows, of which no two have the same key.

    Raises:
        StudyError: two have.
    """
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        key = tuple(repr(row[name]) for name in KEY)
        if key in seen:
            raise StudyError(f"{what}: two evaluations are of the same kind ({', '.join(key)}); please report this")
        seen.add(key)
        yield row


def _cut(studied: StudiedObject, mask: BoolMask) -> tuple[BoolMask, BoolMask]:
    """Both masks in the smallest block that holds both, and where the image goes on a rim around it."""
    block = tuple(
        slice(max(min(first.start, second.start) - 1, 0), max(first.stop, second.stop) + 1)
        for first, second in zip(studied.block, crop_slices(mask), strict=True)
    )
    return studied.mask[block], mask[block]


def _short(value: float) -> float:
    return int(value) if value == int(value) else value
