"""Overlaps and surface distances against scikit-image and scipy, to 1e-12, where they define the same thing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_masks import Mask, any_pairs, blobs
from scipy import ndimage
from scipy.spatial.distance import dice as dice_dissimilarity
from scipy.spatial.distance import directed_hausdorff, jaccard
from skimage.metrics import contingency_table, hausdorff_distance
from skimage.segmentation import find_boundaries

from promptseg.metrics import assd, box_iou, dice, hd, hd95, iou, nsd, pixel_accuracy, surface, surface_distances

EXACT = {"rel": 1e-12, "abs": 1e-12}


seeds = pytest.mark.parametrize("seed", range(40))


def inner_boundary(mask: Mask) -> Mask:
    """scikit-image's, which does not count the border of the image: so a background is put around."""
    inside: Mask = find_boundaries(np.pad(mask, 1), connectivity=1, mode="inner")[(slice(1, -1),) * mask.ndim]
    return inside


def scipy_distances(mask: Mask, other: Mask, spacing: tuple[float, ...]) -> np.ndarray:
    """Of each pixel of the one boundary to the other, by scipy's distance transform."""
    away = ndimage.distance_transform_edt(~inner_boundary(other), sampling=spacing)
    return away[inner_boundary(mask)]


@given(any_pairs)
def test_overlaps_of_any_masks(pair: tuple[Mask, Mask]) -> None:
    if not (pair[0].any() or pair[1].any()):
        return
    first, second = (mask.ravel() for mask in pair)
    assert dice(*pair) == pytest.approx(1 - dice_dissimilarity(first, second), **EXACT)
    assert iou(*pair) == pytest.approx(1 - jaccard(first, second), **EXACT)


@seeds
def test_overlaps_by_a_contingency_table(seed: int) -> None:
    pair = blobs(seed)
    table = contingency_table(*(mask.astype(int) for mask in pair)).toarray()
    assert dice(*pair) == pytest.approx(2 * table[1, 1] / (2 * table[1, 1] + table[0, 1] + table[1, 0]), **EXACT)
    assert iou(*pair) == pytest.approx(table[1, 1] / (table.sum() - table[0, 0]), **EXACT)
    assert pixel_accuracy(*pair) == pytest.approx(np.trace(table) / table.sum(), **EXACT)


@seeds
def test_the_surface_is_the_inner_boundary(seed: int) -> None:
    for mask in blobs(seed):
        np.testing.assert_array_equal(surface(mask), inner_boundary(mask))


@seeds
def test_hausdorff_distances(seed: int) -> None:
    """scikit-image and scipy take any two sets of points: here, those of the surfaces."""
    pair = blobs(seed)
    surfaces = [inner_boundary(mask) for mask in pair]
    assert hd(*pair) == pytest.approx(hausdorff_distance(*surfaces), **EXACT)
    spacing = (0.7, 0.3, 2.5)[: pair[0].ndim]
    places = [np.argwhere(mask) * spacing for mask in surfaces]
    directed = [directed_hausdorff(*places)[0], directed_hausdorff(*places[::-1])[0]]
    assert hd(*pair, spacing_mm=spacing) == pytest.approx(max(directed), **EXACT)


@seeds
def test_mean_distances(seed: int) -> None:
    """scikit-image's modified Hausdorff distance (Dubuisson and Jain 1994): the larger of the two directed means."""
    pair = blobs(seed)
    between = surface_distances(*pair)
    modified = hausdorff_distance(*(inner_boundary(mask) for mask in pair), method="modified")
    assert max(between.from_reference.mean(), between.from_prediction.mean()) == pytest.approx(modified, **EXACT)


@seeds
def test_distances_by_scipys_distance_transform(seed: int) -> None:
    pair = blobs(seed)
    spacing = (0.7, 0.3, 2.5)[: pair[0].ndim]
    forth, back = scipy_distances(*pair, spacing), scipy_distances(*pair[::-1], spacing)
    both = np.concatenate([forth, back])
    tolerance = float(np.median(both)) + 1e-3
    assert hd95(*pair, spacing_mm=spacing) == pytest.approx(max(np.percentile(d, 95) for d in (forth, back)), **EXACT)
    assert hd95(*pair, spacing_mm=spacing, pooling="joint") == pytest.approx(np.percentile(both, 95), **EXACT)
    assert assd(*pair, spacing_mm=spacing) == pytest.approx(math.fsum(both) / len(both), **EXACT)
    assert nsd(*pair, spacing_mm=spacing, tolerance=tolerance) == pytest.approx((both <= tolerance).mean(), **EXACT)


@given(st.integers(0, 200))
def test_boxes_by_scipys_find_objects(seed: int) -> None:
    pair = blobs(seed)
    boxes = [np.zeros_like(mask) for mask in pair]
    for box, mask in zip(boxes, pair, strict=True):
        box[ndimage.find_objects(mask.astype(int))[0]] = True
    assert box_iou(*pair) == pytest.approx(1 - jaccard(*(box.ravel() for box in boxes)), **EXACT)
