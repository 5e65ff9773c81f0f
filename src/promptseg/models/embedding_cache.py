"""Embeddings that are kept: in memory up to a number of bytes, and in a folder from one run to the next.

The key is a digest of the pixels as the model would see them, of the model's weights, its preprocessing and its
precision, so neither a changed image nor a changed model can meet an old embedding. Files are written under another
name and renamed, and carry a digest of their own content: a torn or foreign file is computed anew.
"""

import json
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from threading import Lock, RLock
from typing import Final, Protocol, final, overload

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from promptseg.errors import ValueRangeError
from promptseg.types import (
    Candidates,
    Embedding,
    Image,
    Pixels,
    Policy,
    PromptKind,
    Prompts,
    Segmenter,
    accepted_prompts,
    offered_policies,
)

__all__ = ["CacheWarning", "CachedSegmenter", "Fingerprinted"]

_DIGEST_BYTES: Final = 32
_LAYOUT: Final = "promptseg-embedding-1"


class CacheWarning(UserWarning):
    """An embedding could not be kept on disk, or a damaged one was found; the result is right all the same."""


class Fingerprinted(Segmenter, Protocol):
    """A segmenter that can say what determines its embeddings."""

    @property
    def fingerprint(self) -> str:
        """Hex digest of weights, preprocessing and precision."""


@final
class CachedSegmenter:
    """A segmenter whose embeddings are kept. Safe with several threads, and with several processes on one folder."""

    def __init__(
        self, segmenter: Fingerprinted, *, memory_bytes: int = 512 * 2**20, folder: Path | str | None = None
    ) -> None:
        """Wrap a segmenter.

        Args:
            segmenter: the model.
            memory_bytes: most bytes of tensors to keep in memory, least recently used first out; 0 keeps none. An
                embedding larger than this is not kept in memory.
            folder: where to keep embeddings on disk, or None; created where it does not exist. It is never emptied:
                delete files, or the folder, at any time.

        Raises:
            ValueRangeError: ``memory_bytes`` is negative.
        """
        if memory_bytes < 0:
            raise ValueRangeError(f"memory_bytes must be 0 or more, got {memory_bytes}")
        self.segmenter = segmenter
        self._memory_bytes = memory_bytes
        self._folder = None if folder is None else Path(folder)
        self._kept: OrderedDict[str, Embedding] = OrderedDict()
        self._kept_bytes = 0
        self._lock = RLock()
        self._at_work: dict[str, Lock] = {}

    def __repr__(self) -> str:
        return f"CachedSegmenter({self.segmenter!r}, {len(self._kept)} embeddings, {self._kept_bytes} bytes)"

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.segmenter.name

    @property
    def default_policy(self) -> Policy:
        """The policy of the model."""
        return self.segmenter.default_policy

    @property
    def accepts(self) -> frozenset[PromptKind]:
        """What the model understands."""
        return accepted_prompts(self.segmenter)

    @property
    def policies(self) -> tuple[Policy, ...]:
        """The policies that the model offers."""
        return offered_policies(self.segmenter)

    @property
    def fingerprint(self) -> str:
        """Digest of the model."""
        return self.segmenter.fingerprint

    @property
    def kept_bytes(self) -> int:
        """Bytes of tensors that are in memory now."""
        return self._kept_bytes

    def embed(self, image: Image | Pixels) -> Embedding:
        """The embedding of an image: from memory, from the folder, or computed once however many threads ask."""
        picture = image if isinstance(image, Image) else Image(np.asarray(image))
        key = self._key(picture)
        kept = self._from_memory(key)
        if kept is not None:
            return kept
        with self._lock:
            work = self._at_work.setdefault(key, Lock())
        try:
            with work:
                return self._found_or_made(key, picture)
        finally:
            with self._lock:
                self._at_work.pop(key, None)

    @overload
    def segment(self, embedding: Embedding, prompts: Prompts, *, choose: Policy | None = None) -> Candidates: ...
    @overload
    def segment(
        self, embedding: Embedding, prompts: Sequence[Prompts], *, choose: Policy | None = None
    ) -> list[Candidates]: ...
    def segment(
        self, embedding: Embedding, prompts: Prompts | Sequence[Prompts], *, choose: Policy | None = None
    ) -> Candidates | list[Candidates]:
        """As the model's own ``segment``."""
        return self.segmenter.segment(embedding, prompts, choose=choose)

    def _found_or_made(self, key: str, image: Image) -> Embedding:
        embedding = self._from_memory(key) or self._from_folder(key)
        if embedding is None:
            embedding = self.segmenter.embed(image)
            self._to_folder(key, embedding)
        self._to_memory(key, embedding)
        return embedding

    def _key(self, image: Image) -> str:
        digest = sha256(f"{_LAYOUT} {self.fingerprint} {self.name} {image.window}".encode())
        for array in (image.pixels, image.valid, image.shown):
            if array is None:
                digest.update(b"none")
            else:
                digest.update(f"{array.dtype.str} {array.shape}".encode())
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _from_memory(self, key: str) -> Embedding | None:
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def _to_memory(self, key: str, embedding: Embedding) -> None:
        size = _size(embedding)
        with self._lock:
            if key in self._kept or size > self._memory_bytes:
                return
            self._kept[key] = embedding
            self._kept_bytes += size
            while self._kept_bytes > self._memory_bytes:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= _size(dropped)

    def _from_folder(self, key: str) -> Embedding | None:
        if self._folder is None:
            return None
        path = self._folder / f"{key}.safetensors"
        try:
            if not path.is_file():
                return None
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _warn(f"cannot read the kept embedding {path} ({error.strerror}); it is computed anew")
            return None
        embedding = _unpacked(content, key)
        if embedding is None:
            _warn(f"the kept embedding {path} is damaged or foreign; it is computed anew")
            return None
        tensors = {name: value.to(self._device()) for name, value in embedding.features.items()}
        return replace(embedding, features=tensors)

    def _device(self) -> str:
        return str(getattr(self.segmenter, "device", "cpu"))

    def _to_folder(self, key: str, embedding: Embedding) -> None:
        if self._folder is None:
            return
        path = self._folder / f"{key}.safetensors"
        temporary: Path | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".writing-", delete=False) as file:
                temporary = Path(file.name)
                file.write(_packed(embedding, key))
            temporary.replace(path)
        except OSError as error:
            if temporary is not None:
                temporary.unlink(missing_ok=True)
            _warn(f"cannot keep an embedding in {self._folder} ({error.strerror}); it is used, but not kept")


def _size(embedding: Embedding) -> int:
    return sum(int(value.nbytes) for value in embedding.features.values())


def _packed(embedding: Embedding, key: str) -> bytes:
    """Safetensors with the key and the image size in the header, and a digest of it all at the end."""
    tensors: dict[str, Tensor] = {name: value.cpu().contiguous() for name, value in embedding.features.items()}
    header = {
        "layout": _LAYOUT,
        "key": key,
        "model": embedding.model,
        "image_size": json.dumps(embedding.image_size),
    }
    content = tensors_to_bytes(tensors, metadata=header)
    return content + sha256(content).digest()


def _unpacked(content: bytes, key: str) -> Embedding | None:
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if len(content) <= _DIGEST_BYTES + 8 or sha256(body).digest() != digest:
        return None
    try:
        length = int.from_bytes(body[:8], "little")
        header = json.loads(body[8 : 8 + length])["__metadata__"]
        if header["layout"] != _LAYOUT or header["key"] != key:
            return None
        height, width = json.loads(header["image_size"])
        return Embedding(tensors_from_bytes(body), (height, width), header["model"])
    except (SafetensorError, ValueError, KeyError, TypeError):
        return None


def _warn(message: str) -> None:
    warnings.warn(message, CacheWarning, stacklevel=4)
