"""``promptseg doctor``: every section is filled from what is really there."""

import json
import re
import tomllib
from pathlib import Path

import pytest
from command_line import Calling
from pydicom.data import get_testdata_file

import promptseg.models
from promptseg.cli.doctor import CODECS, PACKAGES
from promptseg.errors import CheckpointError


def test_words(call: Calling) -> None:
    ended = call("doctor")
    assert (ended.status, ended.err) == (0, "")
    assert f"promptseg {promptseg.__version__}" in ended.out
    assert "Self-test passed: IoU" in ended.out
    assert all(name in ended.out for name in [*CODECS, *PACKAGES["needed"]])


def test_json(call: Calling) -> None:
    ended = call("doctor", "--json")
    report = json.loads(ended.out)
    assert ended.out.count("\n") == 1
    assert report["self_test"]["passed"] is True
    assert report["self_test"]["iou"] > 0.5
    assert report["packages"]["needed"]["torch"].startswith("2.")
    assert report["torch"]["threads"] >= 1
    assert report["machine"]["cores"] >= 1
    assert {"uncompressed", "RLE", "JPEG baseline"} <= {name for name, how in report["dicom"].items() if how == "works"}


def test_every_codec_has_a_file_of_its_own() -> None:
    assert [file for file in CODECS.values() if get_testdata_file(file, download=False) is None] == []


def test_the_packages_are_those_that_the_project_asks_for() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text(encoding="utf-8"))[
        "project"
    ]
    extras = project["optional-dependencies"]
    asked = {"needed": project["dependencies"], "extra dicom": extras["dicom"], "extra images": extras["images"]}
    names = {part: tuple(sorted(re.split(r"[<>=\[]", word)[0] for word in words)) for part, words in asked.items()}
    assert names == {part: tuple(sorted(words)) for part, words in PACKAGES.items()}


def test_a_missing_decoder_is_named_not_raised(call: Calling, monkeypatch: pytest.MonkeyPatch) -> None:
    from promptseg.errors import MissingExtraError

    def missing(_: str) -> None:
        raise MissingExtraError('needs a decoder: pip install "promptseg[dicom]"')

    monkeypatch.setattr(promptseg.io, "read", missing)
    report = json.loads(call("doctor", "--json").out)
    assert set(report["dicom"].values()) == {'needs a decoder: pip install "promptseg[dicom]"'}


def test_files_in_the_folder_of_models_are_listed(
    call: Calling, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / "models").mkdir()
    (home / "models" / "some.pth").write_bytes(bytes(2 * 2**20))
    monkeypatch.setenv("PROMPTSEG_HOME", str(home))
    assert json.loads(call("doctor", "--json").out)["models"]["files"] == {"some.pth": 2 * 2**20}
    assert "some.pth  2.0 MiB" in call("doctor").out


def test_a_failing_self_test_is_status_1(call: Calling, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged() -> None:
        raise CheckpointError("default.safetensors is damaged")

    monkeypatch.setitem(vars(promptseg.models), "load", damaged)
    ended = call("doctor")
    assert ended.status == 1
    assert "Self-test FAILED: default.safetensors is damaged" in ended.out
    assert json.loads(call("doctor", "--json").out)["self_test"]["passed"] is False
