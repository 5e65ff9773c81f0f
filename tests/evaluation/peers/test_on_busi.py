"""The ellipse on BUSI: the figures that every model is held against."""

import numpy as np
import pytest
from shared_data import shared

from promptseg.data.sources.busi import BusiOptions, list_busi
from promptseg.evaluation.peers import build_peer
from promptseg.geometry.regions import tight_box
from promptseg.metrics import dice
from promptseg.types import Prompts

PUBLISHED = {"benign": 0.916, "malignant": 0.843}
"""Mean Dice on all 647 lesion images at full size; here are 518 of them, at 512 pixels."""


@pytest.mark.parametrize("stratum", PUBLISHED)
def test_the_ellipse_in_tight_boxes_of_lesions(stratum: str) -> None:
    samples = list_busi(shared("data/busi"), BusiOptions(normals=False)).samples
    peer, scores = build_peer("ellipse"), []
    for sample in samples:
        if sample.stratum != stratum:
            continue
        masks = [item.mask for item in sample.read_objects()]
        boxes = [box for box in map(tight_box, masks) if box is not None]
        embedding = peer.embed(np.zeros(masks[0].shape, np.uint8))
        scores.append(dice(np.any(masks, axis=0), peer.segment(embedding, Prompts(boxes=boxes)).mask))
    assert len(scores) > 160
    assert np.mean(scores) == pytest.approx(PUBLISHED[stratum], abs=0.02)
