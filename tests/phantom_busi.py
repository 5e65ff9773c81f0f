"""Phantoms in the layout of BUSI, with near-duplicates, a split and a tiny model: a whole experiment takes seconds."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from phantom_samples import TINY
from PIL import Image as Pillow

from promptseg.data.phantoms import ultrasound_phantom
from promptseg.data.splits import Split, SplitRow, write_split
from promptseg.models.compact import CompactNet
from promptseg.models.compact_network import CompactNetwork
from promptseg.models.saving import save_network

__all__ = ["PARTS", "PhantomBusi", "phantom_busi"]

PARTS = ("train",) * 4 + ("validation",) * 2 + ("test",) * 3


@dataclass(frozen=True)
class PhantomBusi:
    """Where everything lies."""

    data: Path
    split: Path
    model: Path


def phantom_busi(folder: Path) -> PhantomBusi:
    """Nine lesions (the last is not in Curated BUSI) and a normal."""
    data = folder / "Dataset_BUSI_with_GT"
    rows = []
    for number, part in enumerate(PARTS):
        stratum = "benign" if number % 2 else "malignant"
        name = f"{stratum} ({number})"
        (data / stratum).mkdir(parents=True, exist_ok=True)
        phantom = ultrasound_phantom(np.random.default_rng(number), size=(48, 64), lesion="anechoic", effect="none")
        Pillow.fromarray(phantom.image).save(data / stratum / f"{name}.png")
        Pillow.fromarray(phantom.mask).save(data / stratum / f"{name}_mask.png")
        rows.append(SplitRow("busi", name, f"g{number}", stratum, part))
    (data / "normal").mkdir()
    Pillow.fromarray(np.zeros((48, 64), np.uint8)).save(data / "normal" / "normal (1).png")
    Pillow.fromarray(np.zeros((48, 64), dtype=bool)).save(data / "normal" / "normal (1)_mask.png")
    split, model = folder / "split.csv", folder / "tiny.safetensors"
    write_split(Split(tuple(rows)), split)
    with (folder / "near_duplicates.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "class", "group", "nearest_image", "nearest_ncc", "in_curated_busi_v1", "axilla"])
        writer.writerows([row.name, row.stratum, row.group, "", 0.5, int(row.group != "g8"), 0] for row in rows)
    torch.manual_seed(0)
    save_network(CompactNetwork(CompactNet(TINY).eval()), model, model="default")
    return PhantomBusi(data, split, model)
