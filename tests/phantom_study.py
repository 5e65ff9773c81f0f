"""A study of a fake segmenter on phantoms, whose files lie in a folder: it takes a second."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from fakes import FakeSegmenter
from phantom_samples import PhantomSample, write_folder
from PIL import Image as Pillow

from promptseg.data.splits import Split, SplitRow, write_split
from promptseg.evaluation.study.recipe import ModelSettings, StudyRecipe
from promptseg.evaluation.study.recipe_files import read_study_recipe
from promptseg.evaluation.study.rows import TIMES
from promptseg.types import Embedding, Image, Pixels

__all__ = ["RECIPE", "DyingSegmenter", "fake_segmenter", "phantom_study", "same_but_times", "study_recipe", "table_of"]

RECIPE = """
name = "phantoms"
seed = 3
metrics = ["iou", "dice", "box_iou"]
[[data]]
name = "phantoms"
path = "data"
source = "folder"
split = "split.csv"
options = { labels = ["lesion"] }
[[model]]
name = "fake"
weights = "fake.bin"
[[model]]
name = "other"
weights = "other.bin"
experiments = ["modes"]
policies = ["best-score"]
[experiments.modes]
extra = ["scribble"]
[experiments.clicks]
count = 3
[experiments.noise]
repeats = 2
[experiments.location]
places = 4
[statistics]
resamples = 40
"""


def phantom_study(folder: Path, *, count: int = 8) -> Path:
    """Write phantoms, a split of which the last half is studied, and a recipe; gives the recipe."""
    write_folder(folder / "data", [PhantomSample(f"{number:02d}") for number in range(count)])
    rows = (
        SplitRow("data", f"{number:02d}", f"g{number // 2}", "", "train" if number < count // 2 else "test")
        for number in range(count)
    )
    write_split(Split(tuple(rows)), folder / "split.csv")
    path = folder / "study.toml"
    path.write_text(RECIPE)
    return path


def study_recipe(folder: Path, *changes: str, count: int = 8) -> StudyRecipe:
    return read_study_recipe(phantom_study(folder, count=count), overrides=changes)


def fake_segmenter(model: ModelSettings, device: str) -> FakeSegmenter:
    """In place of weights."""
    del model, device
    return FakeSegmenter()


class DyingSegmenter(FakeSegmenter):
    """Ends its process when it sees an image that is white in the corner."""

    def embed(self, image: Image | Pixels) -> Embedding:
        import os

        if isinstance(image, Image) and image.pixels[0, 0] == 255:
            os._exit(7)
        return super().embed(image)


def dying_segmenter(model: ModelSettings, device: str) -> DyingSegmenter:
    del model, device
    return DyingSegmenter()


def whiten(path: Path) -> None:
    """Make the first pixel of a picture white."""
    with Pillow.open(path) as picture:
        pixels = np.array(picture)
    pixels[0, 0] = 255
    Pillow.fromarray(pixels).save(path)


def table_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / "table.parquet")


def same_but_times(first: pd.DataFrame, second: pd.DataFrame) -> None:
    """Refuse two tables that differ in a column that is no time, in order, or in a type."""
    pd.testing.assert_frame_equal(first.drop(columns=list(TIMES)), second.drop(columns=list(TIMES)), check_exact=True)


def copied_without_some_parts(folder: Path, other: Path, units: Sequence[int]) -> Path:
    """The folder of a study in which some units are not finished yet."""
    shutil.copytree(folder, other)
    for unit in units:
        for path in other.glob(f"parts/*/{unit:07d}.parquet"):
            path.unlink()
    return other


def no_report(*_: Any) -> Path:
    """In place of the report, where a test is not about it."""
    return Path("report.html")
