"""Overlaps: by hand, against sets of pixels, against pycocotools, and by their relations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco
from random_masks import Mask, any_pairs, pairs

from promptseg.errors import ValueRangeError
from promptseg.metrics import box_iou, dice, iou, iou_of_boxes, mae, pixel_accuracy
from promptseg.types import Box

FIRST = np.array([[1, 1, 0, 0], [1, 1, 0, 0]], dtype=bool)
SECOND = np.array([[0, 1, 1, 0], [0, 0, 0, 0]], dtype=bool)


def places(mask: Mask) -> set[tuple[int, ...]]:
    return {tuple(place) for place in np.argwhere(mask).tolist()}


def test_by_hand() -> None:
    assert dice(FIRST, SECOND) == pytest.approx(2 / 6)
    assert iou(FIRST, SECOND) == pytest.approx(1 / 5)
    assert box_iou(FIRST, SECOND) == pytest.approx(1 / 5)
    assert pixel_accuracy(FIRST, SECOND) == pytest.approx(4 / 8)
    assert mae(FIRST, np.where(SECOND, 0.75, 0.25)) == pytest.approx((3 * 0.75 + 0.25 + 0.75 + 3 * 0.25) / 8)


@given(any_pairs)
def test_against_sets_of_pixels(pair: tuple[Mask, Mask]) -> None:
    first, second = map(places, pair)
    if first | second:
        assert dice(*pair) == pytest.approx(2 * len(first & second) / (len(first) + len(second)))
        assert iou(*pair) == pytest.approx(len(first & second) / len(first | second))
    assert pixel_accuracy(*pair) == pytest.approx(1 - len(first ^ second) / pair[0].size)


@given(pairs)
def test_against_pycocotools(pair: tuple[Mask, Mask]) -> None:
    if not (pair[0] | pair[1]).any():
        return
    first, second = (coco.encode(np.asfortranarray(mask.astype(np.uint8))) for mask in pair)
    assert iou(*pair) == pytest.approx(float(coco.iou([first], [second], [0])[0, 0]))
    if pair[0].any() and pair[1].any():
        boxes = [coco.toBbox(one)[None] for one in (first, second)]
        assert box_iou(*pair) == pytest.approx(float(coco.iou(*boxes, [0])[0, 0]))


@given(any_pairs)
def test_relations(pair: tuple[Mask, Mask]) -> None:
    first, second = pair
    for metric in (dice, iou, box_iou, pixel_accuracy):
        assert 0 <= metric(first, second) <= 1
        assert metric(first, second) == metric(second, first)
        assert metric(first, first) == 1
        assert metric(first, second) == metric(np.flip(first), np.flip(second))
    assert iou(first, second) == pytest.approx(dice(first, second) / (2 - dice(first, second)))
    assert mae(first, second) == pytest.approx(1 - pixel_accuracy(first, second))
    if (first & second).any():
        assert box_iou(first, second) > 0


def test_thousands_of_pixels_do_not_overflow() -> None:
    large = np.ones((300, 300), dtype=bool)
    assert (dice(large, large), iou(large, large)) == (1, 1)


@given(*[hnp.arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32))] * 2)
def test_mae_is_a_mean_of_absolute_differences(probability: np.ndarray, other: np.ndarray) -> None:
    reference = other > 0.5
    total = sum(abs(float(p) - float(r)) for p, r in zip(probability.ravel(), reference.ravel(), strict=True))
    assert mae(reference, probability) == pytest.approx(total / 12)


@pytest.mark.parametrize(
    ("probability", "words"),
    [
        (np.full((2, 4), 1.5), "from 0 to 1, got values from 1.5 to 1.5"),
        (np.full((2, 4), -0.1), "from 0 to 1"),
        (np.full((2, 4), np.nan), "from 0 to 1"),
        (np.zeros((4, 2)), "reference's shape"),
        (np.full((2, 4), 255, dtype=np.uint8), "divide by its maximum"),
    ],
)
def test_what_is_no_probability_map(probability: np.ndarray, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        mae(FIRST, probability)


@pytest.mark.parametrize("metric", [dice, iou, box_iou, pixel_accuracy, mae])
def test_masks_are_checked(metric: object) -> None:
    with pytest.raises(ValueRangeError, match="boolean"):
        metric(FIRST.astype(np.uint8), FIRST)
    with pytest.raises(ValueRangeError, match="shape"):
        metric(FIRST, FIRST.T)


boxes = st.builds(Box, *[st.integers(0, 8)] * 4)


@given(boxes, boxes)
def test_boxes_are_as_good_as_the_masks_that_they_cover(first: Box, second: Box) -> None:
    covered = []
    for box in (first, second):
        mask = np.zeros((9, 9), dtype=bool)
        mask[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = True
        covered.append(mask)
    assert iou_of_boxes(first, second) == pytest.approx(iou(*covered)) == pytest.approx(box_iou(*covered))


def test_the_box_of_a_mask_holds_all_its_parts() -> None:
    spread = np.zeros((10, 20), dtype=bool)
    spread[2, 3], spread[7, 12] = True, True
    solid = np.zeros_like(spread)
    solid[2:8, 3:13] = True
    assert box_iou(spread, solid) == 1
    assert iou(spread, solid) == pytest.approx(2 / 60)
