"""Exit codes, errors in one line, warnings, and what is imported by which word."""

import sys
import warnings

import pytest
from command_line import Calling

from promptseg import __version__
from promptseg.cli import main
from promptseg.cli.main import VERBS
from promptseg.errors import PromptsegError


def failing(error: BaseException) -> object:
    def doctor() -> None:
        raise error

    return doctor


@pytest.fixture
def doctor_raises(monkeypatch: pytest.MonkeyPatch) -> object:
    import promptseg.cli.doctor

    return lambda error: monkeypatch.setattr(promptseg.cli.doctor, "doctor", failing(error))


def test_version(call: Calling) -> None:
    assert call("--version") == (0, f"promptseg {__version__}\n", "")


@pytest.mark.parametrize("words", [["--help"], ["-h"]])
def test_help_names_every_verb(call: Calling, words: list[str]) -> None:
    ended = call(*words)
    assert ended.status == 0
    assert all(verb in ended.out for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(call: Calling, verb: str) -> None:
    ended = call(verb, "--help")
    assert ended.status == 0
    assert f"promptseg {verb}" in ended.out


@pytest.mark.parametrize("words", [["nonsense"], ["segment"], ["segment", "--nonsense"], ["doctor", "extra"]])
def test_wrong_use_is_status_2_without_traceback(call: Calling, words: list[str]) -> None:
    ended = call(*words)
    assert (ended.status, ended.out) == (2, "")
    assert "Traceback" not in ended.err


def test_an_expected_error_is_one_line_and_status_1(call: Calling, doctor_raises: object) -> None:
    doctor_raises(PromptsegError("first\nsecond"))  # type: ignore[operator]
    assert call("doctor") == (1, "", "error: first second\n")


def test_no_memory_is_an_error_in_one_line(call: Calling, doctor_raises: object) -> None:
    doctor_raises(MemoryError())  # type: ignore[operator]
    ended = call("doctor")
    assert (ended.status, ended.err.count("\n")) == (1, 1)
    assert ended.err.startswith("error: not enough memory")


def test_an_interrupt_is_quiet(call: Calling, doctor_raises: object) -> None:
    doctor_raises(KeyboardInterrupt())  # type: ignore[operator]
    assert call("doctor") == (130, "", "")


def test_a_closed_pipe_is_quiet(call: Calling, doctor_raises: object) -> None:
    doctor_raises(BrokenPipeError(32, "Broken pipe"))  # type: ignore[operator]
    ended = call("doctor")
    assert (ended.status, ended.err) == (1, "")


def test_a_fault_of_the_program_itself_is_not_hidden(doctor_raises: object) -> None:
    doctor_raises(ZeroDivisionError("fault"))  # type: ignore[operator]
    with pytest.raises(ZeroDivisionError):
        main.run(["doctor"])


def test_own_warnings_are_one_line_and_those_of_libraries_are_not_shown(
    call: Calling, monkeypatch: pytest.MonkeyPatch
) -> None:
    import promptseg.cli.doctor
    from promptseg.io import CalibrationWarning

    def doctor() -> None:
        warnings.warn("the value 'DOE^JANE' is invalid", UserWarning, stacklevel=1)
        warnings.warn("a region does not\nfit", CalibrationWarning, stacklevel=1)

    monkeypatch.setattr(promptseg.cli.doctor, "doctor", doctor)
    assert call("doctor") == (0, "", "warning: a region does not fit\n")


def test_streams_that_were_closed_before_are_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as closed:
        closed.setattr(sys, "stdout", None)
        closed.setattr(sys, "stderr", None)
        with pytest.raises(SystemExit) as end:
            main.run(["models", "list"])
        assert end.value.code in (0, None)
        for stream in (sys.stdout, sys.stderr):
            stream.close()
