"""How Click Train's network learns: first without clicks, then with clicks on the errors of the first.

Differences from the authors: the second network begins with the weights of the first and not anew, which saves most of
its epochs; one network is chosen by the validation part instead of five folds; Dice and cross-entropy as everywhere in
this project. As in theirs, clicks are made once, before training, and an image is shown with them 9 times out of 10.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from promptseg.data.samples import Sample, united
from promptseg.errors import CheckpointError
from promptseg.io.atomic import replacing
from promptseg.io.files import shown
from promptseg.metrics import iou
from promptseg.models.preprocessing import prepare
from promptseg.prompts.click_train import click_train_clicks
from promptseg.training.examples import coverage
from promptseg.training.losses import cross_entropy, dice_loss
from promptseg.training.painted.network import (
    SIDE,
    PaintedNet,
    PaintedPredictor,
    new_painted,
    open_painted,
    paint,
    painted_preprocessing,
    save_painted,
)
from promptseg.types import Point

__all__ = ["Epoch", "PaintedSettings", "open_trained", "read_epochs", "train_painted"]

CLICKED_SHARE: Final = 0.9
"""Share of the training images that are shown with their clicks."""

WEIGHTS: Final = "model.safetensors"
_STATE: Final = "training.pt"
_EPOCHS: Final = "epochs.json"


@final
@dataclass(frozen=True)
class PaintedSettings:
    """How it is trained.

    Attributes:
        model: the compact model whose encoder it begins with.
        epochs: how often each image is seen.
        batch: images at a time.
        lr: learning rate at the start; it falls linearly to 0.
        weight_decay: of AdamW.
        seed: of order, augmentation and of which images are shown without clicks.
        bf16: products and convolutions in 16 bits.
    """

    model: str = "default"
    epochs: int = 5
    batch: int = 8
    lr: float = 5e-4
    weight_decay: float = 0.01
    seed: int = 0
    bf16: bool = True


@final
@dataclass(frozen=True)
class Epoch:
    """What an epoch left.

    Attributes:
        epoch: from 1.
        loss: mean over the training images as they were shown.
        score: mean IoU on the validation images; None where there are none.
    """

    epoch: int
    loss: float
    score: float | None


@final
@dataclass(frozen=True, eq=False)
class _Image:
    """One training image: (3, S, S) without and with clicks, and its object on the grid."""

    bare: Tensor
    clicked: Tensor
    target: Tensor


def train_painted(
    train: Sequence[Sample],
    validation: Sequence[Sample],
    folder: Path,
    settings: PaintedSettings,
    *,
    after: Path | None = None,
    progress: Callable[[str, int, int], None],
) -> PaintedPredictor:
    """Train, go on with a training that was interrupted, or open one that is finished.

    The weights of the epoch with the best score are kept.

    Args:
        train: images to learn from, their objects united.
        validation: images by which the best epoch is chosen; none takes the last epoch.
        folder: of the run; it is made. It holds the table of epochs and the weights.
        settings: how.
        after: folder of the finished training without clicks, whose weights are the beginning and whose errors are
            clicked; None trains without clicks, from the compact model's encoder and a new head.
        progress: is told after each epoch.

    Raises:
        CheckpointError: the folder was made with other settings, or a file of it is damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(folder, settings)
    if not run.finished:
        net = new_painted(settings.model) if after is None else open_painted(after / WEIGHTS, settings.model)
        baseline = None if after is None else PaintedPredictor(open_painted(after / WEIGHTS, settings.model))
        images = [_prepared(sample, baseline, settings.seed) for sample in train]
        checks = [_checked(sample, baseline, settings.seed) for sample in validation]
        run.resume(net)
        while not run.finished:
            loss = _one_epoch(net, images, run, settings)
            score = _score(PaintedPredictor(net), checks)
            run.keep(net, loss, score)
            progress(folder.name, len(run.epochs), settings.epochs)
        run.clear()
    return open_trained(folder)


def open_trained(folder: Path) -> PaintedPredictor:
    """The network of a run of :func:`train_painted`.

    Raises:
        CheckpointError: the folder holds no such run, or a file of it is damaged.
    """
    try:
        model = json.loads((folder / _EPOCHS).read_text(encoding="utf-8"))["settings"]["model"]
    except (OSError, ValueError, TypeError, KeyError):
        raise CheckpointError(f"{shown(folder)}: holds no training of painted clicks") from None
    return PaintedPredictor(open_painted(folder / WEIGHTS, model))


def read_epochs(folder: Path) -> list[Epoch]:
    """The table of epochs of a run; empty if none is finished.

    Raises:
        CheckpointError: the table is damaged.
    """
    path = folder / _EPOCHS
    if not path.exists():
        return []
    try:
        return [Epoch(**values) for values in json.loads(path.read_text(encoding="utf-8"))["epochs"]]
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(f"{shown(path)}: is damaged; remove its folder and train again") from error


class _Run:
    """The folder of one training: epochs done, and the state to go on with."""

    def __init__(self, folder: Path, settings: PaintedSettings) -> None:
        self.folder = folder
        self.settings = settings
        self.epochs = read_epochs(folder)
        self.optimiser: torch.optim.Optimizer | None = None
        path = folder / _EPOCHS
        if path.exists() and json.loads(path.read_text(encoding="utf-8")).get("settings") != asdict(settings):
            raise CheckpointError(f"{shown(folder)}: was trained with other settings; give another folder")

    @property
    def finished(self) -> bool:
        return len(self.epochs) >= self.settings.epochs

    def resume(self, net: PaintedNet) -> None:
        """Make the optimiser, and take up the state after the last epoch that was kept."""
        settings = self.settings
        self.optimiser = torch.optim.AdamW(net.parameters(), lr=settings.lr, weight_decay=settings.weight_decay)
        path = self.folder / _STATE
        self.epochs = []
        if path.exists():
            state = torch.load(path, weights_only=True)
            self.epochs = [Epoch(**values) for values in state["epochs"]]
            net.load_state_dict(state["net"])
            self.optimiser.load_state_dict(state["optimiser"])
            self._write_table()

    def keep(self, net: PaintedNet, loss: float, score: float | None) -> None:
        """Write what this epoch left: the weights if they are the best, the state, the table."""
        best = max((epoch.score for epoch in self.epochs if epoch.score is not None), default=-math.inf)
        if score is None or score >= best:
            save_painted(net, self.folder / WEIGHTS)
        self.epochs = [*self.epochs, Epoch(len(self.epochs) + 1, loss, score)]
        state = {
            "epochs": [asdict(epoch) for epoch in self.epochs],
            "net": net.state_dict(),
            "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
        }
        with replacing(self.folder / _STATE) as file:
            torch.save(state, file)
        self._write_table()

    def _write_table(self) -> None:
        table = {"settings": asdict(self.settings), "epochs": [asdict(epoch) for epoch in self.epochs]}
        with replacing(self.folder / _EPOCHS) as file:
            file.write(json.dumps(table, indent=1).encode())

    def clear(self) -> None:
        """Remove what only a resumption needs."""
        (self.folder / _STATE).unlink(missing_ok=True)


def _one_epoch(net: PaintedNet, images: Sequence[_Image], run: _Run, settings: PaintedSettings) -> float:
    if run.optimiser is None:
        raise AssertionError
    epoch = len(run.epochs)
    rng = np.random.default_rng((settings.seed, epoch))
    order = rng.permutation(len(images))
    batches = math.ceil(len(images) / settings.batch)
    losses = []
    net.train()
    for number in range(batches):
        chosen = [images[place] for place in order[number * settings.batch : (number + 1) * settings.batch]]
        left = 1 - (epoch * batches + number) / (settings.epochs * batches)
        for group in run.optimiser.param_groups:
            group["lr"] = settings.lr * left
        loss = _loss(net, chosen, rng, bf16=settings.bf16)
        run.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        run.optimiser.step()
        losses += [float(loss.detach())] * len(chosen)
    return float(np.mean(losses))


def _loss(net: PaintedNet, images: Sequence[_Image], rng: np.random.Generator, *, bf16: bool) -> Tensor:
    shown_as = [image.clicked if rng.random() < CLICKED_SHARE else image.bare for image in images]
    painted, target = _augmented(torch.stack(shown_as), torch.stack([image.target for image in images]), rng)
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        logits = net(painted)
    logits = logits.float()
    return (dice_loss(logits, target) + cross_entropy(logits, target)).mean()


def _augmented(painted_B3SS: Tensor, target_Bgg: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Mirror, turn by 20 degrees at most, scale by 1.2, shift by a tenth; contrast and brightness by 40 %."""
    count = len(painted_B3SS)
    angle, size = rng.uniform(-0.35, 0.35, count), rng.uniform(1 / 1.2, 1.2, count)
    mirror = rng.choice((-1.0, 1.0), count)
    turn = np.zeros((count, 2, 3), dtype=np.float32)
    turn[:, 0, 0], turn[:, 0, 1] = mirror * np.cos(angle) * size, -np.sin(angle) * size
    turn[:, 1, 0], turn[:, 1, 1] = mirror * np.sin(angle) * size, np.cos(angle) * size
    turn[:, :, 2] = rng.uniform(-0.1, 0.1, (count, 2))
    matrix = torch.from_numpy(turn)
    moved = [
        grid_sample(
            tensor,
            affine_grid(matrix, [count, tensor.shape[1], *tensor.shape[2:]], align_corners=False),
            align_corners=False,
        )
        for tensor in (painted_B3SS, target_Bgg[:, None])
    ]
    gain, offset = (
        torch.from_numpy(rng.uniform(*span, (count, 1, 1)).astype(np.float32)) for span in ((0.6, 1.4), (-0.4, 0.4))
    )
    picture = moved[0][:, 0] * gain + offset
    return torch.cat((picture[:, None], moved[0][:, 1:]), dim=1), moved[1][:, 0]


def _clicks(sample: Sample, baseline: PaintedPredictor | None, seed: int) -> list[Point]:
    """Clicks on what the baseline misses and on what it has too much; those on what is right are not painted."""
    if baseline is None:
        return []
    image = sample.read_image()
    clicks = click_train_clicks(united(sample.read_objects(), image.size), baseline.predict(image, ()), rng=seed)
    return [point for point, kind in zip(clicks.points, clicks.kinds, strict=True) if kind != "tp"]


def _prepared(sample: Sample, baseline: PaintedPredictor | None, seed: int) -> _Image:
    image = sample.read_image()
    reference = united(sample.read_objects(), image.size)
    pixels, frame = prepare(image, painted_preprocessing())
    points = _clicks(sample, baseline, seed)
    places = frame.points_to_model(np.array([(point.x, point.y) for point in points]).reshape(-1, 2))
    bare = paint(pixels[0, 0], np.zeros((0, 2)), ())
    clicked = paint(pixels[0, 0], places, [point.positive for point in points])
    return _Image(bare, clicked, torch.from_numpy(coverage(reference, frame, grid_side=SIDE // 2)))


def _checked(sample: Sample, baseline: PaintedPredictor | None, seed: int) -> tuple[Sample, list[Point]]:
    return sample, _clicks(sample, baseline, seed)


def _score(predictor: PaintedPredictor, checks: Sequence[tuple[Sample, list[Point]]]) -> float | None:
    scores = []
    for sample, points in checks:
        image = sample.read_image()
        scores.append(iou(united(sample.read_objects(), image.size), predictor.predict(image, points)))
    return float(np.mean(scores)) if scores else None
