"""Files and folders of weights that must not be loaded: damaged, foreign, lying, or with code inside."""

import gzip
import io
import json
import os
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from random_networks import SAM, filled
from safetensors.torch import save
from torch import Tensor, nn

from promptseg.models.own_weights import DEFAULT_WEIGHTS
from promptseg.models.sam import build_sam
from promptseg.models.sizes import sizes_to_json

__all__ = ["MARKER", "broken_checkpoints"]

Writer = Callable[[Path], object]
MARKER: Final = "code-was-run"
"""Name of the folder that the code in the pickles would make beside the file."""

SIZES: Final = replace(SAM, decoder=replace(SAM.decoder, heads=8))
CUTS: Final = (1, 3, 8, 9, 64, 0.05, 0.3, 0.5, 0.9, 0.99, -1)


def broken_checkpoints() -> Iterator[tuple[str, Writer]]:
    """Name of the file or folder (unique), and what makes it."""
    yield from _cut()
    yield from _other_files()
    yield from _with_code()
    yield from _safetensors()
    yield from _of_something_else()
    yield from _nearly_right()
    yield from _own_headers()
    yield from _folders()


@cache
def _weights() -> dict[str, Tensor]:
    """A small SAM under transformers' names."""
    return dict(filled(build_sam(SIZES)).state_dict())


def _torch(content: object, *, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _bytes(content: bytes) -> Writer:
    return lambda path: path.write_bytes(content)


def _cut() -> Iterator[tuple[str, Writer]]:
    good = {
        "zip.pth": _torch(_weights()),
        "old.pth": _torch(_weights(), zipped=False),
        "sam.safetensors": save(_weights()),
        "default.safetensors": DEFAULT_WEIGHTS.read_bytes(),
    }
    for name, content in good.items():
        for cut in CUTS:
            length = int(cut * len(content)) if isinstance(cut, float) else cut
            yield f"cut-at-{cut}-{name}", _bytes(content[:length])
    spoiled = bytearray(good["zip.pth"])
    spoiled[:4] = b"QK\x03\x04"
    yield "magic.pth", _bytes(bytes(spoiled))
    yield "reversed.pth", _bytes(good["zip.pth"][::-1])
    yield "zeros.pth", _bytes(bytes(5000))
    yield "longer.safetensors", _bytes(good["sam.safetensors"] + b"more")


def _other_files() -> Iterator[tuple[str, Writer]]:
    random = np.random.default_rng(0).bytes(5000)
    for name, content in {
        "empty.pth": b"",
        "noise.pth": random,
        "noise.safetensors": random[:8] + random,
        "page.pth": b"<!DOCTYPE html><html><body>404 not found</body></html>",
        "answer.pth": b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>',
        "pointer.pth": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 375042383\n",
        "text.pth": b"these are no weights\n" * 50,
        "dict.json": b'{"a": [1, 2]}',
        "packed.pth.gz": gzip.compress(_torch(_weights())),
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(50),
        "array.npy": b"\x93NUMPY\x01\x00v\x00" + bytes(120),
        "store.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "graph.onnx": b"\x08\x07\x12\x07pytorch" + bytes(100),
        "other.7z": b"7z\xbc\xaf\x27\x1c" + bytes(100),
    }.items():
        yield name, _bytes(content)
    yield "readme.zip", _zip({"readme.txt": b"hello"})
    yield "no-pickle.pth", _zip({"archive/data/0": bytes(8), "archive/version": b"3\n"})
    yield "deep.pth", _zip({"archive/data.pkl": b"\x80\x02" + b"(" * 100_000 + b"."})
    yield "empty-pickle.pth", _zip({"archive/data.pkl": b"", "archive/version": b"3\n"})
    yield "script.pth", _script
    yield "pipe.pth", os.mkfifo
    yield "loop.pth", lambda path: path.symlink_to(path)
    yield "device.pth", lambda path: path.symlink_to("/dev/zero")
    yield "missing.pth", lambda _: None


def _zip(members: Mapping[str, bytes]) -> Writer:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return _bytes(file.getvalue())


def _script(path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), path)


class _Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.place),)


def _with_code() -> Iterator[tuple[str, Writer]]:
    def trapped(make: Callable[[_Trap], bytes]) -> Writer:
        return lambda path: path.write_bytes(make(_Trap(path.with_name(MARKER))))

    for protocol in range(6):
        yield f"bare-{protocol}.pkl", trapped(lambda trap, protocol=protocol: pickle.dumps(trap, protocol))
        yield (
            f"named-{protocol}.pth",
            trapped(lambda trap, protocol=protocol: pickle.dumps({"model": {"a": trap}}, protocol)),
        )
    yield "zip-code.pth", trapped(lambda trap: _torch({**_weights(), "trap": trap}))
    yield "old-code.pth", trapped(lambda trap: _torch({**_weights(), "trap": trap}, zipped=False))
    yield "code-beside.pth", trapped(lambda trap: _torch({"model": _weights(), "optimizer": trap}))
    yield "code-as-weights.safetensors", trapped(lambda trap: _torch([trap]))
    yield "module.pth", _bytes(_torch(nn.Linear(2, 2)))
    yield "joblib.pth", _bytes(pickle.dumps({"a": np.ones(3)}, 4))


def _lying(header: object, *, data: bytes = bytes(16), length: int | None = None) -> Writer:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return _bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def _safetensors() -> Iterator[tuple[str, Writer]]:
    def entry(**changes: object) -> dict[str, object]:
        return {"a": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16], **changes}}

    headers: dict[str, object] = {
        "dtype": entry(dtype="F99"),
        "shape": entry(shape=[3, 2]),
        "negative": entry(shape=[-2, -2]),
        "enormous": entry(shape=[2**31, 2**31]),
        "overflow": entry(shape=[2**63, 2]),
        "far": entry(data_offsets=[0, 2**40]),
        "backwards": entry(data_offsets=[16, 0]),
        "gap": entry(data_offsets=[4, 20]),
        "words": entry(data_offsets="all"),
        "list": [1, 2],
        "text": {"a": "b"},
        "nothing": {"__metadata__": {"format": "pt"}},
        "metadata": {"__metadata__": [1], **entry()},
        "half": b'{"a": {"dtype": "F32", ',
        "bytes": b"{\xff\xfe}",
        "nested": b'{"a":' * 50_000,
    }
    for name, header in headers.items():
        yield f"header-{name}.safetensors", _lying(header)
    for name, length in {"long": 2**63, "longer": 2**64 - 1, "some": 99_999_999, "zero": 0, "one": 1}.items():
        yield f"length-{name}.safetensors", _lying(entry(), length=length)


def _state(*shapes: tuple[str, tuple[int, ...]]) -> dict[str, Tensor]:
    return {name: torch.ones(shape) for name, shape in shapes}


def _of_something_else() -> Iterator[tuple[str, Writer]]:
    kinds: dict[str, object] = {
        "resnet": _state(("conv1.weight", (8, 3, 7, 7)), ("layer1.0.bn1.weight", (8,)), ("fc.weight", (10, 8))),
        "unet": _state(("inc.double_conv.0.weight", (8, 1, 3, 3)), ("outc.conv.weight", (2, 8, 1, 1))),
        "vit": _state(("pos_embed", (1, 5, 8)), ("blocks.0.attn.qkv.weight", (24, 8)), ("norm.weight", (8,))),
        "bert": _state(("bert.embeddings.word_embeddings.weight", (9, 4)), ("encoder.layer.0.output.bias", (4,))),
        "yolo": {"model": _state(("model.0.conv.weight", (4, 3, 3, 3))), "epoch": 5},
        "gan": {"G": _state(("a", (2,))), "D": _state(("b", (2,)))},
        "optimizer": {"state": {0: {"step": torch.ones(1)}}, "param_groups": [{"lr": 1e-3}]},
        "only-an-encoder": {name: value for name, value in _weights().items() if name.startswith("vision_encoder")},
        "only-a-decoder": {name: value for name, value in _weights().items() if name.startswith("mask_decoder")},
        "a-list": [torch.ones(2)],
        "a-tensor": torch.ones(2),
        "a-number": 7,
        "nothing": {},
        "nobody": {"model": {}},
        "words": {"a": "b"},
        "numbers-as-names": {1: torch.ones(1), 2: torch.ones(1)},
        "deep-wrappers": {"model": {"state_dict": {"model": {"state_dict": {"model": {"a": torch.ones(1)}}}}}},
        "wrapped-list": {"state_dict": [torch.ones(2)]},
        "empty-names": {"": torch.ones(1)},
        "only-prefixes": {"module.": torch.ones(1), "module.model.": torch.ones(1)},
        "strange-names": {"a\n\x1b[31mb": torch.ones(1)},
        "long-name": {"x" * 5000: torch.ones(1)},
    }
    for name, content in kinds.items():
        yield f"{name}.pth", _bytes(_torch(content))


def _nearly_right() -> Iterator[tuple[str, Writer]]:
    weights = _weights()
    names = list(weights)
    token, position = "mask_decoder.iou_token.weight", "vision_encoder.pos_embed"
    changed: dict[str, dict[str, Tensor]] = {
        "extra": {**weights, "vision_encoder.adapter.weight": torch.ones(2)},
        "another-shape": {**weights, token: torch.ones(2, 32)},
        "transposed": {**weights, token: weights[token].T},
        "no-channels": {**weights, token: torch.ones(1, 0)},
        "scalar": {**weights, position: torch.tensor(1.0)},
        "not-square": {**weights, position: torch.ones(1, 4, 5, 32)},
        "whole-numbers": {**weights, token: torch.ones(1, 32, dtype=torch.int64)},
        "complex": {**weights, token: torch.ones(1, 32, dtype=torch.complex64)},
        "true-and-false": {**weights, token: torch.ones(1, 32, dtype=torch.bool)},
        "everything-twice": weights | {f"module.{name}": value for name, value in weights.items()},
        "expanded": {**weights, position: torch.ones(1).expand(1, 4, 4, 10**9)},
        "wide-grid": {**weights, position: torch.ones(1).expand(1, 10**5, 10**5, 32)},
        "blown-up": {**weights, "vision_encoder.layers.0.mlp.lin1.bias": torch.ones(1).expand(10**6)}
        | {"vision_encoder.layers.0.mlp.lin1.weight": torch.ones(1).expand(10**6, 32)}
        | {"vision_encoder.layers.0.mlp.lin2.weight": torch.ones(1).expand(32, 10**6)}
        | {"vision_encoder.layers.1.mlp.lin1.bias": torch.ones(1).expand(10**6)}
        | {"vision_encoder.layers.1.mlp.lin1.weight": torch.ones(1).expand(10**6, 32)}
        | {"vision_encoder.layers.1.mlp.lin2.weight": torch.ones(1).expand(32, 10**6)},
        "many-layers": {**weights, "vision_encoder.layers.99999999.attn.qkv.weight": torch.ones(1)},
    }
    stored = [name for name in names if "positional_embedding" not in name]  # each of these two gives the other
    for name in stored[:: len(stored) // 8]:
        changed[f"without-{name}"] = {key: value for key, value in weights.items() if key != name}
    for name in names[3 :: len(names) // 4]:
        for value in (torch.nan, torch.inf):
            changed[f"{value}-in-{name}"] = {**weights, name: torch.full_like(weights[name], value)}
    for name, content in changed.items():
        yield f"{name}.pth", _bytes(_torch(content))
    yield "sparse.pth", _bytes(_torch({**weights, token: weights[token].to_sparse()}))
    yield "without-values.pth", _bytes(_torch({name: value.to("meta") for name, value in weights.items()}))


def _own_headers() -> Iterator[tuple[str, Writer]]:
    record = {"architecture": "sam", "sizes": sizes_to_json(SIZES), "model": "sam-vit-b"}
    sizes: dict[str, Any] = {**sizes_to_json(SIZES)}
    texts = {
        "no-json": "{",
        "list": "[]",
        "architecture": json.dumps({**record, "architecture": "resnet"}),
        "model": json.dumps({**record, "model": "sam-vit-g"}),
        "other-model": json.dumps({**record, "architecture": "mobile-sam"}),
        "no-sizes": json.dumps({**record, "sizes": None}),
        "nested": "[" * 100_000,
    }
    for name, value in (
        ("side", 2**20),
        ("side", -64),
        ("depth", 2**20),
        ("width", "wide"),
        ("heads", 5),
        ("patch", 0),
    ):
        texts[f"{name}-{value}"] = json.dumps({**record, "sizes": {**sizes, name: value}})
    for name, text in texts.items():
        yield f"own-{name}.safetensors", _bytes(save(_weights(), metadata={"promptseg": text}))
    for name, text in {"list": "[]", "wide": '{"widths": [8, 8, 8, 1048576]}', "empty": "{}", "no-json": "{"}.items():
        header = {"format": "promptseg-compact", "config": text}
        yield f"compact-{name}.safetensors", _bytes(save({"a": torch.ones(1)}, metadata=header))
    yield "compact-nothing.safetensors", _bytes(save({"a": torch.ones(1)}, metadata={"format": "promptseg-compact"}))


def _folders() -> Iterator[tuple[str, Writer]]:
    def folder(**files: bytes) -> Writer:
        def make(path: Path) -> None:
            path.mkdir()
            for name, content in files.items():
                (path / name.replace("__", ".")).write_bytes(content)

        return make

    good = save(_weights(), metadata={"format": "pt"})
    yield "folder-empty", folder()
    yield "folder-no-weights", folder(config__json=b"{}")
    yield "folder-no-config", folder(model__safetensors=good)
    yield "folder-config-half", folder(config__json=b'{"model_type": ', model__safetensors=good)
    yield "folder-config-list", folder(config__json=b"[1]", model__safetensors=good)
    yield "folder-config-bytes", folder(config__json=b"\xff\xfe", model__safetensors=good)
    yield "folder-half", folder(config__json=b"{}", model__safetensors=good[:5000])
    yield "folder-resnet", folder(config__json=b"{}", model__safetensors=save({"conv1.weight": torch.ones(1)}))
    for name, places in {
        "outside": {"a": "../elsewhere.safetensors"},
        "missing": {"a": "part-1.safetensors"},
        "list": [1],
        "numbers": {"a": 1},
    }.items():
        index = json.dumps({"weight_map": places}).encode()
        yield f"folder-index-{name}", folder(config__json=b"{}", model__safetensors__index__json=index)
