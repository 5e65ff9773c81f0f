"""The predictor: coordinates arrive where they belong and come back, several objects equal one by one."""

import numpy as np
import pytest
import torch
from drawing_network import DrawingNetwork
from hypothesis import given, settings
from hypothesis import strategies as st

from promptseg import Box, Image, MaskPrompt, Point, Prompts, Segmenter
from promptseg.errors import PromptError, UnknownNameError
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.preprocessing import Preprocessing
from promptseg.types import POLICIES


def drawing(
    fit: str = "letterbox", side: int = 64, radius: float = 6.0, grid_side: int | None = None
) -> tuple[PromptSegmenter, DrawingNetwork]:
    network = DrawingNetwork(side, radius, grid_side)
    preprocessing = Preprocessing(fit, side, 1, "standardise")  # type: ignore[arg-type]
    return PromptSegmenter(network, preprocessing, name="drawing", default_policy="single"), network


def blank(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width), dtype=np.uint8)


def centre_xy(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def test_it_is_a_segmenter() -> None:
    assert isinstance(drawing()[0], Segmenter)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["letterbox", "squash"]), st.integers(60, 300), st.integers(60, 300), st.floats(0.3, 0.7), st.data()
)
def test_a_click_comes_back_where_it_was(fit: str, height: int, width: int, u: float, data: st.DataObject) -> None:
    v = data.draw(st.floats(0.3, 0.7))
    x, y = u * (width - 1), v * (height - 1)
    segmenter, _ = drawing(fit, side=128, radius=12)
    mask = segmenter.segment(segmenter.embed(blank(height, width)), Prompts(points=[Point(x, y)])).mask
    assert mask.shape == (height, width)
    found_x, found_y = centre_xy(mask)
    tolerance = 0.8 + 0.51 * max(height, width) / 128  # the half pixel that the frame leaves to the network
    assert abs(found_x - x) < tolerance
    assert abs(found_y - y) < tolerance


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["letterbox", "squash"]))
def test_images_from_one_pixel_up(height: int, width: int, fit: str) -> None:
    segmenter, _ = drawing(fit)
    prompts = Prompts(points=[Point(width - 1, height - 1)], boxes=[Box(0, 0, width - 1, height - 1)])
    candidates = segmenter.segment(segmenter.embed(blank(height, width)), prompts)
    assert candidates.mask.shape == candidates.logits.shape[1:] == (height, width)
    assert np.isfinite(candidates.logits).all()


@pytest.mark.parametrize("fit", ["letterbox", "squash"])
@pytest.mark.parametrize("size", [(100, 40), (40, 100), (64, 64), (300, 200)])
def test_a_mask_prompt_comes_back(fit: str, size: tuple[int, int]) -> None:
    mask = np.zeros(size, dtype=bool)
    mask[size[0] // 4 : size[0] // 2, size[1] // 5 : size[1] // 2] = True
    segmenter, _ = drawing(fit, side=128, grid_side=64)
    embedding = segmenter.embed(blank(*size))
    again = segmenter.segment(embedding, Prompts(mask=mask))
    assert (again.mask & mask).sum() / (again.mask | mask).sum() > 0.8
    third = segmenter.segment(embedding, Prompts(mask=again.mask_prompt))
    assert (third.mask == again.mask).all()


SEVERAL = [
    Prompts(points=[Point(20, 10)]),
    Prompts(points=[Point(50, 30), Point(52, 30, positive=False)]),
    Prompts(boxes=[Box(10, 5, 40, 20)]),
    Prompts(points=[Point(70, 40)], boxes=[Box(60, 35, 80, 45)]),
    Prompts(points=[Point(10, 40)], mask=np.eye(50, 100, dtype=bool)),
    Prompts(points=[Point(80, 10)]),
    Prompts(mask=np.eye(50, 100, k=20, dtype=bool)),
]


@pytest.mark.parametrize("policy", POLICIES)
def test_several_objects_equal_one_by_one(policy: str) -> None:
    segmenter, network = drawing()
    embedding = segmenter.embed(blank(50, 100))
    together = segmenter.segment(embedding, SEVERAL, choose=policy)
    assert network.calls == 6  # two objects share the shape "one click"
    for candidates, prompts in zip(together, SEVERAL, strict=True):
        alone = segmenter.segment(embedding, prompts, choose=policy)
        assert candidates.policy == policy
        assert np.array_equal(candidates.logits, alone.logits)
        assert np.array_equal(candidates.scores, alone.scores)
        assert len(candidates.masks) == (1 if policy == "single" else 3)
    assert segmenter.segment(embedding, []) == []


def test_several_boxes_are_parts_of_one_object() -> None:
    segmenter, _ = drawing()
    embedding = segmenter.embed(blank(50, 100))
    left, right = Box(10, 10, 20, 20), Box(60, 30, 90, 40)
    whole = segmenter.segment(embedding, Prompts(boxes=[left, right])).mask
    parts = segmenter.segment(embedding, [Prompts(boxes=[left]), Prompts(boxes=[right])])
    assert np.array_equal(whole, parts[0].mask | parts[1].mask)
    click = segmenter.segment(embedding, Prompts(points=[Point(70, 35)], boxes=[left, right])).mask
    assert click[:, :30].sum() == parts[0].mask.sum()
    with pytest.raises(PromptError, match="none of the 2 boxes"):
        segmenter.segment(embedding, Prompts(points=[Point(40, 25)], boxes=[left, right]))


def test_a_box_over_the_edge_is_the_box_up_to_the_edge() -> None:
    segmenter, _ = drawing()
    embedding = segmenter.embed(blank(50, 100))
    over, upto = segmenter.segment(
        embedding, [Prompts(boxes=[box]) for box in (Box(-30, -9, 20, 15), Box(0, 0, 20, 15))]
    )
    assert upto.mask.any()
    assert np.array_equal(over.mask, upto.mask)


def test_what_belongs_to_another_model_is_refused() -> None:
    segmenter, _ = drawing()
    other = PromptSegmenter(DrawingNetwork(), segmenter.preprocessing, name="other", default_policy="first")
    embedding = segmenter.embed(blank(50, 100))
    with pytest.raises(PromptError, match="'drawing', but this model is 'other'"):
        other.segment(embedding, SEVERAL[0])
    prompt = MaskPrompt(np.zeros((64, 64), dtype=np.float32), "other")
    with pytest.raises(PromptError, match="a boolean mask of the image works with every model"):
        segmenter.segment(embedding, Prompts(mask=prompt))
    with pytest.raises(UnknownNameError):
        segmenter.segment(embedding, SEVERAL[0], choose="oracle")  # type: ignore[arg-type]
    with pytest.raises(PromptError, match="empty"):
        segmenter.segment(embedding, [SEVERAL[0], Prompts()])


def test_the_fingerprint_knows_weights_preprocessing_and_precision() -> None:
    segmenter, network = drawing()
    prints = {segmenter.fingerprint}
    prints.add(drawing("squash")[0].fingerprint)
    prints.add(PromptSegmenter(network, segmenter.preprocessing, name="a", default_policy="first").fingerprint)
    low = PromptSegmenter(
        network, segmenter.preprocessing, name="a", default_policy="first", dtype=torch.bfloat16
    ).fingerprint
    same_weights = {segmenter.fingerprint}
    assert low not in prints
    with torch.no_grad():
        network.module.weight += 1
    changed = PromptSegmenter(network, segmenter.preprocessing, name="a", default_policy="first").fingerprint
    assert changed not in prints
    assert same_weights == {segmenter.fingerprint}


def test_arrays_and_images_are_the_same() -> None:
    segmenter, _ = drawing()
    pixels = np.random.default_rng(0).integers(0, 255, (30, 20, 3), dtype=np.uint8)
    a, b = segmenter.embed(pixels), segmenter.embed(Image(pixels))
    assert torch.equal(a.features["image"], b.features["image"])
