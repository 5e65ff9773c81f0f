"""Spread clicks against all subsets of pixels, by the properties of a centroidal tessellation, and on odd shapes."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from random_masks import Mask, disc, masks

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.prompts.voronoi import SPREADINGS, Spreading, click_energy, spread_clicks

SIZE = 90, 130
DISC = disc(SIZE, (40, 70), 30)
SHAPES = {
    "disc": DISC,
    "crescent": DISC & ~disc(SIZE, (36, 62), 28),
    "ring": DISC & ~disc(SIZE, (40, 70), 26),
    "two parts": disc(SIZE, (20, 20), 15) | disc(SIZE, (70, 110), 9),
    "all": np.ones(SIZE, dtype=bool),
    "line": np.eye(90, 130, dtype=bool),
    "row": np.arange(90)[:, None] == np.zeros((1, 130)) + 7,
    "dust": np.indices(SIZE).sum(axis=0) % 7 == 0,
}
FAST: tuple[Spreading, ...] = ("inverse-distance", "cvt")
whole_numbers = st.integers(1, 6)


def energy_by_loops(clicks: list[tuple[int, int]], region: Mask) -> float:
    pixels = np.argwhere(region)
    return sum(max(1 / max(1, np.hypot(x - column, y - row)) for x, y in clicks) for row, column in pixels)


def places(region: Mask) -> list[tuple[int, int]]:
    return [(int(column), int(row)) for row, column in np.argwhere(region)]


@given(masks, st.integers(0, 8), st.sampled_from(SPREADINGS), st.integers(0, 5))
def test_clicks_are_distinct_pixels_of_the_region(region: Mask, count: int, method: Spreading, seed: int) -> None:
    clicks = spread_clicks(region, count, method=method, rng=seed)
    assert clicks.dtype == np.int64
    assert clicks.shape[1] == 2
    assert region[clicks[:, 1], clicks[:, 0]].all()
    assert len({tuple(click) for click in clicks.tolist()}) == len(clicks)
    if method == "annealing":
        assert min(count, region.any()) <= len(clicks) <= count
    else:
        assert len(clicks) == min(count, region.sum())


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("method", SPREADINGS)
def test_every_shape_repeats_itself_and_moves_with_its_region(name: str, method: Spreading) -> None:
    region = SHAPES[name]
    for count in (1, 2, 5, 12):
        clicks = spread_clicks(region, count, method=method, rng=np.random.default_rng(4))
        assert region[clicks[:, 1], clicks[:, 0]].all()
        assert len(clicks) == count or method == "annealing"
        assert spread_clicks(region, count, method=method, rng=4).tolist() == clicks.tolist()
        moved = np.pad(region, ((3, 0), (5, 2)))
        assert spread_clicks(moved, count, method=method, rng=4).tolist() == (clicks + np.array([5, 3])).tolist()


@given(masks, st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=4))
def test_the_energy_against_loops(region: Mask, clicks: list[tuple[int, int]]) -> None:
    assert click_energy(np.array(clicks), region) == pytest.approx(energy_by_loops(clicks, region))


def test_no_clicks_have_no_energy() -> None:
    assert click_energy(np.zeros((0, 2)), DISC) == 0


def test_the_energy_is_almost_the_greatest_that_any_clicks_have() -> None:
    generator = np.random.default_rng(0)
    reached: dict[str, list[float]] = {method: [] for method in SPREADINGS}
    for trial in range(60):
        region = generator.random((6, 7)) < generator.choice([0.3, 0.6, 0.9])
        count = 1 + trial % 3
        inverse = np.array([[1 / max(1, np.hypot(a - c, b - d)) for c, d in places(region)] for a, b in places(region)])
        best = max(inverse[list(chosen)].max(axis=0).sum() for chosen in combinations(range(len(inverse)), count))
        for method in SPREADINGS:
            clicks = spread_clicks(region, count, method=method, rng=trial)
            reached[method].append(click_energy(clicks, region) / best)
    assert max(reached["inverse-distance"]) <= 1 + 1e-9
    assert np.mean(reached["inverse-distance"]) > 0.999
    assert np.mean(reached["inverse-distance"]) >= np.mean(reached["annealing"])


@pytest.mark.parametrize("name", SHAPES)
def test_more_energy_than_the_annealed_search(name: str) -> None:
    region = SHAPES[name]
    for count in (2, 4):
        annealed = [click_energy(spread_clicks(region, count, method="annealing", rng=s), region) for s in range(5)]
        assert click_energy(spread_clicks(region, count), region) > 0.998 * np.mean(annealed)


def check_tessellation(region: Mask, clicks: np.ndarray) -> None:
    """Each click is the pixel of its cell nearest to the cell's centroid; ties of cells go to the first click."""
    pixels = np.array(places(region))
    cells = ((pixels[:, None] - clicks) ** 2).sum(axis=2).argmin(axis=1)
    for number, click in enumerate(clicks):
        cell = pixels[cells == number]
        distances = np.hypot(*(cell - cell.mean(axis=0)).T)
        assert np.hypot(*(click - cell.mean(axis=0))) == pytest.approx(distances.min())


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 20), st.integers(1, 30))), whole_numbers, st.integers(0, 3))
def test_a_tessellation_is_centroidal(region: Mask, count: int, seed: int) -> None:
    if region.sum() > count:
        check_tessellation(region, spread_clicks(region, count, method="cvt", rng=seed))


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("count", [1, 3, 7])
def test_a_tessellation_of_a_large_region_is_centroidal(name: str, count: int) -> None:
    check_tessellation(SHAPES[name], spread_clicks(SHAPES[name], count, method="cvt"))


@pytest.mark.parametrize("method", FAST)
def test_symmetric_shapes(method: Spreading) -> None:
    assert spread_clicks(DISC, 1, method=method) == pytest.approx(np.array([[70, 40]]), abs=1)
    bar = np.ones((9, 99), dtype=bool)
    assert spread_clicks(bar, 3, method=method) == pytest.approx(np.array([[16, 4], [49, 4], [82, 4]]), abs=2)
    square = np.ones((60, 60), dtype=bool)
    quarters = np.array([[14.5, 14.5], [44.5, 14.5], [14.5, 44.5], [44.5, 44.5]])
    clicks = spread_clicks(square, 4, method=method)
    assert sorted(clicks.tolist()) == pytest.approx(np.array(sorted(quarters.tolist())), abs=4)


def test_a_click_on_a_crescent_is_not_at_its_edge() -> None:
    (click,) = spread_clicks(SHAPES["crescent"], 1)
    assert disc(SIZE, (click[1], click[0]), 3)[~SHAPES["crescent"]].sum() == 0


@pytest.mark.parametrize("method", FAST)
def test_clicks_go_to_each_part_by_its_size(method: Spreading) -> None:
    clicks = spread_clicks(SHAPES["two parts"], 4, method=method)
    assert (clicks[:, 0] < 40).sum() == 3


def test_what_cannot_be_spread() -> None:
    with pytest.raises(ValueRangeError, match="region must be a boolean array"):
        spread_clicks(DISC.astype(int), 3)
    with pytest.raises(ValueRangeError, match="2 non-empty dimensions"):
        spread_clicks(DISC[None], 3)
    for count in (-1, 2.0, True):
        with pytest.raises(ValueRangeError, match="count must be a whole number"):
            spread_clicks(DISC, count)
    with pytest.raises(UnknownNameError, match="inverse-distance, cvt, annealing"):
        spread_clicks(DISC, 3, method="lloyd")
    with pytest.raises(ValueRangeError, match="clicks, 2"):
        click_energy(np.zeros(3), DISC)
