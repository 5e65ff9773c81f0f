"""Distances against brute force over all pairs of pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from random_masks import Mask, disc, masks, masks_of, shapes_3d, spacings
from scipy import ndimage

from promptseg.errors import ValueRangeError
from promptseg.geometry import distances
from promptseg.geometry.distances import chamfer_distance_inside, distance_inside, distance_to, innermost


def nearest(places: np.ndarray, others: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    differences = (places[:, None] - others[None]) * np.array(spacing)
    return np.sqrt((differences**2).sum(axis=-1)).min(axis=1)


def inside_by_force(mask: Mask, spacing: tuple[float, ...]) -> np.ndarray:
    padded = np.pad(mask, 1)
    distances = np.zeros(mask.shape)
    if mask.any():
        distances[mask] = nearest(np.argwhere(mask) + 1, np.argwhere(~padded), spacing)
    return distances


@given(masks, spacings)
def test_distances_inside_are_exact(mask: Mask, spacing: tuple[float, float]) -> None:
    assert_allclose(distance_inside(mask, spacing_mm=spacing), inside_by_force(mask, spacing), rtol=1e-12)


@given(shapes_3d.flatmap(masks_of))
def test_distances_inside_volumes_are_exact(mask: Mask) -> None:
    assert_allclose(distance_inside(mask, spacing_mm=(3, 1, 0.5)), inside_by_force(mask, (3, 1, 0.5)), rtol=1e-12)


@given(masks, spacings)
def test_distances_to_a_mask_are_exact(mask: Mask, spacing: tuple[float, float]) -> None:
    found = distance_to(mask, spacing_mm=spacing)
    if not mask.any():
        assert np.isposinf(found).all()
        return
    everywhere = np.argwhere(np.ones_like(mask))
    assert_allclose(found.ravel(), nearest(everywhere, np.argwhere(mask), spacing), rtol=1e-12)


@pytest.mark.parametrize("thick", [0.0, 8.0, 1e9])
@given(masks)
def test_thin_and_thick_masks_have_the_same_distances(thick: float, mask: Mask) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "_THICK", thick)
        assert_allclose(distance_inside(mask), inside_by_force(mask, (1, 1)), rtol=1e-14)


@pytest.mark.parametrize("steps", [(1, 0), (3, -7), (40, 25)])
def test_distances_in_the_error_of_a_mask_are_exact(steps: tuple[int, int]) -> None:
    reference = disc((210, 330), (100, 150), 60)
    error = reference ^ np.roll(reference, steps, axis=(0, 1))
    assert (distance_inside(error) == ndimage.distance_transform_edt(np.pad(error, 1))[1:-1, 1:-1]).all()


def test_the_border_of_the_image_is_background() -> None:
    assert distance_inside(np.ones((3, 5), dtype=bool)).tolist() == [[1, 1, 1, 1, 1], [1, 2, 2, 2, 1], [1, 1, 1, 1, 1]]


def test_spacing_follows_the_axes() -> None:
    row = np.ones((1, 9), dtype=bool)
    assert distance_inside(row, spacing_mm=(0.5, 7)).max() == 0.5
    assert distance_inside(row.T, spacing_mm=(0.5, 7)).max() == 2.5


def chamfer_by_force(mask: Mask) -> np.ndarray:
    """Shortest sums of steps to any background pixel: knight's moves as far as they serve, then straight or across."""
    padded = np.pad(mask, 1)
    away = np.abs((np.argwhere(mask) + 1)[:, None] - np.argwhere(~padded)[None])
    far, near = away.max(axis=-1), away.min(axis=-1)
    knights = np.minimum(near, far - near)
    rest = np.where(2 * near <= far, far - 2 * near, 1.4 * (2 * near - far))
    distances = np.zeros(mask.shape)
    distances[mask] = (2.1969 * knights + rest).min(axis=1, initial=np.inf)
    return distances


@given(masks)
def test_chamfer_distances_are_shortest_sums_of_steps(mask: Mask) -> None:
    assert_allclose(chamfer_distance_inside(mask), chamfer_by_force(mask), atol=1e-4)


@pytest.mark.parametrize("shape", [(40, 90), (90, 40), (1, 30)])
@pytest.mark.parametrize("filled", [0.9, 0.99, 1.0])
def test_chamfer_distances_are_those_of_opencv(shape: tuple[int, int], filled: float) -> None:
    cv2 = pytest.importorskip("cv2")
    mask = np.random.default_rng(0).random(shape) < filled
    padded, found = np.pad(mask, 1).astype(np.uint8), chamfer_distance_inside(mask)
    fast = cv2.ipp.useIPP()
    assert_allclose(found, cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1], rtol=3e-5)
    try:
        cv2.ipp.setUseIPP(False)
        assert (found == cv2.distanceTransform(padded, cv2.DIST_L2, 5)[1:-1, 1:-1]).all()
    finally:
        cv2.ipp.setUseIPP(fast)


def test_chamfer_distances_are_within_two_percent() -> None:
    mask = np.ones((121, 161), dtype=bool)
    mask[60, 80] = False
    ratio = chamfer_distance_inside(mask)[mask] / distance_inside(mask)[mask]
    assert 0.98 < ratio.min() < 0.985
    assert 1 <= ratio.max() < 1.02


def test_chamfer_distances_of_nothing_and_of_no_mask() -> None:
    assert not chamfer_distance_inside(np.zeros((3, 5), dtype=bool)).any()
    with pytest.raises(ValueRangeError, match="2 non-empty dimensions"):
        chamfer_distance_inside(np.ones((2, 3, 4), dtype=bool))


def test_the_innermost_pixel() -> None:
    assert innermost(distance_inside(disc((30, 40), (12, 25), 6))) == (12, 25)
    assert innermost(np.zeros((3, 3))) is None


@given(masks)
def test_ties_go_to_the_first_in_row_major_order(mask: Mask) -> None:
    distances = distance_inside(mask)
    places = [(row, column) for row in range(mask.shape[0]) for column in range(mask.shape[1])]
    best = max(places, key=lambda place: distances[place])
    assert innermost(distances) == (best if mask.any() else None)


@given(st.integers(0, 2**32))
def test_random_ties_are_ties(seed: int) -> None:
    distances = distance_inside(np.ones((2, 6), dtype=bool))
    row, column = innermost(distances, ties="random", rng=np.random.default_rng(seed))
    assert distances[row, column] == 1


def test_random_ties_are_all_met_and_repeat_with_the_seed() -> None:
    distances = np.array([[1.0, 0.5], [1.0, 1.0]])
    drawn = [innermost(distances, ties="random", rng=np.random.default_rng(seed)) for seed in range(40)]
    assert set(drawn) == {(0, 0), (1, 0), (1, 1)}
    assert drawn == [innermost(distances, ties="random", rng=np.random.default_rng(seed)) for seed in range(40)]


def test_random_ties_need_a_source_of_randomness() -> None:
    with pytest.raises(ValueRangeError, match="needs rng"):
        innermost(np.ones((2, 2)), ties="random")
