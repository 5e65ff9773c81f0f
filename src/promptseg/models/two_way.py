"""The two-way transformer of SAM's mask decoder with its projections moved from the image to the few tokens.

Tokens and image attend to each other; the image has 4096 places, the tokens are about seven. Projecting every place
to keys costs far more than projecting the tokens' queries the other way, and a product does not care which factor
carries the projection:

    (t Wq) (x Wk)^T = ((t Wq) Wk^T) x^T          softmax(...) (x Wv) = (softmax(...) x) Wv

The result is the same up to rounding, gradients too, at a little more than half of the operations.

Tensors: M objects, T tokens, L places, H heads, d channels of a head, C channels.
"""

from typing import Any, Final, Protocol, final

import torch
from torch import Tensor, nn

__all__ = ["TwoWayTransformer"]

_PROJECTIONS: Final = ("q_proj", "k_proj", "v_proj", "out_proj")


class ProjectedAttention(Protocol):
    """What is used of transformers' ``SamAttention``."""

    num_attention_heads: int
    scaling: float
    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    out_proj: nn.Linear

    def __call__(self, *, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor | None]:
        """Attention of (M, 1, T, C) over (M, 1, L, C)."""
        ...


@final
class TwoWayTransformer(nn.Module):
    """Stands in for transformers' ``SamTwoWayTransformer``: the same parameters under the same names.

    An attention whose projections are not plain linear layers any more, because an adapter was put on one, is run as
    transformers does it.
    """

    def __init__(self, transformer: nn.Module) -> None:
        """Take over the layers of a ``SamTwoWayTransformer``."""
        super().__init__()
        layers: Any = transformer.layers
        self.layers: Any = layers
        self.final_attn_token_to_image: Any = transformer.final_attn_token_to_image
        self.layer_norm_final_attn: Any = transformer.layer_norm_final_attn

    def forward(
        self, point_embeddings: Tensor, image_embeddings: Tensor, image_positional_embeddings: Tensor, **_: object
    ) -> tuple[Tensor, Tensor]:
        """Tokens (M, 1, T, C) and images (M, C, h, w) to tokens of that shape and places (M, 1, L, C)."""
        places = image_positional_embeddings.flatten(2).transpose(1, 2).contiguous()
        image = image_embeddings.flatten(2).transpose(1, 2).contiguous()
        first = point_embeddings[:, 0]
        tokens, placed = first, image + places
        for number, layer in enumerate(self.layers):
            tokens = layer.layer_norm1(_self_attention(layer.self_attn, tokens, first if number else None))
            asked = tokens_ask(layer.cross_attn_token_to_image, tokens + first, placed, image)
            tokens = layer.layer_norm2(tokens + asked)
            tokens = layer.layer_norm3(tokens + layer.mlp(tokens))
            answered = image_asks(layer.cross_attn_image_to_token, placed, tokens + first, tokens)
            image = layer.layer_norm4(image + answered)
            placed = image + places
        tokens = tokens + tokens_ask(self.final_attn_token_to_image, tokens + first, placed, image)
        finished: Tensor = self.layer_norm_final_attn(tokens)
        return finished[:, None], image[:, None]


def tokens_ask(attention: ProjectedAttention, query_MTC: Tensor, key_MLC: Tensor, value_MLC: Tensor) -> Tensor:
    """Attention of tokens (M, T, C) over the image, keys and values (M, L, C); gives (M, T, C)."""
    if not _is_plain(attention):
        return _as_transformers(attention, query_MTC, key_MLC, value_MLC)
    heads = attention.num_attention_heads
    lifted, offset = _lifted(attention.q_proj(query_MTC), attention.k_proj, heads)
    scores = torch.baddbmm(offset, lifted, key_MLC.transpose(1, 2))
    mixed = (attention.scaling * scores).softmax(-1) @ value_MLC
    value_weight = _weight_by_head(attention.v_proj.weight, heads).transpose(1, 2)  # (H, C, d)
    found = mixed.view(len(mixed), heads, -1, mixed.shape[-1]) @ value_weight  # (M, H, T, d)
    joined: Tensor = attention.out_proj(found.transpose(1, 2).flatten(2) + attention.v_proj.bias)
    return joined


def image_asks(attention: ProjectedAttention, query_MLC: Tensor, key_MTC: Tensor, value_MTC: Tensor) -> Tensor:
    """Attention of the image (M, L, C) over tokens, keys and values (M, T, C); gives (M, L, C)."""
    if not _is_plain(attention):
        return _as_transformers(attention, query_MLC, key_MTC, value_MTC)
    heads, tokens = attention.num_attention_heads, key_MTC.shape[1]
    lifted, offset = _lifted(attention.k_proj(key_MTC), attention.q_proj, heads)
    scores = torch.baddbmm(offset.transpose(1, 2), query_MLC, lifted.transpose(1, 2))
    weights = (attention.scaling * scores).view(*scores.shape[:2], heads, tokens).softmax(-1).flatten(2)
    value = _by_head(attention.v_proj(value_MTC), heads)  # (M, H, T, d)
    lifted_value = value @ _weight_by_head(attention.out_proj.weight.T, heads)  # (M, H, T, C)
    return torch.baddbmm(attention.out_proj.bias, weights, lifted_value.flatten(1, 2))


def _lifted(projected_MTD: Tensor, other: nn.Linear, heads: int) -> tuple[Tensor, Tensor]:
    """Projected tokens taken through the other side's projection: (M, H T, C), and what its bias adds (M, H T, 1)."""
    by_head = _by_head(projected_MTD, heads)
    lifted = by_head @ _weight_by_head(other.weight, heads)
    offset = by_head @ other.bias.view(heads, -1, 1)
    return lifted.flatten(1, 2), offset.flatten(1, 2)


def _by_head(values_MTD: Tensor, heads: int) -> Tensor:
    """(M, T, H d) to (M, H, T, d)."""
    return values_MTD.view(*values_MTD.shape[:2], heads, -1).transpose(1, 2)


def _weight_by_head(weight_DC: Tensor, heads: int) -> Tensor:
    """(H d, C) to (H, d, C)."""
    return weight_DC.view(heads, -1, weight_DC.shape[1])


def _self_attention(attention: ProjectedAttention, tokens: Tensor, first: Tensor | None) -> Tensor:
    """The first layer replaces its input and adds no positions; the others add to it."""
    if first is None:
        return _as_transformers(attention, tokens, tokens, tokens)
    placed = tokens + first
    return tokens + _as_transformers(attention, placed, placed, tokens)


def _as_transformers(attention: ProjectedAttention, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    found: Tensor = attention(query=query[:, None], key=key[:, None], value=value[:, None])[0][:, 0]
    return found


def _is_plain(attention: ProjectedAttention) -> bool:
    return all(type(getattr(attention, name, None)) is nn.Linear for name in _PROJECTIONS)
