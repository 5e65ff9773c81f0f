"""The table of metrics, and all those asked for of one pair of masks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from numpy.typing import NDArray

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.geometry.masks import Spacing, check_pair
from promptseg.metrics.boxes import box_iou
from promptseg.metrics.empty import EmptyPolicy
from promptseg.metrics.overlap import dice, iou, mae, pixel_accuracy
from promptseg.metrics.surface import assd, hd, hd95, nsd, surface_distances
from promptseg.types import BoolMask

__all__ = ["METRICS", "Metric", "check_metrics", "score_pair"]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is known of a metric.

    Attributes:
        function: takes (reference, prediction) and the settings that the flags below name, always ``empty``.
        better: whether a higher or a lower value is better.
        unit: ``share`` (from 0 to 1) or ``distance`` (millimetres with a spacing, else pixels).
        uses_spacing: whether it takes ``spacing_mm``.
        uses_tolerance: whether it takes ``tolerance``.
        takes_probabilities: whether the prediction may be a probability map.
        meaning: in a few words.
    """

    function: Callable[..., float]
    better: Literal["higher", "lower"]
    unit: Literal["share", "distance"]
    meaning: str
    uses_spacing: bool = False
    uses_tolerance: bool = False
    takes_probabilities: bool = False


METRICS: Final[dict[str, Metric]] = {
    "dice": Metric(dice, "higher", "share", "overlap: twice the shared over the sum of both areas"),
    "iou": Metric(iou, "higher", "share", "overlap: shared over united area"),
    "box_iou": Metric(box_iou, "higher", "share", "IoU of the tight boxes"),
    "pixel_accuracy": Metric(pixel_accuracy, "higher", "share", "share of pixels that agree"),
    "mae": Metric(mae, "lower", "share", "mean |probability - reference|", takes_probabilities=True),
    "hd95": Metric(hd95, "lower", "distance", "95th percentile of the surface distances", uses_spacing=True),
    "hd": Metric(hd, "lower", "distance", "largest surface distance", uses_spacing=True),
    "assd": Metric(assd, "lower", "distance", "mean surface distance", uses_spacing=True),
    "nsd": Metric(
        nsd, "higher", "share", "share of the surfaces within the tolerance", uses_spacing=True, uses_tolerance=True
    ),
}
"""Every metric of two masks, by the name that stands in results."""


def check_metrics(names: Sequence[str], *, tolerance: float | None = None) -> tuple[str, ...]:
    """The names as they stand in the table (``box-iou`` is ``box_iou``), each once, in the order given.

    Raises:
        UnknownNameError: if one is not in the table.
        ValueRangeError: if none is given, or one needs a tolerance that is not given.
    """
    found = tuple(dict.fromkeys(name.strip().lower().replace("-", "_") for name in names))
    unknown = [name for name in found if name not in METRICS]
    if unknown:
        raise UnknownNameError(f"unknown metric {unknown[0]!r}; choose from {', '.join(METRICS)}")
    if not found:
        raise ValueRangeError(f"no metric is given; choose from {', '.join(METRICS)}")
    needing = [name for name in found if METRICS[name].uses_tolerance]
    if needing and tolerance is None:
        raise ValueRangeError(f"metric {needing[0]!r} needs a tolerance, in millimetres (pixels without a spacing)")
    return found


def score_pair(
    reference: BoolMask,
    prediction: NDArray[Any],
    names: Sequence[str],
    *,
    empty: EmptyPolicy = "one_if_both_empty",
    spacing_mm: Spacing | None = None,
    tolerance: float | None = None,
) -> dict[str, float]:
    """Several metrics of one pair; the surface distances are computed once for all of them.

    Args:
        reference: (H, W) or (Z, H, W).
        prediction: of the same shape: a mask, or a probability map if every metric takes one.
        names: from :data:`METRICS`.
        empty: see :mod:`promptseg.metrics.empty`.
        spacing_mm: for distances in millimetres; None for pixels.
        tolerance: for ``nsd``.

    >>> import numpy as np
    >>> mask = np.array([[0, 1], [1, 1]], dtype=bool)
    >>> score_pair(mask, mask, ["dice", "hd95"])
    {'dice': 1.0, 'hd95': 0.0}

    Raises:
        UnknownNameError: if a metric is not in the table.
        ValueRangeError: if an array or a setting does not fit.
    """
    wanted = {name: METRICS[name] for name in check_metrics(names, tolerance=tolerance)}
    distances = None
    if any(metric.uses_spacing for metric in wanted.values()):
        check_pair(reference, prediction)
        if reference.any() and prediction.any():
            distances = surface_distances(reference, prediction, spacing_mm=spacing_mm)
    scores = {}
    for name, metric in wanted.items():
        settings: dict[str, Any] = {"empty": empty}
        if metric.uses_spacing:
            settings |= {"spacing_mm": spacing_mm, "distances": distances}
        if metric.uses_tolerance:
            settings["tolerance"] = tolerance
        scores[name] = metric.function(reference, prediction, **settings)
    return scores
