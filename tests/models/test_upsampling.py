"""Masks at image size: the same as enlarging everything with torch and then thresholding."""

import numpy as np
import pytest
from scipy import ndimage

from promptseg.geometry.frames import FIT, Frame, letterbox
from promptseg.models.predictor import onto_image
from promptseg.models.upsampling import masks_onto_image
from promptseg.types import Floats


def check(logits: Floats, frame: Frame) -> None:
    """Pixels differ from torch's only where its logit is 0 up to rounding."""
    whole, masks = onto_image(logits, frame=frame), masks_onto_image(logits, frame=frame)
    assert masks.shape == whole.shape
    assert masks.dtype == np.bool_
    different = masks != (whole > 0)
    assert np.abs(whole[different]).max(initial=0) <= 1e-6


@pytest.mark.parametrize("seed", range(60))
def test_as_torch_does_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = int(rng.integers(1, 150)), int(rng.integers(1, 150))
    side = int(rng.choice([32, 64, 96]))
    frame = FIT[("letterbox", "squash")[seed % 2]](size, side)
    grid = side // int(rng.choice([1, 2, 4]))
    smooth = ndimage.gaussian_filter(rng.normal(0, 1, (3, grid, grid)), (0, 2, 2))
    check((smooth - rng.uniform(-0.2, 0.3)).astype(np.float32), frame)


def test_one_value_above_zero_anywhere() -> None:
    frame = letterbox((37, 53), 32)
    for row in range(16):
        for column in range(16):
            logits = np.full((1, 16, 16), -1, np.float32)
            logits[0, row, column] = 3
            check(logits, frame)


def test_nothing_everything_and_zero() -> None:
    frame = letterbox((20, 45), 32)
    for value in (-1.0, 0.0, 1.0):
        masks = masks_onto_image(np.full((2, 8, 8), value, np.float32), frame=frame)
        assert masks.all() if value > 0 else not masks.any()


def test_what_lies_in_the_padding_is_cut_off() -> None:
    logits = np.full((1, 16, 16), -1, np.float32)
    logits[0, 12:] = 5  # a letterbox of (20, 45) ends at row 7 of 16
    assert not masks_onto_image(logits, frame=letterbox((20, 45), 32)).any()
