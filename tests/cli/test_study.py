"""``promptseg study`` on the command line, with a fake in place of models."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from command_line import Calling
from phantom_study import fake_segmenter, no_report, phantom_study, table_of

from promptseg.cli import study as verb
from promptseg.evaluation.study import contenders, counting, study
from promptseg.evaluation.study.running import Bench


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recipe whose models are fakes, and no report."""
    monkeypatch.setattr(study, "_report", no_report)
    for module, name in ((study, "run_study"), (counting, "count_plan")):
        monkeypatch.setattr(module, name, with_fakes(getattr(module, name)))
    return phantom_study(tmp_path)


def with_fakes(function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*values: Any, **named: Any) -> Any:
        return function(*values, **named, open_one=fake_segmenter)

    return called


QUICKLY = ("--workers", "1", "--device", "cpu", "--set", "experiments={modes={}}")


def test_it_writes_the_table_goes_on_and_prints(call: Calling, recipe: Path, tmp_path: Path) -> None:
    ended = call("study", recipe, "-o", tmp_path / "out", *QUICKLY, "--json")
    assert ended.status == 0, ended.err
    told = json.loads(ended.out)
    assert told["complete"]
    assert told["units"] == told["finished"] == 8
    assert told["rows"] == len(table_of(tmp_path / "out")) == 4 * 5 * (4 + 1)
    again = call("study", recipe, "-o", tmp_path / "out", *QUICKLY)
    assert again.status == 1
    assert "go on with --resume" in again.err
    assert call("study", recipe, "-o", tmp_path / "out", *QUICKLY, "--resume").status == 0


def test_shards_and_merge(call: Calling, recipe: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        ended = call("study", recipe, "-o", tmp_path / str(number), *QUICKLY, "--shard", f"{number}/2")
        assert ended.status == 0
        assert "4 of 8 units are finished; run the other shards" in ended.err
    ended = call("study", "--merge", tmp_path / "1", "--merge", tmp_path / "2", "-o", tmp_path / "all")
    assert ended.status == 0
    assert "100 evaluations" in ended.err
    assert len(table_of(tmp_path / "all")) == 100


def test_a_plan_is_told_and_nothing_is_written(call: Calling, recipe: Path, tmp_path: Path) -> None:
    ended = call("study", recipe, "--plan", *QUICKLY)
    assert ended.status == 0, ended.err
    assert ended.out.splitlines() == [
        "phantoms: 4 images; objects: lesion 4",
        "fake: modes 80",
        "other: modes 20",
        "at most 100 evaluations in 8 units",
    ]
    assert json.loads(call("study", recipe, "--plan", "--json", *QUICKLY).out)["units"] == 8
    assert not (tmp_path / "out").exists()


def test_the_report_can_be_made_again(call: Calling, recipe: Path, tmp_path: Path) -> None:
    call("study", recipe, "-o", tmp_path / "out", *QUICKLY)
    ended = call("study", "--report", tmp_path / "out")
    assert ended.status == 0
    assert "report: report.html" in ended.err
    assert call("study", "--report", tmp_path).status == 1


def test_mistakes_are_one_line(call: Calling, recipe: Path, tmp_path: Path) -> None:
    ended = call("study", recipe, "-o", tmp_path / "out", "--set", "seed=x", "--set", "data.a.path=y")
    assert ended.status == 1
    assert len(ended.err.splitlines()) == 1
    assert "2 mistakes" in ended.err
    assert not (tmp_path / "out").exists()


def test_a_wrong_use_is_told(call: Calling, recipe: Path, tmp_path: Path) -> None:
    assert call("study").status == 2
    assert call("study", recipe).status == 2
    assert call("study", recipe, "-o", tmp_path / "out", "--shard", "half").status == 2
    assert call("study", recipe, "-o", tmp_path / "out", "--shard", "3/2").status == 1


def test_an_interrupt_says_how_to_go_on(
    call: Calling, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    do, done = Bench.do, []

    def interrupted(self: Bench, unit: Any) -> int:
        done.append(unit)
        if len(done) == 3:
            raise KeyboardInterrupt
        return do(self, unit)

    monkeypatch.setattr(Bench, "do", interrupted)
    ended = call("study", recipe, "-o", tmp_path / "out", *QUICKLY)
    assert ended.status == 130
    assert "stopped; what is finished is kept: go on with --resume" in ended.err
    assert len(list((tmp_path / "out").glob("parts/*/*.parquet"))) == 2


def test_what_a_study_needs_is_named_where_it_is_missing(
    call: Calling, recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verb, "find_spec", lambda name: None if name == "pyarrow" else find_spec(name))
    ended = call("study", recipe)
    assert ended.status == 1
    assert 'pip install "promptseg[study]"' in ended.err


def test_durations_are_short_words() -> None:
    assert [verb._duration(seconds) for seconds in (5, 240, 20_000)] == ["5 s", "4 min", "5.6 h"]


def test_the_usual_models_are_opened_by_load(monkeypatch: pytest.MonkeyPatch) -> None:
    from promptseg.evaluation.study.recipe import ModelSettings

    asked: list[Any] = []
    monkeypatch.setattr(contenders, "load", lambda *values, **named: asked.append((values, named)))
    contenders.open_segmenter(ModelSettings(name="a", weights="b.pth", like="sam-vit-b"), "cpu")
    contenders.open_segmenter(ModelSettings(name="default"), "cpu")
    assert asked == [
        (("b.pth",), {"device": "cpu", "like": "sam-vit-b"}),
        (("default",), {"device": "cpu", "like": None}),
    ]
