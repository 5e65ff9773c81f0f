"""Tidying: by hand on small masks, and what must hold on any."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg import Box, Point, Prompts
from promptseg.errors import ValueRangeError
from promptseg.geometry.regions import label_components
from promptseg.geometry.tidying import inside_boxes, tidy

RING = """
.........
.###...#.
.#.#..##.
.###...#.
.........
......###
"""


def drawn(text: str) -> np.ndarray:
    return np.array([[letter == "#" for letter in line] for line in text.split()])


def parts(*names: str) -> np.ndarray:
    """Parts of RING by name: the filled ring, the ring with its hole, the hook, the bar."""
    mask = drawn(RING)
    columns = np.arange(mask.shape[1])
    found = np.zeros_like(mask)
    if "ring" in names or "disc" in names:
        found |= mask & (columns < 5)
    if "disc" in names:
        found[2, 2] = True
    if "hook" in names:
        found[:4] |= mask[:4] & (columns > 5)
    if "bar" in names:
        found[5] |= mask[5]
    return found


@pytest.mark.parametrize(
    ("prompts", "kept"),
    [
        (Prompts(points=[Point(1, 1)]), parts("disc")),
        (Prompts(points=[Point(1.4, 0.6)]), parts("disc")),
        (Prompts(points=[Point(1, 1), Point(2, 2, positive=False)]), parts("ring")),
        (Prompts(points=[Point(1, 1), Point(4, 4, positive=False)]), parts("disc")),
        (Prompts(points=[Point(1, 1), Point(7, 5)]), parts("disc", "bar")),
        (Prompts(points=[Point(0, 0)]), parts("disc")),  # beside everything: the largest part
        (Prompts(boxes=[Box(5, 0, 8, 4)]), parts("hook")),
        (Prompts(boxes=[Box(5, 0, 8, 4), Box(6, 5, 8, 5)]), parts("hook", "bar")),
        (Prompts(boxes=[Box(0, 0, 8, 5)], points=[Point(6, 5)]), parts("disc", "hook", "bar")),
        (Prompts(boxes=[Box(1, 0, 2, 4)]), parts("disc")),  # 5 of the ring's 8 pixels are in it
        (Prompts(boxes=[Box(3, 0, 8, 3)]), parts("hook")),  # 3 of the ring's 8 pixels are in it
        (Prompts(boxes=[Box(5, 0, 8, 4)], points=[Point(5, 0)]), parts("hook")),  # the click hit nothing
        (Prompts(boxes=[Box(-4, -4, 0, 0)]), parts("disc")),
        (Prompts(mask=drawn(RING)), parts("disc")),
    ],
)
def test_by_hand(prompts: Prompts, kept: np.ndarray) -> None:
    assert np.array_equal(tidy(drawn(RING), prompts), kept)


masks = st.integers(0, 2**30).map(lambda seed: np.random.default_rng(seed).random((9, 12)) > 0.55)


@given(masks, st.floats(-0.5, 11.5), st.floats(-0.5, 8.5))
def test_one_click_leaves_one_part_without_holes(mask: np.ndarray, x: float, y: float) -> None:
    prompts = Prompts(points=[Point(x, y)])
    kept = tidy(mask, prompts)
    assert len(label_components(kept)[1]) == 1
    assert np.array_equal(tidy(kept, prompts), kept)
    assert not ((~mask & kept) & (label_components(mask)[0] > 0)).any()
    column, row = round(max(x, 0)), round(max(y, 0))
    assert kept[min(row, 8), min(column, 11)] or not mask[min(row, 8), min(column, 11)]


def test_empty_stays_empty_and_bad_input_is_refused() -> None:
    empty = np.zeros((3, 4), dtype=bool)
    assert not tidy(empty, Prompts(points=[Point(1, 1)])).any()
    with pytest.raises(ValueRangeError, match="outside the mask"):
        tidy(empty, Prompts(points=[Point(9, 1)]))
    with pytest.raises(ValueRangeError):
        tidy(np.zeros((3, 4)), Prompts(points=[Point(1, 1)]))


@given(st.integers(1, 9), st.integers(1, 9), st.lists(st.tuples(*[st.floats(-3, 12)] * 4), max_size=3))
def test_inside_boxes_are_the_pixels_whose_centres_the_rounded_boxes_hold(
    height: int, width: int, corners: list[tuple[float, float, float, float]]
) -> None:
    boxes = [Box(*four) for four in corners]
    inside = inside_boxes(boxes, (height, width))
    for row in range(height):
        for column in range(width):
            held = any(round(b.x0) <= column <= round(b.x1) and round(b.y0) <= row <= round(b.y1) for b in boxes)
            assert inside[row, column] == (held or not boxes)
