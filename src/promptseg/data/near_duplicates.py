"""Images that show the same thing: cropped, shifted, scaled or annotated copies, and frames of one sweep.

Two measures. The normalised cross-correlation (NCC) of 64 x 64 thumbnails finds copies and neighbouring frames; a
perceptual hash of 64 bits, the signs of the lowest frequencies of a 32 x 32 thumbnail, finds slightly shifted or
cropped copies too. Both are blind to strong zoom and to mirrored images.

The hash is that of Zauner, Implementation and benchmarking of perceptual image hash functions (2010), with the median
of all 64 coefficients as threshold.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar, final

import numpy as np
from numpy.typing import NDArray

from promptseg.data.numbers import check_number, check_whole
from promptseg.data.samples import Sample
from promptseg.errors import DatasetError
from promptseg.io import to_display
from promptseg.types import Image, Pixels

__all__ = [
    "DuplicateRules",
    "Fingerprint",
    "NearDuplicate",
    "fingerprint",
    "fingerprint_samples",
    "in_threads",
    "near_duplicates",
]

THUMBNAIL_PX: Final = 64
HASH_PX: Final = 32
HASH_SIDE: Final = 8
_BLOCK: Final = 1024
_MARGIN: Final = 1e-3
"""Single precision may miss a correlation by far less; candidates are computed again in double precision."""

_FLAT: Final = 1e-3
_MOST_PAIRS: Final = 100
_LEAST_LIMIT: Final = 100_000
"""So many pairs for each image, or in all, are listed; where more are alike the rules say nothing about images."""

_MOST_THREADS: Final = 8
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


@final
@dataclass(frozen=True, eq=False, slots=True)
class Fingerprint:
    """What is compared of an image.

    Attributes:
        thumbnail: (4096,) uint8, the grey values row by row.
        bits: (64,) bool, the perceptual hash.
    """

    thumbnail: NDArray[np.uint8]
    bits: NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True)
class DuplicateRules:
    """When two images count as near-duplicates: where either holds.

    Attributes:
        ncc: correlation of thumbnails of at least this; above 1 to switch it off.
        hash_bits: differing bits of the perceptual hash of at most this; -1 to switch it off.
        hash_ncc: a hash counts only together with a correlation of at least this: slices of the same organ of two
            people have like hashes too, with correlations of .5 to .7, while shifted copies have .8 and more.
    """

    ncc: float = 0.93
    hash_bits: int = 8
    hash_ncc: float = 0.75

    def __post_init__(self) -> None:
        check_number(self.ncc, "ncc", least=0, below=10)
        check_whole(self.hash_bits, "hash_bits", least=-1, most=HASH_SIDE**2)
        check_number(self.hash_ncc, "hash_ncc", least=-1, below=10)

    def join(self, ncc: float, hash_bits: int) -> bool:
        """Whether two images of this correlation and with so many differing bits are near-duplicates."""
        return ncc >= self.ncc or (hash_bits <= self.hash_bits and ncc >= self.hash_ncc)


@final
@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """Two images that belong together.

    Attributes:
        first: index of one.
        second: index of the other, larger.
        ncc: correlation of their thumbnails, -1 to 1.
        hash_bits: differing bits of their hashes, 0 to 64.
    """

    first: int
    second: int
    ncc: float
    hash_bits: int


def fingerprint(image: Image | Pixels) -> Fingerprint:
    """What is compared of an image: of its grey values as a viewer shows them, whatever its format."""
    from PIL import Image as Pillow

    picture = Pillow.fromarray(to_display(image)).convert("L")
    small, smaller = (
        np.asarray(picture.resize((side, side), Pillow.Resampling.BILINEAR)) for side in (THUMBNAIL_PX, HASH_PX)
    )
    return Fingerprint(small.ravel(), _hash(smaller))


def fingerprint_samples(samples: Sequence[Sample]) -> list[Fingerprint]:
    """The fingerprints of samples, read by several threads.

    Raises:
        ReadError: an image cannot be read.
    """
    return list(in_threads(lambda sample: fingerprint(sample.read_image()), samples))


def near_duplicates(prints: Sequence[Fingerprint], rules: DuplicateRules | None = None) -> list[NearDuplicate]:
    """Every pair that is alike, by first and second index.

    All pairs are compared, in blocks of matrix products: 10,000 images take seconds, and some 300 MB. The correlation
    with an image of one grey is 0.

    Raises:
        DatasetError: so many pairs are alike that the rules do not fit these images.
    """
    rules = rules or DuplicateRules()
    if len(prints) < 2:
        return []
    thumbnails = _normalised(np.stack([one.thumbnail for one in prints]), np.float32)
    signs = np.where(np.stack([one.bits for one in prints]), np.float32(1), np.float32(-1))
    least_sign_product = HASH_SIDE**2 - 2 * rules.hash_bits
    most = max(_LEAST_LIMIT, _MOST_PAIRS * len(prints))
    found: list[NearDuplicate] = []
    for start in range(0, len(prints), _BLOCK):
        rows = slice(start, start + _BLOCK)
        correlations = thumbnails[rows] @ thumbnails[start:].T
        alike = correlations >= rules.ncc - _MARGIN
        if rules.hash_bits >= 0:
            near = correlations >= rules.hash_ncc - _MARGIN
            alike |= near & (signs[rows] @ signs[start:].T >= least_sign_product)
        firsts, seconds = np.nonzero(np.triu(alike, 1))
        if len(found) + len(firsts) > most:
            raise DatasetError(
                f"more than {most} pairs of {len(prints)} images are near-duplicates: these images look alike by "
                "nature; ask for more (--ncc 0.98 --hash-bits 2), or go without (--no-near-duplicates)"
            )
        for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
            pair = _compared(prints, start + first, start + second)
            if rules.join(pair.ncc, pair.hash_bits):
                found.append(pair)
    return found


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """``work`` of each item, in their order, by up to eight threads that run a little ahead."""
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        running = [pool.submit(work, item) for item in islice(waiting, 4 * threads)]
        while running:
            result = running.pop(0).result()
            running += [pool.submit(work, item) for item in islice(waiting, 1)]
            yield result


def _hash(small: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Whether each of the 8 x 8 lowest frequencies is above their median."""
    from scipy.fft import dctn

    low = dctn(small.astype(np.float64))[:HASH_SIDE, :HASH_SIDE].ravel()
    bits: NDArray[np.bool_] = low > np.median(low)
    return bits


def _normalised(values: NDArray[np.uint8], dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Rows of mean 0 and norm 1, so that their products are correlations; 0 where all values of a row are equal."""
    rows = values.astype(dtype)
    rows -= rows.mean(axis=-1, keepdims=True)
    norms = np.linalg.norm(rows, axis=-1, keepdims=True)
    normalised: NDArray[Any] = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > _FLAT)
    return normalised


def _compared(prints: Sequence[Fingerprint], first: int, second: int) -> NearDuplicate:
    """A pair in double precision."""
    one, other = _normalised(np.stack([prints[first].thumbnail, prints[second].thumbnail]), np.float64)
    bits = int(np.count_nonzero(prints[first].bits != prints[second].bits))
    return NearDuplicate(first, second, float((one * other).sum()), bits)
