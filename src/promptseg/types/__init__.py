"""The values that pass between the parts: images, prompts, embeddings, candidate masks, and what a segmenter is.

Nothing here imports torch, so everything above a model can be built and tested with a fake in milliseconds.
"""

from promptseg.types.images import BoolMask, Cine, Image, Pixels, Source, Volume
from promptseg.types.prompting import Box, Floats, MaskPrompt, Point, Prompts
from promptseg.types.segmenting import POLICIES, Candidates, Embedding, Policy, Segmenter, check_policy

__all__ = [
    "POLICIES",
    "BoolMask",
    "Box",
    "Candidates",
    "Cine",
    "Embedding",
    "Floats",
    "Image",
    "MaskPrompt",
    "Pixels",
    "Point",
    "Policy",
    "Prompts",
    "Segmenter",
    "Source",
    "Volume",
    "check_policy",
]
