"""What masks and spacings are refused, in clear words."""

import numpy as np
import pytest

from promptseg.errors import ValueRangeError
from promptseg.geometry.masks import check_mask, check_pair, check_spacing

YES = np.ones((3, 4), dtype=bool)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ([[True]], "list"),
        (np.ones((2, 2), dtype=np.uint8), "uint8; write `mask > 0`"),
        (np.ones((2, 2, 2), dtype=bool), "must have 2 non-empty dimensions"),
        (np.ones((0, 2), dtype=bool), r"\(0, 2\)"),
    ],
)
def test_what_is_no_mask(mask: object, words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        check_mask(mask)


def test_pairs_must_have_one_shape() -> None:
    check_pair(YES, YES)
    with pytest.raises(ValueRangeError, match=r"same shape, got \(3, 4\) and \(4, 3\)"):
        check_pair(YES, YES.T)


@pytest.mark.parametrize(
    "spacing", [(1,), (1, 2, 3), (0, 1), (-1, 1), (np.nan, 1), (np.inf, 1), (1e300, 1), (1, 1e-300)]
)
def test_spacings_that_are_none(spacing: tuple[float, ...]) -> None:
    with pytest.raises(ValueRangeError, match="spacing_mm must be 2 positive numbers"):
        check_spacing(spacing, dimensions=2)


def test_no_spacing_means_pixels() -> None:
    assert check_spacing(None, dimensions=3) == (1, 1, 1)
    assert check_spacing([1, 2], dimensions=2) == (1, 2)
