"""The moved projections give what transformers' own decoder gives: values, gradients, and with adapters put on."""

import copy

import pytest
import torch
from torch import nn
from transformers import SamMaskDecoderConfig
from transformers.models.sam.modeling_sam import SamMaskDecoder

from promptseg.models.two_way import TwoWayTransformer

Decoders = tuple[nn.Module, nn.Module]


@pytest.fixture
def decoders() -> Decoders:
    torch.manual_seed(0)
    config = SamMaskDecoderConfig(
        hidden_size=64, mlp_dim=96, iou_head_hidden_dim=32, layer_norm_eps=1e-5, attn_implementation="sdpa"
    )
    theirs = SamMaskDecoder(config).eval()
    for value in theirs.parameters():
        nn.init.normal_(value, 0, 0.7 / value[0].numel() ** 0.5 if value.ndim > 1 else 0.3)
    ours = copy.deepcopy(theirs)
    ours.transformer = TwoWayTransformer(ours.transformer)
    return theirs, ours


def inputs(objects: int, tokens: int) -> list[torch.Tensor]:
    shapes = [(objects, 64, 6, 6), (objects, 64, 6, 6), (objects, 1, tokens, 64), (objects, 64, 6, 6)]
    return [torch.randn(shape, generator=torch.Generator().manual_seed(1)) for shape in shapes]


def relative(ours: torch.Tensor, theirs: torch.Tensor) -> float:
    return float((ours - theirs).abs().max() / theirs.abs().max())


@pytest.mark.parametrize("multimask", [True, False])
@pytest.mark.parametrize(("objects", "tokens"), [(1, 2), (3, 1), (2, 11)])
def test_same_masks_and_scores(decoders: Decoders, objects: int, tokens: int, multimask: bool) -> None:
    theirs, ours = decoders
    with torch.no_grad():
        expected, found = (decoder(*inputs(objects, tokens), multimask) for decoder in (theirs, ours))
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        assert relative(one, other) < 5e-6


def test_same_gradients(decoders: Decoders) -> None:
    gradients = []
    for decoder in decoders:
        decoder.double()
        prompts = [value.double() for value in inputs(2, 3)]
        prompts[2].requires_grad_()
        masks, scores = decoder(*prompts, True)
        (masks.square().mean() + scores.square().mean()).backward()
        gradients.append((prompts[2].grad, {name: value.grad for name, value in decoder.named_parameters()}))
    (theirs, their_weights), (ours, our_weights) = gradients
    assert relative(ours, theirs) < 1e-10
    for name, gradient in their_weights.items():
        torch.testing.assert_close(our_weights[name], gradient, rtol=1e-9, atol=1e-14, msg=name)


def test_the_weights_keep_their_names(decoders: Decoders) -> None:
    theirs, ours = decoders
    assert list(ours.state_dict()) == list(theirs.state_dict())


class Adapted(nn.Module):
    """A linear layer with something added, as adapters do."""

    def __init__(self, base: nn.Linear) -> None:
        super().__init__()
        self.base = base

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return self.base(values) + 0.5 * values.mean()


def test_an_adapter_on_a_projection_is_not_passed_over(decoders: Decoders) -> None:
    results = []
    for decoder in decoders:
        for attention in (
            decoder.transformer.layers[0].cross_attn_token_to_image,
            decoder.transformer.layers[1].cross_attn_image_to_token,
        ):
            attention.v_proj = Adapted(attention.v_proj)
            attention.q_proj = Adapted(attention.q_proj)
        with torch.no_grad():
            results.append(decoder(*inputs(2, 3), True)[0])
    assert relative(results[1], results[0]) < 5e-6
