"""``promptseg segment`` from the words to the files, with a fake model."""

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command_line import Calling
from fakes import FakeSegmenter
from PIL import Image as Pillow
from pydicom import examples

from promptseg.io import read_image

pytestmark = pytest.mark.usefixtures("fake_model")
CENTRE = ("--point", "60,30")


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A dark disc of radius 10 around (60, 30) and one around (20, 40) on grey; 100 wide, 60 high."""
    rows, columns = np.mgrid[:60, :100]
    discs = ((columns - 60) ** 2 + (rows - 30) ** 2 <= 100) | ((columns - 20) ** 2 + (rows - 40) ** 2 <= 100)
    Pillow.fromarray(np.where(discs, 20, 200).astype(np.uint8)).save(tmp_path / "in.png")
    return tmp_path / "in.png"


def labels_of(path: Path) -> np.ndarray:
    with Pillow.open(path) as picture:
        return np.asarray(picture)


def test_a_click_gives_a_mask_and_says_its_size(call: Calling, picture: Path, tmp_path: Path) -> None:
    ended = call("segment", picture, *CENTRE, "--output", tmp_path / "out.png")
    assert (ended.status, ended.err) == (0, "")
    mask = labels_of(tmp_path / "out.png") > 0
    assert mask.shape == (60, 100)
    assert mask.sum() == 317
    assert mask[30, 60]
    assert not mask[40, 20]
    assert "317 px" in ended.out
    assert "fake, choosing best-score" in ended.out
    assert str(tmp_path / "out.png") in ended.out


def test_json_is_one_object_and_nothing_else(call: Calling, picture: Path, tmp_path: Path) -> None:
    ended = call("segment", picture, *CENTRE, "-o", tmp_path / "out.png", "--overlay", tmp_path / "o.png", "--json")
    assert (ended.status, ended.err) == (0, "")
    facts = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert facts["objects"][0]["area_px"] == 317
    assert facts["objects"][0]["points"] == [[60.0, 30.0, "+"]]
    assert facts["objects"][0]["area_mm2"] is None
    assert facts["image_size"] == [60, 100]
    assert (facts["model"], facts["policy"]) == ("fake", "best-score")
    assert set(facts["seconds"]) == {"read", "load", "embed", "segment", "write"}
    assert read_image(tmp_path / "o.png").size == (420, 700)


def test_several_boxes_give_a_label_map(call: Calling, picture: Path, tmp_path: Path) -> None:
    boxes = ("--box", "50,20,70,40", "--box", "30,50,10,30")
    ended = call("segment", picture, *boxes, "--output", tmp_path / "out.png", "--json")
    assert ended.status == 0
    labels = labels_of(tmp_path / "out.png")
    assert (labels[30, 60], labels[40, 20], labels[5, 5]) == (1, 2, 0)
    assert [found["label"] for found in json.loads(ended.out)["objects"]] == [1, 2]


def test_negative_points_and_policies_are_passed_on(call: Calling, picture: Path, tmp_path: Path) -> None:
    words = ("--point", "20,40", "--point", "60,30,-", "--choose", "first", "--output", tmp_path / "out.png")
    assert call("segment", picture, *CENTRE, *words).status == 0
    labels = labels_of(tmp_path / "out.png")
    assert not labels[30, 60]
    assert labels[40, 20]


def test_numbers_below_zero_are_numbers_not_options(call: Calling, picture: Path, tmp_path: Path) -> None:
    ended = call("segment", picture, "--point", "-3,5", "--output", tmp_path / "out.png")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert "Point(-3, 5) is outside the image of width 100 and height 60" in ended.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "nothing to segment"),
        (["--point", "x,y"], "--point must be X,Y"),
        (["--point", "30,80"], "did you mean"),
        (["--box", "1,2,3"], "--box must be"),
        (["--box", "200,200,300,300"], "does not touch the image"),
        ([*CENTRE, "--choose", "best"], "unknown policy 'best'"),
        ([*CENTRE, "--frame", "1"], "frame 1 does not exist"),
        ([*CENTRE, "--output", "nowhere/out.png"], "does not exist"),
        ([*CENTRE, "--output", "out.xyz"], "suffix"),
        ([*CENTRE, "--output", "in.png"], "is the input itself"),
        ([*CENTRE, "--overlay", "in.png"], "is the input itself"),
        ([*CENTRE, "--overlay", "out.png"], "is --output itself"),
    ],
)
def test_mistakes_are_one_line_and_leave_no_file(
    call: Calling, picture: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("segment", picture, "--output", "out.png", *words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (1, "", 1)
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_missing_file_is_one_line(call: Calling, tmp_path: Path) -> None:
    ended = call("segment", tmp_path / "no.png", *CENTRE, "--output", tmp_path / "out.png")
    assert (ended.status, ended.err.count("\n")) == (1, 1)


def test_a_cine_needs_a_frame_and_is_embedded_once(call: Calling, tmp_path: Path, fake_model: FakeSegmenter) -> None:
    cine, out = examples.get_path("ybr_color"), tmp_path / "out.png"
    assert "30 frames" in call("segment", cine, "--point", "178,104", "--output", out).err
    ended = call("segment", cine, "--point", "178,104", "--frame", "3", "--output", out, "--json")
    assert (ended.status, json.loads(ended.out)["frame"]) == (0, 3)
    assert "does not lie in the picture" in ended.err
    assert fake_model.embedded == 1


def test_millimetres_where_the_file_is_calibrated(call: Calling, tmp_path: Path) -> None:
    ended = call("segment", examples.get_path("ct"), "--box", "46,40,70,61", "-o", tmp_path / "out.png", "--json")
    found = json.loads(ended.out)["objects"][0]
    assert found["area_mm2"] == pytest.approx(found["area_px"] * 0.661468**2, abs=1e-3)
    assert found["longest_mm"] > found["across_mm"] > 0
    assert found["longest_px"] is None


@pytest.mark.parametrize("name", ["ybr_color", "rgb_color", "palette_color", "jpeg2k", "ct", "mr"])
def test_nothing_of_the_patient_is_printed(call: Calling, tmp_path: Path, name: str) -> None:
    source = examples.get_path(name)
    header = pydicom.dcmread(source)
    secrets = {str(header.get(key, "")) for key in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate")}
    frame = ("--frame", "0") if name == "ybr_color" else ()
    out = tmp_path / "o.png"
    ended = call("segment", source, "--point", "30,30", *frame, "--output", tmp_path / "m.png", "--overlay", out)
    assert ended.status == 0
    words = (ended.out + ended.err).replace(str(source), "").replace(str(tmp_path), "")
    assert not [secret for secret in secrets if len(secret) > 2 and secret in words]
    with Pillow.open(out) as overlay:
        assert overlay.info == {}


def test_the_overlay_of_a_dicom_file_shows_a_part_unless_told_otherwise(call: Calling, tmp_path: Path) -> None:
    source, words = examples.get_path("rgb_color"), ("--box", "43,78,158,141", "--output", tmp_path / "m.png")
    part = call("segment", source, *words, "--overlay", tmp_path / "part.png")
    assert "--whole" in part.err
    assert "--whole" not in call("segment", source, *words, "--overlay", tmp_path / "all.png", "--whole").err
    whole, seen = read_image(tmp_path / "all.png").pixels, read_image(tmp_path / "part.png").pixels
    assert whole.shape[:2] == (480, 640)
    assert whole[:30].max() > 200
    assert seen.shape[0] < whole.shape[0] * 2
