"""What a run tells while it works: a bar on a terminal, a line for each epoch elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, final

__all__ = ["Lines", "Report", "Silence", "Telling", "telling"]

_SMOOTHING: Final = 0.05


@final
@dataclass(frozen=True, slots=True)
class Telling:
    """How far a run is.

    Attributes:
        step: changes of the weights so far.
        steps: in all.
        epoch: images seen, as a multiple of all.
        loss: of the last step.
        score: the last one, or None.
        best: the best one, or None.
        images: seen by this process of all processes since it began.
        epoch_ends: whether an epoch ends with this step.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    score: float | None
    best: float | None
    images: int
    epoch_ends: bool


class Report(Protocol):
    """Somebody who is told."""

    def doing(self, what: str, done: int, total: int) -> None:
        """Something before or beside the training: checking, embedding, scoring."""
        ...

    def trained(self, telling: Telling) -> None:
        """A step is done."""
        ...

    def say(self, text: str) -> None:
        """A line of words."""
        ...


@final
class Silence:
    """Tells nobody."""

    def doing(self, what: str, done: int, total: int) -> None:
        """Nothing."""

    def trained(self, telling: Telling) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


@final
@dataclass
class Lines:
    """A line for each epoch on standard error."""

    begun: float = field(default_factory=time.monotonic)

    def doing(self, what: str, done: int, total: int) -> None:
        """Only the end is told."""
        if done == total and total > 1:
            self.say(f"{what}: {total} images")

    def trained(self, telling: Telling) -> None:
        """The end of an epoch is told."""
        if not telling.epoch_ends and telling.step != telling.steps:
            return
        passed = max(time.monotonic() - self.begun, 1e-9)
        score = "" if telling.score is None else f", score {telling.score:.4f} (best {telling.best:.4f})"
        self.say(
            f"epoch {telling.epoch:.3g}, step {telling.step} of {telling.steps}: loss {telling.loss:.4f}{score}, "
            f"{telling.images / passed:.1f} images/s"
        )

    def say(self, text: str) -> None:
        """Print it."""
        print(text, file=sys.stderr, flush=True)  # noqa: T201 (words for the user)


@final
class Bar:
    """A progress bar on a terminal."""

    def __init__(self, progress: Any) -> None:  # noqa: ANN401 (rich is imported where it is used)
        """Use rich's ``Progress``."""
        self._progress = progress
        self._task: Any = None
        self._what = ""
        self._begun = time.monotonic()
        self._loss = float("nan")

    def doing(self, what: str, done: int, total: int) -> None:
        """Show it as a bar of its own."""
        self._show(what, done, total, "")

    def trained(self, telling: Telling) -> None:
        """Show losses (smoothed), scores and speed."""
        if self._what != "training":
            self._begun, self._images = time.monotonic(), telling.images
        self._loss = telling.loss if self._loss != self._loss else self._loss + _SMOOTHING * (telling.loss - self._loss)
        passed = max(time.monotonic() - self._begun, 1e-9)
        score = "" if telling.score is None else f"  score {telling.score:.4f} (best {telling.best:.4f})"
        speed = (telling.images - self._images) / passed
        self._show("training", telling.step, telling.steps, f"loss {self._loss:.4f}{score}  {speed:.1f} images/s")

    def say(self, text: str) -> None:
        """Print it above the bar."""
        self._progress.console.print(text, highlight=False, markup=False)

    def _show(self, what: str, done: int, total: int, words: str) -> None:
        if what != self._what:
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task, self._what = self._progress.add_task(what, total=total, words=words), what
        self._progress.update(self._task, completed=done, total=total, words=words)


@contextmanager
def telling(*, quiet: bool = False) -> Iterator[Report]:
    """A bar on a terminal, lines elsewhere, nothing if ``quiet``."""
    if quiet:
        yield Silence()
        return
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
