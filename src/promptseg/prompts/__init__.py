"""Prompts from masks: pure functions from arrays to :class:`~promptseg.types.Prompts`, no torch."""

from promptseg.prompts.click_train import ClickTrainClicks, click_train_clicks, clicks_for_area
from promptseg.prompts.correction import next_click
from promptseg.prompts.noise import jitter_click, miss_click, scribble
from promptseg.prompts.placement import (
    LOOSENINGS,
    box_around,
    centre_click,
    centroid_click,
    jitter_box,
    loose_box,
    widen_box,
)
from promptseg.prompts.voronoi import SPREADINGS, click_energy, spread_clicks

__all__ = [
    "LOOSENINGS",
    "SPREADINGS",
    "ClickTrainClicks",
    "box_around",
    "centre_click",
    "centroid_click",
    "click_energy",
    "click_train_clicks",
    "clicks_for_area",
    "jitter_box",
    "jitter_click",
    "loose_box",
    "miss_click",
    "next_click",
    "scribble",
    "spread_clicks",
    "widen_box",
]
