"""The numbers that fix an architecture: enough to build a network without weights, and to write beside saved ones.

No torch here: the table of models holds these values and is listed without it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, TypeVar, final, get_args

from promptseg.errors import CheckpointError

__all__ = [
    "ARCHITECTURES",
    "SAM2_SIZES",
    "SIZES",
    "Architecture",
    "DecoderSizes",
    "MobileSamSizes",
    "Sam2Sizes",
    "SamSizes",
    "sizes_from_json",
    "sizes_to_json",
]

Architecture = Literal["compact", "clicks", "sam", "mobile-sam", "sam2"]
MOST_SIDE: Final = 4096
"""Pixels; published models have 1024."""
MOST_BLOCKS: Final = 128
"""Published models have up to 48."""
MOST_WIDTH: Final = 1 << 20
"""No size at all is larger."""
ARCHITECTURES: Final[tuple[Architecture, ...]] = get_args(Architecture)
"""Every architecture that a file of weights can have."""


@final
@dataclass(frozen=True, slots=True)
class DecoderSizes:
    """Prompt encoder and mask decoder of the SAM family; three masks and the single one are fixed.

    Attributes:
        depth: two-way transformer layers.
        heads: attention heads; not visible in the shapes of weights, 8 in every published model.
        mlp: width inside the layers' MLPs.
        downsample: factor by which cross attention narrows its channels.
        iou_hidden: width of the head that predicts the scores.
        mask_channels: channels between the convolutions that embed a mask prompt.
    """

    depth: int = 2
    heads: int = 8
    mlp: int = 2048
    downsample: int = 2
    iou_hidden: int = 256
    mask_channels: int = 16


@final
@dataclass(frozen=True, slots=True)
class SamSizes:
    """Segment Anything with a plain ViT encoder (arXiv 2304.02643); the defaults are ViT-B.

    Attributes:
        side: side of the square input in pixels.
        patch: side of a patch in pixels.
        width: channels of the encoder.
        depth: encoder blocks.
        heads: attention heads of the encoder.
        mlp: width inside the encoder's MLPs.
        window: side of an attention window in patches.
        global_blocks: blocks that attend to the whole image instead.
        embedding: channels of the image embedding and of the decoder.
        decoder: the rest.
    """

    side: int = 1024
    patch: int = 16
    width: int = 768
    depth: int = 12
    heads: int = 12
    mlp: int = 3072
    window: int = 14
    global_blocks: tuple[int, ...] = (2, 5, 8, 11)
    embedding: int = 256
    decoder: DecoderSizes = field(default_factory=DecoderSizes)


@final
@dataclass(frozen=True, slots=True)
class MobileSamSizes:
    """MobileSAM: a TinyViT encoder before SAM's decoder (arXiv 2306.14289); the defaults are the published model.

    Attributes:
        side: side of the square input in pixels, a multiple of 16; not visible in the shapes of weights.
        widths: channels of the four stages.
        depths: blocks of the four stages; the first stage is convolutional.
        heads: attention heads of stages 1 to 3.
        windows: sides of the attention windows of stages 1 to 3.
        mlp_ratio: width inside the MLPs, and inside the first stage's blocks, over the stage's channels.
        embedding: channels of the image embedding and of the decoder.
        decoder: the rest.
    """

    side: int = 1024
    widths: tuple[int, ...] = (64, 128, 160, 320)
    depths: tuple[int, ...] = (2, 2, 6, 2)
    heads: tuple[int, ...] = (4, 5, 10)
    windows: tuple[int, ...] = (7, 14, 7)
    mlp_ratio: int = 4
    embedding: int = 256
    decoder: DecoderSizes = field(default_factory=DecoderSizes)


@final
@dataclass(frozen=True, slots=True)
class Sam2Sizes:
    """The image part of SAM 2 and 2.1 (arXiv 2408.00714), with a Hiera encoder; the defaults are the tiny model.

    Attributes:
        side: side of the square input in pixels; not visible in the shapes of weights.
        width: channels of the first stage; they double from stage to stage.
        heads: attention heads of the first stage; they double from stage to stage.
        stages: blocks of each stage.
        windows: sides of the attention windows of each stage; only the first is visible in the shapes.
        global_blocks: blocks that attend to the whole image instead; not visible in the shapes.
        background: side of the coarse positional embedding.
        embedding: channels of the image embedding and of the decoder.
        decoder: the rest.
    """

    side: int = 1024
    width: int = 96
    heads: int = 1
    stages: tuple[int, ...] = (1, 2, 7, 2)
    windows: tuple[int, ...] = (8, 4, 14, 7)
    global_blocks: tuple[int, ...] = (5, 7, 9)
    background: int = 7
    embedding: int = 256
    decoder: DecoderSizes = field(default_factory=DecoderSizes)


SAM2_SIZES: Final[dict[str, Sam2Sizes]] = {
    "tiny": Sam2Sizes(),
    "small": Sam2Sizes(stages=(1, 2, 11, 2), global_blocks=(7, 10, 13)),
    "base-plus": Sam2Sizes(width=112, heads=2, stages=(2, 3, 16, 3), global_blocks=(12, 16, 20), background=14),
    "large": Sam2Sizes(
        width=144, heads=2, stages=(2, 6, 36, 4), windows=(8, 4, 16, 8), global_blocks=(23, 33, 43), background=7
    ),
}
"""The four published encoders of SAM 2 (from the configuration files of Meta's package)."""

Sizes = SamSizes | MobileSamSizes | Sam2Sizes
SIZES: Final[dict[Architecture, type[Sizes]]] = {"sam": SamSizes, "mobile-sam": MobileSamSizes, "sam2": Sam2Sizes}
"""The value that describes each architecture of the SAM family."""

SizesT = TypeVar("SizesT", bound=SamSizes | MobileSamSizes | Sam2Sizes | DecoderSizes)


def sizes_to_json(sizes: Sizes) -> dict[str, Any]:
    """Numbers, lists and one dictionary that :func:`sizes_from_json` turns back.

    >>> sizes_from_json(SamSizes, sizes_to_json(SamSizes(depth=3))) == SamSizes(depth=3)
    True
    """
    return _listed(asdict(sizes))


def sizes_from_json(kind: type[SizesT], values: object) -> SizesT:
    """Rebuild sizes from :func:`sizes_to_json`; every name must be there, and every value be positive.

    Raises:
        CheckpointError: a name is missing or unknown, a value is no number, or no network can have these sizes.
    """
    names = [item.name for item in fields(kind)]
    if not isinstance(values, Mapping) or sorted(values) != sorted(names):
        given = sorted(map(str, values)) if isinstance(values, Mapping) else repr(values)
        raise CheckpointError(f"the sizes of the network must name {', '.join(names)}; the file has {given}")
    checked: dict[str, Any] = {name: _value(name, values[name]) for name in names}
    sizes = kind(**checked)
    if not isinstance(sizes, DecoderSizes):
        _check_possible(sizes)
    return sizes


def _check_possible(sizes: Sizes) -> None:
    """Refuse sizes that shapes of weights do not show, or show too late, and that would fail at the first image."""
    decoder, step = sizes.decoder, _step(sizes)
    blocks = sizes.depth if isinstance(sizes, SamSizes) else sum(_stages(sizes))
    inner = sizes.embedding // decoder.downsample
    faults = [
        (sizes.side % step != 0 or sizes.side > MOST_SIDE, f"side {sizes.side} (a multiple of {step} to {MOST_SIDE})"),
        (max(blocks, decoder.depth) > MOST_BLOCKS, f"{max(blocks, decoder.depth)} blocks (up to {MOST_BLOCKS})"),
        (sizes.embedding % decoder.heads or inner % decoder.heads, f"{decoder.heads} heads of the decoder"),
    ]
    if isinstance(sizes, Sam2Sizes):
        starts = {sum(sizes.stages[:stage]) for stage in range(1, len(sizes.stages))}
        faults += [
            (sizes.width % sizes.heads, f"{sizes.heads} heads of the encoder"),
            (len(starts & set(sizes.global_blocks)), "global attention in the first block of a stage"),
            (min(sizes.windows[:-1], default=2) < 2, f"windows {sizes.windows}"),
        ]
    found = [words for fault, words in faults if fault]
    if found:
        raise CheckpointError(f"no network has such sizes: {'; '.join(found)}")


def _step(sizes: Sizes) -> int:
    """What the side of the input must be a multiple of, in pixels."""
    return sizes.patch if isinstance(sizes, SamSizes) else 16 if isinstance(sizes, MobileSamSizes) else 32


def _stages(sizes: MobileSamSizes | Sam2Sizes) -> tuple[int, ...]:
    return sizes.depths if isinstance(sizes, MobileSamSizes) else sizes.stages


def _value(name: str, value: object) -> object:
    if name == "decoder":
        return sizes_from_json(DecoderSizes, value)
    if isinstance(value, list) and all(_is_count(item, least=0) for item in value):
        return tuple(value)
    if _is_count(value, least=1):
        return value
    raise CheckpointError(
        f"the size {name!r} of the network must be a whole number from 1 to {MOST_WIDTH} or a list, got {value!r:.60}"
    )


def _is_count(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= MOST_WIDTH


def _listed(values: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for name, value in values.items():
        shown[name] = (
            _listed(value) if isinstance(value, Mapping) else list(value) if isinstance(value, tuple) else value
        )
    return shown
