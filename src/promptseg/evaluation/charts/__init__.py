"""Charts as SVG that stands in a page itself, without a plotting library.

Colours are no part of a chart: a series names its *tone*, a class of the page's style sheet that sets ``--tone``, so
that one chart serves light and dark paper. All charts are drawn 360 units wide, about the width of a phone, so that
their letters are as large as those of the page wherever they stand.
"""

from promptseg.evaluation.charts.curves import curves
from promptseg.evaluation.charts.dots import dot_rows
from promptseg.evaluation.charts.marks import Mark, Series, legend
from promptseg.evaluation.charts.plane import WIDTH, Axis
from promptseg.evaluation.charts.points import density, heat_map, heat_ramp, points
from promptseg.evaluation.charts.scales import share, span_of, ticks
from promptseg.evaluation.charts.style import CHART_STYLE

__all__ = [
    "CHART_STYLE",
    "WIDTH",
    "Axis",
    "Mark",
    "Series",
    "curves",
    "density",
    "dot_rows",
    "heat_map",
    "heat_ramp",
    "legend",
    "points",
    "share",
    "span_of",
    "ticks",
]
