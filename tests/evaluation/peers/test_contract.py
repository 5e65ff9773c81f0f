"""What every trivial peer must do; a new one needs a line in ``PEERS`` and nothing else."""

import math
import threading
from functools import cache
from typing import Any

import numpy as np
import pytest

from promptseg.errors import PromptError, UnknownNameError, ValueRangeError
from promptseg.evaluation.peers import PEERS, build_peer
from promptseg.types import (
    POLICIES,
    PROMPT_KINDS,
    Box,
    Embedding,
    Image,
    MaskPrompt,
    Point,
    Prompts,
    Segmenter,
    accepted_prompts,
    offered_policies,
)

HEIGHT, WIDTH = 54, 87
SHARE = 0.06
CLICK = Prompts(points=[Point(52, 21)])
PROMPTS = {
    "click": CLICK,
    "clicks": Prompts(points=[Point(52, 21), Point(20, 39), Point(36, 30, positive=False)]),
    "box": Prompts(boxes=[Box(41, 10, 63, 32)]),
    "boxes": Prompts(boxes=[Box(41, 10, 63, 32), Box(11, 30, 29, 48)]),
    "both": Prompts(points=[Point(52, 21), Point(62, 11, positive=False)], boxes=[Box(41, 10, 63, 32)]),
}
KINDS = {"points": CLICK, "boxes": PROMPTS["box"], "mask": Prompts(mask=np.ones((HEIGHT, WIDTH), bool))}


def picture() -> np.ndarray:
    """Grey noise with two bright discs, not square."""
    rng = np.random.default_rng(3)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    discs = ((columns - 52) ** 2 + (rows - 21) ** 2 < 100) | ((columns - 20) ** 2 + (rows - 39) ** 2 < 64)
    return (60 + 120 * discs + rng.normal(0, 4, discs.shape)).clip(0, 255).astype(np.uint8)


@cache
def built(name: str) -> Segmenter:
    return build_peer(name, disc_share=SHARE)


@pytest.fixture(params=PEERS)
def peer(request: pytest.FixtureRequest) -> Segmenter:
    return built(request.param)


def understood(peer: Segmenter, prompts: Prompts) -> bool:
    given = {kind for kind, said in (("points", prompts.points), ("boxes", prompts.boxes)) if said}
    return given <= accepted_prompts(peer)


def places(peer: Segmenter, size: tuple[int, int]) -> list[Prompts]:
    """Prompts in all corners, of one pixel, of the whole image, between pixels and half outside."""
    bottom, right = size[0] - 1, size[1] - 1
    corners = [(0, 0), (right, 0), (0, bottom), (right, bottom), (-0.5, -0.5), (right + 0.5, bottom + 0.5)]
    boxes = [Box(x, y, x, y) for x, y in corners]
    boxes += [Box(0, 0, right, bottom), Box(right / 2, 0, right / 2, bottom), Box(-9, -9, right / 3, bottom + 9)]
    boxes += [Box(right + 0.2, 0, right + 5, 3)]
    found = [Prompts(points=[Point(x, y)]) for x, y in corners] + [Prompts(boxes=[box]) for box in boxes]
    return [one for one in found if understood(peer, one)]


def test_it_is_a_segmenter_of_one_mask(peer: Segmenter) -> None:
    assert isinstance(peer, Segmenter)
    assert peer.name in PEERS
    assert accepted_prompts(peer) == PEERS[peer.name].accepts
    assert accepted_prompts(peer) < PROMPT_KINDS
    assert offered_policies(peer) == ("single",)
    assert peer.default_policy == "single"


@pytest.mark.parametrize("prompts", PROMPTS.values(), ids=PROMPTS)
def test_the_answer(peer: Segmenter, prompts: Prompts) -> None:
    if not understood(peer, prompts):
        return
    found = peer.segment(peer.embed(picture()), prompts)
    assert found.masks.shape == found.logits.shape == found.low_res_logits.shape == (1, HEIGHT, WIDTH)
    assert set(np.unique(found.logits)) == {-1.0, 1.0}
    assert found.logits.dtype == found.scores.dtype == np.float32
    assert math.isnan(found.score)
    assert (found.policy, found.model, found.chosen) == ("single", peer.name, 0)
    assert found.mask[21, 52]
    for point in prompts.points:
        assert found.mask[round(point.y), round(point.x)] == point.positive


def test_the_same_prompts_give_the_same_mask_whatever_came_before(peer: Segmenter) -> None:
    asked = [prompts for prompts in PROMPTS.values() if understood(peer, prompts)]
    first = [peer.segment(peer.embed(picture()), prompts).mask for prompts in asked]
    again = build_peer(peer.name, disc_share=SHARE)
    embedding = again.embed(Image(picture()))
    together = again.segment(embedding, asked[::-1])[::-1]
    for one, other in zip(first, together, strict=True):
        np.testing.assert_array_equal(one, other.mask)
    assert again.segment(embedding, []) == []


def test_threads_get_the_same_masks(peer: Segmenter) -> None:
    prompts = next(prompts for prompts in PROMPTS.values() if understood(peer, prompts))
    embedding = peer.embed(picture())
    expected = peer.segment(embedding, prompts).mask
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(peer.segment(embedding, prompts).mask)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [np.array_equal(mask, expected) for mask in found] == [True] * 4


def test_the_image_is_left_alone(peer: Segmenter) -> None:
    pixels = picture()
    pixels.flags.writeable = False
    embedding = peer.embed(pixels)
    kept = embedding.features["shown"].copy()
    for prompts in PROMPTS.values():
        if understood(peer, prompts):
            peer.segment(embedding, prompts)
    np.testing.assert_array_equal(embedding.features["shown"], kept)


@pytest.mark.parametrize("kind", sorted(PROMPT_KINDS))
def test_kinds_that_it_does_not_understand_are_refused(peer: Segmenter, kind: Any) -> None:
    embedding = peer.embed(picture())
    if kind in accepted_prompts(peer):
        assert peer.segment(embedding, KINDS[kind]).mask.any()
        return
    with pytest.raises(PromptError, match=rf"'{peer.name}' understands .*, but no {kind}"):
        peer.segment(embedding, KINDS[kind])


@pytest.mark.parametrize(
    "prompts",
    [
        Prompts(),
        Prompts(points=[Point(WIDTH, 5)]),
        Prompts(points=[Point(5, HEIGHT)]),
        Prompts(boxes=[Box(WIDTH + 1, 0, WIDTH + 9, 9)]),
        Prompts(points=[Point(5, 5)], boxes=[Box(41, 10, 63, 32), Box(11, 30, 29, 48)]),
        Prompts(mask=MaskPrompt(np.zeros((8, 8), np.float32), "another")),
    ],
    ids=["empty", "right", "below", "box outside", "click in no box", "foreign mask"],
)
def test_prompts_that_do_not_fit_are_refused(peer: Segmenter, prompts: Prompts) -> None:
    with pytest.raises(PromptError):
        peer.segment(peer.embed(picture()), prompts)


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "single"])
def test_other_policies_are_refused(peer: Segmenter, policy: Any) -> None:
    with pytest.raises(UnknownNameError, match="choose single"):
        peer.segment(peer.embed(picture()), CLICK, choose=policy)


def test_an_unknown_policy_and_a_foreign_embedding_are_refused(peer: Segmenter) -> None:
    with pytest.raises(UnknownNameError, match="best-score"):
        peer.segment(peer.embed(picture()), CLICK, choose="best")  # type: ignore[call-overload]
    with pytest.raises(PromptError, match="another"):
        peer.segment(Embedding({}, (HEIGHT, WIDTH), "another"), CLICK)


def test_negative_clicks_alone_give_nothing(peer: Segmenter) -> None:
    prompts = Prompts(points=[Point(52, 21, positive=False)])
    if understood(peer, prompts):
        assert not peer.segment(peer.embed(picture()), prompts).mask.any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 2, 3), (5, 4), (300, 20)], ids=str)
@pytest.mark.parametrize("constant", [True, False], ids=["constant", "noise"])
def test_any_size_and_place_works(peer: Segmenter, shape: tuple[int, ...], constant: bool) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    embedding = peer.embed(np.full(shape, 7, np.uint8) if constant else pixels)
    for prompts in places(peer, embedding.image_size):
        mask = peer.segment(embedding, prompts).mask
        assert mask.shape == shape[:2]
        assert mask.any()


@pytest.mark.parametrize("share", [1e-6, 1.0])
def test_the_smallest_and_the_largest_share(share: float) -> None:
    for name in PEERS:
        peer = build_peer(name, disc_share=share)
        if understood(peer, CLICK):
            assert peer.segment(peer.embed(picture()), CLICK).mask[21, 52]


def test_depth_colour_and_type_do_not_matter(peer: Segmenter) -> None:
    grey = picture()
    grey[0, 0], grey[0, 1] = 0, 255
    alike = {
        "16 bits": grey.astype(np.uint16) * 257,
        "floating": grey.astype(np.float64) / 255 - 3,
        "colour": np.repeat(grey[..., None], 3, axis=-1),
        "window": Image(grey.astype(np.int16) * 4 - 500, window=(-500, 255 * 4 - 500)),
    }
    prompts = PROMPTS["box"] if "boxes" in accepted_prompts(peer) else CLICK
    expected = peer.segment(peer.embed(grey), prompts).mask
    for name, pixels in alike.items():
        np.testing.assert_array_equal(peer.segment(peer.embed(pixels), prompts).mask, expected, err_msg=name)


def test_names_and_shares_are_checked() -> None:
    with pytest.raises(UnknownNameError, match="unknown peer 'circle'; choose one of ellipse, disc, grabcut"):
        build_peer("circle")
    with pytest.raises(ValueRangeError, match="'disc' needs disc_share"):
        build_peer("disc")
    for share in (0, -0.1, 1.5, math.nan):
        with pytest.raises(ValueRangeError, match="disc_share must be above 0"):
            build_peer("grabcut", disc_share=share)
    assert [name for name, entry in PEERS.items() if entry.needs_share] == ["disc"]
