"""What is told, on a terminal and elsewhere."""

import io
import sys

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from promptseg.training.progress import Bar, Lines, Silence, Telling, telling


def moment(step: int, *, score: float | None = None, ends: bool = False) -> Telling:
    return Telling(step, 20, step / 5, 0.25, score, score, images=4 * step, epoch_ends=ends)


def test_elsewhere_an_epoch_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    with telling() as report:
        assert isinstance(report, Lines)
        report.doing("checking the data", 1, 2)
        report.doing("checking the data", 2, 2)
        report.trained(moment(4))
        report.trained(moment(5, score=0.5, ends=True))
    told = capsys.readouterr()
    assert told.out == ""
    first, second = told.err.splitlines()
    assert first == "checking the data: 2 images"
    assert second.startswith("epoch 1, step 5 of 20: loss 0.2500, score 0.5000 (best 0.5000), ")


def test_quiet_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with telling(quiet=True) as report:
        assert isinstance(report, Silence)
        report.say("x")
        report.doing("x", 1, 1)
        report.trained(moment(1))
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with telling() as report:
        assert isinstance(report, Bar)
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    columns = (TextColumn("{task.description} {task.completed}"), TextColumn("{task.fields[words]}"))
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        bar = Bar(progress)
        bar.doing("checking the data", 3, 9)
        progress.refresh()
        bar.trained(moment(1))
        bar.trained(moment(2, score=0.5))
        bar.say("a line [of] words")
        progress.refresh()
    shown = text.getvalue()
    assert "checking the data 3" in shown
    assert "training 2" in shown
    assert "loss 0.2500  score 0.5000 (best 0.5000)" in shown
    assert "images/s" in shown
    assert "a line [of] words" in shown
