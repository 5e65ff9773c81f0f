"""Components and boxes against a flood fill and plain loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from random_masks import Mask, disc, filled, masks

from promptseg.errors import ValueRangeError
from promptseg.geometry.regions import (
    box_from_exclusive,
    box_size,
    box_slices,
    box_to_exclusive,
    components,
    crop_slices,
    label_components,
    largest_component,
    tight_box,
)
from promptseg.types import Box


def flood(mask: Mask) -> list[set[tuple[int, int]]]:
    """8-connected components, largest first, ties by first pixel in row-major order."""
    left = {(int(row), int(column)) for row, column in np.argwhere(mask)}
    parts = []
    while left:
        part, edge = set(), [min(left)]
        left.remove(edge[0])
        while edge:
            row, column = edge.pop()
            part.add((row, column))
            near = {(row + i, column + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        parts.append(part)
    return sorted(parts, key=lambda part: (-len(part), min(part)))


@given(masks)
def test_components_are_those_of_a_flood_fill(mask: Mask) -> None:
    expected = flood(mask)
    found = [{(int(row), int(column)) for row, column in np.argwhere(part)} for part in components(mask)]
    assert found == expected
    numbers, areas_px = label_components(mask)
    assert areas_px.tolist() == [len(part) for part in expected]
    assert_array_equal(numbers > 0, mask)
    assert_array_equal(largest_component(mask), numbers == 1)


def test_diagonal_neighbours_are_connected() -> None:
    assert len(components(np.eye(4, dtype=bool))) == 1


def test_the_number_of_components_can_be_limited() -> None:
    mask = np.zeros((5, 9), dtype=bool)
    mask[::2, ::2] = True
    assert len(components(mask)) == 15
    assert [np.argwhere(part).tolist() for part in components(mask, limit=2)] == [[[0, 0]], [[0, 2]]]
    assert components(np.zeros((2, 2), dtype=bool), limit=3) == []


@given(filled)
def test_the_tight_box_is_the_smallest(mask: Mask) -> None:
    rows, columns = np.nonzero(mask)
    box = tight_box(mask)
    assert box == Box(columns.min(), rows.min(), columns.max(), rows.max())
    assert_array_equal(mask[crop_slices(mask)], mask[box_slices(box, mask.shape)])
    assert mask[box_slices(box, mask.shape)].shape == box_size(box)


def test_an_empty_mask_has_no_box() -> None:
    nothing = np.zeros((3, 4), dtype=bool)
    assert tight_box(nothing) is None
    assert not largest_component(nothing).any()
    with pytest.raises(ValueRangeError, match="empty mask has no box"):
        crop_slices(nothing)


def test_x_is_the_column() -> None:
    assert tight_box(disc((20, 50), (5, 33), 2)) == Box(31, 3, 35, 7)


@given(*[st.integers(-5, 20)] * 4)
def test_exclusive_boxes_come_back(x0: int, y0: int, x1: int, y1: int) -> None:
    box = Box(x0, y0, x1, y1)
    assert box_from_exclusive(*box_to_exclusive(box)) == box
    left, top, right, bottom = box_to_exclusive(box)
    assert box_size(box) == (bottom - top, right - left)


def test_an_exclusive_box_holds_a_pixel() -> None:
    with pytest.raises(ValueRangeError, match="one pixel or more"):
        box_from_exclusive(3, 3, 3, 5)


@given(*[st.floats(-4, 12)] * 4)
def test_slices_of_a_box_hold_the_pixels_in_it(x0: float, y0: float, x1: float, y1: float) -> None:
    box, size = Box(x0, y0, x1, y1), (6, 8)
    chosen = np.zeros(size, dtype=bool)
    chosen[box_slices(box, size)] = True
    rows, columns = np.indices(size)
    inside = (rows >= box.y0) & (rows <= box.y1) & (columns >= box.x0) & (columns <= box.x1)
    assert_array_equal(chosen, inside)
