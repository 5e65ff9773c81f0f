"""What every segmenter must do; a new one needs a line in ``ENTRIES`` and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import random_networks
from drawing_network import DrawingNetwork
from fakes import FakeSegmenter

from promptseg.errors import PromptError, UnknownNameError
from promptseg.models import CachedSegmenter, PromptSegmenter
from promptseg.models.preprocessing import Preprocessing
from promptseg.types import (
    POLICIES,
    PROMPT_KINDS,
    BothWays,
    Box,
    Candidates,
    Embedding,
    Image,
    MaskPrompt,
    Point,
    Prompts,
    Segmenter,
    accepted_prompts,
    offered_policies,
)


def default_model() -> Segmenter:
    import promptseg

    return promptseg.load()


def drawing() -> Segmenter:
    pixels = Preprocessing("letterbox", 64, 1, "standardise")
    return PromptSegmenter(DrawingNetwork(), pixels, name="drawing", default_policy="first")


ENTRIES: dict[str, Callable[[], Segmenter]] = {
    "fake": FakeSegmenter,
    "cached": lambda: CachedSegmenter(drawing()),
    "drawing": drawing,
    "default": default_model,
    "small-sam": random_networks.small_sam,
    "small-medsam": random_networks.small_medsam,
    "small-mobile-sam": random_networks.small_mobile_sam,
    "small-sam2": random_networks.small_sam2,
    "small-clicks": random_networks.small_clicks,
    "small-focal-clicks": random_networks.small_focal_clicks,
}
HEIGHT, WIDTH = 54, 87
CLICK = Prompts(points=[Point(52, 21)])
OBJECTS = (
    CLICK,
    Prompts(boxes=[Box(10, 30, 30, 48)]),
    Prompts(points=[Point(50, 20), Point(5, 5, positive=False)]),
    Prompts(points=[Point(20, 40)], boxes=[Box(8, 28, 33, 50)]),
    Prompts(points=[Point(53, 22)]),
    Prompts(boxes=[Box(10, 30, 30, 48), Box(40, 10, 66, 32)]),
)


def picture() -> np.ndarray:
    """Grey noise with two bright discs, not square."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    discs = ((columns - 52) ** 2 + (rows - 21) ** 2 < 100) | ((columns - 20) ** 2 + (rows - 39) ** 2 < 64)
    return (60 + 120 * discs + rng.normal(0, 4, discs.shape)).clip(0, 255).astype(np.uint8)


@cache
def opened(entry: str) -> tuple[Segmenter, Embedding]:
    segmenter = ENTRIES[entry]()
    return segmenter, segmenter.embed(Image(picture()))


@pytest.fixture(params=ENTRIES)
def made(request: pytest.FixtureRequest) -> tuple[Segmenter, Embedding]:
    return opened(request.param)


def same(one: Candidates, other: Candidates, *, tolerance: float = 0.0) -> None:
    np.testing.assert_allclose(one.low_res_logits, other.low_res_logits, atol=tolerance)
    np.testing.assert_allclose(one.scores, other.scores, atol=tolerance)


def understood(segmenter: Segmenter, objects: tuple[Prompts, ...]) -> list[Prompts]:
    """Those of the objects whose prompts the segmenter takes."""
    return [one for one in objects if not one.boxes or "boxes" in accepted_prompts(segmenter)]


def arrays(embedding: Embedding) -> dict[str, Any]:
    return {name: np.asarray(value) for name, value in embedding.features.items()}


def test_it_is_a_segmenter(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    assert isinstance(segmenter, Segmenter)
    assert segmenter.default_policy in offered_policies(segmenter)
    assert set(offered_policies(segmenter)) <= set(POLICIES)
    assert accepted_prompts(segmenter) <= PROMPT_KINDS
    assert embedding.model == segmenter.name
    assert embedding.image_size == (HEIGHT, WIDTH)


def test_an_image_and_its_pixels_embed_alike_each_time(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    again = arrays(segmenter.embed(picture()))
    assert again.keys() == embedding.features.keys()
    for name, value in arrays(embedding).items():
        np.testing.assert_array_equal(again[name], value)


def test_embedding_leaves_the_image_alone(made: tuple[Segmenter, Embedding]) -> None:
    pixels = picture()
    pixels.flags.writeable = False
    made[0].embed(pixels)
    assert np.array_equal(pixels, picture())


@pytest.mark.parametrize("objects", [OBJECTS[:1], OBJECTS, OBJECTS[::-1]], ids=["one", "all", "reversed"])
def test_several_objects_are_as_one_by_one(made: tuple[Segmenter, Embedding], objects: tuple[Prompts, ...]) -> None:
    segmenter, embedding = made
    objects_taken = understood(segmenter, objects)
    together = segmenter.segment(embedding, objects_taken)
    assert len(together) == len(objects_taken)
    for one, prompts in zip(together, objects_taken, strict=True):
        same(one, segmenter.segment(embedding, prompts), tolerance=2e-4)


def test_both_ways_at_once_are_as_one_after_the_other(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    if not isinstance(segmenter, BothWays):
        return
    objects = understood(segmenter, OBJECTS)
    found = segmenter.segment_both(embedding, objects)
    for way, column in zip(("single", "first"), zip(*found, strict=True), strict=True):
        wanted = segmenter.segment(embedding, objects, choose="single" if way == "single" else "first")
        for one, other in zip(column, wanted, strict=True):
            assert (one.policy, one.model, one.image_size) == (way, other.model, other.image_size)
            same(one, other, tolerance=2e-4)
    with pytest.raises(PromptError, match="embedding"):
        segmenter.segment_both(replace(embedding, model="another"), objects)


def test_no_object_gives_no_candidates(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    assert segmenter.segment(embedding, []) == []


def test_the_same_prompts_give_the_same_masks(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    same(segmenter.segment(embedding, CLICK), segmenter.segment(embedding, CLICK))


@pytest.mark.parametrize("policy", POLICIES)
def test_each_policy_gives_masks_at_image_size(made: tuple[Segmenter, Embedding], policy: Any) -> None:
    segmenter, embedding = made
    if policy not in offered_policies(segmenter):
        with pytest.raises(PromptError, match=policy):
            segmenter.segment(embedding, CLICK, choose=policy)
        return
    found = segmenter.segment(embedding, CLICK, choose=policy)
    count = len(found.scores)
    assert count == 1 if policy == "single" else count > 1
    assert found.policy == policy
    assert found.model == segmenter.name
    assert found.masks.shape == found.logits.shape == (count, HEIGHT, WIDTH)
    assert found.masks.dtype == found.mask.dtype == np.bool_
    assert np.isfinite(found.logits).all()
    assert np.array_equal(found.mask, found.masks[found.chosen])
    assert 0 <= found.chosen < count


def test_the_default_policy_is_the_one_it_names(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    assert segmenter.segment(embedding, CLICK).policy == segmenter.default_policy


def test_an_unknown_policy_is_refused(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    with pytest.raises(UnknownNameError, match=r"best-score"):
        segmenter.segment(embedding, CLICK, choose="best")  # type: ignore[call-overload]


def test_the_chosen_mask_can_be_fed_back(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    first = segmenter.segment(embedding, CLICK)
    assert first.mask_prompt.model == segmenter.name
    second = segmenter.segment(
        embedding, Prompts(points=[*CLICK.points, Point(2, 50, positive=False)], mask=first.mask_prompt)
    )
    assert second.mask.shape == (HEIGHT, WIDTH)


def test_a_boolean_mask_is_a_prompt(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:30, 40:60] = True
    assert segmenter.segment(embedding, Prompts(mask=mask)).mask.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(),
        Prompts(points=[Point(WIDTH, 5)]),
        Prompts(points=[Point(5, HEIGHT)]),
        Prompts(points=[Point(-1, 5)]),
        Prompts(boxes=[Box(WIDTH + 1, 0, WIDTH + 9, 9)]),
        Prompts(mask=np.ones((WIDTH, HEIGHT), bool)),
        Prompts(mask=np.zeros((HEIGHT, WIDTH), bool)),
        Prompts(mask=MaskPrompt(np.zeros((8, 8), np.float32), "another")),
    ],
    ids=["empty", "right", "below", "left", "box outside", "axes swapped", "empty mask", "foreign mask"],
)
def test_prompts_that_do_not_fit_are_refused(made: tuple[Segmenter, Embedding], prompts: Prompts) -> None:
    segmenter, embedding = made
    with pytest.raises(PromptError):
        segmenter.segment(embedding, prompts)
    with pytest.raises(PromptError):
        segmenter.segment(embedding, [CLICK, prompts])


def test_kinds_of_prompts_that_it_does_not_take_are_refused(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    if "boxes" in accepted_prompts(segmenter):
        assert segmenter.segment(embedding, OBJECTS[1]).mask.shape == (HEIGHT, WIDTH)
        return
    with pytest.raises(PromptError, match="no boxes"):
        segmenter.segment(embedding, OBJECTS[1])


def test_an_embedding_of_another_model_is_refused(made: tuple[Segmenter, Embedding]) -> None:
    segmenter, embedding = made
    with pytest.raises(PromptError, match="another"):
        segmenter.segment(Embedding(embedding.features, embedding.image_size, "another"), CLICK)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 2, 3), (300, 20)], ids=str)
def test_any_size_works(made: tuple[Segmenter, Embedding], shape: tuple[int, ...]) -> None:
    segmenter, _ = made
    embedding = segmenter.embed(np.full(shape, 7, np.uint8))
    boxes = [Box(0, 0, shape[1] - 1, shape[0] - 1)] if "boxes" in accepted_prompts(segmenter) else []
    prompts = Prompts(points=[Point(shape[1] - 1, shape[0] - 1)], boxes=boxes)
    assert segmenter.segment(embedding, prompts).mask.shape == shape[:2]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_any_depth_works(made: tuple[Segmenter, Embedding], dtype: Any) -> None:
    segmenter, _ = made
    assert segmenter.embed(picture().astype(dtype)).image_size == (HEIGHT, WIDTH)
