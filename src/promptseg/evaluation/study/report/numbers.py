"""Counts, times and p-values in words; for metrics see :mod:`promptseg.evaluation.study.analysis.figures`."""

import math

from promptseg.evaluation.charts import share

__all__ = ["counted", "p_value", "percent", "plain", "seconds"]


def counted(count: float, one: str, many: str = "") -> str:
    """A number of things.

    >>> counted(1, "image"), counted(1240, "image"), counted(2, "class", "classes")
    ('1 image', '1,240 images', '2 classes')
    """
    whole = int(count)
    return f"{whole:,} {one if whole == 1 else many or one + 's'}"


def p_value(value: float) -> str:
    """A p-value; small ones are only bounded.

    >>> p_value(0.0312), p_value(1e-9), p_value(float("nan"))
    ('.031', '< .001', 'n/a')
    """
    if not math.isfinite(value):
        return "n/a"
    return "< .001" if value < 0.001 else share(value)


def plain(value: float, digits: int = 2) -> str:
    """A number with so many digits behind the point.

    >>> plain(3.14159), plain(float("nan"))
    ('3.14', 'n/a')
    """
    return f"{value:.{digits}f}" if math.isfinite(value) else "n/a"


def percent(share_of: float) -> str:
    r"""A share as a percentage.

    >>> percent(0.95), percent(0.9), percent(0.995)
    ('95\xa0%', '90\xa0%', '99.5\xa0%')
    """
    return f"{100 * share_of:.4g}\N{NO-BREAK SPACE}%"


def seconds(value: float) -> str:
    """A time in the unit that suits it.

    >>> seconds(0.0023), seconds(0.0123), seconds(3.21), seconds(754), seconds(9000)
    ('2.3 ms', '12 ms', '3.2 s', '13 min', '2.5 h')
    """
    if not math.isfinite(value):
        return "n/a"
    if value < 0.0095:
        return f"{value * 1000:.1f} ms"
    for limit, factor, unit, digits in ((0.995, 1000, "ms", 0), (120, 1, "s", 1), (7200, 1 / 60, "min", 0)):
        if value < limit:
            return f"{value * factor:.{digits}f} {unit}"
    return f"{value / 3600:.1f} h"
