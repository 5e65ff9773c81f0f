"""Small networks of every architecture with random weights, so that tests need no file and no minute."""

import torch
from torch import nn

from promptseg.models.click_net import ClickConfig, ClickNet
from promptseg.models.click_network import ClickNetwork
from promptseg.models.click_segmenter import ClickOptions, ClickSegmenter
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.preprocessing import Preprocessing
from promptseg.models.sam import SamNetwork, build_mobile_sam, build_sam
from promptseg.models.sam2 import Sam2Network, build_sam2
from promptseg.models.sizes import DecoderSizes, MobileSamSizes, Sam2Sizes, SamSizes
from promptseg.models.zoo import MODELS

__all__ = [
    "CLICKS",
    "click_network",
    "filled",
    "small_clicks",
    "small_focal_clicks",
    "small_medsam",
    "small_mobile_sam",
    "small_sam",
    "small_sam2",
]

DECODER = DecoderSizes(depth=2, heads=2, mlp=32, iou_hidden=16, mask_channels=16)
SAM = SamSizes(
    side=64, patch=16, width=32, depth=2, heads=2, mlp=64, window=2, global_blocks=(1,), embedding=32, decoder=DECODER
)
MOBILE_SAM = MobileSamSizes(
    side=64,
    widths=(8, 16, 16, 32),
    depths=(1, 1, 1, 1),
    heads=(2, 2, 2),
    windows=(4, 4, 2),
    embedding=32,
    decoder=DECODER,
)
SAM2 = Sam2Sizes(
    side=64,
    width=8,
    heads=1,
    stages=(1, 1, 2, 1),
    windows=(4, 2, 2, 2),
    global_blocks=(3,),
    background=4,
    embedding=32,
    decoder=DECODER,
)
CLICKS = ClickConfig(
    size=64, widths=(8, 16, 16, 32), depths=(1, 1, 1, 1), heads=2, kernel=3, pyramid=(8, 8, 16, 32), fusion=4, head=16
)


def filled(module: nn.Module, *, seed: int = 0) -> nn.Module:
    """A module of the meta device with random weights; variances are positive, scales around 1."""
    generator = torch.Generator().manual_seed(seed)
    weights = {}
    for name, value in module.state_dict().items():
        if not value.dtype.is_floating_point:
            weights[name] = torch.zeros(value.shape, dtype=value.dtype)
            continue
        drawn = torch.randn(value.shape, generator=generator) * 0.2
        positive = name.endswith("running_var") or (value.ndim == 1 and name.endswith("weight"))
        weights[name] = drawn.abs() + 0.5 if positive else drawn
    module.load_state_dict(weights, assign=True)
    return module.eval().requires_grad_(requires_grad=False)


def small_sam() -> PromptSegmenter:
    return _segmenter(SamNetwork(filled(build_sam(SAM)), SAM), "sam-vit-b", "small-sam")


def small_medsam() -> PromptSegmenter:
    return _segmenter(SamNetwork(filled(build_sam(SAM)), SAM), "medsam-vit-b", "small-medsam")


def small_mobile_sam() -> PromptSegmenter:
    return _segmenter(SamNetwork(filled(build_mobile_sam(MOBILE_SAM)), MOBILE_SAM), "mobile-sam", "small-mobile-sam")


def small_sam2() -> PromptSegmenter:
    return _segmenter(Sam2Network(filled(build_sam2(SAM2)), SAM2), "sam2.1-hiera-tiny", "small-sam2")


def click_network(config: ClickConfig = CLICKS, *, seed: int = 0) -> ClickNetwork:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ClickNetwork(ClickNet(config).eval().requires_grad_(requires_grad=False))


def small_clicks(options: ClickOptions | None = None) -> ClickSegmenter:
    return ClickSegmenter(
        click_network(), Preprocessing("letterbox", 64, 1, "standardise"), name="small-clicks", options=options
    )


def small_focal_clicks() -> ClickSegmenter:
    return small_clicks(ClickOptions(zoom="always", focus=True, merge=True))


def _segmenter(network: SamNetwork | Sam2Network, like: str, name: str) -> PromptSegmenter:
    pixels = MODELS[like].preprocessing
    small = Preprocessing(pixels.fit, 64, 3, pixels.intensity, pixels.mean, pixels.std, pixels.resample, pixels.rounded)
    return PromptSegmenter(network, small, name=name, default_policy=MODELS[like].default_policy)
