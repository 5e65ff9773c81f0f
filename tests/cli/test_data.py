"""``promptseg data`` as a user meets it."""

import json
from pathlib import Path

import data_sets
import pytest
from command_line import Calling

from promptseg.data.splits import check_no_leak, read_split


def test_check_prints_a_table(call: Calling, tmp_path: Path) -> None:
    ended = call("data", "check", data_sets.busi(tmp_path))
    assert ended.status == 0
    for words in ("busi", "benign 2, malignant 1, normal 1", "lesion", "not known", "40 x 56"):
        assert words in ended.out
    assert "fit for training" in ended.err


def test_check_as_json(call: Calling, tmp_path: Path) -> None:
    ended = call("data", "check", data_sets.nifti(tmp_path), "--json", "--option", "labels=1=liver,2=spleen")
    report = json.loads(ended.out)
    assert report["kind"] == "nifti"
    assert report["sound"] is True
    assert set(report["labels"]) == {"liver", "spleen"}
    assert report["subjects"] == 2


def test_errors_end_with_status_1_after_the_whole_report(call: Calling, tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path)
    (root / "masks" / "p0_0.png").write_bytes(b"nothing")
    ended = call("data", "check", root)
    assert ended.status == 1
    assert "p0_0.png" in ended.out
    assert "errors must be mended first" in ended.err


def test_split_writes_what_it_reports(call: Calling, tmp_path: Path) -> None:
    root = data_sets.pictures(tmp_path / "data")
    output = tmp_path / "split.csv"
    words = [
        "--test",
        0.3,
        "--validation",
        0.3,
        "--option",
        "labels=nerve,vessel",
        "--no-near-duplicates",
        "--no-sizes",
    ]
    ended = call("data", "split", root, "-o", output, *words)
    assert ended.status == 0
    split = read_split(output)
    check_no_leak(split)
    assert set(split.parts) == {"train", "validation", "test"}
    assert "train" in ended.out
    assert "split.json" in ended.err
    again = call("data", "split", root, "-o", output, *words, "--json")
    assert json.loads(again.out)["parts"]["train"]["all"] == sum(row.part == "train" for row in split.rows)
    assert read_split(output) == split


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "bus"], "--kind must be one of busi, usgra"),
        (["--option", "label=x"], "--option must be NAME=VALUE with one of dataset, images"),
        (["--option", "components=yes"], "--option components must be true or false"),
        (["--option", "smallest_px=few"], "--option smallest_px must be a whole number"),
        (["--ncc", "-1"], "ncc must be a number"),
    ],
)
def test_mistakes_are_met_in_one_line(call: Calling, tmp_path: Path, words: list[str], message: str) -> None:
    ended = call("data", "check", data_sets.pictures(tmp_path), *words)
    assert ended.status == 1
    assert ended.out == ""
    assert ended.err.startswith("error: ")
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_a_folder_that_is_no_data_set(call: Calling, tmp_path: Path) -> None:
    ended = call("data", "check", tmp_path)
    assert ended.status == 1
    assert "no data set of a known kind; say the kind. Looked for busi" in ended.err


def test_nothing_is_computed_for_an_output_that_cannot_be_written(call: Calling, tmp_path: Path) -> None:
    ended = call("data", "split", tmp_path, "-o", tmp_path / "no" / "split.csv")
    assert ended.status == 1
    assert "does not exist; create it first" in ended.err
