"""Preprocessing: what each kind of intensity gives, depth is kept, padding comes after normalisation."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch.nn.functional import interpolate

from promptseg import Image
from promptseg.models.preprocessing import Preprocessing, prepare

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
SAM = Preprocessing("letterbox", 64, 3, "display", MEAN, STD, rounded=True)
MEDSAM = Preprocessing("squash", 64, 3, "min-max", resample="bicubic")
DEFAULT = Preprocessing("letterbox", 64, 1, "standardise")
RNG = np.random.default_rng(5)


@pytest.mark.parametrize("preprocessing", [SAM, MEDSAM, DEFAULT])
@pytest.mark.parametrize(
    "pixels",
    [
        RNG.integers(0, 255, (40, 60), dtype=np.uint8),
        RNG.integers(0, 255, (200, 90, 3), dtype=np.uint8),
        RNG.integers(0, 65535, (64, 64), dtype=np.uint16),
        RNG.normal(0, 500, (33, 20)),
        np.zeros((5, 7), dtype=np.uint8),
        np.full((1, 1), -3.0),
        RNG.integers(0, 255, (1, 500), dtype=np.uint8),
        1.7e308 * RNG.uniform(-1, 1, (30, 40)),
        RNG.uniform(-3.4e38, 3.4e38, (30, 40)).astype(np.float32),
        RNG.uniform(0, 1e-320, (30, 40)),
        np.full((3, 3), 5e-324),
    ],
)
def test_every_image_becomes_a_finite_square(preprocessing: Preprocessing, pixels: np.ndarray) -> None:
    prepared, frame = prepare(Image(pixels), preprocessing)
    assert prepared.shape == (1, preprocessing.channels, 64, 64)
    assert prepared.dtype == np.float32
    assert np.isfinite(prepared).all()
    assert not prepared[:, :, frame.resized[0] :].any()
    assert not prepared[:, :, :, frame.resized[1] :].any()


def test_sam_normalises_by_channel_before_padding() -> None:
    pixels = np.zeros((64, 64, 3), dtype=np.uint8)
    pixels[...] = (10, 20, 30)
    prepared, _ = prepare(Image(pixels), SAM)
    assert_allclose(prepared[0, :, 5, 5], (np.array([10, 20, 30]) - MEAN) / STD, rtol=1e-5)


def test_medsam_spans_zero_to_one_and_ignores_outliers_of_deep_images() -> None:
    pixels = np.linspace(1000, 2000, 64 * 64).reshape(64, 64)
    pixels[0, 0] = 1e6
    prepared, _ = prepare(Image(pixels), MEDSAM)
    assert prepared.min() == 0
    assert prepared.max() == pytest.approx(1, abs=1e-6)
    assert prepared[0, 0, 32, 32] == pytest.approx(0.5, abs=0.02)


def test_a_window_is_what_medsam_sees() -> None:
    pixels = np.linspace(-1000, 1000, 64 * 64).reshape(64, 64)
    prepared, _ = prepare(Image(pixels, window=(-200, 200)), MEDSAM)
    assert (prepared[0, 0, :20] == 0).all()
    assert (prepared[0, 0, 44:] == 1).all()


@pytest.mark.parametrize("size", [(40, 60), (200, 90), (1, 30)])
def test_the_default_sees_what_it_was_trained_on(size: tuple[int, int]) -> None:
    """Training resized with torch; the product uses Pillow: the same filter, so the same input."""
    pixels = RNG.integers(0, 255, size, dtype=np.uint8)
    prepared, frame = prepare(Image(pixels), DEFAULT)
    gray = torch.from_numpy(pixels.astype(np.float32) / 255)[None, None]
    resized = interpolate(gray, frame.resized, mode="bilinear", align_corners=False, antialias=True)
    expected = (resized - resized.mean()) / resized.std(correction=0)
    height, width = frame.resized
    assert_allclose(prepared[:, :, :height, :width], expected.numpy(), atol=2e-4)


def test_scale_and_offset_of_the_grey_values_do_not_matter_to_the_default() -> None:
    pixels = RNG.normal(0, 1, (50, 40))
    assert_allclose(prepare(Image(pixels), DEFAULT)[0], prepare(Image(40 * pixels - 7), DEFAULT)[0], atol=1e-4)


def test_the_default_sees_the_window_that_a_file_asks_for() -> None:
    """Air and metal would leave no contrast to soft tissue: a window clips them."""
    pixels = RNG.normal(40, 60, (64, 64))
    windowed, _ = prepare(Image(pixels, window=(-160, 240)), DEFAULT)
    spoilt = pixels.copy()
    spoilt[0, 0], spoilt[1, 1] = -1e4, 1e5
    with_outliers, _ = prepare(Image(spoilt, window=(-160, 240)), DEFAULT)
    assert_allclose(with_outliers[0, 0, 2:], windowed[0, 0, 2:], atol=0.02)
    assert np.ptp(prepare(Image(spoilt), DEFAULT)[0][0, 0, 2:]) < 0.1 * np.ptp(with_outliers[0, 0, 2:])


@pytest.mark.parametrize(
    "pixels",
    [
        RNG.integers(0, 2**64 - 1, (50, 40), dtype=np.uint64),
        RNG.integers(-(2**63), 2**63 - 1, (50, 40), dtype=np.int64),
        1.7e308 * RNG.uniform(-1, 1, (50, 40)),
        RNG.uniform(0, 1e-30, (50, 40)),
        1e9 + RNG.uniform(0, 1, (50, 40)),
    ],
)
def test_the_default_sees_structure_at_every_scale(pixels: np.ndarray) -> None:
    exact = pixels.astype(np.longdouble)
    levels = ((exact - exact.min()) / (exact.max() - exact.min())).astype(np.float64)
    assert_allclose(prepare(Image(pixels), DEFAULT)[0], prepare(Image(levels), DEFAULT)[0], atol=1e-4)
