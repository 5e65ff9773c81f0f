"""The peers that look at grey values find what is easy to find, and heed negative clicks."""

import math
import sys

import numpy as np
import pytest
from random_masks import Mask, disc
from skimage.segmentation import morphological_geodesic_active_contour

from promptseg.errors import MissingExtraError
from promptseg.evaluation.peers import PEERS, build_peer
from promptseg.evaluation.peers.grabcut import NEGATIVE
from promptseg.metrics import dice
from promptseg.prompts import box_around, jitter_box
from promptseg.types import BoolMask, Box, Point, Prompts

LOOKING = ("grabcut", "random-walker", "geodesic-active-contour")
SIZE = (220, 300)
OBJECT = disc(SIZE, (100, 170), 40)
SHARE = float(OBJECT.mean())
PAIR = disc(SIZE, (110, 80), 22) | disc(SIZE, (110, 112), 22)
"""Two discs of the same grey that touch."""


def shaded(mask: Mask, *, inside: float = 180, outside: float = 70, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 8, mask.shape)
    return (np.where(mask, inside, outside) + noise).clip(0, 255).astype(np.uint8)


def found(name: str, pixels: np.ndarray, prompts: Prompts, *, share: float | None = SHARE) -> BoolMask:
    peer = build_peer(name, disc_share=share)
    return peer.segment(peer.embed(pixels), prompts).mask


@pytest.mark.parametrize("name", LOOKING)
@pytest.mark.parametrize("levels", [(180, 70), (40, 130)], ids=["bright", "dark"])
@pytest.mark.parametrize("click", [Point(170, 100), Point(150, 112), Point(181, 90)], ids=["middle", "left", "right"])
def test_a_disc_from_one_click(name: str, levels: tuple[float, float], click: Point) -> None:
    pixels = shaded(OBJECT, inside=levels[0], outside=levels[1])
    assert dice(OBJECT, found(name, pixels, Prompts(points=[click]))) > 0.9


@pytest.mark.parametrize("name", LOOKING)
def test_a_disc_of_unusual_size_from_one_click(name: str) -> None:
    assert dice(OBJECT, found(name, shaded(OBJECT), Prompts(points=[Point(170, 100)]), share=0.7 * SHARE)) > 0.9


@pytest.mark.parametrize("name", LOOKING)
def test_a_disc_from_its_box(name: str) -> None:
    assert dice(OBJECT, found(name, shaded(OBJECT), box_around(OBJECT))) > 0.95


@pytest.mark.parametrize("name", LOOKING)
def test_a_loose_box_is_corrected(name: str) -> None:
    """Better than the ellipse, on average over some boxes that are ten per cent off."""
    tight = box_around(OBJECT).boxes[0]
    boxes = [jitter_box(tight, SIZE, np.random.default_rng(seed)) for seed in range(5)]
    scores = {
        peer: np.mean([dice(OBJECT, found(peer, shaded(OBJECT), Prompts(boxes=[box]))) for box in boxes])
        for peer in ("ellipse", name)
    }
    assert scores[name] > scores["ellipse"] + 0.01


@pytest.mark.parametrize("name", LOOKING)
def test_the_mask_stays_in_its_box(name: str) -> None:
    half = Box(130, 60, 168, 140)
    mask = found(name, shaded(OBJECT), Prompts(boxes=[half]))
    assert not mask[:, 169:].any()
    assert not mask[:, :130].any()
    assert mask.any()


@pytest.mark.parametrize("name", LOOKING[1:])
def test_a_negative_click_takes_its_side_away(name: str) -> None:
    left, right = PAIR & (np.arange(SIZE[1]) < 96), PAIR & (np.arange(SIZE[1]) > 96)
    share = float(PAIR.mean())
    one = found(name, shaded(PAIR), Prompts(points=[Point(80, 110)]), share=share)
    both = found(name, shaded(PAIR), Prompts(points=[Point(80, 110), Point(112, 110, positive=False)]), share=share)
    assert one[right].mean() > both[right].mean() + 0.3
    assert both[right].mean() < 0.1
    assert both[left].mean() > 0.85


def test_grabcut_leaves_out_what_a_negative_click_covers() -> None:
    """It knows no sides: an object of one grey keeps the rest of its pixels."""
    share = float(PAIR.mean())
    covered = disc(SIZE, (110, 112), NEGATIVE * math.sqrt(share * SIZE[0] * SIZE[1] / math.pi) - 1)
    one = found("grabcut", shaded(PAIR), Prompts(points=[Point(80, 110)]), share=share)
    both = found(
        "grabcut", shaded(PAIR), Prompts(points=[Point(80, 110), Point(112, 110, positive=False)]), share=share
    )
    assert covered.sum() > 4
    assert one[covered].all()
    assert not both[covered].any()


@pytest.mark.parametrize("name", LOOKING)
def test_a_second_positive_click_adds(name: str) -> None:
    apart = disc(SIZE, (60, 60), 25) | disc(SIZE, (160, 230), 20)
    one = found(name, shaded(apart), Prompts(points=[Point(60, 60)]), share=0.03)
    two = found(name, shaded(apart), Prompts(points=[Point(60, 60), Point(230, 160)]), share=0.03)
    assert dice(apart, one) < 0.8
    assert dice(apart, two) > 0.9


@pytest.mark.parametrize("name", LOOKING)
def test_twice_the_size_is_the_same_picture(name: str) -> None:
    rows, columns = (np.arange(2 * length) // 2 for length in SIZE)
    large = shaded(OBJECT)[np.ix_(rows, columns)]
    mask = found(name, large, Prompts(points=[Point(340.5, 200.5)]))
    assert dice(OBJECT[np.ix_(rows, columns)], mask) > 0.9


def test_grabcut_sees_colours_of_the_same_luma() -> None:
    """On colours that are equally bright the others see nothing."""
    red, green = np.array([200, 60, 80]), np.array([30, 146.6, 80])
    pixels = np.where(OBJECT[..., None], red, green) + np.random.default_rng(0).normal(0, 8, (*SIZE, 3))
    pixels = pixels.clip(0, 255).astype(np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    assert abs(luma[OBJECT].mean() - luma[~OBJECT].mean()) < 1
    assert dice(OBJECT, found("grabcut", pixels, Prompts(points=[Point(170, 100)]))) > 0.9


def test_the_random_walker_on_an_even_image_goes_by_distance() -> None:
    """The seed is the ellipse of 0.7 of the box; the border lies in the middle between it and the outside."""
    mask = found("random-walker", np.full((101, 101), 90, np.uint8), Prompts(boxes=[Box(10, 10, 90, 90)]))
    along = np.flatnonzero(mask[50])
    half_seed, half_box = 0.7 * 81 / 2, 81 / 2
    assert along[-1] - 50 == pytest.approx((half_seed + half_box) / 2, abs=1.5)
    np.testing.assert_array_equal(mask, mask.T)
    np.testing.assert_array_equal(mask, mask[::-1, ::-1])


def test_contours_of_others_do_not_matter() -> None:
    """scikit-image smooths in two ways in turn, and counts turns over all calls of a process."""
    pixels, clicks = shaded(OBJECT, inside=100), [Prompts(points=[Point(x, 105)]) for x in (150, 160, 170)]
    first = [found("geodesic-active-contour", pixels, one) for one in clicks]
    for one, expected in zip(clicks, first, strict=True):
        for steps in (1, 2):
            morphological_geodesic_active_contour(np.ones((5, 5)), steps, threshold=1)
            np.testing.assert_array_equal(found("geodesic-active-contour", pixels, one), expected)


@pytest.mark.parametrize("name", [name for name, entry in PEERS.items() if entry.needs_extra])
def test_what_is_not_installed_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = PEERS[name].needs_extra
    for module in ("cv2", "skimage", "skimage.segmentation"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf'"{name}" needs .*: pip install "promptseg\[{extra}\]"'):
        build_peer(name)


def test_ellipse_and_disc_need_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("cv2", "skimage", "skimage.segmentation"):
        monkeypatch.setitem(sys.modules, module, None)
    for name in ("ellipse", "disc"):
        assert build_peer(name, disc_share=SHARE).name == name
