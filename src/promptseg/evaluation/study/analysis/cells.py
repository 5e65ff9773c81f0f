"""The table of a study, and its unit: one score for each image.

Rows are not independent: an object is prompted again and again, and an image may hold several objects. So everything
begins with the mean over repeats, then over the objects of an image. Images, in turn, are drawn by groups.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import pandas as pd

from promptseg.errors import MissingExtraError, ReadError, UnknownNameError, ValueRangeError
from promptseg.evaluation.study.rows import COLUMNS
from promptseg.io.files import existing, one_line, shown
from promptseg.metrics import METRICS

__all__ = [
    "ALL_PLACES",
    "CELL",
    "FAILED_IOU",
    "Frame",
    "by_image",
    "check_metric",
    "higher_is_better",
    "image_means",
    "numbered",
    "read_table",
    "with_tasks",
]

Frame: TypeAlias = pd.DataFrame

CELL: Final = ("task", "model", "experiment", "prompter", "level", "policy", "feedback", "step")
"""Columns that name a figure: what was asked of whom, and about what."""

ALL_PLACES: Final = 0
"""The step of a figure of the experiment ``location``, which is the mean over all places on the object."""

FAILED_IOU: Final = 0.5
"""A mask of a lower IoU counts as failed: the usual bound below which an object is called not found."""

_OF_OBJECT: Final = ("dataset", "image", "group", "stratum", "label", "object")


def read_table(path: str | Path) -> Frame:
    """The table of a study, with the column ``task`` added, see :func:`with_tasks`.

    Args:
        path: the parquet file.

    Raises:
        MissingExtraError: if parquet cannot be read here.
        ReadError: if there is no such file, or it is another table.
    """
    place = existing(path)
    try:
        table = pd.read_parquet(place)
    except ImportError:
        raise MissingExtraError('reading a study needs the extra "study": pip install "promptseg[study]"') from None
    except (OSError, ValueError) as error:
        raise ReadError(f"{shown(place)}: cannot be read as the table of a study ({one_line(error)})") from None
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ReadError(f"{shown(place)}: is no table of a study: it has no column {', '.join(missing)[:200]}")
    return with_tasks(table)


def with_tasks(table: Frame) -> Frame:
    """The table with its column ``task``: the data set, with ": label" where the data set has several labels."""
    labels = table.groupby("dataset", observed=True)["label"].transform("nunique")
    named = table["dataset"].astype("str") + ": " + table["label"].astype("str")
    return table.assign(task=table["dataset"].astype("str").where(labels <= 1, named))


def check_metric(table: Frame, metric: str) -> None:
    """Whether there is such a column, and a number in each of its rows.

    Raises:
        UnknownNameError: if it is no metric of this table.
        ValueRangeError: if it holds NaN or an infinite number.
    """
    known = [name for name in METRICS if name in table.columns]
    if metric not in known:
        raise UnknownNameError(f"the table has no metric {metric!r}; choose from {', '.join(known)}")
    wrong = int((~np.isfinite(table[metric])).sum())
    if wrong:
        raise ValueRangeError(f"{metric!r} must be a finite number in each row, but is not in {wrong} of {len(table)}")


def higher_is_better(metric: str) -> bool:
    """Whether a higher value of the metric is better."""
    return METRICS[metric].better == "higher"


def image_means(table: Frame, metric: str) -> Frame:
    """One row for each image and cell: the mean over repeats, then over the objects of the image.

    Args:
        table: of :func:`read_table`.
        metric: one of its columns.

    Returns:
        :data:`CELL`, ``image``, ``group``, ``stratum``, ``value`` and ``n_objects``, in the order of the table. In the
        experiment ``location`` the value is the mean over all places, too, and the step is :data:`ALL_PLACES`.

    Raises:
        UnknownNameError: if the table has no such metric.
        ValueRangeError: if a score is not a finite number.
    """
    return by_image(table, metric)[[*CELL, "image", "group", "stratum", "value", "n_objects"]]


def by_image(table: Frame, metric: str, *, extra: Sequence[str] = ()) -> Frame:
    """What :func:`image_means` gives, with counts of masks and with further columns averaged in the same way.

    Args:
        table: of :func:`read_table`.
        metric: one of its columns.
        extra: columns of numbers; NaN is left out of their means.

    Returns:
        :data:`CELL`, ``dataset``, ``image``, ``group``, ``stratum``, ``cluster`` (the group, no two data sets share
        one), ``value``, ``n_objects``, ``n_masks``, ``n_empty`` (masks without a pixel), ``n_failed`` (masks of an IoU
        below :data:`FAILED_IOU`) and the extra columns.
    """
    check_metric(table, metric)
    place = table["experiment"] == "location"
    rows = table.assign(
        step=table["step"].where(~place, ALL_PLACES),
        value=table[metric].astype("float64"),
        n_masks=1,
        n_empty=(table["found_px"] == 0).astype("int64"),
        n_failed=(table["iou"] < FAILED_IOU).astype("int64"),
    )
    counts = dict.fromkeys(("n_masks", "n_empty", "n_failed"), "sum")
    means = dict.fromkeys(("value", *extra), "mean")
    keys = list(dict.fromkeys([*CELL, *_OF_OBJECT]))
    objects = rows.groupby(keys, dropna=False, sort=False, observed=True).agg(means | counts).reset_index()
    objects["n_objects"] = 1
    keys = [name for name in keys if name not in {"label", "object"}]
    images = objects.groupby(keys, dropna=False, sort=False, observed=True)
    found = images.agg(means | counts | {"n_objects": "sum"}).reset_index()
    return found.assign(cluster=found["dataset"].astype("str") + "\x1f" + found["group"].astype("str"))


def numbered(frame: Frame, names: Sequence[str]) -> "pd.Series[int]":
    """The number of each row's cell, from 0 in the order in which cells appear; NaN equals NaN."""
    return frame.groupby(list(names), dropna=False, sort=False, observed=True).ngroup()
