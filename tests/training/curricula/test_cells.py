"""Cells and clicks against brute force and cases done by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch import Tensor
from training.scripted_decoder import ScriptedDecoder, discs

from promptseg.training.curricula.cells import (
    deepest_cells,
    depths,
    grown,
    inside,
    middles,
    mistakes,
    reference,
    somewhere_in,
    uniform_cells,
)
from promptseg.training.curricula.clicks import best_logits, click_core, click_error, click_object


def random_regions(seed: int, *, count: int = 4, side: int = 12, share: float = 0.3) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random((count, side, side)) < share)


def decoder(grid: int, side: int) -> ScriptedDecoder:
    return ScriptedDecoder(lambda _: torch.zeros(1, grid, grid), grid, side)


def test_the_reference_is_half_a_cell_or_the_best_there_is() -> None:
    masks = torch.tensor([[[0.5, 0.49], [1.0, 0.0]], [[0.1, 0.3], [0.3, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    expected = [[[True, False], [True, False]], [[False, True], [True, False]], [[False, False], [False, False]]]
    assert reference(masks).tolist() == expected


def test_mistakes_by_hand() -> None:
    truth = torch.tensor([[[True, True, False, False]]])
    logits = torch.tensor([[[1.0, -1.0, 1.0, -1.0]]])
    missing, extra = mistakes(truth, logits)
    assert missing.tolist() == [[[False, True, False, False]]]
    assert extra.tolist() == [[[False, False, True, False]]]


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.02, 0.3, 1.0]))
def test_drawn_cells_lie_in_their_region(seed: int, share: float) -> None:
    regions = random_regions(seed, share=share)
    cells, found = uniform_cells(regions, np.random.default_rng(seed), count=5)
    assert found.tolist() == [bool(region.any()) for region in regions]
    assert inside(regions, cells)[found].all()
    assert (cells[~found] == 0).all()


def test_every_cell_is_drawn_equally_often() -> None:
    region = torch.zeros(1, 5, 7, dtype=torch.bool)
    for row, column in ((0, 0), (0, 6), (2, 3), (4, 6)):
        region[0, row, column] = True
    cells, _ = uniform_cells(region, np.random.default_rng(1), count=40_000)
    _, counts = np.unique(cells[0].numpy(), axis=0, return_counts=True)
    assert counts.tolist() == pytest.approx([10_000] * 4, abs=400)


@given(seed=st.integers(0, 10_000), share=st.sampled_from([0.0, 0.3, 0.8, 1.0]))
def test_growth_is_as_many_dilations(seed: int, share: float) -> None:
    regions = random_regions(seed, share=share)
    radius = torch.tensor([0, 1, 3, 20])
    square = np.ones((3, 3), dtype=bool)
    for region, steps, ours, eroded in zip(
        regions.numpy(), radius.tolist(), grown(regions, radius), ~grown(~regions, radius), strict=True
    ):
        theirs = ndimage.binary_dilation(region, square, iterations=steps) if steps else region
        shrunk = ndimage.binary_erosion(region, square, iterations=steps, border_value=1) if steps else region
        assert np.array_equal(ours.numpy(), theirs)
        assert np.array_equal(eroded.numpy(), shrunk)


def test_the_deepest_cell_is_the_first_of_equals() -> None:
    region = torch.zeros(2, 6, 6, dtype=torch.bool)
    region[0, 1:5, 1:5] = True
    cells, found = deepest_cells(depths(region))
    assert cells[0].tolist() == [[2, 2]]
    assert found.tolist() == [True, False]


@pytest.mark.parametrize(("grid", "side"), [(64, 256), (128, 256), (256, 1024), (64, 64)])
def test_middles_of_cells(grid: int, side: int) -> None:
    scale = side // grid
    decode = decoder(grid, side)
    pixels = np.arange(side).reshape(grid, scale).mean(axis=1)
    assert middles(torch.arange(grid)[None, :, None].expand(-1, -1, 2), decode)[0, :, 0].tolist() == pixels.tolist()


def test_places_in_a_cell_stay_on_its_pixels() -> None:
    cells = torch.tensor([[[3, 5]]]).expand(1, 2000, 2)
    points = somewhere_in(cells, decoder(64, 256), np.random.default_rng(0))[0]
    assert points.amin(dim=0).tolist() == pytest.approx([12, 20], abs=0.02)
    assert points.amax(dim=0).tolist() == pytest.approx([15, 23], abs=0.02)
    alone = somewhere_in(cells, decoder(64, 64), np.random.default_rng(0))
    assert torch.equal(alone, cells.float())


def crescent() -> Tensor:
    return (discs((16, 16, 12)) - discs((20, 16, 9))).clamp(0, 1)


def test_the_centroid_of_a_crescent_may_lie_outside_and_its_projection_does_not() -> None:
    masks, decode, rng = crescent(), decoder(32, 32), np.random.default_rng(0)
    rows, columns = np.nonzero(masks[0].numpy())
    point, _ = click_object(masks, "centroid", decode, rng)
    assert point[0, 0].tolist() == pytest.approx([columns.mean(), rows.mean()], abs=1e-4)
    projected, _ = click_object(masks, "projected-centroid", decode, rng)
    squared = (columns - columns.mean()) ** 2 + (rows - rows.mean()) ** 2
    nearest = int(np.argmin(np.round(squared, 6)))
    assert projected[0, 0].tolist() == [columns[nearest], rows[nearest]]


def test_an_object_without_a_cell_gets_no_click() -> None:
    masks = torch.zeros(2, 8, 8)
    masks[0, 2, 3] = 1
    for where in ("random", "centre", "centroid", "projected-centroid"):
        points, labels = click_object(masks, where, decoder(8, 8), np.random.default_rng(0))  # type: ignore[arg-type]
        assert labels.tolist() == [[1], [-1]]
        assert points[0, 0].tolist() == [3, 2]


def test_clicks_on_errors_are_uniform_over_both_kinds() -> None:
    missing, extra = torch.zeros(1, 8, 8, dtype=torch.bool), torch.zeros(1, 8, 8, dtype=torch.bool)
    missing[0, 0, :3] = True
    extra[0, 7, :1] = True
    _, labels = click_error(missing, extra, decoder(8, 8), np.random.default_rng(0), count=20_000)
    assert (labels == 1).float().mean().item() == pytest.approx(0.75, abs=0.02)


def test_the_heart_of_the_larger_error_is_clicked() -> None:
    missing, extra = torch.zeros(3, 16, 16, dtype=torch.bool), torch.zeros(3, 16, 16, dtype=torch.bool)
    missing[0, 1:8, 1:8] = True  # depth 4 in the middle; deeper than 2 are the 3 x 3 cells around it
    extra[0, 10:15, 10:15] = True
    missing[1, 1:4, 1:4], extra[1, 8:11, 8:11] = True, True
    decode = decoder(16, 16)
    drawn = [click_core(missing, extra, decode, np.random.default_rng(seed)) for seed in range(200)]
    places = {tuple(points[0, 0].tolist()) for points, _ in drawn}
    assert places == {(float(x), float(y)) for x in (3, 4, 5) for y in (3, 4, 5)}
    assert all(labels.tolist() == [[1], [0], [-1]] for _, labels in drawn)
    deepest, _ = click_core(missing, extra, decode, np.random.default_rng(0), core=1)
    assert deepest[0, 0].tolist() == [4, 4]


def test_the_mask_with_the_highest_score_is_shown_without_gradient() -> None:
    logits = torch.randn(2, 3, 4, 4, requires_grad=True)
    shown = best_logits(logits, torch.tensor([[0.1, 0.5, 0.2], [0.9, 0.5, 0.2]]))
    assert torch.equal(shown, torch.stack((logits[0, 1], logits[1, 0])))
    assert not shown.requires_grad
