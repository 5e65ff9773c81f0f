"""Prompts from masks: pure functions from arrays to :class:`~promptseg.types.Prompts`, no torch."""

from promptseg.prompts.correction import next_click
from promptseg.prompts.placement import LOOSENINGS, box_around, centre_click, jitter_box, loose_box, widen_box

__all__ = ["LOOSENINGS", "box_around", "centre_click", "jitter_box", "loose_box", "next_click", "widen_box"]
