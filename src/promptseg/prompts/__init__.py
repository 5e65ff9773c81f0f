"""Prompts from masks: pure functions from arrays to :class:`~promptseg.types.Prompts`, no torch."""

from promptseg.prompts.boxes import LOOSENINGS, jitter_box, overlap_box, shift_box, widen_box
from promptseg.prompts.click_train import ClickTrainClicks, click_train_clicks, clicks_for_area
from promptseg.prompts.correction import deepest_error_click, next_click, random_error_click, study_click
from promptseg.prompts.modes import mode_prompts
from promptseg.prompts.noise import jitter_click, miss_click, scribble
from promptseg.prompts.placement import box_around, centre_click, centroid_click, loose_box
from promptseg.prompts.places import probe_clicks
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
    "deepest_error_click",
    "jitter_box",
    "jitter_click",
    "loose_box",
    "miss_click",
    "mode_prompts",
    "next_click",
    "overlap_box",
    "probe_clicks",
    "random_error_click",
    "scribble",
    "shift_box",
    "spread_clicks",
    "study_click",
    "widen_box",
]
