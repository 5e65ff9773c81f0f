"""Label maps of several objects, pixel by pixel against the rule."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from promptseg.errors import ValueRangeError
from promptseg.geometry.labels import label_map

STACKS = st_numpy.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 5), st.integers(1, 6)),
    elements=st.integers(-3, 3).map(float),
)


@given(STACKS)
def test_each_pixel_has_the_first_of_the_largest_positive_logits(logits: np.ndarray) -> None:
    labels = label_map(logits)
    for row, column in np.ndindex(labels.shape):
        values = logits[:, row, column].tolist()
        expected = values.index(max(values)) + 1 if max(values) > 0 else 0
        assert labels[row, column] == expected


@given(STACKS)
def test_one_object_is_its_mask_and_objects_never_grow(logits: np.ndarray) -> None:
    assert np.array_equal(label_map(logits[:1]) > 0, logits[0] > 0)
    labels = label_map(logits)
    assert np.array_equal(labels > 0, (logits > 0).any(axis=0))
    assert not any(((labels == number + 1) & ~(logits[number] > 0)).any() for number in range(len(logits)))


def test_many_objects_need_two_bytes() -> None:
    assert label_map(np.ones((255, 1, 1))).dtype == np.uint8
    assert label_map(np.eye(256).reshape(256, 16, 16) * 2).max() == 256
    assert label_map(np.ones((256, 1, 1))).dtype == np.uint16


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, 2), (65536, 1, 1), (2, 1, 1, 1)])
def test_none_or_too_many_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueRangeError, match="N from 1 to 65535"):
        label_map(np.zeros(shape, np.float32))


def test_objects_of_different_sizes_are_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"got \(2, 3\) as number 2"):
        label_map([np.zeros((2, 2)), np.zeros((2, 3))])
