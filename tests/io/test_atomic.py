"""Files are there whole or not at all."""

import os
from pathlib import Path

import numpy as np
import pytest

from promptseg import io
from promptseg.errors import WriteError
from promptseg.io.atomic import replacing


def test_what_was_there_stays_when_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    io.write(np.ones((2, 3), np.bool_), path)
    before = path.read_bytes()

    def full_disk(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(WriteError, match=r"no space left on device.*nothing was changed"):
        io.write(np.zeros((9, 9), np.bool_), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_an_interrupted_writer_leaves_nothing(tmp_path: Path) -> None:
    def write_half() -> None:
        with replacing(tmp_path / "a.bin") as file:
            file.write(b"half")
            assert len(list(tmp_path.iterdir())) == 1
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_half()
    assert not list(tmp_path.iterdir())


def test_a_link_is_followed_and_permissions_are_usual(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.png").symlink_to(tmp_path / "real" / "a.png")
    io.write(np.ones((2, 3), np.bool_), tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    plain = tmp_path / "plain"
    plain.touch()
    assert (tmp_path / "real" / "a.png").stat().st_mode == plain.stat().st_mode
