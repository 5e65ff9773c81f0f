"""Means, medians and intervals of scores, and the table of all rows as CSV."""

import csv
import io
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from promptseg.evaluation.scoring import Row, Scores
from promptseg.io.atomic import replacing
from promptseg.metrics import METRICS, RESAMPLES, Interval, bootstrap_interval

__all__ = ["Summary", "aggregation_of", "column_name", "summarise", "write_rows"]

_ONE_LABEL: Final = "mean over images"
_SEVERAL_LABELS: Final = "mean over labels of the mean over images"


@dataclass(frozen=True, slots=True)
class Summary:
    """One metric over all images.

    Attributes:
        metric: its name.
        label: of which label, or None for the mean over all labels.
        interval: the mean with its interval; None if nothing was counted.
        median: over all rows that were counted; None if nothing was.
        count: rows that were counted.
        left_out: rows with NaN, which the policy for empty masks asked for.
    """

    metric: str
    label: int | None
    interval: Interval | None
    median: float | None
    count: int
    left_out: int


def summarise(scores: Scores, *, seed: int = 0, level: float = 0.95, resamples: int = RESAMPLES) -> list[Summary]:
    """Summaries of each metric: over all labels, then (if there are several) of each label.

    Images are drawn in the bootstrap, with all their labels. Every summary starts from the same seed, so it does not
    depend on which others are asked for.

    Args:
        scores: of :func:`promptseg.evaluation.scoring.score_files`.
        seed: of the bootstrap.
        level: of the intervals.
        resamples: of the bootstrap.
    """
    labels: list[int | None] = [None, *scores.labels] if len(scores.labels) > 1 else [None]
    summaries = []
    for metric in scores.settings.metrics:
        for label in labels:
            rows = [row for row in scores.rows if label in (None, row.label)]
            rng = np.random.default_rng(seed)
            summaries.append(_summary(rows, metric, label, rng=rng, level=level, resamples=resamples))
    return summaries


def _summary(
    rows: Sequence[Row], metric: str, label: int | None, *, rng: np.random.Generator, level: float, resamples: int
) -> Summary:
    counted = [row for row in rows if not math.isnan(row.scores[metric])]
    if not counted:
        return Summary(metric, label, None, None, 0, len(rows))
    values = [row.scores[metric] for row in counted]
    interval = bootstrap_interval(
        values,
        rng=rng,
        groups=[row.name for row in counted],
        classes=[row.label for row in counted],
        resamples=resamples,
        level=level,
    )
    return Summary(metric, label, interval, statistics.median(values), len(counted), len(rows) - len(counted))


def aggregation_of(scores: Scores) -> str:
    """What the overall mean is a mean of, in words."""
    return _SEVERAL_LABELS if len(scores.labels) > 1 else _ONE_LABEL


def column_name(metric: str, distance_unit: str) -> str:
    """The metric's name, for distances with the unit, as it stands in tables.

    >>> column_name("hd95", "mm"), column_name("dice", "mm")
    ('hd95_mm', 'dice')
    """
    return f"{metric}_{distance_unit}" if METRICS[metric].unit == "distance" else metric


def write_rows(scores: Scores, path: Path) -> None:
    """Write all rows as CSV (UTF-8), or nothing: name, label, one column for each metric; empty cells for NaN.

    Raises:
        WriteError: the file cannot be written; what was there before is untouched.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    metrics = scores.settings.metrics
    table.writerow(["name", "label", *(column_name(metric, scores.unit) for metric in metrics)])
    for row in scores.rows:
        values = (row.scores[metric] for metric in metrics)
        table.writerow([row.name, row.label, *("" if math.isnan(value) else repr(value) for value in values)])
    with replacing(path) as file:
        file.write(text.getvalue().encode("utf-8", errors="backslashreplace"))
