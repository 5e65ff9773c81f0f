"""Frames: round trips, order of axes, padding, and the sizes that Segment Anything computes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from promptseg.errors import ValueRangeError
from promptseg.geometry.frames import FIT, Frame, letterbox, squash

sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)
fits = st.sampled_from(sorted(FIT))
model_sides = st.sampled_from([16, 160, 256, 1024])


@given(sizes, model_sides, fits, st.floats(0, 1), st.floats(0, 1))
def test_points_and_boxes_come_back(size: tuple[int, int], side: int, fit: str, u: float, v: float) -> None:
    frame = FIT[fit](size, side)
    point = np.array([u * (size[1] - 1), v * (size[0] - 1)])
    assert_allclose(frame.points_to_image(frame.points_to_model(point)), point, atol=1e-9 * max(size))
    box = np.array([[0.0, 0.0, *point], [*point, size[1] - 1, size[0] - 1]])
    assert_allclose(frame.boxes_to_image(frame.boxes_to_model(box)), box, atol=1e-9 * max(size))


@given(sizes, model_sides, fits)
def test_the_image_lies_in_the_square(size: tuple[int, int], side: int, fit: str) -> None:
    frame = FIT[fit](size, side)
    assert 1 <= min(frame.resized) <= max(frame.resized) == side
    corner = frame.points_to_model([size[1] - 1, size[0] - 1])
    assert (corner <= [frame.resized[1], frame.resized[0]]).all()


@given(sizes, model_sides)
def test_letterbox_keeps_the_aspect_to_half_a_pixel(size: tuple[int, int], side: int) -> None:
    scale = side / max(size)
    for resized, length in zip(letterbox(size, side).resized, size, strict=True):
        assert abs(resized - length * scale) <= 0.5 or resized == 1


def test_x_goes_with_columns_and_y_with_rows() -> None:
    frame = squash((100, 400), 200)  # rows are doubled, columns are halved
    assert_array_equal(frame.points_to_model([300, 20]), [150, 40])
    assert_array_equal(frame.boxes_to_model([300, 20, 310, 30]), [150, 40, 155, 60])


@pytest.mark.parametrize(
    ("size", "resized"),
    [((113, 151), (766, 1024)), ((480, 640), (768, 1024)), ((1, 3000), (1, 1024)), ((1, 1), (1024, 1024))],
)
def test_sizes_of_segment_anything(size: tuple[int, int], resized: tuple[int, int]) -> None:
    """766: 113 x 1024 / 151 = 766.30, rounded half up as the original does; a line keeps its one pixel."""
    assert letterbox(size, 1024).resized == resized


def test_wrong_shapes_are_refused() -> None:
    frame = Frame((10, 20), 16, (8, 16))
    with pytest.raises(ValueRangeError, match="shape"):
        frame.points_to_model([1, 2, 3])
    with pytest.raises(ValueRangeError, match="shape"):
        frame.boxes_to_model([1, 2])
    with pytest.raises(ValueRangeError, match="0 x 5"):
        letterbox((0, 5), 16)
