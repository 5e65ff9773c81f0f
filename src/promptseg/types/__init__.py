"""The values that pass between the parts: images, prompts, embeddings, candidate masks, and what a segmenter is.

Nothing here imports torch, so everything above a model can be built and tested with a fake in milliseconds.
"""

from promptseg.types.images import BoolMask, Cine, Image, Pixels, Source, Volume
from promptseg.types.prompting import Box, Floats, MaskPrompt, Point, Prompts
from promptseg.types.segmenting import (
    POLICIES,
    PROMPT_KINDS,
    BothWays,
    Candidates,
    Embedding,
    Policy,
    PromptKind,
    Segmenter,
    accepted_prompts,
    check_policy,
    needs_mask,
    offered_policies,
    policy_of_several,
)

__all__ = [
    "POLICIES",
    "PROMPT_KINDS",
    "BoolMask",
    "BothWays",
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
    "PromptKind",
    "Prompts",
    "Segmenter",
    "Source",
    "Volume",
    "accepted_prompts",
    "check_policy",
    "needs_mask",
    "offered_policies",
    "policy_of_several",
]
