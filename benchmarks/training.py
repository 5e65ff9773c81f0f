"""An epoch of training the decoder with kept features, beside one with the encoder in the loop; and the memory.

Run: python -m benchmarks.training [--images 6] [--models default,vit_b]
Each model is timed in a process of its own, with one thread, in seconds of the processor, so that other work on the
machine does not count. ``vit_b`` has random weights of Segment Anything's sizes:
speed and memory do not depend on their values. Images are simulated, 500 x 600 pixels with one lesion.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import process_time

import numpy as np
import torch

from promptseg.data.phantoms import Phantom, ultrasound_phantom
from promptseg.data.samples import TrueObject
from promptseg.data.splits import Split, SplitRow, write_split
from promptseg.models.sam import SamNetwork, build_sam
from promptseg.models.saving import save_network
from promptseg.models.sizes import SamSizes
from promptseg.training.embeddings import Shelf
from promptseg.training.loop import Loop
from promptseg.training.recipe_files import read_recipe
from promptseg.training.session import Options, train
from promptseg.types import Image

RECIPE = """
name = "speed"
[data]
path = "."
split = "split.csv"
validation = []
[model]
name = "{name}"
trained = "decoder"
[training]
epochs = 1
batch = {batch}
objects = 1
embeddings = "{embeddings}"
embeddings_folder = "kept"
"""


@dataclass(frozen=True)
class Simulated:
    """A simulated image."""

    name: str
    dataset: str = "phantoms"
    stratum: str = ""
    subject: str | None = None

    def read_image(self) -> Image:
        """The picture."""
        return Image(phantom(self.name).image)

    def read_objects(self) -> tuple[TrueObject, ...]:
        """Its lesion."""
        return (TrueObject("lesion", phantom(self.name).mask),)


@cache
def phantom(name: str) -> Phantom:
    """The phantom of a name; simulated once, so that reading costs nothing."""
    return ultrasound_phantom(np.random.default_rng(int(name)), size=(500, 600))


def model_file(name: str, folder: Path) -> str:
    """What stands in the recipe: a name of the table, or a file with random weights."""
    if name != "vit_b":
        return name
    sizes = SamSizes()
    module = build_sam(sizes)
    generator = torch.Generator().manual_seed(0)
    weights = {key: torch.randn(value.shape, generator=generator) * 0.02 for key, value in module.state_dict().items()}
    module.load_state_dict(weights, assign=True)
    save_network(SamNetwork(module, sizes), folder / "vit_b.safetensors", model="sam-vit-b")
    return "vit_b.safetensors"


def epoch(folder: Path, name: str, *, embeddings: str, images: int, batch: int) -> dict[str, float]:
    """Processor seconds of an epoch and of filling the shelf, and the peak memory of this process in GB."""
    samples = tuple(Simulated(str(number)) for number in range(images))
    rows = tuple(SplitRow("phantoms", sample.name, sample.name, "", "train") for sample in samples)
    write_split(Split(rows), folder / "split.csv")
    path = folder / "recipe.toml"
    path.write_text(RECIPE.format(name=model_file(name, folder), embeddings=embeddings, batch=batch), encoding="utf-8")
    seconds = {"epoch": 0.0, "filling": 0.0}
    advance, fill = Loop.run, Shelf.fill

    def timed_run(self, *values):  # noqa: ANN001, ANN002, ANN202
        start = process_time()
        advance(self, *values)
        seconds["epoch"] = process_time() - start

    def timed_fill(self, *values):  # noqa: ANN001, ANN002, ANN202
        start = process_time()
        fill(self, *values)
        seconds["filling"] = process_time() - start

    Loop.run, Shelf.fill = timed_run, timed_fill
    train(read_recipe(path), folder / "run", options=Options(device="cpu", quiet=True), samples=samples)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return {**seconds, "images": images, "peak_gb": peak}


def main() -> None:
    """Time each model both ways, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default="default,vit_b")
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("MODEL", "EMBEDDINGS"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.one is not None:
        name, embeddings = options.one
        with tempfile.TemporaryDirectory() as folder:
            found = epoch(Path(folder), name, embeddings=embeddings, images=options.images, batch=options.batch)
        print(json.dumps(found))
        return
    print("| model | encoder in the loop, s | kept features, s | ratio | filling once, s | memory, GB |")
    print("|---|---|---|---|---|---|")
    for name in options.models.split(","):
        live, kept = (in_own_process(name, embeddings, options) for embeddings in ("live", "cached"))
        slow, quick, filling = (value / options.images for value in (live["epoch"], kept["epoch"], kept["filling"]))
        memory = kept["peak_gb"]
        print(f"| {name} | {slow:.2f} | {quick:.3f} | {slow / quick:.0f} | {filling:.2f} | {memory:.2f} |", flush=True)


def in_own_process(name: str, embeddings: str, options: argparse.Namespace) -> dict[str, float]:
    """What :func:`epoch` finds in a new process."""
    command = [sys.executable, "-m", "benchmarks.training", "--one", name, embeddings]
    command += ["--images", str(options.images), "--batch", str(options.batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
