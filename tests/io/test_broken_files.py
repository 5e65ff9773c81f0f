"""Everything broken gives one clear line, in reasonable time."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from broken_files import broken_files, broken_folders, documents, mutants

from promptseg import io
from promptseg.errors import PromptsegError

FILES = dict(broken_files())
FOLDERS = dict(broken_folders())
SURE = {**FILES, **FOLDERS}


def check_message(error: PromptsegError, path: Path) -> None:
    message = str(error)
    assert message.isprintable()
    assert str(path) in message
    assert len(message) < 600
    assert error.__cause__ is None


def said(read: Callable[[Path], object], path: Path) -> str:
    """The message of the error that reading gives; empty where it succeeds."""
    try:
        read(path)
    except PromptsegError as error:
        return str(error)
    return ""


@pytest.mark.filterwarnings("ignore::promptseg.io.ReadWarning")
@pytest.mark.parametrize("name", SURE)
def test_reading_gives_one_clear_line(tmp_path: Path, name: str) -> None:
    SURE[name](tmp_path / name)
    with pytest.raises(PromptsegError) as caught:
        io.read(tmp_path / name)
    check_message(caught.value, tmp_path / name)


def test_there_are_many_of_them() -> None:
    assert len(SURE) >= 200


@pytest.mark.parametrize("read", [io.read_mask, io.read_image], ids=["read_mask", "read_image"])
def test_other_readers_raise_nothing_else(tmp_path: Path, read: Callable[[Path], object]) -> None:
    for name, write in {**SURE, **dict(documents())}.items():
        write(tmp_path / name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", io.ReadWarning)
            assert said(read, tmp_path / name).isprintable(), name


def test_mutants_are_read_or_refused(tmp_path: Path) -> None:
    for name, data in mutants(6):
        path = tmp_path / name
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", io.ReadWarning)
            assert said(io.read, path).isprintable(), name


def test_standard_error_stays_empty(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Decoders in C write there by themselves, and the command line must say one line only."""
    for name, write in FILES.items():
        write(tmp_path / name)
        with pytest.raises(PromptsegError):
            io.read(tmp_path / name)
    assert capfd.readouterr() == ("", "")
