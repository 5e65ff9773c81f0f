"""From samples to a split with all that a user may ask for."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_samples import FakeSample
from shared_data import shared

from promptseg.data.dividing import Condition, DivisionPlan, condition, divide, shares_reached, write_division
from promptseg.data.grouping import cross_stratum, joined, read_columns, same_value_pairs, subject_pairs
from promptseg.data.sources import open_source
from promptseg.data.splits import LEFT_OUT, SplitSettings, check_no_leak, read_split, split_digest
from promptseg.data.strata import object_shares, size_strata
from promptseg.errors import DatasetError, ReadError, ValueRangeError


def samples() -> list[FakeSample]:
    """20 images of two classes; each two following ones are the same picture."""
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 256, (32, 32), dtype=np.uint8) for _ in range(10)]
    return [
        FakeSample(f"i{number}", "ab"[number // 10], pixels=pictures[number // 2], area=number % 5)
        for number in range(20)
    ]


def table(folder: Path, text: str) -> Path:
    path = folder / "facts.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_near_duplicates_stay_together() -> None:
    division = divide(samples(), DivisionPlan())
    assert division.pairs == 10
    assert [row.group for row in division.split.rows][::2] == [f"fake:i{number}" for number in range(0, 20, 2)]
    check_no_leak(division.split)
    assert division == divide(samples(), DivisionPlan())


def test_without_near_duplicates_each_image_is_a_group() -> None:
    division = divide(samples(), DivisionPlan(duplicates=None, by_size=False))
    assert len({row.group for row in division.split.rows}) == 20
    assert {row.stratum for row in division.split.rows} == {"a", "b"}


def test_subjects_and_known_groups_stay_together(tmp_path: Path) -> None:
    people = [FakeSample(str(number), subject=str(number // 2)) for number in range(12)]
    plan = DivisionPlan(duplicates=None, table=table(tmp_path, "name,group\n0,x\n2,x\n4,\n"))
    groups = [row.group for row in divide(people, plan).split.rows]
    assert groups[:6] == ["fake:0"] * 4 + ["fake:4"] * 2
    check_no_leak(divide(people, plan).split, samples=people)


def test_conditions_and_reasons(tmp_path: Path) -> None:
    rows = "".join(f"i{number},{number % 2},{number // 18}\n" for number in range(20))
    plan = DivisionPlan(
        table=table(tmp_path, f"image,axilla,old\n{rows}"), keep=(condition("axilla=0"), condition("old!=1"))
    )
    division = divide(samples(), plan)
    assert division.left_out == {"axilla=0 does not hold": 10, "old!=1 does not hold": 1}
    assert sum(row.part == LEFT_OUT for row in division.split.rows) == 11
    assert shares_reached(division.split)[LEFT_OUT] == {"all": 11, "a": 5, "b": 6}


def test_one_per_group_and_groups_of_several_classes() -> None:
    mixed = samples()
    mixed[9] = FakeSample("i9", "b", pixels=mixed[8].pixels)
    division = divide(mixed, DivisionPlan(drop_cross_class=True, one_per_group=True))
    assert division.left_out == {"group of several classes": 2, "another image of its group is kept": 9}


def test_a_division_is_written_with_its_record(tmp_path: Path) -> None:
    division = divide(samples(), DivisionPlan(settings=SplitSettings(seed=4)))
    record = write_division(division, tmp_path / "split.csv", source={"kind": "fake"})
    facts = json.loads(record.read_text(encoding="utf-8"))
    assert record == tmp_path / "split.json"
    assert facts["sha256"] == split_digest(read_split(tmp_path / "split.csv"))
    assert facts["plan"]["settings"]["seed"] == 4
    assert facts["parts"]["train"]["all"] + facts["parts"]["validation"]["all"] + facts["parts"]["test"]["all"] == 20
    assert str(tmp_path) not in record.read_text(encoding="utf-8")
    with pytest.raises(ValueRangeError, match=r"call it \.csv"):
        write_division(division, tmp_path / "split.json", source={})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,group\na,b\n", "has no column name or image; it has file, group"),
        ("name,group\nother,b\n", "none of its 1 rows is of an image"),
        ("name,group\ni1,b\ni1,c\n", "i1 has several rows"),
        ("dataset,name\nmine,i1\n", "none of its 1 rows"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DatasetError, match=words):
        read_columns(table(tmp_path, text), samples())


def test_tables_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_bytes(b"\xff\xfename")
    with pytest.raises(ReadError, match="no CSV"):
        read_columns(tmp_path / "facts.csv", samples())


def test_conditions_are_checked(tmp_path: Path) -> None:
    assert condition("a!=1") == Condition("a", "1", equal=False)
    assert condition("a=") == Condition("a", "")
    with pytest.raises(ValueRangeError, match="must be column=value"):
        condition("axilla")
    with pytest.raises(ValueRangeError, match="need a table"):
        DivisionPlan(keep=(condition("a=1"),))
    with pytest.raises(DatasetError, match="has no column 'wrong'"):
        divide(samples(), DivisionPlan(table=table(tmp_path, "name\ni1\n"), keep=(condition("wrong=1"),)))


def test_joining() -> None:
    assert joined(6, [(5, 4), (3, 5), (0, 1)]) == [0, 0, 2, 3, 3, 3]
    assert same_value_pairs([1, 1, None, 1]) == [(0, 1), (0, 3)]
    assert subject_pairs([FakeSample("a", subject="x"), FakeSample("b", subject="x", dataset="other")]) == []
    assert cross_stratum(["g", "g", "h"], ["a", "b", "a"]) == ["g"]


def test_thirds_by_size() -> None:
    shares = object_shares([FakeSample(str(area), area=area) for area in (0, 1, 2, 3, 4, 5, 6)])
    assert shares == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert size_strata([""] * 7, shares) == ["empty", "small", "small", "medium", "medium", "large", "large"]
    assert size_strata(["a", "b"], [0.5, 0.5]) == ["a/small", "b/small"]
    with pytest.raises(ValueRangeError, match="one length"):
        size_strata(["a"], [])


def test_a_split_of_busi_by_the_recommended_protocol() -> None:
    root = shared("data/busi")
    everything = open_source("busi", root, normals=False)
    plan = DivisionPlan(table=root / "near_duplicates.csv", keep=(condition("axilla!=1"),), drop_cross_class=True)
    division = divide(everything, plan)
    counts = shares_reached(division.split)
    kept = sum(counts[part]["all"] for part in ("train", "validation", "test"))
    for part, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        assert abs(counts[part]["all"] / kept - share) < 0.01
        assert abs(counts[part]["benign"] / counts[part]["all"] - 0.68) < 0.02
    check_no_leak(division.split)
