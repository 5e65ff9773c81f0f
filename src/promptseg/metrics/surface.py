"""Distances between the surfaces of two masks.

The surface of a mask is the set of its pixels that have a background neighbour across an edge (4 neighbours; 6 for
voxels). Outside the image everything is background, so pixels of the mask on the border of the image belong to it.
Distances run between pixel centres: exact, in millimetres where the spacing is given, else in pixels.

Conventions of others: MONAI (``HausdorffDistanceMetric``, ``SurfaceDistanceMetric``) and medpy use the same surface;
MONAI takes the larger of the two directed percentiles (``pooling="max"`` here, the default), medpy the percentile of
both sets together (``pooling="joint"``). DeepMind's ``surface-distance`` puts the surface between the pixels and weighs
each piece by its length or area, so its values differ, for coarse voxels by up to about one of them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import UnknownNameError, ValueRangeError
from promptseg.geometry.masks import Spacing, check_mask, check_pair, check_spacing
from promptseg.geometry.regions import crop_slices
from promptseg.metrics.empty import EmptyPolicy, value_if_empty
from promptseg.types import BoolMask

__all__ = ["Pooling", "SurfaceDistances", "assd", "hd", "hd95", "image_diagonal", "nsd", "surface", "surface_distances"]

Floats = NDArray[np.float64]
Pooling = Literal["max", "joint"]

_ROUNDING: Final = 1e-9
"""Relative slack when a distance is compared with a tolerance, so that 3 x 0.1 mm is within 0.3 mm."""


@dataclass(frozen=True, eq=False, slots=True)
class SurfaceDistances:
    """How far two surfaces are apart.

    Attributes:
        from_reference: (N,) distance of each surface pixel of the reference to the prediction's surface.
        from_prediction: (M,) distance of each surface pixel of the prediction to the reference's surface.
    """

    from_reference: Floats
    from_prediction: Floats


def surface(mask: BoolMask) -> BoolMask:
    """The pixels of an (H, W) or (Z, H, W) mask that have a background neighbour across an edge or the border.

    >>> surface(np.ones((3, 4), dtype=bool)).astype(int).tolist()
    [[1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 1, 1]]
    """
    check_mask(mask, dimensions=(2, 3))
    padded = np.pad(mask, 1)
    inner = (slice(1, -1),) * mask.ndim
    inside = mask.copy()
    for axis in range(mask.ndim):
        for shifted in (slice(None, -2), slice(2, None)):
            inside &= padded[(*inner[:axis], shifted, *inner[axis + 1 :])]
    outside: BoolMask = ~inside
    return mask & outside


def surface_distances(
    reference: BoolMask, prediction: BoolMask, *, spacing_mm: Spacing | None = None
) -> SurfaceDistances:
    """Distances from each surface to the other, of two masks that both hold a pixel.

    Args:
        reference: (H, W) or (Z, H, W).
        prediction: of the same shape.
        spacing_mm: for distances in millimetres; None for pixels.

    Raises:
        ValueRangeError: if one is no mask or empty, the shapes differ or the spacing is wrong.
    """
    check_pair(reference, prediction)
    spacing = np.array(check_spacing(spacing_mm, dimensions=reference.ndim))
    if not (reference.any() and prediction.any()):
        raise ValueRangeError("an empty mask has no surface; use hd95 and the others with a policy for empty masks")
    first, second = (_surface_places(mask) for mask in (reference, prediction))
    return SurfaceDistances(_nearest(first, second, spacing), _nearest(second, first, spacing))


def hd95(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    spacing_mm: Spacing | None = None,
    empty: EmptyPolicy = "one_if_both_empty",
    pooling: Pooling = "max",
    distances: SurfaceDistances | None = None,
) -> float:
    """95th percentile of the surface distances (linear between ranks), 0 being best.

    Args:
        reference: (H, W) or (Z, H, W).
        prediction: of the same shape.
        spacing_mm: for millimetres; None for pixels.
        empty: see :mod:`promptseg.metrics.empty`; the worst value is :func:`image_diagonal`.
        pooling: ``max`` of the two directed percentiles, or ``joint``: one percentile of both sets together.
        distances: of these two masks, if they are known already (:func:`surface_distances`).

    Raises:
        UnknownNameError: if there is no such pooling or policy.
        ValueRangeError: if one is no mask, the shapes differ or the spacing is wrong.
    """
    if pooling not in get_args(Pooling):
        raise UnknownNameError(f"unknown pooling {pooling!r}; choose one of {', '.join(get_args(Pooling))}")

    def percentile(between: SurfaceDistances) -> float:
        directed = between.from_reference, between.from_prediction
        if pooling == "joint":
            return float(np.percentile(np.concatenate(directed), 95))
        return max(float(np.percentile(one, 95)) for one in directed)

    return _distance(reference, prediction, percentile, spacing_mm=spacing_mm, empty=empty, distances=distances)


def hd(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    spacing_mm: Spacing | None = None,
    empty: EmptyPolicy = "one_if_both_empty",
    distances: SurfaceDistances | None = None,
) -> float:
    """Hausdorff distance: the largest surface distance. Arguments and errors as for :func:`hd95`."""

    def largest(between: SurfaceDistances) -> float:
        return float(max(between.from_reference.max(), between.from_prediction.max()))

    return _distance(reference, prediction, largest, spacing_mm=spacing_mm, empty=empty, distances=distances)


def assd(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    spacing_mm: Spacing | None = None,
    empty: EmptyPolicy = "one_if_both_empty",
    distances: SurfaceDistances | None = None,
) -> float:
    """Average symmetric surface distance: the mean over the pixels of both surfaces. Arguments as for :func:`hd95`."""

    def mean(between: SurfaceDistances) -> float:
        return float(np.concatenate([between.from_reference, between.from_prediction]).mean())

    return _distance(reference, prediction, mean, spacing_mm=spacing_mm, empty=empty, distances=distances)


def nsd(
    reference: BoolMask,
    prediction: BoolMask,
    *,
    tolerance: float,
    spacing_mm: Spacing | None = None,
    empty: EmptyPolicy = "one_if_both_empty",
    distances: SurfaceDistances | None = None,
) -> float:
    """Normalised surface distance: the share of both surfaces that lies within a tolerance of the other, 0 to 1.

    (Nikolov et al. 2021, doi 10.2196/26151, with pixels counted instead of lengths; see the head of this module.)

    Args:
        reference: (H, W) or (Z, H, W).
        prediction: of the same shape.
        tolerance: in millimetres, or in pixels without ``spacing_mm``; a distance equal to it is within.
        spacing_mm: as for :func:`hd95`.
        empty: see :mod:`promptseg.metrics.empty`.
        distances: as for :func:`hd95`.

    Raises:
        ValueRangeError: as for :func:`hd95`, or if the tolerance is negative or not finite.
    """
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise ValueRangeError(f"tolerance must be 0 or more, got {tolerance!r}")
    check_pair(reference, prediction)
    by_policy = value_if_empty(_found(reference, prediction), empty=empty, best=1, worst=0)
    if by_policy is not None:
        return by_policy
    between = distances or surface_distances(reference, prediction, spacing_mm=spacing_mm)
    both = np.concatenate([between.from_reference, between.from_prediction])
    return int(np.count_nonzero(both <= tolerance * (1 + _ROUNDING))) / len(both)


def image_diagonal(shape: tuple[int, ...], *, spacing_mm: Spacing | None = None) -> float:
    """Diagonal of an image or volume from outer corner to outer corner: more than any two pixel centres are apart.

    >>> image_diagonal((300, 400))
    500.0
    """
    spacing = check_spacing(spacing_mm, dimensions=len(shape))
    return math.hypot(*(length * step for length, step in zip(shape, spacing, strict=True)))


def _distance(
    reference: BoolMask,
    prediction: BoolMask,
    summary: Callable[[SurfaceDistances], float],
    *,
    spacing_mm: Spacing | None,
    empty: EmptyPolicy,
    distances: SurfaceDistances | None,
) -> float:
    check_pair(reference, prediction)
    worst = image_diagonal(reference.shape, spacing_mm=spacing_mm)
    by_policy = value_if_empty(_found(reference, prediction), empty=empty, best=0, worst=worst, distance=True)
    if by_policy is not None:
        return by_policy
    return summary(distances or surface_distances(reference, prediction, spacing_mm=spacing_mm))


def _found(reference: BoolMask, prediction: BoolMask) -> tuple[bool, bool]:
    return bool(reference.any()), bool(prediction.any())


def _surface_places(mask: BoolMask) -> NDArray[np.int64]:
    """(N, D) indices of the surface; only the block around the mask is looked at."""
    block = crop_slices(mask)
    places: NDArray[np.int64] = np.argwhere(surface(mask[block])) + np.array([part.start for part in block])
    return places


def _nearest(places: NDArray[np.int64], others: NDArray[np.int64], spacing: Floats) -> Floats:
    """(N,) distance of each place to the nearest of the others, from whole differences of indices."""
    from scipy.spatial import KDTree

    _, nearest = KDTree(others * spacing).query(places * spacing)
    distances: Floats = np.sqrt(np.square((places - others[nearest]) * spacing).sum(axis=1))
    return distances
