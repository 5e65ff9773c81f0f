"""Training images in memory, and batches of them: drawn, warped and disturbed as tensors.

Tensors: B images, N objects, S the side of the network's input.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 (torch's own convention)
from torch import Tensor

from promptseg.data.phantoms import Geometry, ultrasound_phantom
from tools.default_model.recipe import DataRecipe
from tools.default_model.sources import READERS, Record, bound

SMALLEST_TARGET_PX = 24
ANY_DIRECTION = ("dsb2018",)
INVERTED_SHARE = {"busi": 0.06, "usgra": 0.06, "phantoms": 0.1}
ZOOM_SHARE = {"dsb2018": 0.6, "sunnybrook": 0.4}


class Batch(NamedTuple):
    """Inputs (B, 1, S, S), targets (B, N, S, S) in {0, 1}, and which targets are usable (B, N)."""

    image_B1SS: Tensor
    target_BNSS: Tensor
    usable_BN: Tensor


def read_part(data: Path, split: Path, *, part: str) -> list[Record]:
    """Read the records of one part of the split file."""
    with split.open() as file:
        wanted = {(row["dataset"], row["name"]) for row in csv.DictReader(file) if row["part"] == part}
    return [r for reader in READERS.values() for r in reader(data) if (r.dataset, r.name) in wanted]


def simulate(count: int, *, longest_px: int, seed: Sequence[int]) -> list[Record]:
    """Make `count` phantoms as records, of varied format."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(count):
        geometry: Geometry = "linear" if rng.random() < 0.65 else "fan"
        size = (int(longest_px * rng.uniform(0.65, 1.0)), longest_px)
        made = ultrasound_phantom(rng, size=size, geometry=geometry, marks=bool(rng.random() < 0.3))
        if made.mask.sum() >= 60:
            records.append(Record("phantoms", str(i), made.image, made.mask.astype(np.int16), ((1,),)))
    return records


class Store:
    """Records on equal canvases, drawn with given shares for each data set."""

    def __init__(self, records: Sequence[Record], recipe: DataRecipe) -> None:
        side = recipe.longest_px
        self.records = [bound(r, longest_px=side) for r in records]
        self.images = torch.zeros(len(records), side, side, dtype=torch.uint8)
        self.labels = torch.zeros(len(records), side, side, dtype=torch.int16)
        for i, record in enumerate(self.records):
            height, width = record.image.shape
            self.images[i, :height, :width] = torch.from_numpy(record.image.copy())
            self.labels[i, :height, :width] = torch.from_numpy(record.labels.copy())
        datasets = np.array([r.dataset for r in records])
        share = np.zeros(len(records))
        for name, weight in recipe.weights.items():
            member = datasets == name
            share[member] = weight / max(int(member.sum()), 1)
        self.share = share / share.sum()
        self.elastic = recipe.elastic

    def draw(self, rng: np.random.Generator, *, batch: int, objects: int, size: int) -> Batch:
        """Draw a batch; everything random comes from `rng`."""
        chosen = rng.choice(len(self.records), size=batch, p=self.share)
        picked = [_pick_objects(self.records[i], objects, rng) for i in chosen]
        matrices = [_draw_affine(self.records[i], o[0], rng, size=size) for i, o in zip(chosen, picked, strict=True)]
        stacked = torch.from_numpy(np.stack(matrices)).float()
        grid_BSS2 = _source_grid(stacked, bend(rng, batch=batch, size=size, amount=self.elastic))
        index = torch.from_numpy(chosen)
        shapes = torch.tensor([self.records[i].image.shape for i in chosen])
        inside = ((grid_BSS2 > -0.5) & (grid_BSS2 < shapes.flip(1)[:, None, None, :] - 0.5)).all(dim=-1)
        image = _sample_image(self.images[index], grid_BSS2)
        labels = _sample_labels(self.labels[index], grid_BSS2) * inside
        target = torch.stack([_targets(labels[b], picked[b]) for b in range(batch)])
        usable = target.sum(dim=(2, 3)) >= SMALLEST_TARGET_PX
        disturbed = disturb(image, [self.records[i].dataset for i in chosen], rng)
        return Batch(standardise(disturbed, inside[:, None]), target, usable)


def _pick_objects(record: Record, count: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    available = record.objects
    if len(available) >= count:
        return [available[int(i)] for i in rng.choice(len(available), size=count, replace=False)]
    return [available[int(i)] for i in rng.integers(0, len(available), size=count)]


def _targets(labels_SS: Tensor, objects: list[tuple[int, ...]]) -> Tensor:
    masks = []
    for labels in objects:
        mask = labels_SS == labels[0]
        for label in labels[1:]:
            mask = mask | (labels_SS == label)
        masks.append(mask)
    return torch.stack(masks).float()


def _draw_affine(record: Record, labels: tuple[int, ...], rng: np.random.Generator, *, size: int) -> np.ndarray:
    """Matrix (2, 3) from input pixels relative to the middle to source pixels."""
    height, width = record.image.shape
    scale = size / max(height, width) * math.exp(rng.normal(0.0, 0.18))
    middle = np.array([width / 2, height / 2])
    if rng.random() < ZOOM_SHARE.get(record.dataset, 0.15):
        rows, columns = np.nonzero(np.isin(record.labels, labels))
        extent = max(float(np.ptp(rows)), float(np.ptp(columns))) + 1.0
        wanted = size * math.exp(rng.uniform(math.log(0.08), math.log(0.7)))
        scale = float(np.clip(wanted / extent, scale, 5.0 * scale))
        middle = np.array([columns.mean(), rows.mean()]) + rng.normal(0.0, 0.15, 2) * size / scale
    else:
        middle = middle + rng.normal(0.0, 0.06, 2) * size / scale
    angle = rng.uniform(-math.pi, math.pi) if record.dataset in ANY_DIRECTION else rng.normal(0.0, 0.2)
    flips = np.array([1.0 if rng.random() < 0.5 else -1.0, 1.0])
    if record.dataset in ANY_DIRECTION or rng.random() < 0.08:
        flips[1] = 1.0 if rng.random() < 0.5 else -1.0
    stretch = np.exp(rng.normal(0.0, 0.08, 2))
    cos, sin = math.cos(angle), math.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) * (flips * stretch)[None, :] / scale
    return np.concatenate((linear, middle[:, None] - 0.5), axis=1)


def bend(rng: np.random.Generator, *, batch: int, size: int, amount: float) -> Tensor:
    """Offsets of the input pixels from the middle (B, S * S, 2), for half of the images bent by a smooth random field.

    `amount`: standard deviation of the field at its control points, as a share of the side.
    """
    places = torch.arange(size, dtype=torch.float32) + 0.5 - size / 2
    offsets = torch.stack(torch.meshgrid(places, places, indexing="xy"), dim=-1)[None].expand(batch, -1, -1, -1)
    if amount > 0.0:
        strength = np.abs(rng.normal(0.0, amount * size, batch)) * (rng.random(batch) < 0.5)
        points = int(rng.integers(4, 8))
        field = rng.normal(0.0, 1.0, (batch, 2, points, points)) * strength[:, None, None, None]
        coarse = torch.from_numpy(field.astype(np.float32))
        smooth = F.interpolate(coarse, size=(size, size), mode="bicubic", align_corners=True)
        offsets = offsets + smooth.permute(0, 2, 3, 1)
    return offsets.reshape(batch, size * size, 2)


def _source_grid(matrix_B23: Tensor, offsets_BQ2: Tensor) -> Tensor:
    """Source pixel (x, y) of every input pixel: (B, S, S, 2)."""
    source = offsets_BQ2 @ matrix_B23[:, :, :2].transpose(1, 2) + matrix_B23[:, None, :, 2]
    size = math.isqrt(source.shape[1])
    return source.reshape(-1, size, size, 2)


def _sample_image(images_BCC: Tensor, grid_BSS2: Tensor) -> Tensor:
    unit = (2.0 * grid_BSS2 + 1.0) / images_BCC.shape[-1] - 1.0
    sampled = F.grid_sample(
        images_BCC[:, None].float(), unit, mode="bilinear", padding_mode="border", align_corners=False
    )
    return sampled / 255.0


def _sample_labels(labels_BCC: Tensor, grid_BSS2: Tensor) -> Tensor:
    side = labels_BCC.shape[-1]
    place = (grid_BSS2 + 0.5).floor().long().clamp(0, side - 1)
    flat = place[..., 1] * side + place[..., 0]
    return torch.gather(labels_BCC.flatten(1), 1, flat.flatten(1)).reshape(flat.shape)


def standardise(image_B1SS: Tensor, inside_B1SS: Tensor) -> Tensor:
    """Mean 0 and standard deviation 1 over the real pixels of each image; 0 elsewhere."""
    weight = inside_B1SS.to(image_B1SS.dtype)
    count = weight.sum(dim=(2, 3), keepdim=True).clamp(min=1.0)
    mean = (image_B1SS * weight).sum(dim=(2, 3), keepdim=True) / count
    centred = (image_B1SS - mean) * weight
    deviation = torch.sqrt((centred**2).sum(dim=(2, 3), keepdim=True) / count)
    return centred / deviation.clamp(min=1e-3)


def disturb(image_B1SS: Tensor, datasets: Sequence[str], rng: np.random.Generator) -> Tensor:
    """Change grey values as other devices would: gamma, gain over depth, speckle, blur, noise, inversion."""
    batch, _, size, _ = image_B1SS.shape

    def column(values: np.ndarray) -> Tensor:
        return torch.from_numpy(values.astype(np.float32))[:, None, None, None]

    inverted = column(np.array([rng.random() < INVERTED_SHARE.get(d, 0.25) for d in datasets]))
    image = image_B1SS * (1.0 - 2.0 * inverted) + inverted
    image = image.clamp(0.0, 1.0) ** column(np.exp(rng.normal(0.0, 0.28, batch)))
    depth = torch.linspace(-0.5, 0.5, size)[None, None, :, None]
    image = image * torch.exp(column(rng.normal(0.0, 0.35, batch)) * depth)
    seed = int(rng.integers(2**62))
    noise = torch.randn(batch, 2, size // 2, size // 2, generator=torch.Generator().manual_seed(seed))
    noise = F.interpolate(noise, size=(size, size), mode="bilinear", align_corners=False)
    speckle = column(np.abs(rng.normal(0.0, 0.12, batch)) * (rng.random(batch) < 0.5))
    image = image * (1.0 + speckle * noise[:, :1])
    image = image + column(np.abs(rng.normal(0.0, 0.03, batch)) * (rng.random(batch) < 0.5)) * noise[:, 1:]
    blurred = F.avg_pool2d(F.pad(image, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = column(rng.uniform(-0.6, 1.0, batch) * (rng.random(batch) < 0.4))
    return image + amount * (blurred - image)
