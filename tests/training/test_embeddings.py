"""Shelves of kept features: what is put in comes out, half-filled ones go on, full disks and large values are told."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch

from promptseg.errors import ValueRangeError, WriteError
from promptseg.training.embeddings import Shelf, ShelfPlan
from promptseg.training.examples import Example

SHAPES = {"embedding": (3, 4), "fine": (2, 8, 8)}
CPU = torch.device("cpu")


def plan(precision: str = "float32", key: str = "a") -> ShelfPlan:
    return ShelfPlan(key, lambda: SHAPES, precision, counts=(2, 0, 1, 3), grid_side=8)


def row(number: int, *, objects: int) -> tuple[int, dict[str, torch.Tensor], Example]:
    rng = np.random.default_rng(number)
    features = {
        "embedding": torch.from_numpy(rng.standard_normal((1, 3, 4)).astype(np.float32)),
        "fine": torch.from_numpy(rng.standard_normal((1, 2, 8, 8)).astype(np.float32)),
    }
    masks = rng.integers(0, 256, (objects, 8, 8)).astype(np.uint8)
    pixels = np.zeros((1, 16, 16), dtype=np.float32)
    return number, features, Example(pixels, masks, rng.random((objects, 4)).astype(np.float32))


ROWS = (row(0, objects=2), row(1, objects=0), row(2, objects=1), row(3, objects=2))


@pytest.mark.parametrize(("precision", "error"), [("float32", 0.0), ("float16", 2e-3)])
def test_what_is_put_in_comes_out(tmp_path: Path, precision: str, error: float) -> None:
    shelf = Shelf.open(plan(precision), tmp_path)
    assert shelf.missing() == [0, 1, 2, 3]
    shelf.fill(iter(ROWS[2:]))
    assert Shelf.open(plan(precision), tmp_path).missing() == [0, 1]
    Shelf.open(plan(precision), tmp_path).fill(iter(ROWS[:2]))
    again = Shelf.open(plan(precision), tmp_path)
    assert again.missing() == []
    for number, features, example in ROWS:
        masks, boxes = again.objects(number)
        np.testing.assert_array_equal(masks, example.masks_Ngg)
        np.testing.assert_array_equal(boxes, example.boxes_N4)
        for name, values in again.features([number], CPU).items():
            torch.testing.assert_close(values, features[name], rtol=error, atol=error)
    stacked = again.features([3, 0], CPU)
    assert stacked["fine"].shape == (2, 2, 8, 8)
    assert stacked["fine"].dtype == torch.float32


def test_another_key_is_another_shelf(tmp_path: Path) -> None:
    Shelf.open(plan(), tmp_path).fill(iter(ROWS))
    assert Shelf.open(plan(key="b"), tmp_path).missing() == [0, 1, 2, 3]


def test_values_too_large_for_half_precision_are_refused(tmp_path: Path) -> None:
    _, features, example = ROWS[0]
    large = {**features, "fine": features["fine"] * 1e6}
    with pytest.raises(ValueRangeError, match="embeddings_precision = 'float32'"):
        Shelf.open(plan("float16"), tmp_path).fill(iter([(0, large, example)]))


def test_a_disk_without_room_is_told_before_anything_is_computed(tmp_path: Path) -> None:
    huge = ShelfPlan("a", lambda: {"embedding": (1 << 40,)}, "float32", counts=(1, 1), grid_side=8)
    with pytest.raises(WriteError, match=r"need \d+\.\d+ GB, but only .* are free"):
        Shelf.open(huge, tmp_path)


def test_a_disk_that_fills_up_is_told_and_what_was_written_stays(tmp_path: Path) -> None:
    shelf = Shelf.open(plan(), tmp_path)
    shelf.fill(iter(ROWS[:1]))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
        with pytest.raises(WriteError, match="embeddings cannot be kept"):
            shelf.fill(iter(ROWS[1:]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Shelf.open(plan(), tmp_path).missing() == [1, 2, 3]
