"""The models that are known by name: one literal table, with the sources of every figure in it.

Importing it imports neither torch nor transformers.
"""

from dataclasses import dataclass
from typing import Final, final

from promptseg.models.preprocessing import Preprocessing
from promptseg.models.sizes import SAM2_SIZES, Architecture, MobileSamSizes, SamSizes, Sizes
from promptseg.types import Policy

__all__ = ["MODELS", "ModelEntry", "Origin", "fitting"]


@final
@dataclass(frozen=True, slots=True)
class Origin:
    """A published file of weights.

    Attributes:
        url: where it is offered for direct download.
        file: its name in our folder of models.
        size_bytes: its size.
        sha256: its digest in hexadecimal.
        md5: its digest of the older kind, by which some publishers identify their files, or None.
        source: where size and digests were published; they were not computed here.
    """

    url: str
    file: str
    size_bytes: int
    sha256: str
    md5: str | None = None
    source: str = ""


@final
@dataclass(frozen=True, slots=True)
class ModelEntry:
    """What is known of a model before its weights are read.

    Attributes:
        name: how it is called here.
        architecture: which network it is.
        sizes: its numbers; None for our own architectures, whose files carry them.
        preprocessing: how it wants its pixels.
        default_policy: which mask it gives unless told otherwise.
        licence: SPDX name of the licence of the weights, as their publisher states it.
        page: the publisher's page.
        citation: the paper, or what else there is to read.
        origin: the published file; None for an embedded model.
        note: one line for the list.
    """

    name: str
    architecture: Architecture
    sizes: Sizes | None
    preprocessing: Preprocessing
    default_policy: Policy
    licence: str
    page: str
    citation: str
    origin: Origin | None
    note: str


_MEAN: Final = (123.675, 116.28, 103.53)
_STD: Final = (58.395, 57.12, 57.375)
_COMPACT: Final = Preprocessing("letterbox", 320, 1, "standardise")
_SMALL: Final = Preprocessing("letterbox", 256, 1, "standardise")
_SAM: Final = Preprocessing("letterbox", 1024, 3, "display", _MEAN, _STD, rounded=True)
_SAM2: Final = Preprocessing("squash", 1024, 3, "display", _MEAN, _STD)
_MEDSAM: Final = Preprocessing("squash", 1024, 3, "min-max", resample="bicubic")

_META: Final = "https://dl.fbaipublicfiles.com/segment_anything"
_SAM_PAGE: Final = "https://github.com/facebookresearch/segment-anything"
_SAM2_PAGE: Final = "https://github.com/facebookresearch/sam2"
_SAM_PAPER: Final = "Kirillov et al., Segment Anything, ICCV 2023, arXiv 2304.02643"
_SAM2_PAPER: Final = "Ravi et al., SAM 2: Segment Anything in Images and Videos, ICLR 2025, arXiv 2408.00714"
_SAM_SUMS: Final = (
    "MD5: its first six digits stand in the file's name, given by Meta; SHA-256: micro-sam's registry of models "
    "(github.com/computational-cell-analytics/micro-sam); size: git-lfs pointers of copies, of the same SHA-256"
)
_SAM2_SUMS: Final = (
    "SHA-256: micro-sam's registry of models, for tiny and small also Meta's pages at huggingface.co/facebook; size: "
    "git-lfs pointers of copies, of the same SHA-256"
)

MODELS: Final[dict[str, ModelEntry]] = {
    "default": ModelEntry(
        "default",
        "compact",
        None,
        _COMPACT,
        "single",
        "Apache-2.0",
        "docs/reference/model-card.md",
        "the model card",
        None,
        "small, inside the package, trained by promptseg on ultrasound first",
    ),
    "default-zeroshot": ModelEntry(
        "default-zeroshot",
        "compact",
        None,
        _SMALL,
        "single",
        "Apache-2.0",
        "docs/reference/model-card.md",
        "the model card",
        None,
        "as default, but its training never saw breast ultrasound: for zero-shot and adaptation studies",
    ),
    "default-clicks": ModelEntry(
        "default-clicks",
        "clicks",
        None,
        _SMALL,
        "single",
        "Apache-2.0",
        "docs/reference/model-card.md",
        "the model card",
        None,
        "a click-based network after RITM for comparisons: clicks and a mask, no boxes; one mask",
    ),
    "sam-vit-b": ModelEntry(
        "sam-vit-b",
        "sam",
        SamSizes(),
        _SAM,
        "best-score",
        "Apache-2.0",
        _SAM_PAGE,
        _SAM_PAPER,
        Origin(
            f"{_META}/sam_vit_b_01ec64.pth",
            "sam_vit_b_01ec64.pth",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            "01ec64d29a2fca3f0661936605ae66f8",
            _SAM_SUMS,
        ),
        "Segment Anything, ViT-B: the smallest of the three",
    ),
    "sam-vit-l": ModelEntry(
        "sam-vit-l",
        "sam",
        SamSizes(width=1024, depth=24, heads=16, mlp=4096, global_blocks=(5, 11, 17, 23)),
        _SAM,
        "best-score",
        "Apache-2.0",
        _SAM_PAGE,
        _SAM_PAPER,
        Origin(
            f"{_META}/sam_vit_l_0b3195.pth",
            "sam_vit_l_0b3195.pth",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            "0b3195507c641ddb6910d2bb5adee89c",
            _SAM_SUMS,
        ),
        "Segment Anything, ViT-L",
    ),
    "sam-vit-h": ModelEntry(
        "sam-vit-h",
        "sam",
        SamSizes(width=1280, depth=32, heads=16, mlp=5120, global_blocks=(7, 15, 23, 31)),
        _SAM,
        "best-score",
        "Apache-2.0",
        _SAM_PAGE,
        _SAM_PAPER,
        Origin(
            f"{_META}/sam_vit_h_4b8939.pth",
            "sam_vit_h_4b8939.pth",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            "4b8939a88964f0f4ff5f5b2642c598a6",
            _SAM_SUMS,
        ),
        "Segment Anything, ViT-H: the largest",
    ),
    "medsam-vit-b": ModelEntry(
        "medsam-vit-b",
        "sam",
        SamSizes(),
        _MEDSAM,
        "single",
        "Apache-2.0",
        "https://github.com/bowang-lab/MedSAM",
        "Ma et al., Segment anything in medical images, Nature Communications 15:654, 2024, arXiv 2304.12306",
        Origin(
            "https://zenodo.org/records/10689643/files/medsam_vit_b.pth",
            "medsam_vit_b.pth",
            375_049_145,
            "34b34b78c1d18cb8c6bf84cf9c00e135d6d6c965699f3c0e31ef1bc9dcb5be74",
            "3bb6db55bd0c9ca30b61248bca72f8d6",
            "the authors offer the file on Google Drive without a digest; the address is a copy on Zenodo; MD5: as "
            "checked by code of the German Cancer Research Center that fetches it there; size and SHA-256: git-lfs "
            "pointers of copies",
        ),
        "MedSAM: ViT-B trained on medical images, for boxes",
    ),
    "mobile-sam": ModelEntry(
        "mobile-sam",
        "mobile-sam",
        MobileSamSizes(),
        _SAM,
        "best-score",
        "Apache-2.0",
        "https://github.com/ChaoningZhang/MobileSAM",
        "Zhang et al., Faster Segment Anything: Towards Lightweight SAM for Mobile Applications, arXiv 2306.14289",
        Origin(
            "https://github.com/ChaoningZhang/MobileSAM/raw/master/weights/mobile_sam.pt",
            "mobile_sam.pt",
            40_728_226,
            "6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
            None,
            "git-lfs pointer at huggingface.co/spaces/dhkim2810/MobileSAM, an author's page, and micro-sam's registry",
        ),
        "MobileSAM: a small encoder before Segment Anything's decoder",
    ),
    "sam2.1-hiera-tiny": ModelEntry(
        "sam2.1-hiera-tiny",
        "sam2",
        SAM2_SIZES["tiny"],
        _SAM2,
        "best-score",
        "Apache-2.0",
        _SAM2_PAGE,
        _SAM2_PAPER,
        Origin(
            f"{_META}_2/092824/sam2.1_hiera_tiny.pt",
            "sam2.1_hiera_tiny.pt",
            156_008_466,
            "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
            None,
            _SAM2_SUMS,
        ),
        "SAM 2.1 for single images, Hiera-T",
    ),
    "sam2.1-hiera-small": ModelEntry(
        "sam2.1-hiera-small",
        "sam2",
        SAM2_SIZES["small"],
        _SAM2,
        "best-score",
        "Apache-2.0",
        _SAM2_PAGE,
        _SAM2_PAPER,
        Origin(
            f"{_META}_2/092824/sam2.1_hiera_small.pt",
            "sam2.1_hiera_small.pt",
            184_416_285,
            "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
            None,
            _SAM2_SUMS,
        ),
        "SAM 2.1 for single images, Hiera-S",
    ),
    "sam2.1-hiera-base-plus": ModelEntry(
        "sam2.1-hiera-base-plus",
        "sam2",
        SAM2_SIZES["base-plus"],
        _SAM2,
        "best-score",
        "Apache-2.0",
        _SAM2_PAGE,
        _SAM2_PAPER,
        Origin(
            f"{_META}_2/092824/sam2.1_hiera_base_plus.pt",
            "sam2.1_hiera_base_plus.pt",
            323_606_802,
            "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
            None,
            _SAM2_SUMS,
        ),
        "SAM 2.1 for single images, Hiera-B+",
    ),
    "sam2.1-hiera-large": ModelEntry(
        "sam2.1-hiera-large",
        "sam2",
        SAM2_SIZES["large"],
        _SAM2,
        "best-score",
        "Apache-2.0",
        _SAM2_PAGE,
        _SAM2_PAPER,
        Origin(
            f"{_META}_2/092824/sam2.1_hiera_large.pt",
            "sam2.1_hiera_large.pt",
            898_083_611,
            "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
            None,
            _SAM2_SUMS,
        ),
        "SAM 2.1 for single images, Hiera-L",
    ),
}
"""Every model by its name. Sizes in bytes and digests are as published, see :attr:`Origin.source`."""


def fitting(architecture: Architecture, sizes: Sizes | None) -> str:
    """Name of the model of these sizes, else of the first of this architecture.

    >>> fitting("sam", SamSizes(depth=2))
    'sam-vit-b'
    """
    same = [entry for entry in MODELS.values() if entry.architecture == architecture]
    return next((entry.name for entry in same if entry.sizes == sizes), same[0].name)
