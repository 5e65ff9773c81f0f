"""Segment everything: beside Segment Anything's own generator, on blobs that are known, and its filters one by one."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fakes import FakeSegmenter
from hilly_segmenter import HillySegmenter, hills

from promptseg.autoprompt import EverythingOptions, FoundMask, segment_everything
from promptseg.errors import PromptError, ValueRangeError
from promptseg.metrics import iou
from promptseg.types import Embedding, Image

BY_GENERATOR = {
    EverythingOptions(grid=4, score=0.8, stability=0.85): """
        0 0 19 25  414 0.850035 0.930556 11.25 7.5  0 0 90 60
        0 0 25 48  566 0.948553 0.861897 11.25 22.5  0 0 90 60
        0 0 62 59  2604 0.997396 0.901867 11.25 22.5  0 0 90 60
        3 15 33 44  717 0.884427 0.863578 11.25 37.5  0 0 90 60
        4 0 81 59  2756 0.984143 0.874958 33.75 37.5  0 0 90 60
        14 0 35 32  644 0.838334 0.889217 33.75 7.5  0 0 90 60
        23 16 15 18  142 0.958386 0.868421 33.75 22.5  0 0 90 60
        24 0 18 18  233 0.994358 0.870079 33.75 7.5  0 0 90 60
        28 11 61 48  1150 0.998118 0.852918 78.75 37.5  0 0 90 60
        33 15 34 44  823 0.963102 0.858277 56.25 37.5  0 0 90 60
        34 32 30 27  644 0.925428 0.921013 56.25 52.5  0 0 90 60
        41 0 29 48  932 0.955078 0.902863 56.25 22.5  0 0 90 60
        48 3 16 15  205 0.906068 0.919811 56.25 7.5  0 0 90 60
        63 0 26 26  529 0.982007 0.909747 78.75 7.5  0 0 90 60
        64 13 25 30  599 0.981019 0.904459 78.75 22.5  0 0 90 60""",
    EverythingOptions(grid=2, score=0.8, stability=0.7, crop_layers=1): """
        6 1 12 18  141 0.886924 0.848684 13.75 10.0  0 0 55 40
        8 0 34 37  760 0.936469 0.871921 22.5 15.0  0 0 90 60
        9 20 30 39  713 0.992135 0.864407 22.5 45.0  0 0 90 60
        15 4 19 19  172 0.992812 0.849462 22.5 15.0  0 0 90 60
        16 0 73 59  2519 0.99061 0.862999 67.5 45.0  0 0 90 60
        42 0 39 37  743 0.99135 0.785799 67.5 15.0  0 0 90 60
        62 20 27 39  712 0.998999 0.834184 76.25 30.0  35 20 55 40
        62 35 17 21  196 0.969381 0.840376 67.5 45.0  0 0 90 60
        66 20 21 23  399 0.999002 0.904762 76.25 30.0  35 20 55 40
        66 42 18 17  210 0.999433 0.867841 76.25 50.0  35 20 55 40""",
    EverythingOptions(grid=3, score=0.8, stability=0.75, least_area_px=100): """
        0 0 66 59  2062 0.978282 0.827325 15.0 50.0  0 0 90 60
        8 15 29 32  717 0.999116 0.908 15.0 30.0  0 0 90 60
        9 40 17 19  215 0.991382 0.857143 15.0 50.0  0 0 90 60
        12 21 10 20  122 0.938478 0.888889 15.0 30.0  0 0 90 60
        30 5 37 45  815 0.904672 0.857961 45.0 30.0  0 0 90 60
        34 37 23 22  411 0.913627 0.903002 45.0 50.0  0 0 90 60
        37 0 31 32  746 0.960853 0.908397 45.0 10.0  0 0 90 60
        39 19 18 20  167 0.989046 0.787234 45.0 30.0  0 0 90 60
        39 43 13 13  159 0.990616 0.893491 45.0 50.0  0 0 90 60
        41 2 12 19  137 0.977085 0.797386 45.0 10.0  0 0 90 60
        59 27 30 32  705 0.825178 0.882707 75.0 50.0  0 0 90 60
        66 42 17 17  223 0.864801 0.905172 75.0 50.0  0 0 90 60
        68 0 16 18  181 0.989903 0.841584 75.0 10.0  0 0 90 60
        70 24 13 14  154 0.836994 0.883436 75.0 30.0  0 0 90 60""",
}
"""What ``SamAutomaticMaskGenerator`` of segment-anything 1.0 gave for the hills with the hilly segmenter as predictor.

Box as x, y, far minus near corner; area, predicted IoU, stability, point; crop as x, y, width, height.
"""


def numbers(found: FoundMask) -> list[float]:
    """In the layout of the table above."""
    box, crop = found.box, found.crop_box
    corners = [box.x0, box.y0, box.x1 - box.x0, box.y1 - box.y0]
    looked_at = [crop.x0, crop.y0, crop.x1 - crop.x0 + 1, crop.y1 - crop.y0 + 1]
    return [*corners, found.area_px, found.score, found.stability, found.point.x, found.point.y, *looked_at]


@pytest.mark.parametrize("settings", BY_GENERATOR, ids=["whole", "crops", "tidied"])
def test_as_segment_anythings_own_generator(settings: EverythingOptions) -> None:
    wanted = [[float(word) for word in line.split()] for line in BY_GENERATOR[settings].strip().splitlines()]
    found = sorted(numbers(one) for one in segment_everything(HillySegmenter(), hills(), settings=settings))
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def blobs() -> tuple[Image, list[np.ndarray]]:
    """Three bright shapes of different grey on black, all larger than a step of the grid."""
    grey, shapes = np.zeros((60, 80)), []
    for rows, columns, value in ((slice(5, 25), slice(8, 30), 90), (slice(30, 55), slice(5, 20), 50)):
        shape = np.zeros(grey.shape, dtype=np.bool_)
        shape[rows, columns] = True
        shapes.append(shape)
        grey[shape] = value
    disc = np.hypot(*(np.indices(grey.shape) - np.array([30, 58])[:, None, None])) < 13
    grey[disc] = 70
    return Image(grey), [*shapes, disc]


def test_every_blob_is_found_once_and_the_background_too() -> None:
    image, shapes = blobs()
    found = segment_everything(FakeSegmenter(), image, settings=EverythingOptions(grid=8, score=0.5))
    masks = [one.mask(image.size) for one in found]
    for shape in shapes:
        assert sum(np.array_equal(shape, mask) for mask in masks) == 1
    assert len(masks) == len(shapes) + 1
    for one, mask in zip(found, masks, strict=True):
        assert mask[round(one.point.y), round(one.point.x)]
        assert one.area_px == mask.sum()
        assert one.stability == 1


def test_an_embedding_that_is_there_is_used_and_a_foreign_one_refused() -> None:
    image, _ = blobs()
    segmenter = FakeSegmenter()
    embedding = segmenter.embed(image)
    segment_everything(segmenter, image, settings=EverythingOptions(grid=3), embedding=embedding)
    assert segmenter.embedded == 1
    with pytest.raises(PromptError, match="embedding"):
        segment_everything(segmenter, image, embedding=replace(embedding, model="another"))


def test_crops_are_looked_at_with_their_own_grid_and_smaller_ones_win() -> None:
    image, shapes = blobs()
    segmenter = HillySegmenter()
    settings = EverythingOptions(grid=4, score=0.5, stability=0.5, crop_layers=2, crop_grid_divisor=2)
    found = segment_everything(segmenter, hills(), settings=settings)
    assert len(segmenter.embedded) == 1 + 4 + 16
    areas = [(one.crop_box.x1 - one.crop_box.x0 + 1) * (one.crop_box.y1 - one.crop_box.y0 + 1) for one in found]
    assert areas == sorted(areas)
    fake = segment_everything(FakeSegmenter(), image, settings=replace(settings, edge_px=1))
    assert max(iou(shapes[2], one.mask(image.size)) for one in fake) == 1


def test_stricter_thresholds_leave_fewer() -> None:
    def count(**changes: Any) -> int:
        settings = EverythingOptions(grid=6, score=0.5, stability=0.5, overlap=1.0)
        return len(segment_everything(HillySegmenter(), hills(), settings=replace(settings, **changes)))

    assert count() > count(score=0.8) > count(score=0.99) > 0
    assert count() > count(stability=0.85) > 0
    assert count() > count(overlap=0.6) > count(overlap=0.2) > 0
    assert count() > count(stability_offset=3.0)


def test_batches_do_not_change_what_is_found() -> None:
    settings = EverythingOptions(grid=5, score=0.8, stability=0.8)
    whole = segment_everything(HillySegmenter(), hills(), settings=settings)
    parts = segment_everything(HillySegmenter(), hills(), settings=replace(settings, at_once=7))
    assert [numbers(one) for one in whole] == [numbers(one) for one in parts]


def test_a_model_without_estimates_keeps_its_stable_masks() -> None:
    class Silent(HillySegmenter):
        def segment(self, embedding: Embedding, prompts: Any, *, choose: Any = None) -> Any:
            answers = super().segment(embedding, prompts, choose=choose)
            return [replace(one, scores=np.full(3, np.nan, np.float32)) for one in answers]

    found = segment_everything(Silent(), hills(), settings=EverythingOptions(grid=4, stability=0.85))
    assert found
    assert [one.stability for one in found] == sorted((one.stability for one in found), reverse=True)


def test_a_tiny_image_works() -> None:
    for size in ((1, 1), (2, 9)):
        image = Image(np.arange(np.prod(size)).reshape(size))
        found = segment_everything(FakeSegmenter(), image, settings=EverythingOptions(grid=4, score=0, crop_layers=1))
        assert all(one.mask(size).any() for one in found)
        assert found


@pytest.mark.parametrize(
    "setting", [{"grid": 0}, {"score": 1.5}, {"stability": -0.1}, {"overlap": 2}, {"crop_layers": -1}, {"at_once": 0}]
)
def test_bad_settings_are_refused(setting: dict[str, Any]) -> None:
    with pytest.raises(ValueRangeError, match=next(iter(setting))):
        EverythingOptions(**setting)
