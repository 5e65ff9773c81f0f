"""The command line with the embedded model itself, on a simulated cyst."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import Calling
from PIL import Image as Pillow

from promptseg.data.phantoms import ultrasound_phantom
from promptseg.geometry.regions import tight_box
from promptseg.io import read_mask
from promptseg.metrics import iou


@pytest.fixture
def cyst(tmp_path: Path) -> tuple[Path, np.ndarray, str]:
    phantom = ultrasound_phantom(np.random.default_rng(2), lesion="anechoic", effect="enhancement")
    box = tight_box(phantom.mask)
    assert box is not None
    Pillow.fromarray(phantom.image).save(tmp_path / "cyst.png")
    return tmp_path / "cyst.png", phantom.mask, f"{box.x0},{box.y0},{box.x1},{box.y1}"


def test_a_box_finds_the_cyst(call: Calling, tmp_path: Path, cyst: tuple[Path, np.ndarray, str]) -> None:
    image, mask, box = cyst
    ended = call("segment", image, "--box", box, "--output", tmp_path / "mask.png", "--json")
    assert ended.status == 0
    facts = json.loads(ended.out)
    assert (facts["model"], facts["policy"]) == ("default", "single")
    assert iou(mask, read_mask(tmp_path / "mask.png")) > 0.7


def test_kept_embeddings_give_the_same_mask(call: Calling, tmp_path: Path, cyst: tuple[Path, np.ndarray, str]) -> None:
    image, _, box = cyst
    words = ("segment", image, "--box", box, "--cache-embeddings", tmp_path / "kept", "--output")
    assert call(*words, tmp_path / "first.png").status == 0
    assert len(list((tmp_path / "kept").iterdir())) >= 1
    assert call(*words, tmp_path / "second.png").status == 0
    assert np.array_equal(read_mask(tmp_path / "first.png"), read_mask(tmp_path / "second.png"))


def test_a_file_that_is_no_model_is_one_line(call: Calling, tmp_path: Path, cyst: tuple[Path, np.ndarray, str]) -> None:
    image, _, box = cyst
    ended = call("segment", image, "--box", box, "--model", image, "--output", tmp_path / "mask.png")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    ended = call("segment", image, "--box", box, "--model", "no-such-model", "--output", tmp_path / "mask.png")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert not (tmp_path / "mask.png").exists()
