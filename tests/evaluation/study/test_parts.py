"""Files of finished units: whole, marked, checked; damaged and foreign ones are found out."""

import os
from pathlib import Path

import pandas as pd
import pytest
from pyarrow import parquet

from promptseg.errors import StudyError, WriteError
from promptseg.evaluation.study.parts import TABLE, Parts
from promptseg.evaluation.study.rows import COLUMNS
from promptseg.evaluation.study.scoring import Row

ZEROS = {"string": "x", "int32": 1, "int64": 2, "float64": 0.5, "bool": True}


def row(number: int) -> Row:
    return {**{name: ZEROS[kind] for name, (kind, _) in COLUMNS.items()}, "step": number, "iou": number / 7}


def parts(folder: Path, study: str = "a study") -> Parts:
    return Parts(folder, study, ("iou",))


def test_rows_come_back_with_their_types(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.write(3, "an image with a model", [row(1), row(2)])
    table = made.read(3)
    assert table is not None
    assert table.to_pylist() == [row(1), row(2)]
    assert [str(field.type) for field in table.schema][:-1] == [
        {"float64": "double"}.get(kind, kind) for kind, _ in COLUMNS.values()
    ]
    assert made.read(2) is None


def test_a_unit_without_evaluations_is_finished_too(tmp_path: Path) -> None:
    parts(tmp_path).write(0, "nothing", [])
    assert parts(tmp_path).finished(range(2)) == {0}


def test_a_part_with_any_byte_changed_is_found_out_or_still_holds_its_rows(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.write(0, "a", [row(number) for number in range(5)])
    good, whole = made.path(0).read_bytes(), made.read(0)
    found_out = 0
    for place in range(0, len(good), 17):
        made.path(0).write_bytes(good[:place] + bytes([good[place] ^ 0xFF]) + good[place + 1 :])
        table = made.read(0)
        found_out += table is None
        assert table is None or table.equals(whole), place
    assert found_out > len(good) / 17 / 3


def test_what_is_damaged_is_removed(tmp_path: Path) -> None:
    made = parts(tmp_path)
    for unit in range(2):
        made.write(unit, "a", [row(number) for number in range(5)])
    made.path(1).write_bytes(made.path(1).read_bytes()[:-6])
    assert made.finished(range(3)) == {0}
    assert not made.path(1).exists()


@pytest.mark.parametrize("length", [0, 3, 100, -1])
def test_a_truncated_part_is_found_out(tmp_path: Path, length: int) -> None:
    made = parts(tmp_path)
    made.write(0, "a", [row(1)])
    made.path(0).write_bytes(made.path(0).read_bytes()[:length])
    assert made.read(0) is None


def test_a_part_of_another_study_or_unit_or_with_other_columns_is_not_taken(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.write(0, "a", [row(1)])
    assert parts(tmp_path, "another").read(0) is None
    made.path(1).write_bytes(made.path(0).read_bytes())
    assert made.read(1) is None
    assert Parts(tmp_path, "a study", ("iou", "dice")).read(0) is None
    assert made.read(0) is not None


def test_the_table_is_all_parts_in_order(tmp_path: Path) -> None:
    made = parts(tmp_path)
    for unit in (2, 0, 1):
        made.write(unit, "a", [row(10 * unit + number) for number in range(unit)])
    assert made.write_table(3, {"promptseg.version": "1"}) == 3
    assert pd.read_parquet(tmp_path / TABLE)["step"].tolist() == [10, 20, 21]
    metadata = parquet.read_schema(tmp_path / TABLE).metadata
    assert metadata[b"promptseg.study"] == b"a study"
    assert metadata[b"promptseg.version"] == b"1"
    with pytest.raises(StudyError, match=r"0000003\.parquet is missing"):
        made.write_table(4, {})
    assert len(pd.read_parquet(tmp_path / TABLE)) == 3


def test_a_full_disk_loses_nothing_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = parts(tmp_path)
    made.write(0, "a", [row(1)])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="no space left"):
            made.write(1, "b", [row(2)])
        with pytest.raises(WriteError, match="no space left"):
            made.write_table(1, {})
    assert made.finished(range(2)) == {0}
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["0000000.parquet"]


def test_what_killed_processes_left_is_removed(tmp_path: Path) -> None:
    made = parts(tmp_path)
    made.write(0, "a", [row(1)])
    left = made.path(0).with_name(".0000001.parquet.0123.part")
    left.write_bytes(b"half")
    made.remove_leavings()
    assert not left.exists()
    assert made.finished([0]) == {0}
