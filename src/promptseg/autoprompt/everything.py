"""Segment everything: masks of all that can be clicked on in an image, without a word from a user.

Segment Anything's automatic masks (arXiv 2304.02643, section 5 and appendix B; defaults of its public code) for any
segmenter: a grid of clicks, several masks for each, of which those stay that the model believes in, that hardly change
with the threshold and that do not repeat one another. In medical images parts of low contrast need lower thresholds,
such as a score of 0.5 to 0.7 and a stability of 0.85, and what is found depends on how dense the grid is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from promptseg.autoprompt.found import FoundMask, pack, repacked, without_small_regions
from promptseg.autoprompt.grid import OVERLAP, crop_boxes, grid_points
from promptseg.autoprompt.suppression import suppress
from promptseg.errors import ValueRangeError
from promptseg.geometry.regions import box_size, box_slices, box_to_exclusive
from promptseg.types import Box, Candidates, Embedding, Image, Pixels, Point, Prompts, Segmenter, policy_of_several

__all__ = ["EverythingOptions", "segment_everything"]


@final
@dataclass(frozen=True, slots=True)
class EverythingOptions:
    """How dense the grid is, and which masks stay.

    Attributes:
        grid: points on each side of the grid on the whole image.
        score: masks with a predicted IoU of this or less are dropped; masks without one stay.
        stability: masks that are less stable are dropped.
        stability_offset: how far the threshold is moved up and down for the stability, in logits.
        overlap: of two masks whose boxes have a higher IoU the one of lower score is dropped.
        crop_layers: layers of crops that are looked at beside the whole image; layer i has 2^i x 2^i.
        crop_overlap: of neighbouring crops of the first layer, as a share of the short side.
        crop_grid_divisor: the grid of layer i is this to the power of i coarser.
        edge_px: masks of a crop that end within this of its edge are dropped, unless the image ends there too.
        least_area_px: holes and islands of fewer pixels are removed; 0 leaves them.
        at_once: clicks in one pass.
    """

    grid: int = 32
    score: float = 0.88
    stability: float = 0.95
    stability_offset: float = 1.0
    overlap: float = 0.7
    crop_layers: int = 0
    crop_overlap: float = OVERLAP
    crop_grid_divisor: int = 1
    edge_px: int = 20
    least_area_px: int = 0
    at_once: int = 64

    def __post_init__(self) -> None:
        for name, least in (("grid", 1), ("crop_grid_divisor", 1), ("at_once", 1), ("crop_layers", 0)):
            if getattr(self, name) < least:
                raise ValueRangeError(f"{name} must be {least} or more, got {getattr(self, name)!r}")
        for name in ("score", "stability", "overlap"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueRangeError(f"{name} must be from 0 to 1, got {getattr(self, name)!r}")
        for name in ("stability_offset", "edge_px", "least_area_px"):
            if not getattr(self, name) >= 0:
                raise ValueRangeError(f"{name} must be 0 or more, got {getattr(self, name)!r}")


def segment_everything(
    segmenter: Segmenter,
    image: Image | Pixels,
    *,
    settings: EverythingOptions | None = None,
    embedding: Embedding | None = None,
) -> list[FoundMask]:
    """All masks that clicks on a grid find, the best first within a crop, smaller crops first.

    Masks of low score are dropped before they are brought to image size. Stability is the area at the higher threshold
    over that at the lower one, at the size of the crop as Segment Anything measures it. What is suppressed is told by
    boxes, not masks, with inclusive corners: see :func:`~promptseg.autoprompt.suppression.suppress` for the difference.

    Args:
        segmenter: any; one that offers several masks for a click is asked for all of them.
        image: (H, W) or (H, W, 3).
        settings: by default those of Segment Anything.
        embedding: of the whole image, if it is there already.

    Raises:
        PromptError: the embedding is of another model.
        ValueRangeError: the image is none.
    """
    options = settings or EverythingOptions()
    picture = image if isinstance(image, Image) else Image(np.asarray(image))
    found: list[FoundMask] = []
    for crop_box, layer in crop_boxes(picture.size, options.crop_layers, overlap=options.crop_overlap):
        crop = picture if layer == 0 else _cropped(picture, crop_box)
        known = embedding if layer == 0 and embedding is not None else segmenter.embed(crop)
        points = grid_points(max(1, options.grid // options.crop_grid_divisor**layer), crop.size)
        clicks = [Point(x, y) for x, y in points.tolist()]
        masks = list(_found(segmenter, known, clicks, crop_box, options))
        masks = [mask for mask in masks if not _is_cut(mask.box, crop_box, picture.size, options.edge_px)]
        kept = suppress([mask.box for mask in masks], [mask.rank for mask in masks], overlap=options.overlap)
        found += [masks[index] for index in kept]
    if options.crop_layers:
        smallest_first = [-float(np.prod(box_size(mask.crop_box))) for mask in found]
        kept = suppress([mask.box for mask in found], smallest_first, overlap=options.overlap)
        found = [found[index] for index in kept]
    return _tidied(found, picture.size, options) if options.least_area_px else found


def _found(
    segmenter: Segmenter, embedding: Embedding, clicks: Sequence[Point], crop_box: Box, options: EverythingOptions
) -> Iterator[FoundMask]:
    """What the clicks of one crop find, filtered by score and stability; in pixels of the image."""
    several = policy_of_several(segmenter)
    for start in range(0, len(clicks), options.at_once):
        batch = clicks[start : start + options.at_once]
        answers = segmenter.segment(embedding, [Prompts(points=[click]) for click in batch], choose=several)
        for click, candidates in zip(batch, answers, strict=True):
            point = Point(click.x + crop_box.x0, click.y + crop_box.y0)
            yield from _good_masks(candidates, point, crop_box, options)


def _good_masks(candidates: Candidates, point: Point, crop_box: Box, options: EverythingOptions) -> Iterator[FoundMask]:
    believed = np.flatnonzero(~(candidates.scores <= options.score))
    if not len(believed):
        return
    scores, offset = candidates.scores[believed].tolist(), options.stability_offset
    for logits, score in zip(candidates.to_image(candidates.low_res_logits[believed]), scores, strict=True):
        smaller, larger = (int(np.count_nonzero(logits > threshold)) for threshold in (offset, -offset))
        mask = logits > 0
        if larger and smaller >= options.stability * larger and mask.any():
            box, bits, area_px = pack(mask, at=(round(crop_box.y0), round(crop_box.x0)))
            yield FoundMask(box, bits, area_px, score, smaller / larger, point, crop_box)


def _is_cut(box: Box, crop_box: Box, image_size: tuple[int, int], edge_px: int) -> bool:
    """Whether the box ends at an edge of the crop that is no edge of the image; far edges are just outside."""
    corners, crop = np.array([box.x0, box.y0, box.x1, box.y1]), np.array(box_to_exclusive(crop_box))
    image = np.array([0, 0, image_size[1], image_size[0]])
    at_crop, at_image = (np.abs(corners - edges) <= edge_px for edges in (crop, image))
    return bool((at_crop & ~at_image).any())


def _tidied(found: Sequence[FoundMask], image_size: tuple[int, int], options: EverythingOptions) -> list[FoundMask]:
    """Without small holes and islands; of masks that became alike those that did not change stay."""
    tidied, unchanged = [], []
    for one in found:
        before = one.mask(image_size)
        after = without_small_regions(before, options.least_area_px)
        unchanged.append(float(np.array_equal(before, after)))
        tidied.append(one if unchanged[-1] else repacked(one, after))
    kept = suppress([mask.box for mask in tidied], unchanged, overlap=options.overlap)
    return [tidied[index] for index in kept]


def _cropped(image: Image, box: Box) -> Image:
    place = box_slices(box, image.size)
    return Image(
        image.pixels[place],
        spacing_mm=image.spacing_mm,
        window=image.window,
        valid=None if image.valid is None else image.valid[place],
        shown=None if image.shown is None else image.shown[place],
    )
