"""``promptseg models`` in the process of the test."""

import json
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
import torch
from command_line import Calling
from random_networks import SAM, filled

from promptseg.cli import models
from promptseg.models import zoo
from promptseg.models.sam import build_sam
from promptseg.models.zoo import MODELS, Origin


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PROMPTSEG_HOME", str(tmp_path / "home"))
    return tmp_path / "home" / "models"


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A small SAM with eight heads in its decoder, as every published one has."""
    sizes = replace(SAM, decoder=replace(SAM.decoder, heads=8))
    path = tmp_path / "small.pth"
    torch.save({"model": filled(build_sam(sizes)).state_dict()}, path)
    return path


@pytest.fixture
def published(weights: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The table says that the small SAM is sam-vit-b."""
    content = weights.read_bytes()
    origin = Origin(weights.as_uri(), "sam_vit_b.pth", len(content), sha256(content).hexdigest())
    sizes = replace(SAM, decoder=replace(SAM.decoder, heads=8))
    monkeypatch.setitem(zoo.MODELS, "sam-vit-b", replace(MODELS["sam-vit-b"], origin=origin, sizes=sizes))
    return "sam-vit-b"


def test_list_names_all_and_where_they_are(call: Calling, home: Path) -> None:
    ended = call("models", "list")
    assert ended.status == 0
    for name in MODELS:
        assert name in ended.out
    assert "embedded" in ended.out
    assert str(home) in ended.err
    listed = json.loads(call("models", "list", "--json").out)
    assert listed["folder"] == str(home)
    assert [model["name"] for model in listed["models"]] == list(MODELS)
    assert {model["here"] for model in listed["models"]} == {"embedded", "no"}


@pytest.mark.parametrize("name", MODELS)
def test_show_tells_licence_and_origin(call: Calling, name: str) -> None:
    shown = json.loads(call("models", "show", name, "--json").out)
    entry = MODELS[name]
    assert shown["licence"] == "Apache-2.0"
    assert shown["preprocessing"]["fit"] == entry.preprocessing.fit
    if entry.origin is not None:
        assert shown["origin"]["url"].startswith("https://")
        assert len(shown["origin"]["sha256"]) == 64
        assert shown["origin"]["source"]
    text = call("models", "show", name).out
    assert entry.citation in text
    assert "preprocessing.fit" in text


def test_fetch_verify_and_convert(call: Calling, published: str, home: Path, tmp_path: Path) -> None:
    assert "models fetch sam-vit-b" in call("models", "verify", published).err
    fetched = call("models", "fetch", published)
    assert (fetched.status, fetched.err) == (0, "")
    assert fetched.out.strip() == str(home / "sam_vit_b.pth")
    assert json.loads(call("models", "fetch", published, "--json").out)["path"] == str(home / "sam_vit_b.pth")
    assert json.loads(call("models", "show", published, "--json").out)["here"] == "yes"

    verified = call("models", "verify", published)
    assert verified.status == 0
    assert "published file of sam-vit-b" in verified.err
    facts = json.loads(call("models", "verify", home / "sam_vit_b.pth", "--json").out)
    assert facts["published_as"] == facts["model"] == "sam-vit-b"
    assert facts["architecture"] == "sam"
    assert facts["sizes"]["width"] == SAM.width

    own = tmp_path / "own.safetensors"
    ended = call("models", "convert", published, own, "--half", "--json")
    assert json.loads(ended.out) == {
        "path": str(own),
        "bytes": own.stat().st_size,
        "model": "sam-vit-b",
        **{name: facts[name] for name in ("architecture", "sizes", "side", "parameters")},
    }
    assert own.stat().st_size < 0.6 * (home / "sam_vit_b.pth").stat().st_size
    again = call("models", "convert", published, own)
    assert (again.status, again.out) == (1, "")
    assert "--force" in again.err
    assert call("models", "convert", published, own, "--force").status == 0

    spoiled = bytearray((home / "sam_vit_b.pth").read_bytes())
    spoiled[-1000] ^= 1
    (home / "sam_vit_b.pth").write_bytes(bytes(spoiled))
    ended = call("models", "verify", published)
    assert ended.status == 1
    assert "is not the published file" in ended.err


def test_convert_records_what_it_was_told(call: Calling, weights: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    ended = call("models", "convert", weights, own, "--as", "medsam-vit-b")
    assert (ended.status, ended.out.strip()) == (0, str(own))
    assert "preprocessing of medsam-vit-b" in ended.err
    verified = call("models", "verify", own)
    assert "medsam-vit-b" in verified.out
    assert "every weight fits; it is not published" in verified.err


def test_the_embedded_model(call: Calling, tmp_path: Path) -> None:
    facts = json.loads(call("models", "verify", "default", "--json").out)
    assert facts["architecture"] == "compact"
    assert facts["parameters"] > 1e6
    assert call("models", "convert", "default", tmp_path / "copy.safetensors").status == 0
    assert json.loads(call("models", "verify", tmp_path / "copy.safetensors", "--json").out)["model"] == "default"
    assert "nothing to fetch" in call("models", "fetch", "default").err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["show", "sam-vit-g"], "there is no model 'sam-vit-g'; the known ones are default, default-zeroshot"),
        (["fetch", "resnet"], "there is no model 'resnet'"),
        (["fetch", "sam-vit-b", "--from", "{tmp}/none.pth"], "there is no file"),
        (["fetch", "sam-vit-b", "--from", "ftp://example.org/x.pth"], "begins with https, http, file://"),
        (["fetch", "sam-vit-b", "--from", "http://[bad/x.pth"], "is not a usable address"),
        (["fetch", "sam-vit-b", "--from", "{tmp}/page.pth"], "bytes, the published file has"),
        (["verify", "{tmp}/none.pth"], "and no model of that name"),
        (["verify", "{tmp}/page.pth"], "web page"),
        (["verify", "{tmp}"], "no config.json"),
        (["verify", "mobile-sam"], "promptseg models fetch mobile-sam"),
        (["convert", "{tmp}/page.pth", "{tmp}/x.safetensors"], "web page"),
        (["convert", "{tmp}/small.pth", "{tmp}/x.pth"], "*.safetensors"),
        (["convert", "{tmp}/small.pth", "{tmp}/x.safetensors", "--as", "mobile-sam"], "looks like sam, but mobile-sam"),
        (["convert", "{tmp}/small.pth", "{tmp}/x.safetensors", "--as", "what"], "there is no model 'what'"),
        (["convert", "{tmp}/small.pth", "{tmp}/none/x.safetensors"], "does not exist"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    call: Calling, weights: Path, tmp_path: Path, words: list[str], message: str
) -> None:
    (tmp_path / "page.pth").write_bytes(b"<!doctype html><title>Sign in</title>")
    before = sorted(tmp_path.rglob("*.safetensors"))
    ended = call("models", *(word.format(tmp=tmp_path) for word in words))
    assert (ended.status, ended.out) == (1, "")
    assert message in ended.err
    assert ended.err.startswith("error: ")
    assert ended.err.count("\n") == 1
    assert sorted(tmp_path.rglob("*.safetensors")) == before
    assert weights.exists()


def test_a_progress_bar_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(type(sys.stderr), "isatty", lambda _: True)
    with models._progress("sam-vit-b") as progress:
        assert progress is not None
        progress(5, 10)
        progress(10, 10)
    monkeypatch.undo()
    printed = capsys.readouterr()
    assert "sam-vit-b" in printed.err
    assert printed.out == ""
    with models._progress("sam-vit-b") as progress:
        assert progress is None
