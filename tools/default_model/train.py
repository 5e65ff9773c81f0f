"""Train the default model on CPU processes that average their gradients; stops by the clock and can be resumed.

Run: python -m tools.default_model.train --recipe recipes/default.toml --data DATA --output RUN [--processes 2]
     [--start WEIGHTS]
Every random number follows from (seed, process, step), so a resumed run goes on as if it had not stopped, but the
schedule follows the clock: another machine does another number of steps.
"""

from __future__ import annotations

import argparse
import csv
import dataclasses
import math
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import start_processes

from promptseg.models.compact import CompactNet
from tools.default_model.checkpoint import Average, export_weights, read_checkpoint, write_atomically
from tools.default_model.data import Store, read_part, simulate
from tools.default_model.recipe import Recipe, TrainingRecipe, read_recipe
from tools.default_model.step import StepResult, run_step
from tools.default_model.subject import load_weights

COLUMNS = ("step", "images", "seconds", "learning_rate", "loss", "first_iou", "last_iou", "score_error", "norm")


@dataclasses.dataclass
class Run:
    """Everything of a training run that changes."""

    net: CompactNet
    optimiser: torch.optim.AdamW
    average: Average
    step: int = 0
    seconds: float = 0.0


def learning_rate(settings: TrainingRecipe, *, step: int, progress: float) -> float:
    """Linear warm-up by steps, then a cosine over the progress from 0 to 1."""
    cosine = 0.5 * (1.0 + math.cos(math.pi * min(progress, 1.0)))
    rate = settings.final_learning_rate + (settings.learning_rate - settings.final_learning_rate) * cosine
    return rate * min(1.0, (step + 1) / settings.warm_up_steps)


def begin_from(net: CompactNet, path: Path) -> None:
    """Take over the weights of a file; transformer blocks that it lacks are added so that they change nothing yet."""
    weights, _ = load_weights(path)
    missing, unexpected = net.load_state_dict(weights.state_dict(), strict=False)
    added = re.compile(r"encoder\.blocks\.\d+\.")
    if unexpected or any(not added.match(name) for name in missing):
        raise ValueError(f"{path} has another architecture than the recipe: {missing[:3]} {unexpected[:3]}")
    silent = (".attention.proj.", ".mlp.fc2.", ".position.")
    for name, parameter in net.named_parameters():
        if name in missing and any(part in name for part in silent):
            torch.nn.init.zeros_(parameter)


def build_run(recipe: Recipe, *, start: Path | None = None) -> Run:
    """A network with fresh weights or those of the file `start`, its optimiser (vectors do not decay), its average."""
    torch.manual_seed(recipe.seed)
    net = CompactNet(recipe.network)
    if start is not None:
        begin_from(net, start)
    matrices = [p for p in net.parameters() if p.ndim > 1]
    vectors = [p for p in net.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": recipe.training.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=recipe.training.learning_rate, foreach=True)
    return Run(net, optimiser, Average(net, decay=recipe.training.ema))


def resume(run: Run, path: Path) -> None:
    """Continue from a checkpoint."""
    state = read_checkpoint(path)
    run.net.load_state_dict(state["net"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.average.values = state["average"]
    run.step, run.seconds = state["step"], state["seconds"]


def save(run: Run, recipe: Recipe, output: Path) -> None:
    """Write the checkpoint and the weights file of this moment."""
    state: dict[str, Any] = {
        "net": run.net.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "average": run.average.values,
        "step": run.step,
        "seconds": run.seconds,
    }
    write_atomically(state, output / "checkpoint.pt")
    images = run.step * recipe.training.batch * dist.get_world_size()
    summary = {"steps": run.step, "images": images, "minutes": round(run.seconds / 60.0, 1), "seed": recipe.seed}
    export_weights(run.average.values, recipe, output / "weights.safetensors", summary=summary)


def average_gradients(parameters: Sequence[Tensor], extra: Tensor) -> Tensor:
    """Replace gradients by their mean over the processes; `extra` numbers travel along and come back averaged."""
    gradients = [p.grad for p in parameters if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients] + [extra])
    dist.all_reduce(flat)
    flat /= dist.get_world_size()
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
    return flat[start:]


@dataclasses.dataclass(frozen=True)
class Length:
    """When the training ends: after so many seconds, or after so many steps, which alone can be repeated exactly."""

    seconds: float
    steps: int | None = None

    def progress(self, run: Run) -> float:
        """How much of the training is done, from 0 to 1."""
        return run.seconds / self.seconds if self.steps is None else run.step / self.steps


def advance(run: Run, recipe: Recipe, result: StepResult, *, clock: float, length: Length) -> dict[str, float]:
    """Apply one averaged optimiser step and return the log line. `clock`: seconds of training so far."""
    settings = recipe.training
    run.optimiser.zero_grad(set_to_none=True)
    torch.autograd.backward(result.loss)
    parameters = [p for p in run.net.parameters() if p.requires_grad]
    told = torch.stack((result.loss.detach(), result.first_iou, result.last_iou, result.score_error))
    shared = average_gradients(parameters, torch.cat((torch.tensor([clock]), told))).tolist()
    run.seconds = shared[0]
    rate = learning_rate(settings, step=run.step, progress=length.progress(run))
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.clip_norm))
    if math.isfinite(norm):
        run.optimiser.step()
    run.step += 1
    run.average.update(run.net, step=run.step)
    images = run.step * settings.batch * dist.get_world_size()
    values = (run.step, images, run.seconds, rate, *shared[1:], norm)
    return dict(zip(COLUMNS, values, strict=True))


def log(path: Path, rows: list[dict[str, float]]) -> None:
    """Append the mean of the rows to the CSV log (counters: the last value)."""
    line = {name: float(np.mean([row[name] for row in rows])) for name in COLUMNS}
    line |= {name: rows[-1][name] for name in COLUMNS[:4]}
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if fresh:
            writer.writerow(COLUMNS)
        writer.writerow([f"{line[name]:.6g}" for name in COLUMNS])


def train_process(rank: int, options: argparse.Namespace) -> None:
    """The loop of one process."""
    torch.set_num_threads(1)
    recipe = read_recipe(options.recipe)
    output: Path = options.output
    store_file = output / f"processes-{options.begun}"
    dist.init_process_group(
        "gloo", init_method=f"file://{store_file.resolve()}", rank=rank, world_size=options.processes
    )
    run = build_run(recipe, start=options.start)
    if (output / "checkpoint.pt").exists():
        resume(run, output / "checkpoint.pt")
    records = [r for part in recipe.data.parts for r in read_part(options.data, recipe.split, part=part)]
    records += simulate(recipe.data.phantoms, longest_px=recipe.data.longest_px, seed=(recipe.seed, rank))
    store = Store(records, recipe.data)
    settings = recipe.training
    length = Length(60.0 * (options.minutes or settings.minutes), options.steps)
    earlier, begun, saved, rows = run.seconds, time.monotonic(), time.monotonic(), []
    while length.progress(run) < 1.0:
        rng = np.random.default_rng((recipe.seed, rank, run.step))
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        batch = store.draw(rng, batch=settings.batch, objects=settings.objects, size=recipe.network.size)
        result = run_step(run.net, batch, recipe, generator, progress=length.progress(run))
        rows.append(advance(run, recipe, result, clock=earlier + time.monotonic() - begun, length=length))
        if rank == 0 and run.step % settings.log_every == 0:
            log(output / "log.csv", rows)
            rows = []
        if rank == 0 and time.monotonic() - saved > 60.0 * settings.checkpoint_minutes:
            save(run, recipe, output)
            saved = time.monotonic()
    if rank == 0:
        save(run, recipe, output)
    dist.barrier()
    dist.destroy_process_group()


def main() -> None:
    """Start the processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recipe", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument(
        "--minutes", type=float, default=None, help="overrides the recipe's length, counted from the start"
    )
    parser.add_argument(
        "--steps", type=int, default=None, help="end and schedule by steps instead of the clock: repeatable exactly"
    )
    parser.add_argument("--start", type=Path, default=None, help="weights to begin with, of an earlier training")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    options.begun = time.time_ns()
    spawn: Callable[..., object] = start_processes
    spawn(train_process, args=(options,), nprocs=options.processes)


if __name__ == "__main__":
    main()
