"""The examples run as their own words say."""

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import promptseg
from promptseg.data.phantoms import ultrasound_phantom

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def run(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    try:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    except SystemExit as leaving:
        return int(leaving.code or 0)
    return 0


def test_simulated_user(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "simulated_user.py", "--clicks", 3) == 0
    lines = capsys.readouterr().out.splitlines()
    scores = [float(line.split()[-1]) for line in lines]
    assert 1 <= len(scores) <= 3
    assert max(scores) > 0.5


def test_boxes_to_masks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    phantom = ultrasound_phantom(np.random.default_rng(3), size=(120, 160), geometry="linear")
    images = tmp_path / "images"
    images.mkdir()
    promptseg.write(phantom.mask, images / "mask.png")  # a picture as good as any
    (images / "torn.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    table = tmp_path / "boxes.csv"
    table.write_text("file,x0,y0,x1,y1\nmask.png,10,20,80,90\ntorn.png,1,1,5,5\nmask.png,100,30,150,80\n")
    cache = tmp_path / "cache"
    assert run(monkeypatch, "boxes_to_masks.py", images, table, tmp_path / "masks", "--cache", cache) == 1
    assert "torn.png" in capsys.readouterr().err
    (written,) = (tmp_path / "masks").iterdir()
    labels = promptseg.read(written)
    assert isinstance(labels, promptseg.Image)
    assert labels.size == (120, 160)
    assert len(list(cache.iterdir())) == 1
