"""Point at a lesion, get its mask: promptable segmentation of medical images, ultrasound first.

>>> from promptseg import Point, Prompts
>>> Prompts(points=[Point(120, 90)]).points[0].x
120.0
"""

from importlib import import_module
from typing import TYPE_CHECKING

from promptseg._version import __version__

if TYPE_CHECKING:
    from promptseg.errors import PromptsegError as PromptsegError
    from promptseg.io import read as read
    from promptseg.io import write as write
    from promptseg.models import load as load
    from promptseg.types import Box as Box
    from promptseg.types import Candidates as Candidates
    from promptseg.types import Cine as Cine
    from promptseg.types import Embedding as Embedding
    from promptseg.types import Image as Image
    from promptseg.types import MaskPrompt as MaskPrompt
    from promptseg.types import Point as Point
    from promptseg.types import Prompts as Prompts
    from promptseg.types import Segmenter as Segmenter
    from promptseg.types import Volume as Volume

_HOMES = {
    "Box": "types",
    "Candidates": "types",
    "Cine": "types",
    "Embedding": "types",
    "Image": "types",
    "MaskPrompt": "types",
    "Point": "types",
    "Prompts": "types",
    "PromptsegError": "errors",
    "Segmenter": "types",
    "Volume": "types",
    "load": "models",
    "read": "io",
    "write": "io",
}

__all__ = [
    "Box",
    "Candidates",
    "Cine",
    "Embedding",
    "Image",
    "MaskPrompt",
    "Point",
    "Prompts",
    "PromptsegError",
    "Segmenter",
    "Volume",
    "__version__",
    "load",
    "read",
    "write",
]


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that ``import promptseg`` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'promptseg' has no attribute {name!r}")
    return getattr(import_module(f"promptseg.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
