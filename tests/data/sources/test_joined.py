"""Several data sets as one: their own names, options and paths, and what is wrong with which."""

from pathlib import Path

import pytest
from data_sets import coco, joined, pictures

from promptseg.data.sources import detect_source, list_source, open_source
from promptseg.errors import DatasetError, ReadError, ValueRangeError


def written(root: Path, text: str) -> Path:
    path = root / "list.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_each_set_keeps_its_name_options_and_order(tmp_path: Path) -> None:
    path = joined(tmp_path)
    samples = open_source("joined", path)
    assert [sample.dataset for sample in samples] == ["ours"] * 4 + ["all"] * 2
    alone = open_source("folder", tmp_path / "pictures", dataset="ours", labels=["nerve", "vessel"], components=True)
    assert samples[:4] == alone
    assert samples[4:] == open_source("coco", tmp_path / "coco")
    assert {item.label for item in samples[0].read_objects()} == {"nerve", "vessel"}


def test_paths_begin_at_the_file_or_elsewhere(tmp_path: Path) -> None:
    data, lists = tmp_path / "data", tmp_path / "lists"
    lists.mkdir()
    pictures(data / "pictures")
    path = written(lists, '[[set]]\npath = "pictures"\nname = "p"\n')
    with pytest.raises(ReadError, match=r"set 1: .*pictures"):
        open_source("joined", path)
    assert len(open_source("joined", path, root=str(data))) == 4
    outside = written(lists, '[[set]]\npath = "../data/pictures"\n')
    assert detect_source(outside) == "joined"
    assert len(open_source("joined", outside)) == 4


def test_problems_of_all_sets_are_told(tmp_path: Path) -> None:
    path = joined(tmp_path)
    (tmp_path / "pictures" / "masks" / "p0_0.png").unlink()
    listing = list_source("joined", path)
    assert any("have no mask" in problem for problem in listing.problems)
    assert len(listing.samples) == 5


def test_images_of_one_name_in_one_data_set_are_a_problem(tmp_path: Path) -> None:
    pictures(tmp_path / "one")
    pictures(tmp_path / "two")
    path = written(tmp_path, '[[set]]\npath = "one"\n[[set]]\npath = "two"\n')
    assert len({sample.dataset for sample in open_source("joined", path)}) == 2
    with pytest.raises(DatasetError, match=r"several images are called same p0_0"):
        open_source("joined", path, dataset="same")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "names no data set"),
        ("set = 3", "names no data set"),
        ("set = [3]", "set 1: is no table"),
        ("[[set]]", "set 1: path is missing"),
        (
            '[[set]]\npath = 3\nsource = 4\noptions = "x"',
            "path must be text; set 1: source must be text",
        ),
        ('[[set]]\npath = "a"\nsorce = "busi"', "unknown key 'sorce'"),
        ('more = 1\n[[set]]\npath = "a"', "unknown table or key 'more'"),
        ("[[set", "no valid TOML"),
    ],
)
def test_mistakes_are_named(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text or "# nothing\n")
    with pytest.raises(DatasetError, match=message):
        open_source("joined", path)


def test_wrong_options_and_kinds_are_named_with_their_set(tmp_path: Path) -> None:
    coco(tmp_path)
    wrong = written(tmp_path, '[[set]]\npath = "all.json"\nsource = "coco"\noptions = { color = 1 }\n')
    with pytest.raises(ValueRangeError, match=r"set 1: color: no such option"):
        open_source("joined", wrong)
    itself = written(tmp_path, '[[set]]\npath = "list.toml"\n')
    with pytest.raises(DatasetError, match="list of data sets itself"):
        open_source("joined", itself)


def test_other_files_in_toml_are_no_list(tmp_path: Path) -> None:
    path = written(tmp_path, 'name = "a recipe"\n')
    with pytest.raises(DatasetError, match="no data set of a known kind"):
        detect_source(path)
