"""Charts as drawings: what stands where, read back from the SVG."""

import math
import re
from xml.etree import ElementTree as ET

import pytest

from promptseg.evaluation.charts import (
    WIDTH,
    Axis,
    Mark,
    Series,
    curves,
    density,
    dot_rows,
    heat_map,
    heat_ramp,
    legend,
    points,
)
from promptseg.evaluation.charts.marks import SHAPES, shape
from promptseg.evaluation.charts.plane import plane_of

AXES = Axis("x", span=(0, 1)), Axis("y", span=(0, 1))
NAN = math.nan


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)


def outlines(svg: str, word: str) -> list[str]:
    found = [one for one in parsed(svg).iter() if word in one.get("class", "").split()]
    return [one.get("d", "") for one in found]


def places(path: str) -> list[tuple[float, float]]:
    """Corners of a path of absolute moves and lines."""
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", path)]


def one(*marks: Mark, title: str = "a", tone: str = "t", form: str = "circle", dashed: bool = False) -> Series:
    return Series(title, tone, marks, form, dashed)


def test_a_line_goes_through_its_values() -> None:
    plane = plane_of(AXES, [], [], height=230)
    svg = curves([one(Mark(0, 0.5), Mark(0.5, NAN), Mark(1, 1))], AXES, "words")
    assert places(outlines(svg, "line")[0]) == [(plane.x(0), plane.y(0.5)), (plane.x(1), plane.y(1))]
    assert parsed(svg).get("aria-label") == "words"
    assert parsed(svg).get("viewBox") == f"0 0 {WIDTH} 230"


def test_the_left_lower_corner_is_left_below_the_right_upper_one() -> None:
    plane = plane_of(AXES, [], [], height=230)
    assert plane.x(0) < plane.x(1)
    assert plane.y(0) > plane.y(1)
    assert (plane.x(0), plane.x(1), plane.y(1), plane.y(0)) == plane.sides


def test_a_band_goes_out_along_the_upper_ends_and_back_along_the_lower() -> None:
    plane = plane_of(AXES, [], [], height=230)
    svg = curves([one(Mark(0, 0.5, 0.4, 0.6), Mark(1, 0.5, 0.2, 0.9), Mark(0.5, 0.5))], AXES, "")
    corners = [(0, 0.6), (1, 0.9), (1, 0.2), (0, 0.4)]
    assert places(outlines(svg, "band")[0]) == [
        (pytest.approx(plane.x(x), abs=0.06), pytest.approx(plane.y(y), abs=0.06)) for x, y in corners
    ]


def test_strokes_stand_in_place_of_bands() -> None:
    svg = curves([one(Mark(0, 0.5, 0.4, 0.6))], AXES, "", bands=False)
    assert outlines(svg, "band") == []
    assert len(outlines(svg, "whisker")) == 1


@pytest.mark.parametrize("draw", [curves, points])
def test_nothing_finite_gives_nothing(draw: object) -> None:
    assert callable(draw)
    assert draw([one(Mark(0, NAN)), one()], AXES, "") == ""


def test_hints_are_words_and_cannot_be_elements() -> None:
    svg = curves([one(Mark(0, 0.5, hint="<b> & more"))], (Axis("<x>"), Axis("<y>")), '"<label>')
    assert [title.text for title in parsed(svg).iter("title")] == ["<b> & more"]
    assert parsed(svg).get("aria-label") == '"<label>'
    assert {"<x>", "<y>"} <= {text.text for text in parsed(svg).iter("text")}


def test_the_line_of_equal_values_ends_where_the_plane_does() -> None:
    axes = Axis("x", span=(0, 1)), Axis("y", span=(0.5, 2))
    plane = plane_of(axes, [], [], height=230)
    (path,) = outlines(curves([one(Mark(0.5, 0.5))], axes, "", diagonal=True), "equal")
    assert places(path) == [
        (pytest.approx(plane.x(value), abs=0.06), pytest.approx(plane.y(value), abs=0.06)) for value in (0.5, 1)
    ]


def test_equal_factors_have_equal_lengths_on_a_logarithmic_axis() -> None:
    plane = plane_of((Axis("x", span=(0.01, 100), logarithmic=True), AXES[1]), [], [], height=200)
    assert plane.x(0.1) - plane.x(0.01) == pytest.approx(plane.x(100) - plane.x(10))
    texts = re.findall(r'class="tick">([\d.]+)<', plane.grid())
    assert texts == ["0.01", "0.1", "1", "10", "100"]


def test_a_short_logarithmic_axis_has_ticks_between_powers() -> None:
    plane = plane_of((Axis("x", logarithmic=True), AXES[1]), [0.03, 0.4], [0.0], height=200)
    assert re.findall(r'class="tick">([\d.]+)<', plane.grid()) == ["0.05", "0.1", "0.2"]


def test_many_points_are_one_path() -> None:
    svg = points([one(*(Mark(number / 10, 0.5) for number in range(10)))], AXES, "")
    (path,) = outlines(svg, "cloud")
    assert path.count("h0") == 10


def test_all_values_are_in_the_hexagons_of_a_density() -> None:
    xs, ys = [0.1] * 50 + [0.9], [0.1] * 50 + [0.8]
    svg = density(xs, ys, AXES, "")
    cells = [one for one in parsed(svg).iter() if re.fullmatch(r"h\d", one.get("class", ""))]
    by_level = {cell.get("class"): cell.get("d", "").count("z") for cell in cells}
    assert by_level == {"h9": 1, "h1": 1}
    plane = plane_of(AXES, [], [], height=300)
    fullest = places(next(cell for cell in cells if cell.get("class") == "h9").get("d", ""))
    middle = [sum(values) / 6 for values in zip(*fullest, strict=True)]
    assert math.hypot(middle[0] - plane.x(0.1), middle[1] - plane.y(0.1)) < 7
    assert density([], [], AXES, "") == ""


def test_a_map_has_row_0_above_and_column_0_at_the_left() -> None:
    cells = {(0, 0): 0.0, (1, 1): 1.0, (0, 1): NAN}
    svg = heat_map(cells, (2, 2), (0, 1), "map")
    low, high = (places(outlines(svg, word)[0])[0] for word in ("h0", "h9"))
    assert low[0] < high[0]
    assert low[1] < high[1]
    assert heat_map({(0, 0): NAN}, (1, 1), (0, 1), "") == ""


def test_a_ramp_names_its_ends_from_low_to_high() -> None:
    html = heat_ramp((0, 1), ("few", "many"))
    assert html.index("few") < html.index('class="h0"') < html.index('class="h9"') < html.index("many</span>")
    assert heat_ramp((1, 1), ("a", "b")) == ""


def test_dots_stand_on_a_common_axis_with_their_intervals() -> None:
    rows = [("first <row>", [one(Mark(0, 0.0)), one(Mark(0, 1.0, 0.5, 1.0))]), ("second", [one(Mark(0, NAN)), one()])]
    svg = dot_rows(rows, "", span=(0, 1))
    assert [text.text for text in parsed(svg).iter("text") if text.get("class") == "row"] == ["first <row>", "second"]
    assert len(outlines(svg, "dot")) == 2
    (reach,) = outlines(svg, "reach")
    assert reach.startswith("M180 ")
    assert reach.endswith("H350")
    assert dot_rows([("x", [one(Mark(0, NAN))])], "") == ""


def test_each_shape_is_another_and_stands_around_its_place() -> None:
    drawn = {kind: shape(kind, 10, 20) for kind in SHAPES}
    assert len(set(drawn.values())) == len(SHAPES)
    assert all(path.startswith("M") and path.endswith("z") for path in drawn.values())


def test_a_legend_has_each_series_once_and_no_elements_from_words() -> None:
    html = legend([one(title="<a>"), one(title="<a>"), one(title="b", dashed=True)])
    assert html.count("<svg") == 2
    assert "&lt;a&gt;" in html
    assert html.count("stroke-dasharray") == 1
    assert legend([]) == ""
    assert "line" not in legend([one()], lines=False)
