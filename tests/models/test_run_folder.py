"""The folder of a training run as a model: whole, or on top of the weights that it began with."""

from pathlib import Path

import pytest
import torch
from random_networks import small_sam

import promptseg
from promptseg.errors import CheckpointError
from promptseg.models import run_folder
from promptseg.models.loading import open_model
from promptseg.models.network import Network
from promptseg.models.run_folder import RunRecord, is_run, read_record, read_trained, save_trained, weights_sha256
from promptseg.models.saving import save_network


@pytest.fixture
def base(tmp_path: Path) -> Path:
    path = tmp_path / "base.safetensors"
    save_network(small_sam().network, path, model="sam-vit-b")
    return path


def trained_run(base: Path, folder: Path) -> Network:
    """A run that trained the decoder of a network."""
    folder.mkdir()
    network, entry, _ = open_model(str(base))
    names = tuple(name for name, _ in network.module.named_parameters() if name.startswith("mask_decoder."))
    record = RunRecord(str(base), weights_sha256(network), entry.name, "single", names)
    record.write(folder)
    with torch.no_grad():
        for name, value in network.module.named_parameters():
            if name in names:
                value.mul_(1.5)
    save_trained(network, record, folder)
    return network


def same(first: Network, second: Network) -> bool:
    return weights_sha256(first) == weights_sha256(second)


def test_a_small_network_is_kept_whole(base: Path, tmp_path: Path) -> None:
    network = trained_run(base, tmp_path / "run")
    base.unlink()
    assert is_run(tmp_path / "run")
    loaded = promptseg.load(tmp_path / "run", device="cpu")
    assert same(loaded.network, network)
    assert loaded.preprocessing.side == 64
    assert loaded.name == "run"
    assert loaded.default_policy == "single"


def test_of_a_large_one_only_what_was_trained(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "WHOLE_BELOW_BYTES", 0)
    network = trained_run(base, tmp_path / "run")
    assert (tmp_path / "run" / "trained.safetensors").stat().st_size < base.stat().st_size
    assert same(promptseg.load(tmp_path / "run", device="cpu").network, network)
    assert set(read_trained(tmp_path / "run")) == set(read_record(tmp_path / "run").trained)
    save_network(small_sam().network, tmp_path / "other.safetensors", model="sam-vit-b")
    bad = small_sam().network
    with torch.no_grad():
        next(bad.module.parameters()).add_(1)
    save_network(bad, base, model="sam-vit-b")
    with pytest.raises(CheckpointError, match=r"on top of other weights than .*base\.safetensors"):
        promptseg.load(tmp_path / "run")
    base.unlink()
    with pytest.raises(CheckpointError, match="which cannot be opened: there is no model named"):
        promptseg.load(tmp_path / "run")


def test_a_run_on_a_run(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_folder, "WHOLE_BELOW_BYTES", 0)
    trained_run(base, tmp_path / "first")
    second = trained_run(tmp_path / "first", tmp_path / "second")
    assert same(promptseg.load(tmp_path / "second", device="cpu").network, second)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("run.json", b"{", r"run\.json: is damaged"),
        ("run.json", b'{"format": 9}', "another version"),
        ("run.json", b'{"format": 1}', "is damaged"),
        (
            "run.json",
            b'{"format": 1, "base": "a", "base_sha256": "b", "model": "c", "policy": "first", "trained": []}',
            "'c' is unknown",
        ),
        ("trained.safetensors", b"torn", "no file of weights"),
        ("trained.safetensors", None, "has not kept any weights yet"),
    ],
)
def test_damage_is_told(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes | None, words: str
) -> None:
    monkeypatch.setattr(run_folder, "WHOLE_BELOW_BYTES", 0)
    trained_run(base, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    if content is not None:
        (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        promptseg.load(tmp_path / "run")
