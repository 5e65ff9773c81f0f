"""Areas and diameters, by hand and by brute force over all points of the outline."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from numpy.testing import assert_allclose, assert_array_equal
from random_masks import Mask, disc, filled, spacings

from promptseg.errors import ValueRangeError
from promptseg.geometry.measure import Caliper, area_mm2, area_px, convex_hull, diameters, measure

ONE = np.pad(np.ones((1, 1), dtype=bool), ((2, 0), (5, 1)))


def outline(mask: Mask) -> np.ndarray:
    """(N, 2) middles of the edges of all pixels, as (x, y)."""
    rows, columns = np.nonzero(mask)
    middles = [(0.5, 0), (-0.5, 0), (0, 0.5), (0, -0.5)]
    return np.array([(x + dx, y + dy) for x, y in zip(columns, rows, strict=True) for dx, dy in middles])


def chord_length(points: np.ndarray, along: np.ndarray, place: float) -> float:
    """Length of the cut through the hull of ``points`` at a right angle to ``along``.

    The cut's ends are the highest and the lowest place where any line between two of the points crosses it.
    """
    across = np.array([-along[1], along[0]])
    u, v = points @ along, points @ across
    first, second = np.triu_indices(len(points))
    low, high = np.minimum(u[first], u[second]), np.maximum(u[first], u[second])
    crosses = (low - 1e-12 <= place) & (place <= high + 1e-12) & (high - low > 1e-9)
    a, b = first[crosses], second[crosses]
    heights = v[a] + (place - u[a]) / (u[b] - u[a]) * (v[b] - v[a])
    return float(heights.max() - heights.min())


@given(filled, spacings)
def test_the_longest_diameter_is_the_largest_distance_of_outline_points(
    mask: Mask, spacing: tuple[float, float]
) -> None:
    found = diameters(mask, spacing_mm=spacing)
    points = outline(mask) * np.array(spacing[::-1])
    longest = np.sqrt(((points[:, None] - points[None]) ** 2).sum(axis=-1)).max()
    assert found.unit == "mm"
    assert found.longest.length == pytest.approx(longest)
    for end in (found.longest.start_xy, found.longest.end_xy):
        assert np.isclose(outline(mask), end).all(axis=1).any()


@settings(max_examples=40)
@given(filled, spacings)
def test_the_short_axis_is_the_longest_chord_across(mask: Mask, spacing: tuple[float, float]) -> None:
    scale = np.array(spacing[::-1])
    found = diameters(mask, spacing_mm=spacing)
    (start, end), (low, high) = (
        (np.array(line.start_xy) * scale, np.array(line.end_xy) * scale)
        for line in (found.longest, found.perpendicular)
    )
    along = (end - start) / np.linalg.norm(end - start)
    assert abs((high - low) @ along) < 1e-9 * np.linalg.norm(end - start)
    assert np.linalg.norm(high - low) == pytest.approx(found.perpendicular.length)
    assert found.perpendicular.length <= found.longest.length * (1 + 1e-12)
    points = outline(mask) * scale
    places = points @ along
    corners = np.unique(places)
    between = np.clip((corners[1:] + corners[:-1]) / 2, places.min(), places.max())
    tried = [chord_length(points, along, place) for place in np.concatenate([corners, between])]
    assert found.perpendicular.length == pytest.approx(max(tried), rel=1e-6)


@given(filled)
def test_the_hull_holds_all_pixels_and_has_no_needless_corner(mask: Mask) -> None:
    hull, points = convex_hull(mask), outline(mask)
    edges = np.roll(hull, -1, axis=0) - hull
    to_points = points[None] - hull[:, None]
    sides = edges[:, None, 0] * to_points[..., 1] - edges[:, None, 1] * to_points[..., 0]
    assert (sides >= 0).all()
    turns = edges[:, 0] * np.roll(edges[:, 1], -1) - edges[:, 1] * np.roll(edges[:, 0], -1)
    assert (turns > 0).all()
    assert {tuple(corner) for corner in hull} <= {tuple(point) for point in points}
    assert tuple(hull[0]) == min(tuple(point) for point in points)


def test_one_pixel() -> None:
    found = measure(ONE, spacing_mm=(0.5, 0.25))
    assert (found.area_px, found.area_mm2) == (1, 0.125)
    assert found.diameters.longest == Caliper(0.5, (5.0, 1.5), (5.0, 2.5))
    assert found.diameters.perpendicular == Caliper(0.25, (4.5, 2.0), (5.5, 2.0))


@pytest.mark.parametrize("length", [2, 3, 10])
def test_a_row_of_pixels_is_as_long_as_its_pixels(length: int) -> None:
    row = np.ones((1, length), dtype=bool)
    assert diameters(row).longest.length == length
    assert diameters(row).perpendicular.length == 1
    assert diameters(row.T, spacing_mm=(0.2, 0.1)).longest.length == pytest.approx(0.2 * length)


def test_a_diagonal_line() -> None:
    found = diameters(np.eye(4, dtype=bool))
    assert found.longest.length == pytest.approx(math.hypot(3, 4))
    assert found.longest.start_xy in {(-0.5, 0.0), (0.0, -0.5)}


def test_pixels_that_are_not_square_by_hand() -> None:
    """2 rows of 4 mm, 5 columns of 1 mm: the long axis runs down, from the middle of the top to that of the bottom."""
    found = diameters(np.ones((2, 5), dtype=bool), spacing_mm=(4, 1))
    assert found.longest.length == pytest.approx(math.hypot(8, 4))
    across_top = diameters(np.ones((2, 5), dtype=bool), spacing_mm=(1, 1)).longest
    assert across_top.length == pytest.approx(math.hypot(5, 1))


@pytest.mark.parametrize(("rows_mm", "columns_mm"), [(0.3, 0.1), (0.1, 0.1), (0.05, 0.2)])
def test_an_ellipse_in_millimetres(rows_mm: float, columns_mm: float) -> None:
    """Half axes of 12 and 5 mm, turned by 30 degrees, sampled on any grid: 24 and 10 mm within the pixels' extent."""
    y, x = np.mgrid[-15 : 15 + rows_mm / 2 : rows_mm, -15 : 15 + columns_mm / 2 : columns_mm]
    turn = math.radians(30)
    along, across = x * math.cos(turn) + y * math.sin(turn), y * math.cos(turn) - x * math.sin(turn)
    found = measure((along / 12) ** 2 + (across / 5) ** 2 <= 1, spacing_mm=(rows_mm, columns_mm))
    pixel = max(rows_mm, columns_mm)
    assert found.diameters.longest.length == pytest.approx(24, abs=pixel)
    assert found.diameters.perpendicular.length == pytest.approx(10, abs=1.5 * pixel)
    assert found.area_mm2 == pytest.approx(math.pi * 60, rel=0.005)


def test_an_empty_mask_has_no_diameter() -> None:
    nothing = np.zeros((4, 3), dtype=bool)
    found = measure(nothing, spacing_mm=(1, 1))
    assert (found.area_px, found.area_mm2, found.diameters) == (0, 0, None)
    assert convex_hull(nothing).shape == (0, 2)


def test_without_spacing_nothing_is_in_millimetres() -> None:
    found = measure(disc((20, 30), (8, 20), 5))
    assert found.area_mm2 is None
    assert found.diameters.unit == "px"
    assert found.diameters.longest.length == 11


def test_area_follows_the_spacing() -> None:
    mask = disc((20, 30), (8, 20), 5)
    assert area_px(mask) == int(mask.sum())
    assert area_mm2(mask, (0.5, 0.25)) == area_px(mask) / 8


def test_turning_the_image_turns_the_diameters() -> None:
    mask = disc((40, 60), (15, 20), 9) | disc((40, 60), (25, 45), 5)
    straight, turned = diameters(mask, spacing_mm=(0.5, 0.2)), diameters(mask.T, spacing_mm=(0.2, 0.5))
    assert_allclose(straight.longest.length, turned.longest.length)
    assert_allclose(straight.perpendicular.length, turned.perpendicular.length)


def test_masks_and_spacings_are_checked() -> None:
    with pytest.raises(ValueRangeError, match="boolean"):
        measure(np.ones((2, 2), dtype=np.uint8))
    with pytest.raises(ValueRangeError, match="spacing_mm must be 2 positive numbers"):
        diameters(np.ones((2, 2), dtype=bool), spacing_mm=(1, 0))


def test_a_large_mask_is_measured_exactly() -> None:
    mask = disc((1500, 2000), (700, 1000), 650)
    found = diameters(mask)
    assert found.longest.length == pytest.approx(1301)
    assert_array_equal(convex_hull(mask), convex_hull(mask[:1400, :1700]))
