"""Crops and changes of click-based predictors, computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptseg.models.click_crops import (
    clipped,
    crop_iou,
    expanded,
    focus_crop,
    is_in,
    is_kept,
    merged,
    pixel_of,
    whole_image,
    zoom_crop,
)
from promptseg.types import BoolMask, Box, Point

SIZE = (60, 100)
WHOLE = Box(0, 0, 99, 59)


def filled(*boxes: tuple[int, int, int, int]) -> BoolMask:
    """A mask of ``SIZE`` with boxes (x0, y0, x1, y1), corners inclusive."""
    mask = np.zeros(SIZE, bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0 : y1 + 1, x0 : x1 + 1] = True
    return mask


def test_a_crop_is_longer_than_the_object_and_never_too_short() -> None:
    assert expanded(Box(40, 20, 59, 29), ratio=1.4) == Box(36, 18, 64, 32)  # 20 x 10 -> 28 x 14 around (49.5, 24.5)
    assert expanded(Box(40, 20, 59, 29), ratio=1.4, least_px=20) == Box(36, 14, 64, 34)


def test_a_crop_holds_the_mask_and_positive_clicks_but_not_negative_ones() -> None:
    mask = filled((40, 20, 59, 29))
    assert zoom_crop(mask, [], expansion=1.0, least_px=1) == Box(40, 20, 60, 30)
    points = [Point(69.4, 25), Point(5, 5, positive=False)]
    assert zoom_crop(mask, points, expansion=1.0, least_px=1) == Box(40, 20, 70, 30)
    assert zoom_crop(mask, points, expansion=9.0, least_px=1) == WHOLE
    assert zoom_crop(filled(), points, expansion=1.4, least_px=1) is None
    assert not mask[25, 69]


def test_common_part_of_two_crops_is_by_rows_and_columns() -> None:
    assert crop_iou(Box(0, 0, 9, 9), Box(0, 0, 9, 9)) == 1
    assert crop_iou(Box(0, 0, 9, 9), Box(5, 5, 14, 14)) == pytest.approx(1 / 9)  # 5 of 15 rows, 5 of 15 columns
    assert crop_iou(Box(0, 0, 9, 9), Box(20, 0, 29, 9)) == 0


def test_a_crop_is_kept_until_it_no_longer_serves() -> None:
    crop = Box(20, 20, 39, 39)
    assert is_kept(crop, Box(22, 20, 39, 39), [Point(25, 25), Point(90, 5, positive=False)])
    assert not is_kept(crop, Box(22, 20, 39, 39), [Point(40, 25)])
    assert is_kept(crop, Box(20, 20, 29, 39), [])  # exactly half
    assert not is_kept(crop, Box(20, 20, 28, 39), [])


@pytest.mark.parametrize(
    ("point", "pixel"), [(Point(3.4, 7.5), (8, 3)), (Point(-0.5, -0.5), (0, 0)), (Point(99.5, 59.5), (59, 99))]
)
def test_the_pixel_of_a_click(point: Point, pixel: tuple[int, int]) -> None:
    assert pixel_of(point, SIZE) == pixel
    assert is_in(WHOLE, point)
    assert not is_in(Box(10, 10, 20, 20), point)


def test_focus_is_the_object_where_there_was_no_mask() -> None:
    assert focus_crop(filled(), filled((40, 20, 59, 29)), Point(50, 25), WHOLE) == Box(36, 18, 64, 32)


def test_focus_is_the_part_of_the_change_that_holds_the_click() -> None:
    previous = filled((40, 20, 59, 29))
    new = filled((40, 20, 69, 29), (40, 35, 59, 36))
    # changed at the click: x 60..69, y 20..29; the object's box is 30 x 17, so 10 x 10 is no small change
    assert focus_crop(previous, new, Point(65, 25), WHOLE) == Box(58, 18, 72, 32)  # 64.5 +- 7, 24.5 +- 7, to even
    assert focus_crop(previous, new, Point(65, 25), Box(60, 0, 99, 25)) == Box(60, 18, 72, 25)


def test_focus_of_a_small_change_is_a_square_around_the_click() -> None:
    previous, new = filled((10, 10, 59, 29)), filled((10, 10, 69, 29), (20, 30, 29, 32))
    # 10 x 3 at the click (25, 31): 3 < 23 / 3, so a square of half-side .2 * 60 = 12, a box of 25 -> 35
    assert focus_crop(previous, new, Point(25, 31), WHOLE) == Box(8, 14, 42, 48)  # 25 +- 17.5, 31 +- 17.5, to even


def test_focus_is_everything_where_nothing_changed_at_the_click() -> None:
    mask = filled((10, 10, 59, 29))
    assert focus_crop(mask, mask, Point(30, 15), Box(5, 5, 80, 40)) == Box(5, 5, 80, 40)
    assert focus_crop(filled(), filled((10, 10, 11, 11)), Point(10, 10), WHOLE) == WHOLE  # 4 pixels have no box


def test_focus_outside_of_what_was_looked_at_is_all_of_that() -> None:
    assert focus_crop(filled(), filled((80, 40, 89, 49)), Point(85, 45), Box(0, 0, 20, 20)) == Box(0, 0, 20, 20)


def test_a_positive_click_adds_only_its_part_of_the_change() -> None:
    previous = filled((40, 20, 59, 29))
    new = filled((45, 20, 69, 29), (0, 50, 9, 55))  # left end lost, right end won, something far away won
    assert (merged(previous, new, Point(65, 25)) == filled((40, 20, 69, 29))).all()
    assert (merged(previous, new, Point(42, 25, positive=False)) == filled((45, 20, 59, 29))).all()
    assert (merged(previous, new, Point(5, 52)) == filled((40, 20, 59, 29), (0, 50, 9, 55))).all()


def test_where_nothing_changed_at_the_click_the_mask_stays() -> None:
    previous, new = filled((40, 20, 59, 29)), filled((0, 50, 9, 55))
    assert (merged(previous, new, Point(90, 5)) == previous).all()


def test_parts_that_touch_at_a_corner_are_one() -> None:
    new = filled((10, 10, 19, 19), (20, 20, 29, 29))
    assert (merged(filled(), new, Point(12, 12)) == new).all()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 99), st.integers(0, 59))
def test_merging_changes_nothing_but_one_part_of_what_differs(seed: int, x: int, y: int) -> None:
    rng = np.random.default_rng(seed)
    previous, new = (rng.random((6, 10)).repeat(10, 0).repeat(10, 1) > 0.5 for _ in range(2))
    found = merged(previous, new, Point(x, y))
    changed = found != previous
    assert not (changed & (previous == new)).any()
    assert len({bool(value) for value in previous[changed]}) <= 1
    crop = focus_crop(previous, new, Point(x, y), WHOLE)
    assert clipped(crop, WHOLE) == crop
    assert whole_image(SIZE) == WHOLE
