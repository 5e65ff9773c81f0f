"""Masks from a model's small square frame to the size of the image, computed only where there can be something.

The way is Segment Anything's: up to the square input, off with the padding, then to the image, both times bilinearly
with pixel centres at halves. A value between four others is not above zero if none of them is, so what lies beside the
block of the small values above zero is outside without being looked at. The block is interpolated in the same order of
operations as by torch, which may round a product and a sum at once; so a logit differs by rounding at most.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from promptseg.geometry.frames import Frame
from promptseg.types import BoolMask, Floats

__all__ = ["masks_onto_image"]

_KNOWN_AXES: Final = 64
_BAND_VALUES: Final = 2**15
"""Values that are interpolated at once: so few that they stay in the cache."""
_Span = tuple[int, int]


@dataclass(frozen=True, eq=False, slots=True)
class _Axis:
    """For each place of an enlarged axis the two old places that it lies between, and the weight of each."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    first_weight: Floats
    second_weight: Floats

    def reached(self, span: _Span) -> _Span:
        """The new places that take anything from a span of old ones."""
        return int(np.searchsorted(self.second, span[0])), int(np.searchsorted(self.first, span[1]))


def masks_onto_image(logits: Floats, *, frame: Frame) -> BoolMask:
    """Where (K, h, w) logits over the square input, enlarged to the image, are above zero: (K, H, W)."""
    masks = np.zeros((len(logits), *frame.image_size), dtype=np.bool_)
    for mask, values in zip(masks, logits, strict=True):
        above = values > 0
        _draw(mask, values, (_span(above.any(axis=1)), _span(above.any(axis=0))), frame)
    return masks


def _draw(mask: BoolMask, values: Floats, above: tuple[_Span, _Span], frame: Frame) -> None:
    """Set the pixels of an empty mask that are above zero, given the rows and columns of the values above zero."""
    (rows, columns), grid = above, values.shape
    down, across = (_axis(length, frame.side) for length in grid)
    rows, columns = _within(down.reached(rows), frame.resized[0]), _within(across.reached(columns), frame.resized[1])
    around = tuple(_wider(span, length) for span, length in zip((rows, columns), frame.resized, strict=True))
    block = _heightened(_widened(values, across, around[1], 0), down, around[0], 0)
    down, across = (_axis(*lengths) for lengths in zip(frame.resized, frame.image_size, strict=True))
    rows, columns = down.reached(rows), across.reached(columns)
    offset = around[0][0], around[1][0]
    wide = _widened(block, across, columns, offset[1])
    height = max(1, _BAND_VALUES // max(wide.shape[1], 1))
    for start in range(*rows, height):
        band = start, min(start + height, rows[1])
        np.greater(_heightened(wide, down, band, offset[0]), 0, out=mask[slice(*band), slice(*columns)])


def _widened(values: Floats, axis: _Axis, span: _Span, offset: int) -> Floats:
    """A span of new columns, from values whose first column has a number on the old axis."""
    places = slice(*span)
    wide: Floats = np.take(values, axis.first[places] - offset, axis=1) * axis.first_weight[places]
    wide += np.take(values, axis.second[places] - offset, axis=1) * axis.second_weight[places]
    return wide


def _heightened(values: Floats, axis: _Axis, span: _Span, offset: int) -> Floats:
    """The same for rows."""
    places = slice(*span)
    high: Floats = values[axis.first[places] - offset] * axis.first_weight[places, None]
    high += values[axis.second[places] - offset] * axis.second_weight[places, None]
    return high


@lru_cache(maxsize=_KNOWN_AXES)
def _axis(old: int, new: int) -> _Axis:
    """As ``torch.nn.functional.interpolate`` without aligned corners, in float32."""
    scale = np.float32(old) / np.float32(new)
    place = np.maximum(scale * (np.arange(new, dtype=np.float32) + np.float32(0.5)) - np.float32(0.5), 0)
    first = place.astype(np.int64)
    weight = place - first.astype(np.float32)
    return _Axis(first, np.minimum(first + 1, old - 1), 1 - weight, weight)


def _span(flags: BoolMask) -> _Span:
    places = np.flatnonzero(flags)
    return (int(places[0]), int(places[-1]) + 1) if len(places) else (0, 0)


def _within(span: _Span, length: int) -> _Span:
    return min(span[0], length), min(span[1], length)


def _wider(span: _Span, length: int) -> _Span:
    """One place more at each end that is not the axis's; an empty span stays empty."""
    return (max(span[0] - 1, 0), min(span[1] + 1, length)) if span[0] < span[1] else span
