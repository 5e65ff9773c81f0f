"""Tiled attention and patch embedding against transformers' own, values and gradients."""

import pytest
import torch
from transformers import SamVisionConfig
from transformers.models.sam.modeling_sam import SamPatchEmbeddings, SamVisionAttention

from promptseg.models import vit_attention
from promptseg.models.vit_attention import PatchEmbedding, TiledAttention


def pair(side: int, heads: int) -> tuple[SamVisionAttention, TiledAttention]:
    torch.manual_seed(0)
    config = SamVisionConfig(hidden_size=8 * heads, num_attention_heads=heads, image_size=16 * side)
    theirs = SamVisionAttention(config, window_size=0)
    for value in theirs.parameters():
        torch.nn.init.normal_(value, 0, 0.5)
    ours = TiledAttention(8 * heads, heads=heads, side=side)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


@pytest.mark.parametrize("tile", [1, 100, 1 << 20])
@pytest.mark.parametrize(("batch", "side", "heads"), [(1, 7, 3), (5, 4, 2), (2, 1, 1), (1, 6, 5)])
def test_same_values_and_gradients(
    monkeypatch: pytest.MonkeyPatch, tile: int, batch: int, side: int, heads: int
) -> None:
    monkeypatch.setattr(vit_attention, "TILE", tile)
    theirs, ours = pair(side, heads)
    x = torch.randn(batch, side, side, 8 * heads)
    found = []
    for attention in (theirs, ours):
        given = x.clone().requires_grad_()
        mixed, _ = attention(hidden_states=given)
        mixed.square().mean().backward()
        found.append((mixed, given.grad, attention.rel_pos_h.grad, attention.rel_pos_w.grad, attention.qkv.weight.grad))
    for expected, value in zip(*found, strict=True):
        assert value.shape == expected.shape
        torch.testing.assert_close(value, expected, rtol=1e-4, atol=1e-5)


def test_on_other_devices_it_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a GPU does, done here."""
    theirs, ours = pair(5, 2)
    x = torch.randn(2, 5, 5, 16)
    monkeypatch.setattr(vit_attention, "_attend_in_tiles", vit_attention._attend_at_once)
    torch.testing.assert_close(ours(x)[0], theirs(x)[0], rtol=1e-4, atol=1e-5)
    assert ours.to("meta")(x.to("meta"))[0].shape == x.shape


def test_patches_are_those_of_the_convolution() -> None:
    config = SamVisionConfig(hidden_size=24, image_size=40, patch_size=8)
    theirs = SamPatchEmbeddings(config)
    ours = PatchEmbedding(24, patch=8)
    ours.load_state_dict(theirs.state_dict())
    image = torch.randn(2, 3, 40, 40)
    torch.testing.assert_close(ours(image), theirs(image), rtol=1e-5, atol=1e-5)
