"""Models that turn prompts into masks, and the table of those that are known.

Importing this package imports no torch; :func:`load` does.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from promptseg.models.embedding_cache import CachedSegmenter as CachedSegmenter
    from promptseg.models.loading import load as load
    from promptseg.models.predictor import PromptSegmenter as PromptSegmenter
    from promptseg.models.zoo import MODELS as MODELS

_HOMES = {"MODELS": "zoo", "CachedSegmenter": "embedding_cache", "PromptSegmenter": "predictor", "load": "loading"}

__all__ = ["MODELS", "CachedSegmenter", "PromptSegmenter", "load"]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'promptseg.models' has no attribute {name!r}")
    return getattr(import_module(f"promptseg.models.{_HOMES[name]}"), name)
