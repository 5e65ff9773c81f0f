"""Overlays: colours where they belong, sizes, and what is refused."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptseg.drawing import COLOURS, draw_overlay
from promptseg.errors import ValueRangeError
from promptseg.types import Box, Point, Prompts

GREY = np.full((60, 90), 100, np.uint8)


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return (columns - x) ** 2 + (rows - y) ** 2 <= radius**2


def test_without_masks_and_prompts_the_picture_is_unchanged() -> None:
    drawn = draw_overlay(GREY, np.zeros((0, 60, 90), bool), long_side=0)
    assert np.array_equal(drawn, np.repeat(GREY[..., None], 3, axis=2))


def test_fill_is_blended_and_the_outline_is_the_pure_colour() -> None:
    drawn = draw_overlay(GREY, disc(60, 90, 50, 30, 20), opacity=0.5, long_side=0)
    assert np.allclose(drawn[30, 50], (100 + np.array(COLOURS[0])) / 2, atol=1)
    assert drawn[5, 5].tolist() == [100, 100, 100]
    assert np.abs(drawn.astype(int) - COLOURS[0]).sum(axis=2).min() <= 6


def test_columns_are_x_and_rows_are_y() -> None:
    drawn = draw_overlay(GREY, np.zeros((60, 90), bool), [Prompts(points=[Point(70, 20)])], long_side=0)
    changed = (drawn != 100).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert (round(columns.mean()), round(rows.mean())) == (70, 20)


def test_clicks_are_green_with_a_plus_or_red_with_a_minus() -> None:
    prompts = [Prompts(points=[Point(20, 30), Point(70, 30, positive=False)])]
    drawn = draw_overlay(GREY, np.zeros((60, 90), bool), prompts, long_side=0).astype(int)
    assert drawn[27, 17, 1] > drawn[27, 17, 0] + 50
    assert drawn[27, 67, 0] > drawn[27, 67, 1] + 50
    assert drawn[30, 20].min() > 200
    assert drawn[28, 20].min() > 200
    assert drawn[30, 70].min() > 200
    assert drawn[27, 70].min() < 100


def test_a_box_surrounds_its_corner_pixels() -> None:
    drawn = draw_overlay(GREY, np.zeros((60, 90), bool), [Prompts(boxes=[Box(20, 10, 59, 39)])], long_side=0)
    rows, columns = np.nonzero((drawn != 100).any(axis=2))
    assert (columns.min() + columns.max()) / 2 == pytest.approx((20 + 60) / 2 - 0.5, abs=0.6)
    assert (rows.min() + rows.max()) / 2 == pytest.approx((10 + 40) / 2 - 0.5, abs=0.6)
    assert (drawn[20:30, 30:50] == 100).all()


def test_objects_have_their_own_colours() -> None:
    masks = np.stack([disc(60, 90, 20, 30, 15), disc(60, 90, 70, 30, 15)])
    drawn = draw_overlay(GREY, masks, opacity=1, long_side=0)
    assert drawn[30, 20].tolist() == list(COLOURS[0])
    assert drawn[30, 70].tolist() == list(COLOURS[1])


def test_small_pictures_are_enlarged_by_a_whole_factor_and_large_ones_are_not() -> None:
    assert draw_overlay(GREY, np.zeros((60, 90), bool), long_side=640).shape == (8 * 60, 8 * 90, 3)
    assert draw_overlay(np.zeros((1, 1), np.uint8), np.ones((1, 1), bool)).shape == (32, 32, 3)
    assert draw_overlay(np.zeros((700, 20), np.uint8), np.zeros((700, 20), bool)).shape == (700, 20, 3)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_mask_on_any_small_picture_can_be_drawn(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prompts = [
        Prompts(
            points=[Point(rng.uniform(-0.5, width - 0.5), rng.uniform(-0.5, height - 0.5), bool(rng.integers(2)))],
            boxes=[Box(*rng.uniform(-5, 45, 4))],
        )
    ]
    display = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    drawn = draw_overlay(display, rng.random((height, width)) > 0.5, prompts, long_side=80)
    assert drawn.dtype == np.uint8
    assert drawn.shape[0] * width == drawn.shape[1] * height


def test_a_large_picture_needs_little_memory_and_time() -> None:
    display = np.zeros((3000, 3000), np.uint8)
    start = time.process_time()
    draw_overlay(display, disc(3000, 3000, 1500, 1500, 800), [Prompts(boxes=[Box(0, 0, 2999, 2999)])])
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    ("display", "mask", "opacity"),
    [
        (GREY.astype(float), np.zeros((60, 90), bool), 0.3),
        (GREY[None], np.zeros((60, 90), bool), 0.3),
        (GREY, np.zeros((90, 60), bool), 0.3),
        (GREY, np.zeros((60, 90), np.uint8), 0.3),
        (GREY, np.zeros((60, 90), bool), 1.5),
    ],
)
def test_what_does_not_fit_is_refused(display: np.ndarray, mask: np.ndarray, opacity: float) -> None:
    with pytest.raises(ValueRangeError, match=r"display|masks|opacity"):
        draw_overlay(display, mask, opacity=opacity)
