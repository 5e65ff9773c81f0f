from pathlib import Path

import pytest
from phantom_busi import phantom_busi

from promptseg.data.sources import open_source
from promptseg.data.splits import LEFT_OUT, Split, SplitRow, read_split
from promptseg.errors import DatasetError, LeakError, ReadError
from promptseg.evaluation.clicksam.protocols import make_protocol, read_near_duplicates


def test_three_protocols(tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    samples, given = open_source("busi", made.data, normals=False), read_split(made.split)
    near = read_near_duplicates(made.data)
    assert near is not None
    literal, split, curated = (make_protocol(name, samples, given, near) for name in ("literal", "split", "curated"))
    assert [literal.count("train"), len(literal.test)] == [9, 9]
    assert [split.count(part) for part in ("train", "validation", "test", LEFT_OUT)] == [4, 2, 3, 0]
    assert [curated.count(part) for part in ("train", "validation", "test", LEFT_OUT)] == [4, 2, 2, 1]
    assert {sample.name for sample in curated.test} < {sample.name for sample in split.test}


def test_a_leak_is_refused(tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    samples, given = open_source("busi", made.data, normals=False), read_split(made.split)
    leaking = Split(tuple(SplitRow(r.dataset, r.name, "g0", r.stratum, r.part) for r in given.rows))
    with pytest.raises(LeakError, match="g0"):
        make_protocol("split", samples, leaking, None)
    assert make_protocol("literal", samples, leaking, None).test == samples


def test_images_that_the_split_does_not_hold_are_left_out(tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    samples, given = open_source("busi", made.data, normals=False), read_split(made.split)
    fewer = Split(tuple(row for row in given.rows if row.group != "g0"))
    assert make_protocol("split", samples, fewer, None).count(LEFT_OUT) == 1
    assert make_protocol("literal", samples, fewer, None).count("train") == 9


def test_a_split_of_other_images_is_refused(tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    other = Split((SplitRow("busi", "benign (77)", "g", "benign", "train"),))
    with pytest.raises(DatasetError, match="names other images"):
        make_protocol("split", open_source("busi", made.data, normals=False), other, None)


def test_without_the_table_there_is_no_curated_busi(tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    (tmp_path / "near_duplicates.csv").unlink()
    assert read_near_duplicates(made.data) is None
    with pytest.raises(DatasetError, match=r"near_duplicates\.csv"):
        make_protocol("curated", open_source("busi", made.data, normals=False), read_split(made.split), None)


def test_a_table_without_a_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "near_duplicates.csv").write_text("image,group\na,b\n")
    with pytest.raises(ReadError, match="in_curated_busi_v1"):
        read_near_duplicates(tmp_path)
