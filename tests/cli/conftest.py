"""The command line in this process, with the fake segmenter in place of a model."""

import pytest
from command_line import Calling, Ended
from fakes import FakeSegmenter

import promptseg.models
from promptseg.cli.main import run


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Calling:
    """Run ``promptseg`` with words; nothing but SystemExit may come out of it."""

    def calling(*words: object) -> Ended:
        with pytest.raises(SystemExit) as end:
            run([str(word) for word in words])
        printed = capsys.readouterr()
        return Ended(int(end.value.code or 0), printed.out, printed.err)

    return calling


@pytest.fixture
def fake_model(monkeypatch: pytest.MonkeyPatch) -> FakeSegmenter:
    """``load`` gives this segmenter, whatever it is asked for."""
    fake = FakeSegmenter()
    monkeypatch.setitem(vars(promptseg.models), "load", lambda *_, **__: fake)
    return fake
