"""Pairs by name, and every way in which names do not fit."""

from pathlib import Path

import pytest

from promptseg.errors import PairingError, ReadError
from promptseg.evaluation.pairing import MASK_SUFFIXES, pair_files


def folder(place: Path, *names: str) -> Path:
    """A folder with files of these names; pairing looks at names only."""
    for name in names:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"any")
    return place


def short(place: Path, paths: tuple[Path, ...]) -> list[str]:
    return [path.relative_to(place).as_posix() for path in paths]


def test_names_pair_across_formats_and_subfolders(tmp_path: Path) -> None:
    references = folder(tmp_path / "r", "b.png", "sub/a.nii.gz", "v1.2.npz", "notes.txt", ".hidden.png", ".git/c.png")
    predictions = folder(tmp_path / "p", "b.PNG", "sub/a.npy", "v1.2.json", "scores.csv")
    pairs = pair_files(references, predictions)
    assert [pair.name for pair in pairs] == ["b", "sub/a", "v1.2"]
    assert [short(references, pair.references) for pair in pairs] == [["b.png"], ["sub/a.nii.gz"], ["v1.2.npz"]]
    assert [short(predictions, pair.predictions) for pair in pairs] == [["b.PNG"], ["sub/a.npy"], ["v1.2.json"]]


@pytest.mark.parametrize("suffix", MASK_SUFFIXES)
def test_every_format_gives_the_same_name(tmp_path: Path, suffix: str) -> None:
    pairs = pair_files(folder(tmp_path / "r", f"case 1{suffix}"), folder(tmp_path / "p", "case 1.png"))
    assert [pair.name for pair in pairs] == ["case 1"]


def test_two_files_pair_whatever_they_are_called(tmp_path: Path) -> None:
    folder(tmp_path, "truth.png", "mine.npz")
    (pair,) = pair_files(tmp_path / "truth.png", tmp_path / "mine.npz")
    assert (pair.name, pair.references, pair.predictions) == (
        "truth",
        (tmp_path / "truth.png",),
        (tmp_path / "mine.npz",),
    )


def test_an_ending_picks_masks_among_images_and_unites_their_parts(tmp_path: Path) -> None:
    """The layout of BUSI: pictures and masks in one folder, some masks in parts."""
    references = folder(
        tmp_path / "r",
        *("x/benign (1).png", "x/benign (1)_mask.png"),
        *("x/benign (2).png", "x/benign (2)_mask.png", "x/benign (2)_mask_1.png", "x/benign (2)_mask_2.png"),
    )
    predictions = folder(tmp_path / "p", "x/benign (1).png", "x/benign (2).png")
    pairs = pair_files(references, predictions, reference_ending="_mask")
    assert [pair.name for pair in pairs] == ["x/benign (1)", "x/benign (2)"]
    assert short(references, pairs[1].references) == [
        "x/benign (2)_mask.png",
        "x/benign (2)_mask_1.png",
        "x/benign (2)_mask_2.png",
    ]
    assert len(pairs[0].references) == len(pairs[1].predictions) == 1


def test_endings_on_both_sides(tmp_path: Path) -> None:
    references, predictions = folder(tmp_path / "r", "1_gt.png"), folder(tmp_path / "p", "1(pred).png", "1.png")
    (pair,) = pair_files(references, predictions, reference_ending="_gt", prediction_ending="(pred)")
    assert pair.name == "1"


@pytest.mark.parametrize(
    ("references", "predictions", "words"),
    [
        (["a.png", "b.png"], ["a.png"], r"1 reference has no prediction in .*p: b;"),
        (["a.png"], ["a.png", "b.png"], r"1 prediction has no reference in .*r: b;"),
        (
            [f"{number}.png" for number in range(9)],
            ["x.png"],
            r"9 references have no prediction in .*p: 0, 1, 2, \.\.\.; 1 prediction has no reference",
        ),
        (["a.png"], ["a_mask.png"], "endings such as _mask can be given"),
        (["a.png", "a.npz"], ["a.png"], r"a\.npz and .*a\.png have the same name"),
        (["a.txt"], ["a.png"], r"r: holds no mask; masks are \.nii\.gz, \.bmp"),
        (["a.png"], [".png"], "p: holds no mask"),
    ],
)
def test_names_that_do_not_fit(tmp_path: Path, references: list[str], predictions: list[str], words: str) -> None:
    with pytest.raises(PairingError, match=words) as caught:
        pair_files(folder(tmp_path / "r", *references), folder(tmp_path / "p", *predictions))
    assert "\n" not in str(caught.value)


def test_an_ending_that_no_file_has(tmp_path: Path) -> None:
    with pytest.raises(PairingError, match="no mask whose name ends in '_mask'"):
        pair_files(folder(tmp_path / "r", "a.png"), folder(tmp_path / "p", "a.png"), reference_ending="_mask")


def test_parts_of_different_formats_may_not_have_one_name(tmp_path: Path) -> None:
    references = folder(tmp_path / "r", "a_mask_1.png", "a_mask_1.npz")
    with pytest.raises(PairingError, match="have the same name"):
        pair_files(references, folder(tmp_path / "p", "a.png"), reference_ending="_mask")


def test_a_file_and_a_folder_are_no_pair(tmp_path: Path) -> None:
    place = folder(tmp_path / "r", "a.png")
    for pair in ((place, place / "a.png"), (place / "a.png", place)):
        with pytest.raises(PairingError, match=r"r is a folder, .*a\.png a file"):
            pair_files(*pair)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="nowhere"):
        pair_files(tmp_path / "nowhere", tmp_path)
