"""Run-length encoding of masks as COCO defines it: down the columns, background first, in a compact alphabet.

Source: the COCO annotation format, https://cocodataset.org/#format-data; the results equal those of pycocotools.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ValueRangeError
from promptseg.types import BoolMask

__all__ = ["decode_counts", "decode_mask", "encode_counts", "encode_mask", "foreground_runs"]

_OFFSET = 48
_MORE = 0x20
_SIGN = 0x10


def encode_mask(mask: BoolMask) -> str:
    """A (H, W) mask as COCO's compressed run lengths.

    >>> encode_mask(np.array([[False, True], [True, True]]))
    '13'
    """
    return encode_counts(_runs(mask.ravel(order="F")))


def decode_mask(counts: str | Sequence[int], size: tuple[int, int]) -> BoolMask:
    """The (H, W) mask of run lengths, compressed (text) or plain (a list), for ``size`` (height, width).

    Raises:
        ValueRangeError: the runs are damaged or do not cover just the size.
    """
    flat: BoolMask = np.zeros(size[0] * size[1], np.bool_)
    for start, stop in foreground_runs(counts, size):
        flat[start:stop] = True
    return np.ascontiguousarray(flat.reshape(size, order="F"))


def foreground_runs(counts: str | Sequence[int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """(start, stop) of each stretch of True down the columns, ascending; none is empty.

    >>> foreground_runs("13", (2, 2))
    [(1, 4)]

    Raises:
        ValueRangeError: the runs are damaged or do not cover just the size.
    """
    runs = decode_counts(counts) if isinstance(counts, str) else list(counts)
    height, width = size
    if any(type(run) is not int or run < 0 for run in runs) or sum(runs) != height * width:
        raise ValueRangeError(f"run lengths must be whole numbers from 0 with the sum {height} x {width}")
    ends = list(accumulate(runs))
    return [(start, stop) for start, stop in zip(ends[::2], ends[1::2], strict=False) if stop > start]


def encode_counts(runs: Sequence[int]) -> str:
    """Run lengths to text: each as its difference from the one two before, in groups of five bits, low ones first."""
    signs: list[int] = []
    for place, run in enumerate(runs):
        rest = run - runs[place - 2] if place > 2 else run
        while True:
            bits = rest & 0x1F
            rest >>= 5
            last = rest == (-1 if bits & _SIGN else 0)
            signs.append((bits if last else bits | _MORE) + _OFFSET)
            if last:
                break
    return bytes(signs).decode("ascii")


def decode_counts(text: str) -> list[int]:
    """The inverse of :func:`encode_counts`.

    Raises:
        ValueRangeError: the text holds a sign that is not of the alphabet, or ends within a number.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for sign in text:
        bits = ord(sign) - _OFFSET
        if not 0 <= bits < 2 * _MORE or shift > 60:
            raise ValueRangeError("the run lengths are damaged: a sign is not of COCO's alphabet")
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & _MORE:
            if bits & _SIGN:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value, shift = 0, 0
    if shift:
        raise ValueRangeError("the run lengths are damaged: they end within a number")
    return runs


def _runs(flat: NDArray[np.bool_]) -> list[int]:
    """Lengths of equal stretches, the first one of False (0 if it begins with True)."""
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    edges = np.concatenate([[0], changes, [flat.size]])
    lengths = np.diff(edges).tolist()
    return [0, *lengths] if flat.size and flat[0] else lengths
