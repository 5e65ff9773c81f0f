"""A sample in the network's frame: shares of cells against brute force, boxes as at inference."""

from pathlib import Path

import numpy as np
import pytest
from phantom_samples import PhantomSample, phantoms

from promptseg.data.samples import TrueObject
from promptseg.errors import ReadError
from promptseg.geometry.frames import letterbox, squash
from promptseg.models.zoo import MODELS
from promptseg.training.examples import coverage, make_example, read_reference
from promptseg.types import BoolMask


def brute_force(mask: BoolMask, resized: tuple[int, int], side: int, cells: int, fine: int) -> np.ndarray:
    """Count ``fine`` x ``fine`` places in each cell, each of which looks its pixel up."""
    places = (np.arange(cells * fine) + 0.5) / fine * side / cells
    rows = np.floor(places * mask.shape[0] / resized[0]).astype(int)
    columns = np.floor(places * mask.shape[1] / resized[1]).astype(int)
    inside = (rows < mask.shape[0])[:, None] & (columns < mask.shape[1])[None]
    looked = mask[np.minimum(rows, mask.shape[0] - 1)][:, np.minimum(columns, mask.shape[1] - 1)] & inside
    return looked.reshape(cells, fine, cells, fine).mean(axis=(1, 3))


@pytest.mark.parametrize("fit", [letterbox, squash])
@pytest.mark.parametrize("size", [(30, 47), (64, 40), (5, 9)])
def test_shares_of_cells_are_counted_right(fit: object, size: tuple[int, int]) -> None:
    mask = np.random.default_rng(1).random(size) > 0.6
    frame = fit(size, 64)
    shares = coverage(mask, frame, grid_side=16)
    np.testing.assert_allclose(shares, brute_force(mask, frame.resized, 64, 16, 60), atol=0.04)
    full = coverage(np.ones(size, dtype=bool), frame, grid_side=16)
    assert full.sum() == pytest.approx(frame.resized[0] * frame.resized[1] / 16, rel=1e-5)


def test_boxes_are_those_of_inference() -> None:
    sample = phantoms(1)[0]
    reference = read_reference(sample, labels=(), rule="each")
    mask = np.zeros(reference.image.size, dtype=bool)
    mask[10:20, 30:50] = True
    preprocessing = MODELS["default"].preprocessing
    example = make_example(reference.image, [mask], preprocessing, grid_side=128)
    scale = preprocessing.side / 64
    np.testing.assert_allclose(example.boxes_N4, [[30 * scale, 10 * scale, 49 * scale, 19 * scale]])
    assert example.pixels_CSS.shape == (1, preprocessing.side, preprocessing.side)
    assert example.masks_Ngg.dtype == np.uint8
    assert example.masks_Ngg.max() == 255


class Pair(PhantomSample):
    def read_objects(self) -> tuple[TrueObject, ...]:
        left, right = np.zeros((2, 48, 64), dtype=bool)
        left[:, :5] = right[:, -5:] = True
        return (TrueObject("left", left), TrueObject("right", right))


class Misfit(PhantomSample):
    def read_objects(self) -> tuple[TrueObject, ...]:
        return (TrueObject("lesion", np.ones((3, 3), dtype=bool)),)


def test_labels_and_rules_choose_objects(tmp_path: Path) -> None:
    del tmp_path
    assert len(read_reference(Pair("1"), labels=(), rule="each").objects) == 2
    assert [item.label for item in read_reference(Pair("1"), labels=("right",), rule="each").objects] == ["right"]
    (one,) = read_reference(Pair("1"), labels=(), rule="united").objects
    assert one.mask.sum() == 480
    assert read_reference(Pair("1"), labels=("none",), rule="united").objects == ()
    assert read_reference(Pair("1"), labels=("none",), rule="each").labels == {"left", "right"}


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ReadError, match=r"phantoms 1.*\(3, 3\)"):
        read_reference(Misfit("1"), labels=(), rule="each")
