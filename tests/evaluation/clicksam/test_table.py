import math
from dataclasses import replace
from pathlib import Path

import pytest

from promptseg.errors import ReadError
from promptseg.evaluation.clicksam.table import Row, append_rows, kept_rows, read_rows, write_rows

ROW = Row("split", "none", "oracle-clicks", "benign (1)", "g1", "benign", "lesion", 1, 0.5, 0.25, 0.75, 1.0, 0.625, 1)


def rows_of(image: str, count: int = 3) -> list[Row]:
    return [replace(ROW, image=image, step=step) for step in range(1, count + 1)]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    rows = [ROW, replace(ROW, image='a, "b"', predicted_score=math.nan)]
    write_rows(rows, tmp_path / "t.csv")
    again = read_rows(tmp_path / "t.csv")
    assert again[0] == ROW
    assert again[1].image == 'a, "b"'
    assert math.isnan(again[1].predicted_score)


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ReadError, match="columns are a, b"):
        read_rows(tmp_path / "t.csv")


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    write_rows([ROW], tmp_path / "t.csv")
    with (tmp_path / "t.csv").open("a") as file:
        file.write("split,none\n")
    with pytest.raises(ReadError, match="line 3"):
        read_rows(tmp_path / "t.csv")


@pytest.mark.parametrize("bytes_lost", [1, 2, 30, 90, 150])
def test_rows_of_an_image_that_was_being_written_are_dropped(tmp_path: Path, bytes_lost: int) -> None:
    path = tmp_path / "rows.csv"
    append_rows(rows_of("a"), path)
    whole = path.read_bytes()
    append_rows(rows_of("b"), path)
    path.write_bytes(path.read_bytes()[:-bytes_lost])
    assert kept_rows(path, rows_of_an_image=3) == rows_of("a")
    assert path.read_bytes() == whole
    append_rows(rows_of("b"), path)
    assert kept_rows(path, rows_of_an_image=3) == rows_of("a") + rows_of("b")


def test_a_file_killed_in_its_header_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("protocol,ar")
    assert kept_rows(path, rows_of_an_image=3) == []
    append_rows(rows_of("a"), path)
    assert read_rows(path) == rows_of("a")


def test_no_file_no_rows(tmp_path: Path) -> None:
    assert kept_rows(tmp_path / "none.csv", rows_of_an_image=3) == []
