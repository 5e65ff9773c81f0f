"""Metrics of masks and boxes, and the intervals around their means: plain numpy and scipy, no torch."""

from promptseg.metrics.boxes import box_iou, iou_of_boxes
from promptseg.metrics.empty import EMPTY_POLICIES, EmptyPolicy, check_empty_policy
from promptseg.metrics.interaction import MAX_CLICKS, noc, nof
from promptseg.metrics.intervals import RESAMPLES, Interval, bootstrap_interval, paired_difference
from promptseg.metrics.overlap import dice, iou, mae, pixel_accuracy
from promptseg.metrics.surface import SurfaceDistances, assd, hd, hd95, image_diagonal, nsd, surface, surface_distances
from promptseg.metrics.table import METRICS, Metric, check_metrics, score_pair

__all__ = [
    "EMPTY_POLICIES",
    "MAX_CLICKS",
    "METRICS",
    "RESAMPLES",
    "EmptyPolicy",
    "Interval",
    "Metric",
    "SurfaceDistances",
    "assd",
    "bootstrap_interval",
    "box_iou",
    "check_empty_policy",
    "check_metrics",
    "dice",
    "hd",
    "hd95",
    "image_diagonal",
    "iou",
    "iou_of_boxes",
    "mae",
    "noc",
    "nof",
    "nsd",
    "paired_difference",
    "pixel_accuracy",
    "score_pair",
    "surface",
    "surface_distances",
]
