"""Polygons against a test of every pixel's centre."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.errors import ValueRangeError
from promptseg.geometry.polygons import polygon_mask

quarters = st.integers(-12, 60).map(lambda number: number / 4)
polygons = st.lists(st.tuples(quarters, quarters), min_size=3, max_size=7)


def is_inside(x: float, y: float, corners: list[tuple[float, float]]) -> bool:
    """Whether a ray to the left meets an odd number of sides (a point on a left side is inside)."""
    odd = False
    for (x0, y0), (x1, y1) in zip(corners, [*corners[1:], corners[0]], strict=True):
        if (y0 <= y) != (y1 <= y):
            odd ^= x0 + (y - y0) * (x1 - x0) / (y1 - y0) <= x
    return odd


@given(polygons)
def test_every_pixel_by_its_centre(corners: list[tuple[float, float]]) -> None:
    expected = [[is_inside(column + 0.5, row + 0.5, corners) for column in range(13)] for row in range(9)]
    assert polygon_mask(corners, (9, 13)).tolist() == expected


def test_neighbours_share_no_pixel() -> None:
    left = polygon_mask([(0, 0), (5, 0), (3, 8), (0, 8)], (8, 10))
    right = polygon_mask([(5, 0), (10, 0), (10, 8), (3, 8)], (8, 10))
    assert (left ^ right).all()


@pytest.mark.parametrize("corners", [[], [(0, 0), (1, 1)], [(0, 0), (1, 1), (np.nan, 2)], [0, 1, 2, 3, 4, 5]])
def test_what_is_no_polygon(corners: object) -> None:
    with pytest.raises(ValueRangeError, match="three or more finite"):
        polygon_mask(corners, (4, 4))  # type: ignore[arg-type]
