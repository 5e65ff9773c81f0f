"""What a verb prints: data on standard output, words on standard error."""

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import typer

__all__ = ["Clock", "print_json", "print_line", "say"]


class Clock:
    """Wall seconds of the steps of a verb, by name, in order."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._start = perf_counter()

    def lap(self, name: str) -> None:
        """End the step ``name``, which began where the one before ended."""
        now = perf_counter()
        self.laps[name] = round(now - self._start, 4)
        self._start = now

    def words(self) -> str:
        """All steps and their sum in one line."""
        steps = ", ".join(f"{name} {seconds:.2f}" for name, seconds in self.laps.items())
        return f"{sum(self.laps.values()):.2f} s ({steps})"


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line of standard output; ValueError on NaN and infinity, which JSON does not know."""
    typer.echo(json.dumps(value, allow_nan=False))


def print_line(text: str = "") -> None:
    """A line of data on standard output."""
    typer.echo(text)


def say(text: str) -> None:
    """A line of words for the user on standard error."""
    typer.echo(text, err=True)
