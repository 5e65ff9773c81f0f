from pathlib import Path

import numpy as np
import pytest

from promptseg import io
from promptseg.errors import LimitError, ReadError, ValueRangeError
from promptseg.io.limits import ENVIRONMENT, limits_in_force


def test_the_environment_changes_the_defaults() -> None:
    assert limits_in_force(None, {}) == io.DEFAULT_LIMITS
    changed = limits_in_force(None, {"PROMPTSEG_MAX_PIXELS": " 12 ", "PROMPTSEG_MAX_FILES": "3"})
    assert (changed.pixels, changed.files, changed.frames) == (12, 3, io.DEFAULT_LIMITS.frames)
    given = io.Limits(pixels=5)
    assert limits_in_force(given, {"PROMPTSEG_MAX_PIXELS": "12"}) is given
    assert set(ENVIRONMENT) == set(io.Limits.__dataclass_fields__)


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e9", "1.5", "٣"])
def test_a_wrong_variable_is_named(text: str) -> None:
    with pytest.raises(ValueRangeError, match="PROMPTSEG_MAX_PIXELS must be a whole number from 1"):
        limits_in_force(None, {"PROMPTSEG_MAX_PIXELS": text})


@pytest.mark.parametrize("value", [0, -1, 1.5, True, "9"])
def test_a_wrong_limit_is_named(value: object) -> None:
    with pytest.raises(ValueRangeError, match=r"Limits\.pixels must be a whole number from 1"):
        io.Limits(pixels=value)  # type: ignore[arg-type]  # the point of the test


def test_the_variable_works_from_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", np.zeros((3, 4), np.uint8))
    monkeypatch.setenv("PROMPTSEG_MAX_PIXELS", "11")
    with pytest.raises(LimitError, match="12 decoded pixels are more than the limit of 11"):
        io.read(tmp_path / "a.npy")


def test_paths_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(ValueRangeError, match="a path must be a str"):
        io.read(5)  # type: ignore[arg-type]  # the point of the test
    for path in ("", tmp_path / "missing.png", tmp_path / "a\0b", "x" * 5000):
        with pytest.raises(ReadError):
            io.read(path)


def test_devices_pipes_and_loops_do_not_hang(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", tmp_path / "link.png", "/dev/zero"):
        with pytest.raises(ReadError, match="device, pipe or socket"):
            io.read(path)
    with pytest.raises(ReadError, match="cannot be read"):
        io.read(tmp_path / "loop.png")
    with pytest.raises(ReadError, match="no DICOM pictures"):
        io.read(tmp_path)


def test_a_name_with_line_breaks_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ReadError) as caught:
        io.read(tmp_path / "two\nlines\x1b[31m\udcff.png")
    message = str(caught.value)
    assert message.isprintable()
    assert message.encode("utf-8")
