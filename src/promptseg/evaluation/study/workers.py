"""Several processes that do units of a study side by side; one that dies loses only the unit that it was at."""

import os
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final, final

from promptseg import errors
from promptseg.errors import PromptsegError, StudyError
from promptseg.evaluation.study.planning import Unit
from promptseg.evaluation.study.running import Bench, Job
from promptseg.models.runtime import use_threads

__all__ = ["Done", "processors", "run_units"]

Done = Callable[[Unit, int], None]
"""Is told of each finished unit and the number of its rows."""

_PATIENCE_S: Final = 10.0


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_units(job: Job, units: Sequence[Unit], *, workers: int, done: Done) -> None:
    """Do all units in new processes, those of one image one after the other in the same process.

    Args:
        job: what is done.
        units: in the order of the table.
        workers: how many processes; each takes its share of the processors.
        done: is told of each finished unit.

    Raises:
        StudyError: an image cannot be read, a model fails on it, or a process died; before that the others finish what
            they are at.
        WriteError: the disk is full, and the like.
    """
    images = _by_image(units)
    failed: PromptsegError | None = None
    with _team(job, min(workers, len(images))) as team:
        while True:
            for worker in team:
                if failed is None and worker.unit is None:
                    worker.begin(images)
            busy = {worker.connection: worker for worker in team if worker.unit is not None}
            if not busy:
                break
            for connection in wait(list(busy)):
                failed = _heard(busy[connection], job, done) or failed  # type: ignore[index]  # wait gives what it got
    if failed is not None:
        raise failed


@final
@dataclass(eq=False)
class _Worker:
    """A process, and what it is at."""

    process: BaseProcess
    connection: Connection
    unit: Unit | None = None
    waiting: deque[Unit] = field(default_factory=deque)

    def begin(self, images: deque[deque[Unit]]) -> None:
        """Begin the next unit of its image, or of the next image."""
        if not self.waiting and images:
            self.waiting = images.popleft()
        if self.waiting:
            self.unit = self.waiting.popleft()
            with suppress(OSError):  # it is dead, which the next reading tells
                self.connection.send(self.unit)


def _heard(worker: _Worker, job: Job, done: Done) -> PromptsegError | None:
    """Take what a worker says of its unit; gives what went wrong."""
    unit = worker.unit
    if unit is None:
        return None
    worker.unit = None
    try:
        kind, told = worker.connection.recv()
    except (EOFError, OSError):
        worker.process.join(_PATIENCE_S)
        return StudyError(
            f"{job.plan.name(unit)}: its process ended with status {worker.process.exitcode} (a negative one is a "
            "signal; -9 often means too little memory: take fewer workers); what is finished is kept: go on with "
            "--resume"
        )
    if kind is None:
        done(unit, told)
        return None
    failure: PromptsegError = getattr(errors, kind)(told)
    return failure


def _by_image(units: Sequence[Unit]) -> deque[deque[Unit]]:
    images: dict[int, deque[Unit]] = {}
    for unit in units:
        images.setdefault(unit.image, deque()).append(unit)
    return deque(images.values())


@contextmanager
def _team(job: Job, size: int) -> Iterator[list[_Worker]]:
    """Processes that wait for units; all are gone afterwards."""
    context = get_context("spawn")
    threads = max(1, processors() // max(size, 1))
    team: list[_Worker] = []
    try:
        for _ in range(size):
            ours, theirs = context.Pipe()
            process = context.Process(target=_work, args=(job, theirs, threads), daemon=True)
            process.start()
            theirs.close()
            team.append(_Worker(process, ours))
        yield team
        for worker in team:
            with suppress(OSError):
                worker.connection.send(None)
            worker.process.join(_PATIENCE_S)
    finally:
        for worker in team:
            if worker.process.is_alive():
                worker.process.terminate()
                worker.process.join()
            worker.connection.close()


def _work(job: Job, connection: Connection, threads: int) -> None:
    """Do units until there is none, or until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    use_threads(threads)
    bench: Bench | None = None
    with suppress(EOFError, BrokenPipeError):
        while (unit := connection.recv()) is not None:
            answer: tuple[str | None, int | str]
            try:
                bench = bench or Bench(job)
                answer = (None, bench.do(unit))
            except MemoryError:
                answer = (StudyError.__name__, f"{job.plan.name(unit)}: not enough memory; take fewer workers")
            except PromptsegError as error:
                answer = (type(error).__name__, str(error))
            connection.send(answer)
