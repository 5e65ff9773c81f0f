"""Non-maximum suppression against brute force on pixels."""

from itertools import combinations

import numpy as np
import pytest

from promptseg.autoprompt.suppression import suppress
from promptseg.metrics import iou
from promptseg.types import Box


def random_boxes(rng: np.random.Generator, count: int) -> list[Box]:
    corners = rng.integers(0, 12, (count, 2, 2))
    return [Box(*np.sort(pair, axis=0).ravel().tolist()) for pair in corners]


def drawn(box: Box) -> np.ndarray:
    mask = np.zeros((12, 12), dtype=np.bool_)
    mask[int(box.y0) : int(box.y1) + 1, int(box.x0) : int(box.x1) + 1] = True
    return mask


def brute_force(boxes: list[Box], scores: list[float], overlap: float) -> list[int]:
    """One by one by falling score: a box stays if no box that stayed before overlaps it too much, pixel by pixel."""
    kept: list[int] = []
    for place in sorted(range(len(boxes)), key=lambda index: -scores[index]):
        if all(iou(drawn(boxes[other]), drawn(boxes[place])) <= overlap for other in kept):
            kept.append(place)
    return kept


@pytest.mark.parametrize("seed", range(25))
def test_against_brute_force_with_ties(seed: int) -> None:
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, 20)
    scores = (rng.integers(0, 4, 20) / 4).tolist()
    for overlap in (0.0, 0.3, 0.7, 1.0):
        assert suppress(boxes, scores, overlap=overlap) == brute_force(boxes, scores, overlap)


def test_what_stays_does_not_overlap_and_what_goes_does() -> None:
    rng = np.random.default_rng(99)
    boxes, scores = random_boxes(rng, 60), rng.random(60).tolist()
    kept = suppress(boxes, scores, overlap=0.4)
    assert all(iou(drawn(boxes[a]), drawn(boxes[b])) <= 0.4 for a, b in combinations(kept, 2))
    for gone in set(range(60)) - set(kept):
        better = [place for place in kept if scores[place] >= scores[gone]]
        assert any(iou(drawn(boxes[gone]), drawn(boxes[place])) > 0.4 for place in better)


def test_nothing_gives_nothing_and_one_pixel_counts() -> None:
    assert suppress([], [], overlap=0.5) == []
    assert suppress([Box(3, 3, 3, 3), Box(3, 3, 3, 3), Box(4, 3, 4, 3)], [0.1, 0.2, 0.3], overlap=0.5) == [2, 1]
