"""Windows on an image: what they hold, and coordinates in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.drawing import Window, crop, window_around
from promptseg.errors import ValueRangeError
from promptseg.types import Box, Point, Prompts


def test_a_window_holds_mask_clicks_and_boxes_with_a_margin() -> None:
    mask = np.zeros((100, 200), bool)
    mask[40:61, 100:121] = True
    assert window_around(mask, margin=0) == Window(100, 40, 121, 61)
    assert window_around(mask, [Prompts(points=[Point(90, 50)])], margin=0) == Window(90, 40, 121, 61)
    assert window_around(mask, [Prompts(boxes=[Box(100, 30, 130, 50)])], margin=0) == Window(100, 30, 131, 61)
    assert window_around(mask, margin=0.5) == Window(90, 30, 131, 71)


def test_a_window_stays_on_the_image() -> None:
    assert window_around(np.ones((10, 20), bool), [Prompts(boxes=[Box(-50, -50, 90, 90)])]) == Window(0, 0, 20, 10)


def test_nothing_to_hold_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="nothing to put a window around"):
        window_around(np.zeros((4, 4), bool))


@given(st.integers(1, 30), st.integers(1, 30), st.data())
def test_cropping_keeps_pixels_under_their_clicks(height: int, width: int, data: st.DataObject) -> None:
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    window = Window(x0, y0, data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height)))
    x, y = data.draw(st.integers(x0, window.x1 - 1)), data.draw(st.integers(y0, window.y1 - 1))
    mask = np.zeros((height, width), bool)
    mask[y, x] = True
    display, masks, prompts = crop(
        mask.astype(np.uint8), mask, [Prompts(points=[Point(x, y)], boxes=[Box(x, y, x, y)])], window
    )
    point, box = prompts[0].points[0], prompts[0].boxes[0]
    assert display.shape == masks.shape == (window.y1 - y0, window.x1 - x0)
    assert display[int(point.y), int(point.x)] == 1
    assert masks[int(box.y0), int(box.x0)]


def test_a_window_outside_is_refused() -> None:
    with pytest.raises(ValueRangeError, match="does not lie on an image of width 5 and height 4"):
        crop(np.zeros((4, 5), np.uint8), np.zeros((4, 5), bool), [], Window(0, 0, 6, 4))
