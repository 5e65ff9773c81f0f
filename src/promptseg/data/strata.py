"""Classes of images by the size of what they show, so that a split keeps small and large objects in proportion."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from promptseg.data.near_duplicates import in_threads
from promptseg.data.samples import Sample, united
from promptseg.errors import ValueRangeError

__all__ = ["object_shares", "size_strata"]

TERCILES: Final = ("small", "medium", "large")


def object_shares(samples: Sequence[Sample]) -> list[float]:
    """The share of each image that its objects cover together, 0 where it has none; read by several threads.

    Raises:
        PromptsegError: a mask cannot be read or does not lie on its image.
    """
    return list(in_threads(_share, samples))


def size_strata(strata: Sequence[str], shares: Sequence[float]) -> list[str]:
    """Divide each stratum into thirds by the size of the objects; images without any are a class of their own.

    Equal sizes are never divided, so thirds may differ in length.

    >>> size_strata(["b", "b", "b", "n"], [0.1, 0.3, 0.2, 0.0])
    ['b/small', 'b/large', 'b/medium', 'n/empty']

    Args:
        strata: of each image, may be "".
        shares: as :func:`object_shares` gives them.

    Raises:
        ValueRangeError: the two differ in length.
    """
    if len(strata) != len(shares):
        raise ValueRangeError(f"strata and shares must be of one length, got {len(strata)} and {len(shares)}")
    sizes: dict[str, list[float]] = defaultdict(list)
    for stratum, share in zip(strata, shares, strict=True):
        if share > 0:
            sizes[stratum].append(share)
    bounds = {stratum: np.quantile(values, (1 / 3, 2 / 3)) for stratum, values in sizes.items()}
    names = (
        TERCILES[int(np.searchsorted(bounds[stratum], share))] if share > 0 else "empty"
        for stratum, share in zip(strata, shares, strict=True)
    )
    return [f"{stratum}/{name}" if stratum else name for stratum, name in zip(strata, names, strict=True)]


def _share(sample: Sample) -> float:
    objects = sample.read_objects()
    return float(united(objects, objects[0].mask.shape).mean()) if objects else 0.0
