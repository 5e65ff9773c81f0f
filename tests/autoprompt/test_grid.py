"""Grids and crops: by hand, and beside what Segment Anything's own functions gave."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptseg.autoprompt.grid import crop_boxes, grid_points
from promptseg.errors import ValueRangeError
from promptseg.types import Box


def test_points_by_hand() -> None:
    np.testing.assert_allclose(
        grid_points(3, (12, 60)),
        [(x, y) for y in (2.0, 6.0, 10.0) for x in (10.0, 30.0, 50.0)],
    )


@given(st.integers(1, 40), st.integers(1, 60), st.integers(1, 60))
def test_all_points_lie_on_the_image(count: int, height: int, width: int) -> None:
    points = grid_points(count, (height, width))
    assert points.shape == (count**2, 2)
    assert (points >= 0).all()
    assert (points <= np.array([width - 0.5, height - 0.5])).all()
    if min(height, width) >= count:
        steps = np.array([width, height]) / count
        np.testing.assert_allclose(points[0], steps / 2)
        np.testing.assert_allclose(points[-1], np.array([width, height]) - steps / 2)


def test_crops_as_segment_anything_makes_them() -> None:
    """Its ``generate_crop_boxes((333, 500), 2, 512 / 1500)``, far corners made inclusive."""
    boxes = crop_boxes((333, 500), 2)
    assert [layer for _, layer in boxes] == [0] + [1] * 4 + [2] * 16
    assert [box for box, layer in boxes if layer < 2] == [
        Box(0, 0, 499, 332),
        Box(0, 0, 306, 222),
        Box(0, 110, 306, 332),
        Box(194, 0, 499, 222),
        Box(194, 110, 499, 332),
    ]
    assert boxes[5][0] == Box(0, 0, 166, 125)
    assert boxes[-1][0] == Box(333, 210, 499, 332)


@settings(max_examples=30)
@given(st.integers(5, 200), st.integers(5, 200), st.integers(0, 3))
def test_crops_of_a_layer_cover_the_image(height: int, width: int, layers: int) -> None:
    covered = np.zeros((layers + 1, height, width), dtype=np.bool_)
    boxes = crop_boxes((height, width), layers)
    if min(height, width) >= 50:  # in smaller images crops that would lie beside the image are left out
        assert len(boxes) == sum(4**layer for layer in range(layers + 1))
    for box, layer in boxes:
        assert 0 <= box.x0 <= box.x1 <= width - 1
        assert 0 <= box.y0 <= box.y1 <= height - 1
        covered[layer, int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = True
    assert covered.all()


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="one point"):
        grid_points(0, (5, 5))
    with pytest.raises(ValueRangeError, match="layers"):
        crop_boxes((5, 5), -1)
    with pytest.raises(ValueRangeError, match="overlap"):
        crop_boxes((5, 5), 1, overlap=1.0)
