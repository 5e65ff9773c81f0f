"""Prompts made from the reference mask for the evaluation: ClickSAM's clicks, jittered boxes, the ellipse in a box."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from promptseg.types import Box, Point

BoolMask = npt.NDArray[np.bool_]
EIGHT = np.ones((3, 3), dtype=bool)
CLICKS_OF_A_KIND = 10
GOOD_ENOUGH_IOU = 0.95


def tight(mask: BoolMask) -> Box:
    """Box around a mask that is not empty, corners inclusive."""
    rows, columns = np.nonzero(mask)
    return Box(float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max()))


def jittered(box: Box, size: tuple[int, int], rng: np.random.Generator, *, fraction: float = 0.1) -> Box:
    """Move each corner coordinate by gaussian noise of `fraction` of the side, at most 20 px; clipped to the image."""
    side = np.array([box.x1 - box.x0 + 1.0, box.y1 - box.y0 + 1.0] * 2)
    noise = np.clip(rng.normal(0.0, 1.0, 4) * fraction * side, -20.0, 20.0)
    limit = np.array([size[1] - 1, size[0] - 1] * 2)
    x0, y0, x1, y1 = np.clip(np.array([box.x0, box.y0, box.x1, box.y1]) + noise, 0, limit).tolist()
    return Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))


def ellipse(box: Box, size: tuple[int, int]) -> BoolMask:
    """The ellipse inscribed in a box, as a mask: the peer that needs no image at all."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    u = (columns - 0.5 * (box.x0 + box.x1)) / (0.5 * (box.x1 - box.x0 + 1.0))
    v = (rows - 0.5 * (box.y0 + box.y1)) / (0.5 * (box.y1 - box.y0 + 1.0))
    result: BoolMask = u**2 + v**2 <= 1.0
    return result


def clicksam_clicks(reference: BoolMask, prediction: BoolMask, rng: np.random.Generator) -> list[Point]:
    """Clicks for the second stage of ClickSAM (arXiv 2402.05902), placed by the rule of Segmentation Click Train.

    8-connected parts of what is right, missed and too much, large ones first; a part of A pixels (scaled to 512 x 512)
    gets min(5, trunc(1 + 2 (log10 A - 3))) clicks, an error of at least 5 % of the right area at least one; at most
    ten of each kind. Places: k-means centres (Lloyd) moved to the nearest pixel of the part. An empty list if the
    prediction is good enough (IoU > .95) or has no error worth a click.
    """
    common, either = float((reference & prediction).sum()), float((reference | prediction).sum())
    if common / max(either, 1.0) > GOOD_ENOUGH_IOU:
        return []
    right = _clicks_of_a_kind(reference & prediction, 0.0, rng)
    missed = _clicks_of_a_kind(reference & ~prediction, common, rng)
    extra = _clicks_of_a_kind(prediction & ~reference, common, rng)
    if not missed and not extra:
        return []
    return [Point(x, y) for x, y in right + missed] + [Point(x, y, positive=False) for x, y in extra]


def _clicks_of_a_kind(region: BoolMask, right_area: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    parts, count = ndimage.label(region, structure=EIGHT)
    areas = ndimage.sum_labels(region, parts, np.arange(1, count + 1))
    clicks: list[tuple[float, float]] = []
    for part in np.argsort(-np.asarray(areas), kind="stable") + 1:
        area = float(areas[part - 1])
        scaled = area * 512.0**2 / region.size
        wanted = min(5, max(0, math.trunc(1.0 + 2.0 * (math.log10(scaled) - 3.0))))
        if wanted == 0 and 0.0 < 0.05 * right_area <= area:
            wanted = 1
        if wanted == 0 or len(clicks) + wanted > CLICKS_OF_A_KIND:
            break
        clicks += _spread(np.argwhere(parts == part), wanted, rng)
    return clicks


def _spread(pixels: npt.NDArray[np.int64], count: int, rng: np.random.Generator) -> list[tuple[float, float]]:
    """Lloyd's algorithm on the pixels (row, column) of a region; centres are moved to the nearest of its pixels."""
    count = min(count, len(pixels))
    centres = pixels[rng.choice(len(pixels), size=count, replace=False)].astype(float)
    for _ in range(50):
        nearest = ((pixels[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
        moved = np.array([pixels[nearest == k].mean(0) if (nearest == k).any() else centres[k] for k in range(count)])
        shift = float(np.abs(moved - centres).max())
        centres = moved
        if shift < 0.5:
            break
    places = [pixels[((pixels - centre) ** 2).sum(-1).argmin()] for centre in centres]
    return [(float(column), float(row)) for row, column in places]
