"""Figures in words: three digits, no leading zero, an interval in brackets."""

import math

from promptseg.metrics import METRICS

__all__ = ["figure", "metric_title", "signed", "spread"]

_TITLES = {
    "iou": "IoU",
    "dice": "Dice",
    "box_iou": "box IoU",
    "pixel_accuracy": "pixel accuracy",
    "mae": "MAE",
    "nsd": "NSD",
    "hd": "HD",
    "hd95": "HD95",
    "assd": "ASSD",
}


def metric_title(metric: str) -> str:
    """The name of a metric for people."""
    return _TITLES.get(metric, metric)


def figure(value: float, metric: str = "iou") -> str:
    """A mean for people: ``.834``; distances with one digit; ``n/a`` where it cannot be computed.

    >>> figure(0.8336), figure(1.0), figure(-0.01), figure(12.34, "hd95"), figure(float("nan"))
    ('.834', '1.000', '-.010', '12.3', 'n/a')
    """
    if not math.isfinite(value):
        return "n/a"
    if metric in METRICS and METRICS[metric].unit == "distance":
        return f"{value:.1f}"
    text = f"{value:.3f}"
    text = "0.000" if text == "-0.000" else text
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def signed(value: float, metric: str = "iou") -> str:
    """A difference for people.

    >>> signed(0.04), signed(-0.04), signed(0.0)
    ('+.040', '-.040', '.000')
    """
    text = figure(value, metric)
    return text if not float(text.replace("n/a", "0")) > 0 else f"+{text}"


def spread(low: float, high: float, metric: str = "iou", *, sign: bool = False) -> str:
    """An interval for people.

    >>> spread(0.02, 0.06), spread(-0.02, 0.06, sign=True)
    ('[.020, .060]', '[-.020, +.060]')
    """
    words = signed if sign else figure
    return f"[{words(low, metric)}, {words(high, metric)}]"
