"""Surface distances: all pairs of pixels by force, by hand with anisotropic pixels, and MONAI's values."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, any_pairs, disc, masks, masks_of, shapes_3d, spacings

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.metrics import assd, hd, hd95, image_diagonal, nsd, surface, surface_distances


def surface_by_force(mask: Mask) -> set[tuple[int, ...]]:
    inside = {tuple(place) for place in np.argwhere(mask).tolist()}

    def neighbours(place: tuple[int, ...]) -> list[tuple[int, ...]]:
        steps = [(axis, step) for axis in range(mask.ndim) for step in (-1, 1)]
        return [(*place[:axis], place[axis] + step, *place[axis + 1 :]) for axis, step in steps]

    return {place for place in inside if not set(neighbours(place)) <= inside}


def directed(first: Mask, second: Mask, spacing: tuple[float, ...]) -> list[float]:
    others = surface_by_force(second)
    return [
        min(math.hypot(*((a - b) * step for a, b, step in zip(place, other, spacing, strict=True))) for other in others)
        for place in sorted(surface_by_force(first))
    ]


def percentile(values: list[float], percent: float) -> float:
    """Linear between ranks, as numpy's default."""
    ranked = sorted(values)
    rank = percent / 100 * (len(ranked) - 1)
    low = math.floor(rank)
    high = min(low + 1, len(ranked) - 1)
    return ranked[low] + (rank - low) * (ranked[high] - ranked[low])


@given(st.one_of(masks, shapes_3d.flatmap(masks_of)))
def test_the_surface_has_a_neighbour_outside(mask: Mask) -> None:
    assert {tuple(place) for place in np.argwhere(surface(mask)).tolist()} == surface_by_force(mask)


@given(any_pairs, spacings, st.sampled_from([0.0, 0.3, 1.0, 1.5]))
def test_against_all_pairs_of_pixels(pair: tuple[Mask, Mask], spacing: tuple[float, ...], tolerance: float) -> None:
    if not (pair[0].any() and pair[1].any()):
        return
    spacing = (*spacing, 0.5)[: pair[0].ndim]
    forth, back = directed(*pair, spacing), directed(*pair[::-1], spacing)
    both = forth + back
    assert hd(*pair, spacing_mm=spacing) == pytest.approx(max(both))
    assert hd95(*pair, spacing_mm=spacing) == pytest.approx(max(percentile(forth, 95), percentile(back, 95)))
    assert hd95(*pair, spacing_mm=spacing, pooling="joint") == pytest.approx(percentile(both, 95))
    assert assd(*pair, spacing_mm=spacing) == pytest.approx(sum(both) / len(both))
    within = sum(distance <= tolerance + 1e-9 for distance in both) / len(both)
    assert nsd(*pair, spacing_mm=spacing, tolerance=tolerance) == pytest.approx(within)


@given(any_pairs)
def test_relations(pair: tuple[Mask, Mask]) -> None:
    first, second = pair
    for distance in (hd, hd95, assd):
        assert distance(first, second) == pytest.approx(distance(second, first))
        assert distance(first, first) == 0
        double = distance(first, second, spacing_mm=(2,) * first.ndim)
        assert double == pytest.approx(2 * distance(first, second))
    assert assd(first, second) <= hd(first, second) + 1e-12
    assert hd95(first, second) <= hd(first, second) + 1e-12
    assert hd(first, second) <= image_diagonal(first.shape)
    assert 0 <= nsd(first, second, tolerance=0.5) <= nsd(first, second, tolerance=2) <= 1


def test_two_points_by_hand() -> None:
    """4 rows of 0.5 mm and 3 columns of 2 mm apart."""
    first, second = np.zeros((2, 9, 9), dtype=bool)
    first[1, 2], second[5, 5] = True, True
    assert hd(first, second, spacing_mm=(0.5, 2)) == math.hypot(2, 6)
    assert hd(first, second, spacing_mm=(2, 0.5)) == math.hypot(8, 1.5)
    assert hd(first, second) == 5


def test_squares_by_hand() -> None:
    """A 3 x 3 square and the 3 x 5 one around it, columns of 0.5 mm: of 8 and 12 border pixels 6 and 6 lie apart."""
    inner, outer = np.zeros((2, 7, 9), dtype=bool)
    inner[2:5, 3:6], outer[2:5, 2:7] = True, True
    found = surface_distances(inner, outer, spacing_mm=(1, 0.5))
    assert sorted(found.from_reference) == [0, 0, 0, 0, 0, 0, 0.5, 0.5]
    assert sorted(found.from_prediction) == [0, 0, 0, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]
    assert assd(inner, outer, spacing_mm=(1, 0.5)) == pytest.approx(8 * 0.5 / 20)
    assert nsd(inner, outer, spacing_mm=(1, 0.5), tolerance=0.4) == pytest.approx(12 / 20)
    assert nsd(inner, outer, spacing_mm=(1, 0.5), tolerance=0.5) == 1


@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("spacing", [0.1, 0.3, 0.7])
def test_a_distance_equal_to_the_tolerance_is_within(steps: int, spacing: float) -> None:
    first, second = np.zeros((2, 1, 40), dtype=bool)
    first[0, 20], second[0, 20 + steps] = True, True
    assert nsd(first, second, spacing_mm=(1, spacing), tolerance=float(f"{steps * spacing:.6f}")) == 1
    assert nsd(first, second, spacing_mm=(1, spacing), tolerance=steps * spacing - 1e-4) == 0


FIRST = disc((48, 64), (20, 25), 13) | disc((48, 64), (30, 40), 7)
SECOND = disc((48, 64), (18, 28), 12)
SECOND[44:, :5] = True
Z, Y, X = np.indices((12, 20, 24))
SOLID = ((Z - 5) / 4) ** 2 + ((Y - 9) / 7) ** 2 + ((X - 11) / 9) ** 2 <= 1
OTHER = ((Z - 6) / 5) ** 2 + ((Y - 10) / 6) ** 2 + ((X - 10) / 8) ** 2 <= 1


@pytest.mark.parametrize(
    ("pair", "spacing", "expected"),
    [
        ((FIRST, SECOND), (1, 1), (24.04163, 22.634039, 4.847518, 0.1560694)),
        ((FIRST, SECOND), (0.5, 0.2), (8.5, 8.166222, 1.558577, 0.6127167)),
        ((SOLID, OTHER), (3, 0.8, 0.8), (6.105735, 4.161730, 1.175054, 0.5387500)),
    ],
)
def test_values_of_monai(pair: tuple[Mask, Mask], spacing: tuple[float, ...], expected: tuple[float, ...]) -> None:
    """Made with MONAI 1.6.1 in float32: Hausdorff 100 and 95, symmetric mean distance, surface Dice at 1 mm."""
    settings = {"spacing_mm": spacing}
    found = (hd(*pair, **settings), hd95(*pair, **settings), assd(*pair, **settings))
    assert (*found, nsd(*pair, tolerance=1, **settings)) == pytest.approx(expected, rel=1e-6)


def test_what_cannot_be_measured() -> None:
    mask = np.ones((3, 4), dtype=bool)
    with pytest.raises(ValueRangeError, match="same shape"):
        hd95(mask, mask.T)
    with pytest.raises(ValueRangeError, match="spacing_mm must be 2 positive"):
        hd95(mask, mask, spacing_mm=(1, 1, 1))
    with pytest.raises(ValueRangeError, match="no surface"):
        surface_distances(mask, ~mask)
    with pytest.raises(UnknownNameError, match="choose one of max, joint"):
        hd95(mask, mask, pooling="mean")
    for tolerance in (-1, math.nan, math.inf):
        with pytest.raises(ValueRangeError, match="tolerance must be 0 or more"):
            nsd(mask, mask, tolerance=tolerance)
