"""The embedding cache: bounded, exact, and never fooled by a torn, foreign or old file."""

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from promptseg import Image
from promptseg.errors import ValueRangeError
from promptseg.models.embedding_cache import CachedSegmenter, CacheWarning
from promptseg.types import Candidates, Embedding


class Counting:
    """A segmenter whose embedding is the image itself, and that counts how often it had to look."""

    name = "counting"
    default_policy = "first"

    def __init__(self, fingerprint: str = "a") -> None:
        self.fingerprint = fingerprint
        self.looks = 0
        self.gate = threading.Event()
        self.gate.set()

    def embed(self, image: Image) -> Embedding:
        self.gate.wait(5)
        self.looks += 1
        return Embedding({"pixels": torch.from_numpy(image.pixels.astype(np.float32))}, image.size, self.name)

    def segment(self, *_: object, **__: object) -> Candidates:
        raise AssertionError


def picture(value: int, side: int = 8) -> Image:
    return Image(np.full((side, side + 1), value, dtype=np.uint8))


def test_memory_is_bounded_and_least_recent_goes_first() -> None:
    model = Counting()
    one = 8 * 9 * 4
    cache = CachedSegmenter(model, memory_bytes=2 * one)
    for value in (1, 2, 1, 3, 1, 2):  # 3 pushes out 2, which is then computed again
        assert float(cache.embed(picture(value)).features["pixels"][0, 0]) == value
        assert cache.kept_bytes <= 2 * one
    assert model.looks == 4
    assert CachedSegmenter(model, memory_bytes=one - 1).embed(picture(1)) is not None
    with pytest.raises(ValueRangeError, match="memory_bytes"):
        CachedSegmenter(model, memory_bytes=-1)


def test_the_folder_serves_the_next_run_exactly(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    image = picture(7)
    made = CachedSegmenter(first, folder=tmp_path / "new").embed(image)
    kept = CachedSegmenter(second, folder=tmp_path / "new").embed(image)
    assert second.looks == 0
    assert (kept.image_size, kept.model) == (made.image_size, made.model)
    assert torch.equal(kept.features["pixels"], made.features["pixels"])


@pytest.mark.parametrize("change", ["model", "pixels", "window", "dtype", "shape"])
def test_what_matters_is_in_the_key(tmp_path: Path, change: str) -> None:
    image = picture(7)
    CachedSegmenter(Counting(), folder=tmp_path).embed(image)
    other = {
        "pixels": picture(8),
        "window": replace(image, window=(0, 9)),
        "dtype": Image(image.pixels.astype(np.uint16)),
        "shape": Image(image.pixels.reshape(9, 8)),
    }.get(change, image)
    model = Counting("b" if change == "model" else "a")
    CachedSegmenter(model, folder=tmp_path).embed(other)
    assert model.looks == 1


def damage(content: bytes, how: str) -> bytes:
    middle = len(content) // 2
    return {
        "torn": content[:middle],
        "empty": b"",
        "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        "foreign": b"not an embedding at all" * 10,
        "longer": content + b"x",
    }[how]


@pytest.mark.parametrize("how", ["torn", "empty", "flipped", "foreign", "longer"])
def test_a_damaged_file_is_computed_anew(tmp_path: Path, how: str) -> None:
    CachedSegmenter(Counting(), folder=tmp_path).embed(picture(7))
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes(), how))
    model = Counting()
    with pytest.warns(CacheWarning, match="damaged or foreign"):
        embedding = CachedSegmenter(model, folder=tmp_path).embed(picture(7))
    assert model.looks == 1
    assert float(embedding.features["pixels"][0, 0]) == 7
    mended = Counting()
    CachedSegmenter(mended, folder=tmp_path).embed(picture(7))
    assert mended.looks == 0


def test_another_images_file_under_this_name_is_noticed(tmp_path: Path) -> None:
    for value, folder in ((7, "a"), (8, "b")):
        CachedSegmenter(Counting(), folder=tmp_path / folder).embed(picture(value))
    (seven,), (eight,) = (tmp_path / "a").iterdir(), (tmp_path / "b").iterdir()
    seven.write_bytes(eight.read_bytes())
    with pytest.warns(CacheWarning):
        embedding = CachedSegmenter(Counting(), folder=tmp_path / "a").embed(picture(7))
    assert float(embedding.features["pixels"][0, 0]) == 7


def test_a_folder_that_cannot_be_written_costs_only_a_warning(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.warns(CacheWarning, match="not kept"):
        embedding = CachedSegmenter(Counting(), folder=blocked / "cache", memory_bytes=0).embed(picture(7))
    assert float(embedding.features["pixels"][0, 0]) == 7
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_threads_that_ask_for_one_image_share_one_look(tmp_path: Path) -> None:
    model = Counting()
    model.gate.clear()
    cache = CachedSegmenter(model, folder=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(cache.embed, picture(7)) for _ in range(8)]
        model.gate.set()
        embeddings = [one.result() for one in waiting]
    assert model.looks == 1
    assert all(one is embeddings[0] for one in embeddings)
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_a_failing_model_leaves_no_lock_behind() -> None:
    class Failing(Counting):
        def embed(self, image: Image) -> Embedding:
            self.looks += 1
            if self.looks == 1:
                raise MemoryError
            return super().embed(image)

    cache = CachedSegmenter(Failing())
    with pytest.raises(MemoryError):
        cache.embed(picture(1))
    with warnings.catch_warnings():
        assert cache.embed(picture(1)).image_size == (8, 9)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with a name")
def test_a_pipe_in_place_of_a_kept_embedding_is_not_waited_for(tmp_path: Path) -> None:
    CachedSegmenter(Counting(), folder=tmp_path).embed(picture(7))
    (kept,) = tmp_path.iterdir()
    kept.unlink()
    os.mkfifo(kept)
    model = Counting()
    CachedSegmenter(model, folder=tmp_path).embed(picture(7))
    assert model.looks == 1
    assert kept.is_file()
