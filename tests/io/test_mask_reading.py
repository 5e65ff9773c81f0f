"""Masks that other programs wrote."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from shared_data import shared

from promptseg import io
from promptseg.errors import ReadError

RNG = np.random.default_rng(0)


def test_masks_of_other_programs(tmp_path: Path) -> None:
    mask = RNG.random((5, 7)) > 0.5
    mask[0, :2] = True, False
    white = mask.astype(np.uint8) * np.uint8(255)
    pictures = {
        "1bit.png": Pillow.fromarray(mask),
        "gray.png": Pillow.fromarray(white),
        "rgb.png": Pillow.fromarray(np.dstack([white] * 3)),
        "rgba.png": Pillow.fromarray(np.dstack([white] * 3 + [np.full_like(white, 255)])),
        "01.png": Pillow.fromarray(mask.astype(np.uint8)),
        "gray.bmp": Pillow.fromarray(white),
        "gray.tif": Pillow.fromarray(white),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
        np.testing.assert_array_equal(io.read_mask(tmp_path / name), mask, err_msg=name)
    for dtype in (np.bool_, np.uint8, np.int64, np.float32):
        np.save(tmp_path / "a.npy", mask.astype(dtype))
        np.testing.assert_array_equal(io.read_mask(tmp_path / "a.npy"), mask)


def test_what_is_no_mask_says_why(tmp_path: Path) -> None:
    colour = RNG.integers(0, 255, (5, 7, 3), dtype=np.uint8)
    Pillow.fromarray(colour).save(tmp_path / "a.png")
    Pillow.fromarray(colour[..., 0]).save(tmp_path / "a.jpg")
    np.save(tmp_path / "a.npy", colour[..., 0] / 255)
    np.save(tmp_path / "b.npy", np.array([[-1, 0]]))
    np.save(tmp_path / "c.npy", np.array([1, 0]))
    (tmp_path / "a.txt").write_text("mask")
    for name, words in (
        ("a.png", "is a colour picture"),
        ("a.jpg", "JPEG has blurred"),
        ("a.npy", "holds fractions"),
        ("b.npy", "negative value -1"),
        ("c.npy", r"shape \(2,\) is no mask"),
        ("a.txt", "holds no mask"),
        (".", "is a folder"),
    ):
        with pytest.raises(ReadError, match=words):
            io.read_mask(tmp_path / name)


def test_real_masks_of_several_data_sets() -> None:
    for folder_name in (
        "data/usgra/masks",
        "data/dsb2018/masks",
        "data/chasedb1/masks",
        "data/sunnybrook/masks/SCD0000101",
    ):
        for path in sorted(shared(folder_name).iterdir())[:3]:
            mask = io.read_mask(path)
            assert mask.ndim == 2
            assert mask.any()
