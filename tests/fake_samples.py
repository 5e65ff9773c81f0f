"""Samples in memory, for what is built on samples."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from promptseg.data.samples import TrueObject
from promptseg.types import Image

__all__ = ["FakeSample", "named"]


@dataclass(frozen=True, eq=False)
class FakeSample:
    """A sample of arrays; ``area`` rows of the mask are filled."""

    name: str
    stratum: str = ""
    subject: str | None = None
    dataset: str = "fake"
    pixels: NDArray[np.uint8] | None = None
    area: int = 1

    def read_image(self) -> Image:
        return Image(np.zeros((10, 10), np.uint8) if self.pixels is None else self.pixels)

    def read_objects(self) -> tuple[TrueObject, ...]:
        mask = np.zeros(self.read_image().size, np.bool_)
        mask[: self.area] = True
        return (TrueObject("object", mask),) if self.area else ()


def named(count: int, *, stratum: str = "") -> list[FakeSample]:
    return [FakeSample(f"{stratum or 'image'} {number}", stratum) for number in range(count)]
