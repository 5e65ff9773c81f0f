"""usgra-seg: nerves and vessels in ultrasound for regional anaesthesia (Kandaouroff, 2025, CC BY 4.0).

``images/NAME.png`` with label maps ``masks/NAME.png``: 1 nerve, 2 vessel.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

from promptseg.data.sources.folder import FolderOptions, list_folder
from promptseg.data.sources.listing import Listing
from promptseg.errors import DatasetError
from promptseg.io.files import existing, shown

__all__ = ["UsgraOptions", "is_usgra", "list_usgra"]

LABELS: Final = ("nerve", "vessel")


@final
@dataclass(frozen=True)
class UsgraOptions:
    """How to read usgra-seg.

    Attributes:
        dataset: what to call it.
        components: each connected part of a label is an object of its own; else all nerves are one, all vessels one.
        smallest_px: objects of fewer pixels are left out.
    """

    dataset: str = "usgra"
    components: bool = False
    smallest_px: int = 1


def is_usgra(path: Path) -> bool:
    """Whether a folder with ``images`` and ``masks`` is called usgra (nothing inside tells it from other data)."""
    return path.resolve().name.lower().startswith("usgra") and (path / "images").is_dir() and (path / "masks").is_dir()


def list_usgra(path: Path, options: UsgraOptions) -> Listing:
    """Every image with its nerves and vessels.

    Raises:
        DatasetError: ``images`` or ``masks`` is not there, or an option is not usable.
        ReadError: they cannot be read.
    """
    missing = [name for name in ("images", "masks") if not (existing(path) / name).is_dir()]
    if missing:
        raise DatasetError(f"{shown(path)}: is not usgra-seg; expected the folders images and masks, no {missing[0]}")
    return list_folder(
        path,
        FolderOptions(
            dataset=options.dataset, labels=LABELS, components=options.components, smallest_px=options.smallest_px
        ),
    )
