"""TinyViT's parts by brute force; the whole is compared with the original in `parity`."""

import itertools

import pytest
import torch

from promptseg.models.sizes import MobileSamSizes
from promptseg.models.tiny_vit import ConvNorm, TinyVit, WindowAttention, WindowBlock


def randomised(module: torch.nn.Module, seed: int = 0) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                drawn = torch.randn(value.shape, generator=generator) * 0.3
                value.copy_(drawn.abs() + 0.5 if name.endswith("running_var") else drawn)
    return module.eval()


@pytest.mark.parametrize(("kernel", "stride", "groups"), [(1, 1, 1), (3, 2, 1), (3, 1, 6)])
def test_convolution_and_norm_are_one_convolution(kernel: int, stride: int, groups: int) -> None:
    layer = randomised(ConvNorm(6, 12, kernel, stride=stride, groups=groups))
    x = torch.randn(2, 6, 9, 8)
    torch.testing.assert_close(layer(x), layer.bn(layer.c(x)), rtol=1e-5, atol=1e-5)


def test_in_training_the_norm_follows_the_batch() -> None:
    layer = ConvNorm(3, 4).train()
    before = layer.bn.running_mean.clone()
    layer(torch.randn(2, 3, 5, 5) + 7)
    assert not torch.equal(before, layer.bn.running_mean)
    assert int(layer.bn.num_batches_tracked) == 1


def test_attention_by_brute_force() -> None:
    heads, window, width = 2, 3, 8
    attention = randomised(WindowAttention(width, heads=heads, window=window))
    x = torch.randn(4, window**2, width)
    qkv = attention.qkv(attention.norm(x))
    joined = torch.zeros(4, window**2, width)
    for m, head in itertools.product(range(4), range(heads)):
        size = width // heads
        start = 3 * size * head  # a head's q, k and v stand together
        query, key, value = (qkv[m, :, start + part * size : start + (part + 1) * size] for part in range(3))
        scores = query @ key.T * size**-0.5
        for i, j in itertools.product(range(window**2), repeat=2):
            rows, columns = abs(i // window - j // window), abs(i % window - j % window)
            scores[i, j] += attention.attention_biases[head, rows * window + columns]
        joined[m, :, head * size : (head + 1) * size] = scores.softmax(-1) @ value
    torch.testing.assert_close(attention(x), attention.proj(joined), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(6, 6), (7, 5), (2, 1)])
def test_windows_that_do_not_fit_are_padded_with_zeros(height: int, width: int) -> None:
    block = randomised(WindowBlock(8, heads=2, window=3, ratio=2))
    x = torch.randn(2, height, width, 8)
    padded = torch.zeros(2, -(-height // 3) * 3, -(-width // 3) * 3, 8)
    padded[:, :height, :width] = x
    attended = torch.zeros_like(padded)
    for top, left in itertools.product(range(0, padded.shape[1], 3), range(0, padded.shape[2], 3)):
        window = padded[:, top : top + 3, left : left + 3].reshape(2, 9, 8)
        attended[:, top : top + 3, left : left + 3] = block.attn(window).view(2, 3, 3, 8)
    inner = x + attended[:, :height, :width]
    inner = block.local_conv(inner.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(block(x), inner + block.mlp(inner), rtol=1e-5, atol=1e-5)


def test_shape_of_the_published_model() -> None:
    with torch.device("meta"):
        encoder = TinyVit(MobileSamSizes()).eval()
        assert encoder(torch.empty(1, 3, 1024, 1024)).shape == (1, 256, 64, 64)
