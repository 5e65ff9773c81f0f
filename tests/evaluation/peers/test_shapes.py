"""The peers that look at no grey value: areas by formula, and every pixel by force."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptseg.errors import ValueRangeError
from promptseg.evaluation.peers import build_peer, median_disc_share
from promptseg.evaluation.peers.shapes import LATER, ellipse_mask
from promptseg.types import BoolMask, Box, Point, Prompts

HEIGHT, WIDTH = 11, 17
SHARE = 0.05
coordinates = st.tuples(st.integers(-1, 2 * WIDTH - 1), st.integers(-1, 2 * HEIGHT - 1)).map(
    lambda pair: (pair[0] / 2, pair[1] / 2)
)
"""(x, y) on the image, also between pixels."""


def drawn(name: str, prompts: Prompts, *, size: tuple[int, int] = (HEIGHT, WIDTH)) -> BoolMask:
    peer = build_peer(name, disc_share=SHARE)
    return peer.segment(peer.embed(np.zeros(size, np.uint8)), prompts).mask


@given(coordinates, coordinates)
def test_each_pixel_of_the_ellipse(first: tuple[float, float], second: tuple[float, float]) -> None:
    mask = drawn("ellipse", Prompts(boxes=[Box(*first, *second)]))
    corners = np.clip([first, second], 0, [WIDTH - 1, HEIGHT - 1])
    x, y = corners.mean(axis=0).tolist()
    across, down = ((np.ptp(corners, axis=0) + 1) / 2).tolist()
    for row in range(HEIGHT):
        for column in range(WIDTH):
            distance = math.hypot((column - x) / across, (row - y) / down)
            middle = (row, column) == (round(y), round(x))
            if abs(distance - 1) > 1e-9:
                assert mask[row, column] == (distance < 1 or middle), (row, column)


@pytest.mark.parametrize("size", [(40, 40), (61, 180), (200, 35)], ids=str)
def test_area_and_box_of_the_ellipse(size: tuple[int, int]) -> None:
    height, width = size
    box = Box(20, 30, 20 + width - 1, 30 + height - 1)
    mask = ellipse_mask(box, (300, 250))
    assert mask.sum() == pytest.approx(math.pi / 4 * width * height, rel=0.01)
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=1))[[0, -1]], [30, 30 + height - 1])
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=0))[[0, -1]], [20, 20 + width - 1])
    half = ellipse_mask(box, (300, 250), scale=0.5)
    assert half.sum() == pytest.approx(mask.sum() / 4, rel=0.03)


def test_several_boxes_are_united_and_cut_off_at_the_image() -> None:
    boxes = [Box(2, 3, 9, 12), Box(8, 1, 20, 9), Box(-40, 4, 5, 40)]
    one_by_one = [drawn("ellipse", Prompts(boxes=[box])) for box in boxes]
    np.testing.assert_array_equal(drawn("ellipse", Prompts(boxes=boxes)), np.any(one_by_one, axis=0))
    np.testing.assert_array_equal(one_by_one[2], drawn("ellipse", Prompts(boxes=[Box(0, 4, 5, HEIGHT - 1)])))


def test_area_of_the_disc() -> None:
    size = (300, 500)
    mask = drawn("disc", Prompts(points=[Point(222.5, 140)]), size=size)
    assert mask.mean() == pytest.approx(SHARE, rel=0.005)
    twice = drawn("disc", Prompts(points=[Point(130, 140), Point(400, 140)]), size=size)
    assert twice.mean() == pytest.approx(SHARE * (1 + LATER**2), rel=0.005)


@given(st.lists(st.tuples(coordinates, st.booleans()), min_size=1, max_size=5))
def test_each_pixel_of_discs_with_negative_clicks(clicks: list[tuple[tuple[float, float], bool]]) -> None:
    mask = drawn("disc", Prompts(points=[Point(x, y, positive=sign) for (x, y), sign in clicks]))
    places = [(np.clip(place, 0, [WIDTH - 1, HEIGHT - 1]), sign) for place, sign in clicks]
    positive = [place for place, sign in places if sign]
    negative = [place for place, sign in places if not sign]
    radius = math.sqrt(SHARE * WIDTH * HEIGHT / math.pi)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            near = [math.dist((column, row), place) for place in positive]
            far = [math.dist((column, row), place) for place in negative]
            within = any(
                distance <= radius * (1 if number == 0 else LATER) or (row, column) == (round(y), round(x))
                for number, (distance, (x, y)) in enumerate(zip(near, positive, strict=True))
            )
            if not far or not near or abs(min(near) - min(far)) > 1e-9:
                assert mask[row, column] == (within and min(near) <= min(far, default=math.inf)), (row, column)


@given(st.lists(st.tuples(st.integers(1, 500), st.integers(500, 900)), min_size=1, max_size=9))
def test_the_median_share_is_numpys(objects: list[tuple[int, int]]) -> None:
    expected = np.median([area / image for area, image in objects])
    assert median_disc_share(iter(objects)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("objects", "message"),
    [([], "is empty"), ([(5, 10), (0, 10)], r"got \(0, 10\)"), ([(11, 10)], r"got \(11, 10\)")],
)
def test_shares_of_nothing_are_refused(objects: list[tuple[int, int]], message: str) -> None:
    with pytest.raises(ValueRangeError, match=message):
        median_disc_share(objects)
