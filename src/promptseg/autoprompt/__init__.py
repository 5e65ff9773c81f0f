"""Prompts without a human: segment everything."""

from promptseg.autoprompt.everything import EverythingOptions, segment_everything
from promptseg.autoprompt.found import FoundMask

__all__ = ["EverythingOptions", "FoundMask", "segment_everything"]
