"""BUSI, breast ultrasound with lesions, as it is distributed.

Al-Dhabyani et al., Data in Brief 28:104863 (2020), doi 10.1016/j.dib.2019.104863. Folders ``benign``, ``malignant`` and
``normal`` hold ``NAME.png`` with ``NAME_mask.png``; 17 of the 780 images have ``NAME_mask_1.png`` too, and one
``NAME_mask_2.png``. Masks have one bit, or are RGB or RGBA. Normals have empty masks. There are no patient numbers.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from promptseg.data.sources.listing import Listing, files_by_name, listed, whole_listing
from promptseg.data.sources.references import PictureSample
from promptseg.errors import DatasetError
from promptseg.io.files import existing, shown

__all__ = ["BusiOptions", "is_busi", "list_busi"]

CLASSES: Final = ("benign", "malignant", "normal")
_INNER: Final = "Dataset_BUSI_with_GT"
_MASK: Final = re.compile(r"(?P<image>.+)_mask(?:_\d+)?", re.DOTALL)


@final
@dataclass(frozen=True)
class BusiOptions:
    """How to read BUSI.

    Attributes:
        dataset: what to call it.
        normals: also the images without a lesion.
        parts: each mask file is an object; else all of them together are the one object ``lesion``.
    """

    dataset: str = "busi"
    normals: bool = True
    parts: bool = False


def is_busi(path: Path) -> bool:
    """Whether a folder, or the folder ``Dataset_BUSI_with_GT`` in it, holds BUSI's classes."""
    return _root(path) is not None


def list_busi(path: Path, options: BusiOptions) -> Listing:
    """Every image with its class as stratum; the path is ``Dataset_BUSI_with_GT`` or the folder that holds it.

    Raises:
        DatasetError: the folder has none of the classes.
        ReadError: it cannot be read.
    """
    root = _root(existing(path))
    if root is None:
        raise DatasetError(
            f"{shown(path)}: is not BUSI; expected the folders {', '.join(CLASSES)} with NAME.png and NAME_mask.png, "
            f"or {_INNER} with them"
        )
    samples: list[PictureSample] = []
    problems: list[str] = []
    for stratum in CLASSES:
        folder = root / stratum
        if folder.is_dir() and (options.normals or stratum != "normal"):
            some, wrong = _of_class(folder, options)
            samples += some
            problems += wrong
    return whole_listing(samples, problems, root)


def _of_class(folder: Path, options: BusiOptions) -> tuple[list[PictureSample], list[str]]:
    files, problems = files_by_name(folder, (".png",))
    images = {name: path for name, path in files.items() if not _MASK.fullmatch(name)}
    masks: dict[str, list[Path]] = {}
    for name, path in files.items():
        match = _MASK.fullmatch(name)
        if match:
            masks.setdefault(match["image"], []).append(path)
    bare, orphans = [name for name in images if name not in masks], [name for name in masks if name not in images]
    if bare:
        problems.append(f"{shown(folder)}: {len(bare)} images have no mask NAME_mask.png: {listed(bare)}")
    if orphans:
        problems.append(f"{shown(folder)}: {len(orphans)} masks have no image: {listed(orphans)}")
    samples = [
        PictureSample(
            dataset=options.dataset,
            name=name,
            stratum=folder.name,
            subject=None,
            image=path,
            masks=tuple(("lesion", mask) for mask in masks[name]),
            united=not options.parts,
        )
        for name, path in images.items()
        if name in masks
    ]
    return samples, problems


def _root(path: Path) -> Path | None:
    places = (path, path / _INNER)
    return next((place for place in places if any(_has_masks(place / name) for name in CLASSES)), None)


def _has_masks(folder: Path) -> bool:
    return folder.is_dir() and next(folder.glob("*_mask*.png"), None) is not None
