import zipfile
from pathlib import Path

import numpy as np
import pytest

from promptseg import io
from promptseg.errors import LimitError, ReadError
from promptseg.types import Image, Volume

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2", "i4", "i8", "f4", ">f8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_keeps_depth_and_order(tmp_path: Path, dtype: str, order: str) -> None:
    values = np.asarray(RNG.integers(0, 200, (4, 6)), dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", values)
    picture = io.read(tmp_path / "a.npy")
    assert isinstance(picture, Image)
    np.testing.assert_array_equal(picture.pixels, values)
    assert picture.pixels.dtype == values.dtype.newbyteorder("=")
    assert picture.pixels.flags.c_contiguous
    assert picture.source is not None
    assert picture.source.kind == "numpy"


@pytest.mark.parametrize(
    ("shape", "kind"),
    [((4, 6), Image), ((4, 6, 3), Image), ((5, 4, 6), Volume), ((5, 4, 6, 3), Volume), ((1, 1), Image)],
)
def test_the_shape_says_what_it_is(tmp_path: Path, shape: tuple[int, ...], kind: type) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape, np.uint8))
    assert isinstance(io.read(tmp_path / "a.npy"), kind)


def test_true_is_white_and_half_precision_becomes_single(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[True, False]]))
    assert io.read_image(tmp_path / "a.npy").pixels.tolist() == [[255, 0]]
    np.save(tmp_path / "a.npy", np.ones((2, 2), np.float16))
    assert io.read_image(tmp_path / "a.npy").pixels.dtype == np.float32


def test_nan_becomes_the_least_value_and_is_marked(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1.0, np.nan], [3.0, np.inf]]))
    picture = io.read_image(tmp_path / "a.npy")
    assert picture.pixels.tolist() == [[1, 1], [3, 1]]
    assert picture.valid is not None
    assert picture.valid.tolist() == [[True, False], [True, False]]
    np.save(tmp_path / "a.npy", np.full((2, 2), np.nan))
    with pytest.raises(ReadError, match="every value is NaN"):
        io.read(tmp_path / "a.npy")


def test_npz_takes_the_named_or_the_only_array(tmp_path: Path) -> None:
    one, two = np.ones((2, 3), np.uint8), np.zeros((4, 5), np.uint8)
    np.savez(tmp_path / "a.npz", anything=one)
    assert io.read_image(tmp_path / "a.npz").size == (2, 3)
    np.savez_compressed(tmp_path / "b.npz", image=one, other=two)
    assert io.read_image(tmp_path / "b.npz").size == (2, 3)
    np.savez(tmp_path / "c.npz", first=one, second=two)
    with pytest.raises(ReadError, match=r"2 arrays \(first, second\); name the one to read `image`"):
        io.read(tmp_path / "c.npz")


def test_npz_may_state_the_spacing(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=np.ones((2, 3)), spacing_mm=[0.5, 0.25])
    assert io.read_image(tmp_path / "a.npz").spacing_mm == (0.5, 0.25)
    for wrong in ([0.5], [0.5, -1], [np.nan, 1]):
        np.savez(tmp_path / "a.npz", image=np.ones((2, 3)), spacing_mm=wrong)
        assert io.read_image(tmp_path / "a.npz").spacing_mm is None


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}]]), allow_pickle=True)
    with pytest.raises(ReadError, match="pickled objects are never loaded"):
        io.read(tmp_path / "a.npy")


def test_a_claim_is_checked_before_it_is_believed(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000000), }"
    text = header + b" " * (118 - len(header) - 1) + b"\n"
    (tmp_path / "a.npy").write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(16))
    with pytest.raises(LimitError, match="1000000000000 decoded pixels"):
        io.read(tmp_path / "a.npy")
    with pytest.raises(ReadError, match="cut off"):
        io.read(tmp_path / "a.npy", limits=io.Limits(pixels=10**13))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "image.npy")
    with pytest.raises(LimitError):
        io.read(tmp_path / "a.npz")


def test_a_zip_of_something_else_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("word/document.xml", "text")
    with pytest.raises(ReadError, match="zip archive without arrays"):
        io.read(tmp_path / "a.npz")


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4, 5), (0, 4), (2, 0, 3)])
def test_other_shapes_are_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(ReadError, match=r"shape \("):
        io.read(tmp_path / "a.npy")


def test_complex_numbers_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((2, 2), complex))
    with pytest.raises(ReadError, match="complex128"):
        io.read(tmp_path / "a.npy")
