"""Files of weights as people have them, and everything that is none."""

import gzip
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from promptseg.errors import CheckpointError
from promptseg.models.state_files import read_header, read_state

WEIGHTS = {"a.weight": torch.arange(6.0).reshape(2, 3), "b.bias": torch.tensor([1.5, -2.0])}


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.path),)


def same(found: object) -> bool:
    tensors = found.tensors
    return set(tensors) == set(WEIGHTS) and all(torch.equal(tensors[name], WEIGHTS[name]) for name in WEIGHTS)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "no-suffix", "misleading.safetensors"])
def test_torch_files_of_any_name(tmp_path: Path, name: str) -> None:
    torch.save(WEIGHTS, tmp_path / name)
    assert same(read_state(tmp_path / name))


def test_old_torch_files(tmp_path: Path) -> None:
    torch.save(WEIGHTS, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(read_state(tmp_path / "old.pth"))


def test_safetensors_with_header(tmp_path: Path) -> None:
    save_file(WEIGHTS, tmp_path / "x.bin", metadata={"format": "pt", "what": "ever"})
    read = read_state(tmp_path / "x.bin")
    assert same(read)
    assert read.header == read_header(tmp_path / "x.bin") == {"format": "pt", "what": "ever"}
    torch.save(WEIGHTS, tmp_path / "y.pth")
    assert read_header(tmp_path / "y.pth") == {}
    assert read_header(tmp_path) == {}


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda weights: {"model": weights, "optimizer": {"state": {}}, "epoch": 3},
        lambda weights: {"state_dict": weights},
        lambda weights: {"model": {"state_dict": weights}},
        lambda weights: {f"module.{name}": value for name, value in weights.items()},
        lambda weights: {"model": {f"module.{name}": value for name, value in weights.items()}},
        lambda weights: {"state_dict": {f"model.{name}": value for name, value in weights.items()}},
        lambda weights: {f"module._orig_mod.{name}": value for name, value in weights.items()},
        lambda weights: {name: nn.Parameter(value) for name, value in weights.items()},
    ],
)
def test_wrappers_and_prefixes_of_training_code(tmp_path: Path, wrapped: Callable[[object], object]) -> None:
    torch.save(wrapped(WEIGHTS), tmp_path / "x.pth")
    assert same(read_state(tmp_path / "x.pth"))


def test_a_prefix_that_only_some_names_have_stays(tmp_path: Path) -> None:
    torch.save({"module.a": torch.ones(1), "b": torch.ones(1)}, tmp_path / "x.pth")
    assert set(read_state(tmp_path / "x.pth").tensors) == {"module.a", "b"}


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_folders_of_transformers(tmp_path: Path, name: str) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "sam"}')
    save_file(WEIGHTS, tmp_path / name) if name.endswith("s") else torch.save(WEIGHTS, tmp_path / name)
    read = read_state(tmp_path)
    assert same(read)
    assert read.config == {"model_type": "sam"}


def test_folders_in_parts(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    places = {"a.weight": "part-1.safetensors", "b.bias": "part-2.safetensors"}
    for name, part in places.items():
        save_file({name: WEIGHTS[name]}, tmp_path / part)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": places}))
    assert same(read_state(tmp_path))
    index.write_text(json.dumps({"weight_map": {**places, "lost": "part-2.safetensors"}}))
    with pytest.raises(CheckpointError, match=r"in none of its parts, such as 'lost'"):
        read_state(tmp_path)
    index.write_text(json.dumps({"weight_map": {**places, "c": "../elsewhere.safetensors"}}))
    with pytest.raises(CheckpointError, match="not in the folder"):
        read_state(tmp_path)
    index.write_text(json.dumps({"weight_map": [1]}))
    with pytest.raises(CheckpointError, match="weight_map"):
        read_state(tmp_path)


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    sign = tmp_path / "run"
    torch.save({"a": torch.ones(1), "trap": Trap(sign)}, tmp_path / "zip.pth")
    torch.save({"a": torch.ones(1), "trap": Trap(sign)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pkl").write_bytes(pickle.dumps(Trap(sign)))
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    for name in ("zip.pth", "old.pth", "bare.pkl", "module.pth"):
        with pytest.raises(CheckpointError) as caught:
            read_state(tmp_path / name)
        assert "\n" not in str(caught.value)
        if name != "bare.pkl":
            assert "would run code" in str(caught.value), name
    assert not sign.exists()


def _broken(folder: Path) -> dict[str, tuple[bytes, str]]:
    torch.save(WEIGHTS, folder / "good.pth")
    save_file(WEIGHTS, folder / "good.safetensors")
    good, safe = (folder / "good.pth").read_bytes(), (folder / "good.safetensors").read_bytes()
    (folder / "good.pth").unlink()
    (folder / "good.safetensors").unlink()
    return {
        "empty": (b"", "empty"),
        "page": (b"\n<!DOCTYPE html><html><body>Sign in</body></html>", "web page"),
        "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n", "git lfs pull"),
        "text": (b"these are no weights at all, only words in a file", "no file of weights"),
        "short": (b"ab", "no file of weights"),
        "json": (b'{"a": [1, 2, 3]}', "no file of weights"),
        "gzip": (gzip.compress(good), "unpack it"),
        "half a torch file": (good[: len(good) // 2], "damaged"),
        "torch file without its end": (good[:-30], "damaged"),
        "start of a torch file": (good[:4], "damaged"),
        "half a safetensors file": (safe[: len(safe) // 2], "damaged"),
        "safetensors file without its end": (safe[:-1], "damaged"),
        "safetensors file with more": (safe + b"more", "damaged"),
        "safetensors header that lies": (struct.pack("<Q", 8) + b'{"a":}  ', "damaged"),
        "pickle of a list": (pickle.dumps([1, 2, 3], protocol=2), "damaged"),
        "numpy": (b"\x93NUMPY\x01\x00v\x00" + bytes(120), "no file of weights"),
    }


def test_what_is_no_file_of_weights_is_said_in_one_line(tmp_path: Path) -> None:
    for name, (content, message) in _broken(tmp_path).items():
        path = tmp_path / "file.pth"
        path.write_bytes(content)
        with pytest.raises(CheckpointError) as caught:
            read_state(path)
        text = str(caught.value)
        assert message in text, name
        assert str(path) in text
        assert "\n" not in text
        assert len(text) < 400


@pytest.mark.parametrize(
    "content", [[torch.ones(2)], torch.ones(2), {}, {"a": 1}, {"model": {}}, {"a": torch.ones(1), 3: 4}]
)
def test_torch_files_of_something_else(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match=r"not weights by name|is not a weight"):
        read_state(tmp_path / "x.pth")


def test_programs_and_other_zip_files(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", a=np.ones(3))
    with zipfile.ZipFile(tmp_path / "y.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    for name in ("x.npz", "y.zip"):
        with pytest.raises(CheckpointError, match="damaged"):
            read_state(tmp_path / name)


def test_places_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        read_state(tmp_path / "none.pth")
    with pytest.raises(CheckpointError, match=r"no config\.json"):
        read_state(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="but none of"):
        read_state(tmp_path)
    for text, message in (("{", "no valid JSON"), ("[1]", "expected a JSON object"), ("[" * 100_000, "no valid JSON")):
        (tmp_path / "config.json").write_text(text)
        with pytest.raises(CheckpointError, match=message):
            read_state(tmp_path)


def test_pipes_and_impossible_names_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="pipe or socket"):
        read_state(tmp_path / "pipe")
    with pytest.raises(CheckpointError, match="null byte"):
        read_state(tmp_path / "a\0b")
    assert read_header(tmp_path / "pipe") == {}


@pytest.mark.parametrize("zipped", [True, False])
def test_spoiled_bytes_give_weights_or_one_error(tmp_path: Path, zipped: bool) -> None:
    """Flip bytes all over a file: PyTorch raises many classes of errors, of which none may come through."""
    path = tmp_path / "x.pth"
    torch.save(WEIGHTS, path, _use_new_zipfile_serialization=zipped)
    good = path.read_bytes()
    rng = np.random.default_rng(0)
    messages = []
    for _ in range(150):
        spoiled = bytearray(good)
        for place in rng.integers(0, min(len(good), 1200), size=rng.integers(1, 4)):
            spoiled[place] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(spoiled))
        try:
            read_state(path)
        except CheckpointError as error:
            messages.append(str(error))
    assert len(messages) > 20
    assert not any("\n" in message for message in messages)
