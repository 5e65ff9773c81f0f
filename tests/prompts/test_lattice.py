"""Blocks of pixels keep what they stand for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from random_masks import Mask, filled

from promptseg.prompts.lattice import coarsen, merge, nearest_pixel, pixels_of, take_nearest

regions = hnp.arrays(np.bool_, st.tuples(st.integers(1, 40), st.integers(1, 40))).filter(lambda mask: bool(mask.any()))


@given(regions, st.integers(1, 30), st.integers(1, 9))
def test_mass_and_centroid_are_kept(region: Mask, limit: int, less: int) -> None:
    pixels = pixels_of(region)
    fine = coarsen(region, limit=limit)
    for lattice, most in ((fine, limit), (merge(fine, limit=less), less)):
        assert len(lattice) <= most
        assert lattice.weights.sum() == len(pixels)
        centroid = lattice.weights @ lattice.points_xy / lattice.weights.sum()
        assert centroid == pytest.approx(pixels.mean(axis=0), abs=1e-3)
        blocks = (lattice.points_xy + 1e-3) // lattice.side_px
        assert len(np.unique(blocks, axis=0)) == len(lattice)
        assert lattice.weights.max() <= lattice.side_px**2


@given(filled)
def test_few_pixels_are_their_own_blocks(region: Mask) -> None:
    lattice = coarsen(region, limit=81)
    assert lattice.side_px == 1
    assert np.array_equal(lattice.points_xy, pixels_of(region))
    assert np.array_equal(lattice.points_xy[:, ::-1], np.argwhere(region))


@given(filled, st.tuples(st.floats(-3, 12), st.floats(-3, 12)))
def test_the_nearest_pixel(region: Mask, point: tuple[float, float]) -> None:
    x, y = nearest_pixel(region, np.array(point))
    assert region[y, x]
    distances = np.hypot(*(pixels_of(region) - point).T)
    assert np.hypot(x - point[0], y - point[1]) == pytest.approx(distances.min())


@given(filled, st.data())
def test_no_pixel_is_taken_twice(region: Mask, data: st.DataObject) -> None:
    count = data.draw(st.integers(1, int(region.sum())))
    taken = take_nearest(region, np.full((count, 2), 2.3))
    assert len(np.unique(taken, axis=0)) == count
    columns, rows = taken.astype(int).T
    assert region[rows, columns].all()
