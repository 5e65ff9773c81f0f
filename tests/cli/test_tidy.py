"""`--tidy`: every object keeps what was pointed at, takes no pixel of another; `--exact-box`: it stays inside."""

from pathlib import Path

import numpy as np
from command_line import Calling
from PIL import Image as Pillow

from promptseg import Box, Candidates, Image, Point, Prompts
from promptseg.cli.results import SegmentedObjects


def candidates_of(mask: np.ndarray, strength: float = 1.0) -> Candidates:
    logits = np.where(mask, strength, -1).astype(np.float32)[None]
    return Candidates(logits, np.ones(1, dtype=np.float32), "single", mask.shape, "by hand", lambda low: low)


def test_islands_go_and_holes_are_filled_unless_another_object_is_there() -> None:
    ring = np.zeros((12, 20), dtype=bool)
    ring[1:8, 1:8] = True
    ring[3:6, 3:6] = False
    ring[10, 15:18] = True  # an island
    centre = np.zeros_like(ring)
    centre[4, 4] = True
    objects = [Prompts(points=[Point(1, 1)]), Prompts(points=[Point(4, 4)])]
    found = [candidates_of(ring), candidates_of(centre)]
    image = Image(np.zeros(ring.shape, dtype=np.uint8))
    plain = SegmentedObjects.of(objects, found, image)
    tidied = SegmentedObjects.of(objects, found, image, tidied=True)
    assert [one.area_px for one in plain.measurements] == [43, 1]
    assert [one.area_px for one in tidied.measurements] == [48, 1]
    assert tidied.labels[4, 4] == 2
    assert not tidied.labels[10].any()


def test_masks_stay_in_their_exact_boxes_and_clicks_alone_are_free() -> None:
    wide = np.ones((6, 12), dtype=bool)
    objects = [Prompts(boxes=[Box(1, 1, 3, 4)]), Prompts(points=[Point(8, 3)])]
    right = np.zeros_like(wide)
    right[:, 7:] = True
    found = [candidates_of(wide), candidates_of(right, strength=2.0)]
    image = Image(np.zeros(wide.shape, dtype=np.uint8))
    confined = SegmentedObjects.of(objects, found, image, confined=True)
    assert [one.area_px for one in confined.measurements] == [12, 30]
    assert set(np.unique(confined.labels[1:5, 1:4])) == {1}


def test_the_option_with_the_embedded_model(call: Calling, tmp_path: Path) -> None:
    rows, columns = np.mgrid[:90, :120]
    noise = np.random.default_rng(0).normal(0, 20, rows.shape)
    disc = (columns - 40) ** 2 + (rows - 45) ** 2 < 15**2
    Pillow.fromarray(np.clip(np.where(disc, 40, 140) + noise, 0, 255).astype(np.uint8)).save(tmp_path / "in.png")
    ended = call("segment", tmp_path / "in.png", "--point", "40,45", "--tidy", "--output", tmp_path / "out.png")
    assert (ended.status, ended.err) == (0, "")
    with Pillow.open(tmp_path / "out.png") as written:
        mask = np.asarray(written) > 0
    assert (mask & disc).sum() / (mask | disc).sum() > 0.7
