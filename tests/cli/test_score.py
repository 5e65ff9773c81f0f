"""``promptseg score`` as a user meets it."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image as Picture
from random_masks import disc
from shared_data import shared
from typer.testing import CliRunner, Result

from promptseg.cli.score import score
from promptseg.errors import PairingError, PromptsegError, ReadError, UnknownNameError, ValueRangeError, WriteError
from promptseg.metrics import METRICS, score_pair

SHAPE = 40, 60
MASKS = {
    "a": (disc(SHAPE, (20, 25), 9), disc(SHAPE, (18, 28), 8)),
    "b": (disc(SHAPE, (10, 40), 7), disc(SHAPE, (11, 40), 7)),
    "sub/c": (np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)),
}

app = typer.Typer()
app.command()(score)


def run(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    if isinstance(result.exception, PromptsegError):
        assert "\n" not in str(result.exception)
        assert not result.stdout
        raise result.exception
    return result


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, pair in MASKS.items():
        for folder, mask in zip("rp", pair, strict=True):
            path = tmp_path / folder / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Picture.fromarray(mask).save(path)
    return tmp_path / "r", tmp_path / "p"


def test_a_table_and_a_file(folders: tuple[Path, Path], tmp_path: Path) -> None:
    result = run(*folders, "-o", tmp_path / "rows.csv")
    assert result.exit_code == 0
    assert "3 images; mean over images; empty masks: one_if_both_empty" in result.stderr
    lines = [line.split() for line in result.stdout.splitlines() if line.strip()]
    expected = np.mean([score_pair(*pair, ["dice"])["dice"] for pair in MASKS.values()])
    (dice,) = [line for line in lines if line[0] == "dice"]
    assert dice[1] == f"{expected:.4f}"
    assert dice[-2:] == ["3", "0"]
    assert [line[0] for line in lines[2:]] == ["dice", "iou", "box_iou", "hd95"]
    with (tmp_path / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["a", "b", "sub/c"]
    for row, pair in zip(rows, MASKS.values(), strict=True):
        assert float(row["hd95_px"]) == score_pair(*pair, ["hd95"])["hd95"]


def test_json_is_one_object(folders: tuple[Path, Path]) -> None:
    options = ("--metrics", ",".join(METRICS), "--tolerance", "1", "--spacing", "0.5,0.25", "--empty", "skip")
    found = json.loads(run(*folders, *options, "--json").stdout)
    assert (found["images"], found["labels"], found["empty"]) == (3, [1], "skip")
    assert found["interval"]["seed"] == 0
    assert list(found["metrics"]) == list(METRICS)
    hd95 = found["metrics"]["hd95"]
    assert (hd95["unit"], hd95["better"], hd95["count"], hd95["left_out"]) == ("mm", "lower", 2, 1)
    values = [score_pair(*MASKS[name], ["hd95"], spacing_mm=(0.5, 0.25))["hd95"] for name in "ab"]
    assert hd95["mean"] == pytest.approx(np.mean(values))
    assert min(values) <= hd95["low"] <= hd95["mean"] <= hd95["high"] <= max(values)


def test_json_has_null_where_nothing_counts(tmp_path: Path) -> None:
    Picture.fromarray(np.zeros(SHAPE, dtype=bool)).save(tmp_path / "a.png")
    found = json.loads(run(tmp_path / "a.png", tmp_path / "a.png", "--empty", "skip", "--json").stdout)
    assert found["metrics"]["dice"]["mean"] is None
    assert found["metrics"]["dice"]["left_out"] == 1


def test_labels_have_rows_of_their_own(tmp_path: Path) -> None:
    labels = MASKS["a"][0] + 2 * disc(SHAPE, (30, 50), 4).astype(np.uint8)
    Picture.fromarray(labels).save(tmp_path / "a.png")
    found = json.loads(run(tmp_path / "a.png", tmp_path / "a.png", "--json").stdout)
    assert found["labels"] == [1, 2]
    assert set(found["metrics"]["dice"]["labels"]) == {"1", "2"}
    assert found["aggregation"] == "mean over labels of the mean over images"
    result = run(tmp_path / "a.png", tmp_path / "a.png")
    assert [line.split()[1] for line in result.stdout.splitlines() if line.split()[:1] == ["dice"]] == ["all", "1", "2"]


def test_probability_maps(tmp_path: Path) -> None:
    Picture.fromarray(MASKS["a"][0]).save(tmp_path / "r.png")
    Picture.fromarray(np.where(MASKS["a"][1], 230, 25).astype(np.uint8)).save(tmp_path / "p.png")
    words = (tmp_path / "r.png", tmp_path / "p.png", "--metrics", "mae,dice", "--json")
    found = json.loads(run(*words, "--probability").stdout)
    assert found["threshold"] == 0.5
    assert found["metrics"]["dice"]["mean"] == score_pair(*MASKS["a"], ["dice"])["dice"]
    assert 0 < found["metrics"]["mae"]["mean"] < 1
    assert json.loads(run(*words, "--threshold", "0.95").stdout)["metrics"]["dice"]["mean"] == 0


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        (("--metrics", "dice,mse"), UnknownNameError, "unknown metric 'mse'"),
        (("--metrics", ","), ValueRangeError, "no metric"),
        (("--metrics", "nsd"), ValueRangeError, "needs a tolerance"),
        (("--empty", "one"), UnknownNameError, "unknown policy"),
        (("--spacing", "1;2"), ValueRangeError, "--spacing must be ROW,COLUMN"),
        (("--spacing", "nan,1"), ValueRangeError, "positive"),
        (("--spacing", "1,1,1"), ValueRangeError, "2 dimensions"),
        (("--threshold", "7"), ValueRangeError, "threshold"),
        (("--tolerance", "-1"), ValueRangeError, "tolerance"),
        (("--reference-suffix", "_mask"), PairingError, "ends in '_mask'"),
        (("-o", "nowhere/rows.csv"), WriteError, "nowhere"),
    ],
)
def test_errors_are_one_clear_line(
    folders: tuple[Path, Path], words: tuple[str, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        run(*folders, *words)


def test_nothing_is_written_when_a_file_is_damaged(folders: tuple[Path, Path], tmp_path: Path) -> None:
    (folders[1] / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(ReadError, match=r"b\.png"):
        run(*folders, "-o", tmp_path / "rows.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "r"]


def test_a_missing_partner_is_an_error(folders: tuple[Path, Path]) -> None:
    (folders[1] / "b.png").unlink()
    with pytest.raises(PairingError, match="1 reference has no prediction"):
        run(*folders)


def test_wrong_use_is_status_2(folders: tuple[Path, Path]) -> None:
    assert run(folders[0]).exit_code == 2
    assert run(*folders, "--seed", "-1").exit_code == 2
    assert run(*folders, "--tolerance", "much").exit_code == 2


def test_the_help_names_every_metric_and_policy() -> None:
    from promptseg.metrics import EMPTY_POLICIES

    text = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "300"}).stdout
    assert all(name.replace("_", "-") in text for name in METRICS)
    assert all(policy in text for policy in EMPTY_POLICIES)


def test_scoring_loads_no_torch(folders: tuple[Path, Path]) -> None:
    code = (
        "import sys; from promptseg.cli.main import run\n"
        "try: run(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'transformers', 'pydicom', 'nibabel', 'scipy.ndimage', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    command = [sys.executable, "-W", "error", "-c", code, "score", *map(str, folders), "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_real_masks_in_the_layout_of_busi(tmp_path: Path) -> None:
    """References beside their pictures and in parts; predictions are the same masks, united and moved by 2 pixels."""
    folder = shared("data/busi/Dataset_BUSI_with_GT/malignant")
    references, predictions = tmp_path / "r", tmp_path / "p"
    references.mkdir()
    predictions.mkdir()
    for path in sorted(folder.glob("*.png"))[:40]:
        (references / path.name).symlink_to(path)
    for path in references.glob("*_mask*.png"):
        name = path.name.partition("_mask")[0]
        mask = np.roll(np.array(Picture.open(path).convert("L")) > 0, 2, axis=1)
        united = predictions / f"{name}.png"
        if united.exists():
            mask |= np.array(Picture.open(united))
        Picture.fromarray(mask).save(united)
    found = json.loads(run(references, predictions, "--reference-suffix", "_mask", "--json").stdout)
    assert found["images"] == len(list(predictions.iterdir()))
    assert 0.9 < found["metrics"]["dice"]["mean"] < 1
    assert found["metrics"]["hd95"]["median"] == 2
