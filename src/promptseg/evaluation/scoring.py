"""Scores of predicted masks against references: one row for each image and label.

Masks are streamed: two files are in memory at a time. Nothing here imports torch.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import PairingError, ValueRangeError
from promptseg.evaluation.mask_files import check_same_place, file_spacing, read_parts, read_probabilities
from promptseg.evaluation.pairing import Pair
from promptseg.geometry.masks import check_spacing
from promptseg.io.files import shown
from promptseg.metrics import METRICS, EmptyPolicy, check_empty_policy, check_metrics, score_pair
from promptseg.types import BoolMask

__all__ = ["MAX_LABELS", "Row", "ScoreSettings", "Scores", "score_files", "score_labels"]

MAX_LABELS: Final = 128
"""More labels than this are taken for a mistake: a grey picture, or a map of instances."""

Labels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """How masks are scored.

    Attributes:
        metrics: names from :data:`promptseg.metrics.METRICS`.
        empty: policy for empty masks (:mod:`promptseg.metrics.empty`).
        tolerance: of ``nsd``, in the unit of the distances.
        spacing_mm: of all masks, in the order of their axes; None takes it from the references that are NIfTI.
        binary: whether everything above 0 is the one object, label 1.
        threshold: if given, predictions are probability maps and what exceeds the threshold is the object.
    """

    metrics: tuple[str, ...] = ("dice", "iou", "box_iou", "hd95")
    empty: EmptyPolicy = "one_if_both_empty"
    tolerance: float | None = None
    spacing_mm: tuple[float, ...] | None = None
    binary: bool = False
    threshold: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", check_metrics(self.metrics, tolerance=self.tolerance))
        check_empty_policy(self.empty)
        if self.tolerance is not None and not 0 <= self.tolerance < np.inf:
            raise ValueRangeError(f"tolerance must be 0 or more, got {self.tolerance!r}")
        if self.threshold is not None and not 0 <= self.threshold < 1:
            raise ValueRangeError(f"threshold must be from 0 to below 1, got {self.threshold!r}")
        if self.spacing_mm is not None:
            if len(self.spacing_mm) not in (2, 3):
                raise ValueRangeError(f"spacing must be ROW,COLUMN or Z,ROW,COLUMN in mm, got {self.spacing_mm!r}")
            check_spacing(self.spacing_mm, dimensions=len(self.spacing_mm))


@dataclass(frozen=True, slots=True)
class Row:
    """Scores of one label in one image.

    Attributes:
        name: of the image.
        label: 1 for a plain mask.
        scores: by metric; NaN only where the policy for empty masks says so.
    """

    name: str
    label: int
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """All rows, by name and label.

    Attributes:
        rows: every image has the same labels.
        unit: of distances, ``mm`` or ``px``.
        settings: how they were made.
    """

    rows: tuple[Row, ...]
    unit: str
    settings: ScoreSettings

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels, ascending."""
        return tuple(sorted({row.label for row in self.rows}))

    @property
    def names(self) -> tuple[str, ...]:
        """All images, in order."""
        return tuple(dict.fromkeys(row.name for row in self.rows))


@dataclass(frozen=True, slots=True)
class _Scored:
    """One image's scores by label, and what an empty mask of it would need."""

    name: str
    by_label: dict[int, dict[str, float]]
    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] | None


def score_files(pairs: Iterable[Pair], settings: ScoreSettings) -> Scores:
    """Score pairs of files.

    A boolean mask is label 1. The labels are those met in any file; in an image where neither mask has a label, both
    are empty, and the policy says what that gives.

    Args:
        pairs: from :func:`promptseg.evaluation.pairing.pair_files`.
        settings: what to compute, and how.

    Raises:
        PairingError: two masks have different shapes or lie at different places, or parts of one do not fit.
        ReadError: a file cannot be read, or holds no mask or no probabilities.
        ValueRangeError: there are too many labels, or some references know their spacing and others do not.
    """
    scored: list[_Scored] = []
    labels: set[int] = set()
    for pair in pairs:
        one = _score_file(pair, settings)
        labels |= set(one.by_label)
        _check_number_of_labels(labels, pair)
        if scored and (one.spacing_mm is None) != (scored[0].spacing_mm is None):
            raise ValueRangeError(
                f"{shown(one.name)} and {shown(scored[0].name)}: only one of them knows its spacing; give it in mm"
            )
        scored.append(one)
    rows = _completed(scored, sorted(labels) or [1], settings)
    return Scores(rows, "mm" if scored and scored[0].spacing_mm is not None else "px", settings)


def score_labels(
    reference: Labels, prediction: Labels, settings: ScoreSettings, *, spacing_mm: Sequence[float] | None = None
) -> dict[int, dict[str, float]]:
    """Scores by label of two label maps or masks of one shape, for each label in one of them.

    Args:
        reference: bool or integer, (H, W) or (Z, H, W); 0 or False is background.
        prediction: the same.
        settings: what to compute; its spacing and threshold are not used here.
        spacing_mm: for distances in millimetres.

    Returns:
        Nothing for two empty masks.
    """
    if settings.binary:
        reference, prediction = reference > 0, prediction > 0
    found = sorted(_labels_in(reference) | _labels_in(prediction))
    return {
        label: _scores(_of_label(reference, label), _of_label(prediction, label), settings, spacing_mm)
        for label in found
    }


def _score_file(pair: Pair, settings: ScoreSettings) -> _Scored:
    reference = read_parts(pair.references)
    prediction = read_parts(pair.predictions) if settings.threshold is None else read_probabilities(pair.predictions)
    if reference.shape != prediction.shape:
        first, second = ("x".join(map(str, mask.shape)) for mask in (reference, prediction))
        raise PairingError(
            f"{shown(pair.name)}: the reference {shown(pair.references[0])} is {first}, the prediction "
            f"{shown(pair.predictions[0])} {second}; bring the prediction to the reference's size"
        )
    check_same_place(pair.references[0], pair.predictions[0])
    spacing_mm = _spacing(pair, reference.ndim, settings)
    if settings.threshold is None:
        by_label = score_labels(reference, prediction, settings, spacing_mm=spacing_mm)
    else:
        by_label = {1: _scores(reference > 0, prediction, settings, spacing_mm)}
    return _Scored(pair.name, by_label, reference.shape, spacing_mm)


def _scores(
    reference: BoolMask, prediction: NDArray[Any], settings: ScoreSettings, spacing_mm: Sequence[float] | None
) -> dict[str, float]:
    """All metrics of one pair; of a probability map those that can take it get it as it is."""
    probability = prediction
    if prediction.dtype != np.bool_:
        prediction = prediction > settings.threshold
    graded = [name for name in settings.metrics if METRICS[name].takes_probabilities]
    plain = [name for name in settings.metrics if name not in graded]
    scores = score_pair(reference, probability, graded, empty=settings.empty) if graded else {}
    if plain:
        scores |= score_pair(
            reference,
            prediction,
            plain,
            empty=settings.empty,
            spacing_mm=spacing_mm,
            tolerance=settings.tolerance,
        )
    return {name: scores[name] for name in settings.metrics}


def _completed(scored: Sequence[_Scored], labels: Sequence[int], settings: ScoreSettings) -> tuple[Row, ...]:
    """Rows for every image and label; those of labels that an image does not have are the scores of nothing."""
    nothing: dict[tuple[tuple[int, ...], tuple[float, ...] | None], dict[str, float]] = {}
    rows: list[Row] = []
    for one in scored:
        key = one.shape, one.spacing_mm
        if key not in nothing and not set(labels) <= set(one.by_label):
            empty = np.zeros(one.shape, dtype=np.bool_)
            nothing[key] = _scores(empty, empty, settings, one.spacing_mm)
        rows.extend(Row(one.name, label, one.by_label.get(label) or nothing[key]) for label in labels)
    return tuple(rows)


def _spacing(pair: Pair, dimensions: int, settings: ScoreSettings) -> tuple[float, ...] | None:
    """The spacing that was given, else that of the reference's file; None if no metric asks for it."""
    if not any(METRICS[name].uses_spacing for name in settings.metrics):
        return None
    if settings.spacing_mm is None:
        return file_spacing(pair.references[0], dimensions)
    if len(settings.spacing_mm) != dimensions:
        raise ValueRangeError(
            f"{shown(pair.name)}: the masks have {dimensions} dimensions, the spacing {len(settings.spacing_mm)}"
        )
    return settings.spacing_mm


def _of_label(mask: Labels, label: int) -> BoolMask:
    plain = mask.dtype == np.bool_ and label == 1
    chosen: BoolMask = mask if plain else mask == label
    return chosen


def _labels_in(mask: Labels) -> set[int]:
    if mask.dtype == np.bool_:
        return {1} if mask.any() else set()
    small = mask.dtype.itemsize <= 2
    present = np.flatnonzero(np.bincount(mask.ravel())) if small else np.unique(mask)
    return {int(label) for label in present} - {0}


def _check_number_of_labels(labels: set[int], pair: Pair) -> None:
    if len(labels) > MAX_LABELS:
        raise ValueRangeError(
            f"{shown(pair.name)}: there are more than {MAX_LABELS} labels up to here; for pictures with grey edges or "
            "maps of instances score everything above 0 as one object (binary=True, --binary)"
        )
