"""Packed masks and the removal of small regions."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from promptseg.autoprompt.found import FoundMask, pack, repacked, without_small_regions
from promptseg.geometry.regions import tight_box
from promptseg.types import Box, Point


@given(st.integers(0, 2**32 - 1))
def test_a_packed_mask_is_the_mask(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.random((13, 19)), 1) > rng.uniform(0.4, 0.7)
    mask[rng.integers(13), rng.integers(19)] = True
    box, bits, area_px = pack(mask)
    found = FoundMask(box, bits, area_px, 0.5, 0.9, Point(0, 0), Box(0, 0, 18, 12))
    np.testing.assert_array_equal(found.mask((13, 19)), mask)
    assert box == tight_box(mask)
    assert area_px == mask.sum()
    moved = replace(found, box=pack(mask, at=(4, 7))[0])
    np.testing.assert_array_equal(moved.mask((20, 30)), np.pad(mask, ((4, 3), (7, 4))))
    assert repacked(found, moved.mask((20, 30))).box == moved.box


def test_a_model_without_an_estimate_is_ranked_by_stability() -> None:
    found = FoundMask(Box(0, 0, 0, 0), np.zeros(1, np.uint8), 0, nan, 0.9, Point(0, 0), Box(0, 0, 0, 0))
    assert found.rank == 0.9
    assert replace(found, score=0.4).rank == 0.4


def by_flooding(mask: np.ndarray, least: int) -> np.ndarray:
    """Small regions of the background filled, then small regions of the mask removed, region by region."""
    eight = np.ones((3, 3))
    for inside in (False, True):
        numbers, count = ndimage.label(mask if inside else ~mask, structure=eight)
        areas = {number: int((numbers == number).sum()) for number in range(1, count + 1)}
        small = [number for number, area in areas.items() if area < least]
        if inside and areas and len(small) == len(areas):
            small.remove(max(areas, key=lambda number: areas[number]))
        mask = mask ^ np.isin(numbers, small)
    return mask


@pytest.mark.parametrize("seed", range(20))
def test_small_holes_and_islands_go(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = ndimage.gaussian_filter(rng.random((25, 31)), 1.2) > 0.5
    for least in (0, 3, 9, 10_000):
        np.testing.assert_array_equal(without_small_regions(mask, least), by_flooding(mask, least))
