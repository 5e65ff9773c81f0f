"""Points, boxes and prompts: what they accept, and that they tell swapped axes apart."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg import Box, MaskPrompt, Point, Prompts, PromptsegError
from promptseg.errors import PromptError

numbers = st.floats(-1e6, 1e6)


@given(numbers, numbers, numbers, numbers)
def test_a_box_drawn_from_any_corner_is_the_same_box(x0: float, y0: float, x1: float, y1: float) -> None:
    assert Box(x0, y0, x1, y1) == Box(x1, y0, x0, y1) == Box(x0, y1, x1, y0) == Box(x1, y1, x0, y0)


@pytest.mark.parametrize("value", [math.nan, math.inf, "3", None, True, 1j])
def test_coordinates_must_be_finite_numbers(value: object) -> None:
    with pytest.raises(PromptError, match=r"Point\.y"):
        Point(1, value)  # type: ignore[arg-type]
    with pytest.raises(PromptError, match=r"Box\.x1"):
        Box(0, 0, value, 2)  # type: ignore[arg-type]


def test_numpy_numbers_are_numbers() -> None:
    assert Point(np.int64(3), np.float32(2.5)) == Point(3, 2.5)
    assert Point(1, 2, positive=np.bool_(False)).positive is False


@pytest.mark.parametrize("points", [Point(1, 2), [(1, 2)], "ab", 3, np.zeros((1, 2))])
def test_points_must_be_points(points: object) -> None:
    with pytest.raises(PromptError):
        Prompts(points=points)  # type: ignore[arg-type]


def test_a_swapped_point_gets_a_hint() -> None:
    with pytest.raises(PromptError, match=r"did you mean Point\(90, 20\)"):
        Prompts(points=[Point(20, 90)]).check_inside((50, 100))


@pytest.mark.parametrize(("x", "y", "inside"), [(-0.5, 0, True), (-0.6, 0, False), (99.5, 49.5, True), (100, 0, False)])
def test_a_point_lies_on_a_pixel_or_outside(x: float, y: float, inside: bool) -> None:
    prompts = Prompts(points=[Point(x, y)])
    if inside:
        prompts.check_inside((50, 100))
    else:
        with pytest.raises(PromptError, match="outside the image of width 100 and height 50"):
            prompts.check_inside((50, 100))


def test_a_box_may_run_over_the_edge_but_not_miss_the_image() -> None:
    Prompts(boxes=[Box(-20, -20, 5, 5)]).check_inside((50, 100))
    with pytest.raises(PromptError, match="does not touch"):
        Prompts(boxes=[Box(120, 0, 130, 5)]).check_inside((50, 100))


def test_masks_are_checked() -> None:
    with pytest.raises(PromptError, match="boolean"):
        Prompts(mask=np.zeros((3, 4)))  # type: ignore[arg-type]
    with pytest.raises(PromptError, match="has shape"):
        Prompts(mask=np.ones((3, 4), dtype=bool)).check_inside((4, 3))
    with pytest.raises(PromptError, match="is empty"):
        Prompts(mask=np.zeros((3, 4), dtype=bool)).check_inside((3, 4))
    with pytest.raises(PromptError, match="finite"):
        MaskPrompt(np.full((2, 2), np.nan, dtype=np.float32), "m")


def test_empty_prompts_are_refused() -> None:
    assert Prompts().is_empty
    with pytest.raises(PromptsegError, match="at least one"):
        Prompts().check_inside((3, 4))
