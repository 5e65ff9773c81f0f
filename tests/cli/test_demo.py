"""``promptseg demo`` with a fake model: all images are read, cropped, drawn and measured."""

import json
from pathlib import Path

import pytest
from command_line import Calling

from promptseg.cli.demo import CASES
from promptseg.io import read_image

pytestmark = pytest.mark.usefixtures("fake_model")


def test_it_writes_pictures_and_says_what_next(call: Calling, tmp_path: Path) -> None:
    ended = call("demo", "--output", tmp_path / "new" / "demo")
    assert (ended.status, ended.err) == (0, "")
    written = {path.name for path in (tmp_path / "new" / "demo").iterdir()}
    assert written == {"overview.png", *(f"{c.name}.png" for c in CASES), *(f"{c.name}-mask.png" for c in CASES)}
    assert all(case.title in ended.out for case in CASES)
    assert "mm²" in ended.out
    assert "promptseg segment" in ended.out


def test_json(call: Calling, tmp_path: Path) -> None:
    ended = call("demo", "--output", tmp_path, "--json")
    facts = json.loads(ended.out)
    assert [case["name"] for case in facts["cases"]] == [case.name for case in CASES]
    assert all(found["area_px"] > 0 for case in facts["cases"] for found in case["objects"])


def test_overlays_show_only_the_window_without_text(call: Calling, tmp_path: Path) -> None:
    call("demo", "--output", tmp_path)
    for case in CASES:
        x0, y0, x1, y1 = case.window
        height, width = read_image(tmp_path / f"{case.name}.png").size
        assert (width * (y1 - y0), width % (x1 - x0), height % (y1 - y0)) == (height * (x1 - x0), 0, 0)


def test_a_folder_that_cannot_be_made_is_one_line(call: Calling, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = call("demo", "--output", tmp_path / "file" / "demo")
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert "choose another --output" in ended.err
