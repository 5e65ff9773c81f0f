"""``promptseg reproduce clicksam`` with the arms that need no training."""

import json
from pathlib import Path

from command_line import Calling
from phantom_busi import PhantomBusi, phantom_busi

from promptseg.evaluation.clicksam.table import read_rows


def words(made: PhantomBusi, output: Path) -> list[str]:
    options = {"--data": made.data, "--output": output, "--model": made.model, "--split": made.split}
    given = [str(word) for pair in options.items() for word in pair]
    return ["reproduce", "clicksam", *given, "--arms", "none,ellipse", "--protocols", "split", "--device", "cpu"]


def test_it_writes_table_page_and_summary_and_goes_on(call: Calling, tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    ended = call(*words(made, tmp_path / "out"), "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert len(read_rows(Path(told["table"]))) == 3 * (13 + 2)
    assert Path(told["report"]).read_text().startswith("<!doctype html>")
    assert call(*words(made, tmp_path / "out")).status == 1
    again = call(*words(made, tmp_path / "out"), "--resume")
    assert again.status == 0
    assert "report: " in again.err
    assert "split: evaluation" not in again.err


def test_mistakes_are_one_line(call: Calling, tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    for extra in (["--protocols", "random"], ["--arms", "unet"], ["--set", "epochs=3"]):
        ended = call(*words(made, tmp_path / "out"), *extra)
        assert ended.status == 1
        assert ended.err.startswith("error: ")
        assert len(ended.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_curated_busi_is_left_out_where_its_table_is_missing(call: Calling, tmp_path: Path) -> None:
    made = phantom_busi(tmp_path)
    (tmp_path / "near_duplicates.csv").unlink()
    ended = call(*words(made, tmp_path / "out"), "--protocols", "curated,split")
    assert ended.status == 0, ended.err
    assert "left out: curated" in ended.err
