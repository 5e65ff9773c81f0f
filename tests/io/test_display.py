import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from promptseg import io
from promptseg.types import Image


def test_uint8_stays_as_it_is_and_is_a_copy() -> None:
    gray = np.array([[3, 200]], np.uint8)
    shown = io.to_display(Image(gray))
    assert shown.tolist() == gray.tolist()
    assert shown is not gray
    colour = np.array([[[1, 2, 3]]], np.uint8)
    assert io.to_display(colour).tolist() == colour.tolist()


def test_a_window_is_straight_between_its_ends() -> None:
    picture = Image(np.array([[-100, 0, 50, 100, 300]], np.int16), window=(0.0, 100.0))
    assert io.to_display(picture).tolist() == [[0, 0, 128, 255, 255]]


def test_a_window_without_width_parts_below_from_above() -> None:
    assert io.to_display(Image(np.array([[4, 5, 6]], np.int16), window=(5.0, 5.0))).tolist() == [[0, 0, 255]]


def test_without_a_window_the_range_of_the_values_counts() -> None:
    assert io.to_display(np.array([[-2.0, 0.0, 2.0]])).tolist() == [[0, 128, 255]]
    assert io.to_display(np.full((2, 2), 7, np.uint16)).tolist() == [[0, 0], [0, 0]]
    colour = np.array([[[0, 1000, 4000]]], np.uint16)
    assert io.to_display(colour).tolist() == [[[0, 64, 255]]]


def test_padding_is_black_and_does_not_count() -> None:
    pixels = np.array([[-2000, 0, 100]], np.int16)
    valid = np.array([[False, True, True]])
    assert io.to_display(Image(pixels, valid=valid)).tolist() == [[0, 0, 255]]
    assert io.to_gray(Image(pixels, valid=valid)).tolist() == [[0, 0, 100]]


def test_a_ready_display_copy_goes_first() -> None:
    shown = np.array([[9, 8]], np.uint8)
    picture = Image(np.array([[1, 2]], np.int16), window=(0, 1), shown=shown, valid=np.array([[True, False]]))
    assert io.to_display(picture).tolist() == [[9, 0]]
    assert shown.tolist() == [[9, 8]]


def test_luma_has_the_weights_of_bt601() -> None:
    pure = np.eye(3, dtype=np.uint16)[None] * 1000
    gray = io.to_gray(pure)
    assert gray.dtype == np.float32
    np.testing.assert_allclose(gray, [[299, 587, 114]], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32, np.uint64, np.float32, np.float64])
@given(data=st.data())
def test_display_equals_the_formula_and_never_fails(dtype: type, data: st.DataObject) -> None:
    pixels = data.draw(
        arrays.arrays(
            dtype,
            arrays.array_shapes(min_dims=2, max_dims=2, max_side=5),
            elements={"allow_nan": False, "allow_infinity": False} if np.dtype(dtype).kind == "f" else None,
        )
    )
    shown = io.to_display(pixels)
    low, high = float(pixels.min()), float(pixels.max())
    if not 0 < high - low < 1e30:
        return
    exact = np.clip((pixels.astype(np.longdouble) - low) / (high - low) * 255, 0, 255)
    assert np.abs(shown - exact).max() <= 0.5 + 1e-2
