"""The models that are known by name: one literal table, with the sources of every figure in it.

Importing it imports neither torch nor transformers.
"""

from dataclasses import dataclass
from typing import Final, final

from promptseg.models.preprocessing import Preprocessing
from promptseg.models.sizes import SAM2_SIZES, Architecture, MobileSamSizes, Sam2Sizes, SamSizes, Sizes
from promptseg.types import Policy

__all__ = ["MODELS", "Download", "ModelEntry", "fitting"]


@final
@dataclass(frozen=True, slots=True)
class Download:
    """A published file of weights.

    Attributes:
        url: where it is offered for direct download.
        file_name: its name in our folder of models.
        bytes: its size, None where it is not published.
        sha256: its digest in hexadecimal, None where none is published.
        md5: the same of the older kind, by which some publishers name their files; None where none is published.
        checksum_source: where size and digests were taken from.
    """

    url: str
    file_name: str
    bytes: int | None = None
    sha256: str | None = None
    md5: str | None = None
    checksum_source: str = "not published"


@final
@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What is known of a model before its weights are read.

    Attributes:
        name: how it is called here.
        architecture: which network it is.
        sizes: its numbers; None for the compact architecture, whose files carry them.
        preprocessing: how it wants its pixels.
        default_policy: which mask it gives unless told otherwise.
        licence: SPDX name of the licence of the weights, as their publisher states it.
        origin: the publisher's page.
        citation: the paper.
        download: the published file; None for the embedded model.
        note: one line for the list.
    """

    name: str
    architecture: Architecture
    sizes: Sizes | None
    preprocessing: Preprocessing
    default_policy: Policy
    licence: str
    origin: str
    citation: str
    download: Download | None
    note: str


_IMAGENET_MEAN: Final = (123.675, 116.28, 103.53)
_IMAGENET_STD: Final = (58.395, 57.12, 57.375)

COMPACT: Final = Preprocessing(fit="letterbox", side=256, channels=1, intensity="standardise")
SAM: Final = Preprocessing(
    fit="letterbox", side=1024, channels=3, intensity="display", mean=_IMAGENET_MEAN, std=_IMAGENET_STD, rounded=True
)
SAM2: Final = Preprocessing(
    fit="squash", side=1024, channels=3, intensity="display", mean=_IMAGENET_MEAN, std=_IMAGENET_STD
)
MEDSAM: Final = Preprocessing(fit="squash", side=1024, channels=3, intensity="min-max", resample="bicubic")

_META: Final = "https://dl.fbaipublicfiles.com/segment_anything"
_META_SUMS: Final = "md5: its first digits stand in the file's own name; size and sha256: micro-sam's model registry"
_HUB: Final = "https://huggingface.co/facebook/sam2.1-hiera-"
_SAM_PAPER: Final = "Kirillov et al., Segment Anything, ICCV 2023, arXiv 2304.02643"
_SAM_PAGE: Final = "https://github.com/facebookresearch/segment-anything"
_SAM2_PAPER: Final = "Ravi et al., SAM 2: Segment Anything in Images and Videos, arXiv 2408.00714"
_SAM2_PAGE: Final = "https://github.com/facebookresearch/sam2"


def _sam(name: str, sizes: SamSizes, download: Download, note: str) -> ModelEntry:
    return ModelEntry(name, "sam", sizes, SAM, "best-score", "Apache-2.0", _SAM_PAGE, _SAM_PAPER, download, note)


def _sam2(size: str, sizes: Sam2Sizes, *, bytes_: int, sha256: str) -> ModelEntry:
    file_name = f"sam2.1_hiera_{size.replace('-', '_')}.pt"
    download = Download(
        f"{_META}_2/092824/{file_name}",
        file_name,
        bytes=bytes_,
        sha256=sha256,
        checksum_source=f"{_HUB}{size} (the publisher's own page, git-lfs pointer)",
    )
    note = f"SAM 2.1 for images, Hiera {size}"
    return ModelEntry(
        f"sam2.1-hiera-{size}", "sam2", sizes, SAM2, "best-score", "Apache-2.0", _SAM2_PAGE, _SAM2_PAPER, download, note
    )
