"""Options of a verb as one frozen value."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer

from promptseg.cli.options import takes


@dataclass(frozen=True)
class Both:
    name: Annotated[str, typer.Argument()]
    times: Annotated[int, typer.Option("--times", min=1)] = 2


def test_typer_sees_the_fields_and_the_function_gets_the_value(capsys: pytest.CaptureFixture[str]) -> None:
    got: list[Both] = []

    @takes(Both)
    def greet(options: Both) -> None:
        """Say it."""
        got.append(options)

    app = typer.Typer()
    app.command()(greet)
    app(["you"], standalone_mode=False)
    app(["they", "--times", "5"], standalone_mode=False)
    assert got == [Both("you"), Both("they", 5)]
    with pytest.raises(SystemExit) as end:
        app(["you", "--times", "0"])
    assert end.value.code == 2
    with pytest.raises(SystemExit):
        app(["--help"])
    assert "Say it." in capsys.readouterr().out
