"""A tiny network, phantoms as samples and a recipe for both, so that a whole training run takes seconds."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image as Pillow

from promptseg.data.phantoms import Phantom, ultrasound_phantom
from promptseg.data.samples import TrueObject
from promptseg.data.splits import Split, SplitRow, write_split
from promptseg.models.compact import CompactConfig, CompactNet
from promptseg.models.compact_network import CompactNetwork
from promptseg.models.saving import save_network
from promptseg.training.recipe import Recipe
from promptseg.training.recipe_files import read_recipe
from promptseg.types import Image

__all__ = ["TINY", "PhantomSample", "curve", "phantoms", "quick_recipe", "tiny_network", "write_folder", "write_inputs"]

TINY = CompactConfig(
    size=64,
    widths=(8, 16, 16, 32),
    depths=(1, 1, 1, 1),
    heads=2,
    kernel=3,
    decoder_width=32,
    decoder_heads=2,
    decoder_hidden=64,
    decoder_layers=1,
    fine=(8, 8, 16),
)


@dataclass(frozen=True)
class PhantomSample:
    """A phantom that is simulated when it is read."""

    name: str
    dataset: str = "phantoms"
    stratum: str = ""
    subject: str | None = None

    def read_image(self) -> Image:
        return Image(_phantom(self.name).image)

    def read_objects(self) -> tuple[TrueObject, ...]:
        return (TrueObject("lesion", _phantom(self.name).mask),)


@cache
def _phantom(name: str) -> Phantom:
    return ultrasound_phantom(np.random.default_rng(int(name)), size=(48, 64), lesion="anechoic", effect="none")


def phantoms(count: int = 12) -> tuple[PhantomSample, ...]:
    return tuple(PhantomSample(str(number)) for number in range(count))


def tiny_network(*, seed: int = 0) -> CompactNetwork:
    torch.manual_seed(seed)
    return CompactNetwork(CompactNet(TINY).eval())


def write_inputs(folder: Path, *, count: int = 12, validation: int = 4) -> Path:
    """Write a tiny model, a split and a recipe; gives the recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    save_network(tiny_network(), folder / "tiny.safetensors", model="default")
    parts = ["train"] * (count - validation) + ["validation"] * validation
    write_split(_split(parts), folder / "split.csv")
    path = folder / "recipe.toml"
    path.write_text(RECIPE)
    return path


RECIPE = """
name = "phantoms"
seed = 3
[data]
source = "folder"
path = "data"
split = "split.csv"
[model]
name = "tiny.safetensors"
trained = "all"
[optimiser]
lr = 3e-3
[training]
epochs = 2
batch = 2
objects = 1
"""


def write_folder(folder: Path, samples: Sequence[PhantomSample]) -> None:
    """The same phantoms as pictures: images/NAME.png and masks/NAME.png."""
    for kind in ("images", "masks"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for sample in samples:
        Pillow.fromarray(sample.read_image().pixels).save(folder / "images" / f"{sample.name}.png")
        mask = sample.read_objects()[0].mask
        Pillow.fromarray(mask.astype(np.uint8) * 255).save(folder / "masks" / f"{sample.name}.png")


def _split(parts: Sequence[str]) -> Split:
    return Split(
        tuple(SplitRow("phantoms", str(number), f"phantoms:{number}", "", part) for number, part in enumerate(parts))
    )


def quick_recipe(folder: Path, *changes: str, count: int = 12, validation: int = 4) -> Recipe:
    """A recipe for phantoms, ready to be trained with ``samples=phantoms(count)``."""
    return read_recipe(write_inputs(folder, count=count, validation=validation), overrides=changes)


def curve(run: Path) -> list[list[str]]:
    """The table of losses and scores without the times."""
    lines = (run / "metrics.csv").read_text(encoding="utf-8").splitlines()
    return [line.split(",")[:-1] for line in lines]
