"""Splits: nothing that belongs together is separated, shares are near, and the file travels."""

import csv
from collections import Counter
from pathlib import Path

import pytest
from fake_samples import FakeSample, named
from hypothesis import given
from hypothesis import strategies as st

from promptseg.data.splits import (
    LEFT_OUT,
    Split,
    SplitRow,
    SplitSettings,
    check_no_leak,
    fold_split,
    make_split,
    read_split,
    split_digest,
    write_split,
)
from promptseg.errors import DatasetError, LeakError, ReadError, ValueRangeError

ROOT = Path(__file__).resolve().parents[2]
GROUP_SIZES = st.lists(st.integers(1, 6), min_size=10, max_size=40)


def row(name: str, part: str, *, group: str = "", dataset: str = "fake") -> SplitRow:
    return SplitRow(dataset, name, group or name, "", part)


@given(GROUP_SIZES, st.integers(0, 5), st.sampled_from([0, 2, 3]))
def test_no_group_is_divided_and_every_image_has_a_part(sizes: list[int], seed: int, folds: int) -> None:
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    samples = [FakeSample(str(number), "ab"[number % 2]) for number in range(len(groups))]
    settings = SplitSettings(test=0.3, validation=0.2, folds=folds, seed=seed)
    split = make_split(samples, groups, settings=settings)
    assert [(one.name, one.group) for one in split.rows] == [
        (sample.name, group) for sample, group in zip(samples, groups, strict=True)
    ]
    parts = {group: {one.part for one in split.rows if one.group == group} for group in groups}
    assert all(len(of) == 1 for of in parts.values())
    assert set(split.parts) == set(settings.shares())
    check_no_leak(split)
    assert split == make_split(samples, groups, settings=settings)


@given(GROUP_SIZES, st.integers(0, 5))
def test_shares_are_met_to_within_the_largest_group(sizes: list[int], seed: int) -> None:
    groups = [f"g{number}" for number, size in enumerate(sizes) for _ in range(size)]
    settings = SplitSettings(test=0.25, validation=0.25, seed=seed)
    split = make_split(named(len(groups)), groups, settings=settings)
    counts = Counter(one.part for one in split.rows)
    for part, share in settings.shares().items():
        assert abs(counts[part] - share * len(groups)) <= max(sizes)


def test_single_images_meet_the_shares_of_each_stratum_to_the_image() -> None:
    samples = [*named(100, stratum="benign"), *named(50, stratum="malignant")]
    split = make_split(samples, [sample.name for sample in samples])
    counts = Counter((one.stratum, one.part) for one in split.rows)
    assert counts == {
        ("benign", "train"): 70,
        ("benign", "validation"): 10,
        ("benign", "test"): 20,
        ("malignant", "train"): 35,
        ("malignant", "validation"): 5,
        ("malignant", "test"): 10,
    }


def test_another_seed_gives_another_split() -> None:
    samples = named(60)
    groups = [sample.name for sample in samples]
    first, second = (make_split(samples, groups, settings=SplitSettings(seed=seed)) for seed in (0, 1))
    assert first != second
    assert split_digest(first) != split_digest(second)


def test_the_order_of_groups_names_does_not_hang_on_the_machine() -> None:
    """Frozen: a split that changes with a version of numpy or of ours must not go unnoticed."""
    samples = named(12)
    split = make_split(samples, [f"g{number // 2}" for number in range(12)], settings=SplitSettings(0.34, 0.0, seed=3))
    assert [one.part for one in split.rows][::2] == ["train", "train", "train", "test", "train", "test"]


def test_left_out_images_stand_in_the_file_and_in_no_part() -> None:
    samples = named(30)
    split = make_split(samples, [sample.name for sample in samples], left_out={3: "no lesion"})
    assert split.rows[3].part == LEFT_OUT
    assert LEFT_OUT not in split.parts
    assert samples[3] not in {sample for part in split.parts for sample in split.part(part, samples)}


def test_folds_take_turns() -> None:
    samples = named(30)
    split = make_split(samples, [sample.name for sample in samples], settings=SplitSettings(test=0, folds=3))
    assert Counter(one.part for one in split.rows) == {"fold-1": 10, "fold-2": 10, "fold-3": 10}
    tested = []
    for fold in (1, 2, 3):
        one = fold_split(split, fold)
        check_no_leak(one)
        assert Counter(row.part for row in one.rows) == {"test": 10, "validation": 10, "train": 10}
        tested += [row.name for row in one.rows if row.part == "test"]
    assert sorted(tested) == sorted(sample.name for sample in samples)
    with pytest.raises(DatasetError, match="no fold 4"):
        fold_split(split, 4)


def test_two_folds_have_no_validation_and_the_test_part_stays_unseen() -> None:
    samples = named(20)
    split = make_split(samples, [sample.name for sample in samples], settings=SplitSettings(test=0.2, folds=2))
    assert Counter(one.part for one in fold_split(split, 2).rows) == {"test": 8, "train": 8, LEFT_OUT: 4}


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"2 groups cannot fill 3 parts \(train, validation, test\)"):
        make_split(named(10), ["a"] * 5 + ["b"] * 5)
    with pytest.raises(ValueRangeError, match="one length, got 10, 5 and 10"):
        make_split(named(10), ["a"] * 5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"test": 1.0}, "test must be a number from 0 to below 1"),
        ({"validation": "much"}, "validation must be a number"),
        ({"test": 0.6, "validation": 0.4}, "must leave something"),
        ({"folds": 1}, "folds must be 0 for none"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"seed": True}, "seed must be a whole number from 0"),
    ],
)
def test_settings_are_checked(settings: dict[str, float], words: str) -> None:
    with pytest.raises(ValueRangeError, match=words):
        SplitSettings(**settings)  # type: ignore[arg-type]


def test_leaks_are_refused_with_the_groups_named() -> None:
    split = Split((row("a", "train", group="twins"), row("b", "test", group="twins"), row("c", "test")))
    with pytest.raises(LeakError, match="share 1 groups of near-duplicates or subjects: group twins"):
        check_no_leak(split)
    check_no_leak(split, train="validation")
    clean = Split((row("a", "train"), row("b", "test")))
    check_no_leak(clean)
    with pytest.raises(LeakError, match="group b"):
        check_no_leak(clean, train=("train", "test"))
    samples = [FakeSample("a", subject="Ada"), FakeSample("b", subject="Ada")]
    with pytest.raises(LeakError, match="subject fake Ada"):
        check_no_leak(clean, samples=samples)


def test_validation_counts_as_training_and_left_out_as_nothing() -> None:
    with pytest.raises(LeakError):
        check_no_leak(Split((row("a", "validation", group="twins"), row("b", "test", group="twins"))))
    check_no_leak(Split((row("a", LEFT_OUT, group="twins"), row("b", "test", group="twins"))))


def test_a_part_is_picked_from_the_samples() -> None:
    samples = named(3)
    split = Split((*(row(sample.name, "train") for sample in samples[:2]), row("x", "train", dataset="other")))
    assert split.part("train", samples) == tuple(samples[:2])
    assert split.group_of(samples[0]) == samples[0].name
    with pytest.raises(DatasetError, match="does not hold fake image 2"):
        split.group_of(samples[2])
    with pytest.raises(DatasetError, match="no part 'test'; it has train"):
        split.part("test", samples)
    with pytest.raises(DatasetError, match="1 of 2 images of the part 'train' are not in the data: fake image 1"):
        split.part("train", samples[:1])
    with pytest.raises(DatasetError, match="holds no image of new; the split is of fake, other"):
        split.part("train", [FakeSample("a", dataset="new")])


def test_a_file_there_and_back(tmp_path: Path) -> None:
    samples = [FakeSample("7, left", "benign"), FakeSample('8 "b"', "malignant"), FakeSample("é", "benign")]
    split = make_split(samples, [sample.name for sample in samples])
    write_split(split, tmp_path / "split.csv")
    assert read_split(tmp_path / "split.csv") == split
    again = (tmp_path / "split.csv").read_bytes()
    write_split(split, tmp_path / "split.csv")
    assert (tmp_path / "split.csv").read_bytes() == again
    with (tmp_path / "split.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file)) == ["dataset", "name", "group", "stratum", "part"]


def test_files_without_strata_and_of_spreadsheets(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("dataset,name,group,part,note\r\nd,1,g,train,x\r\n", encoding="utf-8-sig")
    assert read_split(tmp_path / "a.csv").rows == (SplitRow("d", "1", "g", "", "train"),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dataset,name,part\nd,1,train\n", "columns group are missing"),
        ("dataset,name,group,part\n", "holds no row"),
        ("dataset,name,group,part\nd,1,g,train\nd,2,,train\n", "line 3 lacks"),
        ("dataset,name,group,part\nd,1,g,train\nd,1,g,test\n", "d 1 stand there several times"),
    ],
)
def test_files_that_are_no_split(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DatasetError, match=words):
        read_split(tmp_path / "a.csv")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00\x00")
    with pytest.raises(ReadError, match="no CSV in UTF-8"):
        read_split(tmp_path / "a.csv")
    with pytest.raises(ReadError, match="nowhere"):
        read_split(tmp_path / "nowhere.csv")


def test_the_split_of_the_default_model_has_no_leak() -> None:
    split = read_split(ROOT / "recipes" / "default_split.csv")
    assert set(split.parts) == {"train", "validation", "test"}
    check_no_leak(split)
