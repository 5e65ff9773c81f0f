"""A sample: one image of a data set with its objects, read only when asked for."""

from dataclasses import dataclass
from typing import Protocol, final, runtime_checkable

import numpy as np

from promptseg.types import BoolMask, Image

__all__ = ["Sample", "TrueObject", "united"]


@final
@dataclass(frozen=True, eq=False)
class TrueObject:
    """One object of the reference.

    Attributes:
        label: its class, as the data set calls it (``lesion``, ``nerve``, ``3``).
        mask: (H, W) at the size of the image as given; not empty.
    """

    label: str
    mask: BoolMask


@runtime_checkable
class Sample(Protocol):
    """One image and its reference.

    Values of this kind are small, frozen and can be pickled: they hold paths, no pixels.
    """

    @property
    def dataset(self) -> str:
        """Name of the data set."""
        ...

    @property
    def name(self) -> str:
        """Unique within the data set; stable from run to run and from machine to machine (no absolute path)."""
        ...

    @property
    def stratum(self) -> str:
        """What a stratified split keeps in proportion (BUSI: ``benign``, ``malignant``, ``normal``), or ""."""
        ...

    @property
    def subject(self) -> str | None:
        """The person, animal or volume that it shows, or None where the data set does not say."""
        ...

    def read_image(self) -> Image:
        """The picture as it is stored."""
        ...

    def read_objects(self) -> tuple[TrueObject, ...]:
        """Its objects; an empty tuple where the reference is empty (BUSI's normals)."""
        ...


def united(objects: tuple[TrueObject, ...], size: tuple[int, int]) -> BoolMask:
    """All objects in one (H, W) mask; all False where there are none."""
    mask = np.zeros(size, dtype=np.bool_)
    for item in objects:
        mask |= item.mask
    return mask
