"""Segment everything in a study: the best mask of each object by brute force, and nothing where nothing is found."""

import math

import numpy as np
import pytest
from study_scenes import scene

from promptseg.autoprompt import EverythingOptions, segment_everything
from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.recipe import EverythingSettings
from promptseg.metrics import iou

LOW = EverythingSettings(grids=[2, 6], score=0.5, stability=0.5)


@pytest.mark.parametrize("grid", [2, 6])
def test_each_object_gets_the_best_of_all_masks(grid: int) -> None:
    where = scene()
    rows = [row for row in EXPERIMENTS["everything"](where, LOW) if row.level == grid]
    options = EverythingOptions(grid=grid, score=0.5, stability=0.5)
    found = segment_everything(where.segmenter, where.image, settings=options)
    assert [row.object for row in rows] == list(where.objects)
    for row in rows:
        ious = [iou(row.object.mask, one.mask(where.image.size)) for one in found]
        assert row.candidate == int(np.argmax(ious))
        assert iou(row.object.mask, row.mask) == max(ious) > 0
        assert row.predicted_score == found[row.candidate].score
        assert row.prompts.points == (found[row.candidate].point,)
        assert (row.policy, row.prompter, row.step) == ("oracle", "everything", 1)


def test_where_nothing_is_found_the_mask_is_empty() -> None:
    rows = list(EXPERIMENTS["everything"](scene(), EverythingSettings(grids=[3], score=1.0)))
    assert len(rows) == 2
    for row in rows:
        assert row.candidate == -1
        assert row.prompts.is_empty
        assert not row.mask.any()
        assert math.isnan(row.predicted_score)


def test_who_takes_no_clicks_is_left_out_and_the_embedding_is_used_again() -> None:
    assert list(EXPERIMENTS["everything"](scene(accepts=frozenset({"boxes"})), LOW)) == []
    where = scene()
    list(EXPERIMENTS["everything"](where, LOW))
    assert where.segmenter.embedded == 1  # type: ignore[attr-defined]
