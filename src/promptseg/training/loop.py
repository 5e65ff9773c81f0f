"""The one training loop: every recipe goes through it, and a run that was interrupted goes on exactly.

All that is random follows from the seed and the number of the step, and each checkpoint holds all else that has a
memory; so on one machine a run that was killed and resumed has the losses and weights of one that was not.
"""

import math
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, final

import torch
from torch import nn

from promptseg.errors import TrainingError
from promptseg.models.run_folder import save_trained
from promptseg.training.checkpoints import Checkpoint, newest_checkpoint, write_checkpoint
from promptseg.training.optimisation import RunningMean, make_optimiser, rate_factor
from promptseg.training.parts import choose_trained
from promptseg.training.planning import Plan
from promptseg.training.processes import Team
from promptseg.training.progress import Report, Telling
from promptseg.training.run_files import MetricsTable
from promptseg.training.step import TrainingStep
from promptseg.training.supply import Batch, Supply, stream_rng
from promptseg.training.validation import Validation

__all__ = ["Interrupted", "Loop"]

_PROMPTS: Final = 1
_CHECKPOINT_SECONDS: Final = 600.0


class Interrupted(Exception):  # noqa: N818 (no error)
    """The user stopped the run; a checkpoint is written."""


@final
class Loop:
    """A run under way in one process.

    Attributes:
        step: how many times the weights have changed.
        best: the best score so far.
    """

    def __init__(self, plan: Plan, folder: Path, team: Team, report: Report) -> None:
        """Begin, or go on from the last checkpoint in the folder.

        Raises:
            TrainingError: the checkpoint belongs to other data or another number of processes, or is damaged.
        """
        self._plan, self._folder, self._team, self._report = plan, folder, team, report
        recipe = plan.recipe
        self._network = plan.segmenter.network
        self._network.module.to(team.device)
        self._trained = choose_trained(self._network, recipe.model.trained)
        self._module = TrainingStep(self._network, recipe)
        saved = newest_checkpoint(folder / "checkpoints")
        self._optimiser = make_optimiser(self._trained, recipe.optimiser)
        self._mean: RunningMean | None = None
        self.step, self._sums, self._earlier = 0, (0, 0.0, 0.0), 0.0
        self.best: float | None = None
        if saved is not None:
            self._restore_weights(saved)
        if recipe.training.ema > 0:
            self._mean = RunningMean(self._trained, decay=recipe.training.ema)
            if saved is not None:
                self._mean.load(saved.mean)
        self._shared = team.share(self._module)
        self._table: MetricsTable | None = None
        if team.first:
            keep = 0 if saved is None else saved.metrics_bytes
            self._table = MetricsTable(folder / "metrics.csv", keep_bytes=keep)
        self._steps = plan.steps(team.size)
        self._images_a_step = plan.images_a_step(team.size)
        self._begun = self._saved = time.monotonic()
        self._score: float | None = None
        self._stop = self._stopping = False

    @property
    def table(self) -> MetricsTable | None:
        """The losses and scores; of the first process alone."""
        return self._table

    @property
    def seconds(self) -> float:
        """How long the run has taken, over all processes that it had one after another."""
        return self._earlier + time.monotonic() - self._begun

    def run(self, supply: Supply, validation: Validation | None) -> None:
        """Train to the end.

        Raises:
            Interrupted: the user stopped it; a checkpoint is written.
            TrainingError: a loss or gradient is NaN or infinite; the checkpoint before is untouched.
            WriteError: the disk is full; the checkpoint before is untouched.
        """
        first = self.step
        with self._interrupts(), ThreadPoolExecutor(1) as ahead:
            upcoming = ahead.submit(self._batches, supply, self.step) if self.step < self._steps else None
            while self.step < self._steps and upcoming is not None:
                batches = upcoming.result()
                upcoming = ahead.submit(self._batches, supply, self.step + 1) if self.step + 1 < self._steps else None
                loss = self._advance(batches)
                ends = self._epoch_ends()
                scored = validation is not None and self._is_scored(ends)
                if scored and validation is not None:
                    self._validate(validation)
                self._log(ends=ends, scored=scored)
                self._maybe_save(ends=ends)
                images = (self.step - first) * self._images_a_step
                self._report.trained(
                    Telling(self.step, self._steps, self._epoch(), loss, self._score, self.best, images, ends)
                )
                if self._stopping and self.step < self._steps:
                    self.save()
                    raise Interrupted
        if validation is None and self._team.first:
            with self._averaged():
                save_trained(self._network, self._plan.record, self._folder)

    def _batches(self, supply: Supply, step: int) -> list[Batch]:
        """What this process gets in a step, counted from 0."""
        size, parts = self._plan.recipe.training.batch, self._plan.recipe.training.accumulate
        start = step * self._images_a_step
        places = [start + (part * self._team.size + self._team.rank) * size for part in range(parts)]
        return [supply.batch(range(place, place + size)) for place in places]

    def _advance(self, batches: list[Batch]) -> float:
        """Change the weights once."""
        recipe, team = self._plan.recipe, self._team
        progress = self.step / self._steps
        told = torch.zeros(4, dtype=torch.float64)
        self._optimiser.zero_grad(set_to_none=True)
        torch.manual_seed(int(stream_rng(recipe.seed, _PROMPTS, self.step, team.rank).integers(2**62)))
        for number, batch in enumerate(batches):
            rng = stream_rng(recipe.seed, _PROMPTS, self.step, team.rank, number)
            with team.alone(self._shared, wanted=number + 1 < len(batches)):
                found: dict[str, Any] = self._shared(batch, rng, progress)
                team.backward(found["loss"] / len(batches))
            told += torch.tensor([float(found["loss"].detach()), float(found["iou"]), 0.0, 0.0], dtype=torch.float64)
        told /= len(batches)
        length = self._gradient_length()
        told[2], told[3] = float(not (math.isfinite(float(told[0])) and math.isfinite(length))), float(self._stop)
        self._stop = False
        loss, iou, broken, stop = (team.summed(told) / team.size).tolist()
        if broken:
            self._refuse(batches, float(told[0]), length)
        for group in self._optimiser.param_groups:
            group["lr"] = recipe.optimiser.lr * rate_factor(recipe.schedule, step=self.step, steps=self._steps)
        self._optimiser.step()
        self.step += 1
        if self._mean is not None:
            self._mean.update(step=self.step)
        count, losses, ious = self._sums
        self._sums = (count + 1, losses + loss, ious + iou)
        self._stopping = stop > 0
        return float(loss)

    def _gradient_length(self) -> float:
        """Length of the gradient of all weights, before it is shortened."""
        limit = self._plan.recipe.optimiser.clip_norm or math.inf
        return float(nn.utils.clip_grad_norm_(list(self._trained.values()), limit))

    def _refuse(self, batches: list[Batch], loss: float, length: float) -> None:
        names = ", ".join(name for batch in batches for name in batch.names)
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient has length {length}"
        if math.isfinite(loss) and math.isfinite(length):
            what = "another process met NaN or infinity"
        raise TrainingError(
            f"step {self.step + 1}: {what} for the images {names}; nothing was changed by it, and the last checkpoint "
            "is intact. Look at these images, or take a lower optimiser.lr, optimiser.clip_norm, or precision float32"
        )

    def _epoch(self) -> float:
        return self.step * self._images_a_step / len(self._plan.train)

    def _epoch_ends(self) -> bool:
        """Whether the step that was just done has the last image of an epoch."""
        images = len(self._plan.train)
        done = self.step * self._images_a_step
        return done // images > (done - self._images_a_step) // images

    def _is_scored(self, ends: bool) -> bool:
        if self.step == self._steps:
            return True
        return ends and int(self._epoch()) % self._plan.recipe.validation.every == 0

    def _validate(self, validation: Validation) -> None:
        """Score, and keep the weights if they are the best so far."""
        team = self._team
        with self._averaged():
            values = validation.scores(self._plan.segmenter, rank=team.rank, processes=team.size)
            sums = torch.tensor([math.fsum(values), len(values)], dtype=torch.float64)
            total, count = team.summed(sums).tolist()
            self._score = total / count
            if self.best is None or self._score > self.best:
                self.best = self._score
                if team.first:
                    save_trained(self._network, self._plan.record, self._folder)

    def _log(self, *, ends: bool, scored: bool) -> None:
        every = self._plan.recipe.training.log_every
        due = self.step % every == 0 if every else ends
        if not (due or scored or self.step == self._steps):
            return
        count, losses, ious = self._sums
        self._sums = (0, 0.0, 0.0)
        if self._table is not None:
            self._table.add(
                {
                    "step": self.step,
                    "epoch": self._epoch(),
                    "images": self.step * self._images_a_step,
                    "lr": self._optimiser.param_groups[0]["lr"],
                    "loss": losses / count,
                    "train_iou": ious / count,
                    "score": self._score if scored else None,
                    "seconds": round(self.seconds, 3),
                }
            )

    def _maybe_save(self, *, ends: bool) -> None:
        every = self._plan.recipe.training.checkpoint_every
        due = self.step % every == 0 if every else ends
        late = time.monotonic() - self._saved > _CHECKPOINT_SECONDS
        if due or late or self.step == self._steps:
            self.save()

    def save(self) -> None:
        """Write a checkpoint of this moment; only the first process does."""
        if self._table is None:
            return
        checkpoint = Checkpoint(
            step=self.step,
            trained={name: value.detach() for name, value in self._trained.items()},
            optimiser=self._optimiser.state_dict(),
            mean={} if self._mean is None else self._mean.values,
            sums=self._sums,
            best=self.best,
            metrics_bytes=self._table.size_bytes,
            seconds=self.seconds,
            processes=self._team.size,
            data=self._plan.data_digest,
        )
        write_checkpoint(checkpoint, self._folder / "checkpoints")
        self._saved = time.monotonic()

    def _restore_weights(self, saved: Checkpoint) -> None:
        if saved.processes != self._team.size:
            raise TrainingError(
                f"this run has {saved.processes} processes, so it cannot go on with {self._team.size}; give the same"
            )
        if saved.data != self._plan.data_digest:
            raise TrainingError("the images or masks have changed since this run began; begin a new one")
        with torch.no_grad():
            for name, value in self._trained.items():
                value.copy_(saved.trained[name])
        self._optimiser.load_state_dict(dict(saved.optimiser))
        self.step, self.best, self._sums, self._earlier = saved.step, saved.best, saved.sums, saved.seconds

    def _averaged(self) -> Any:  # noqa: ANN401 (a context of nothing)
        return nullcontext() if self._mean is None else self._mean.in_place()

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """The first Ctrl-C ends the run after the step; the second at once."""

        def stop(number: int, frame: object) -> None:
            del number, frame
            self._stop = True
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self._report.say("stopping after this step; press Ctrl-C again to stop at once")

        before: Callable[..., Any] | int | None = signal.getsignal(signal.SIGINT)
        try:
            signal.signal(signal.SIGINT, stop)
        except ValueError:  # not the main thread: somebody else deals with Ctrl-C
            yield
            return
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)
