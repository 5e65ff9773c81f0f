"""Which predicted mask belongs to which reference: by name, and nothing is left over."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from promptseg.errors import PairingError, ReadError
from promptseg.io.files import existing, shown

__all__ = ["MASK_SUFFIXES", "Pair", "pair_files"]

MASK_SUFFIXES: Final = (
    ".nii.gz",
    ".bmp",
    ".dcm",
    ".jpeg",
    ".jpg",
    ".json",
    ".nii",
    ".npy",
    ".npz",
    ".png",
    ".tif",
    ".tiff",
    ".webp",
)
"""Endings of the files in a folder that are taken for masks; others (and hidden files) are passed over."""

_SHOWN: Final = 3
"""So many names stand in a message."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One image's masks.

    Attributes:
        name: path below the folder without its ending, with ``/``; for a single file its name without ending.
        references: files that together are the reference.
        predictions: files that together are the prediction.
    """

    name: str
    references: tuple[Path, ...]
    predictions: tuple[Path, ...]


def pair_files(
    references: Path, predictions: Path, *, reference_ending: str = "", prediction_ending: str = ""
) -> list[Pair]:
    """Pair two files, or the masks of two folders by their names.

    Folders are searched with all their subfolders; the path below the folder, without format ending, is the name, so
    ``benign/7.png`` belongs to ``benign/7.nii.gz``. With ``reference_ending="_mask"`` only references whose name ends
    so are taken, without that ending: ``7_mask.png`` is the reference of ``7.png``, and ``7.png`` beside it is passed
    over. A number may follow: ``7_mask.png``, ``7_mask_1.png`` and ``7_mask_2.png`` are parts of one reference.

    Args:
        references: a file or a folder.
        predictions: the same.
        reference_ending: how the names of references end, the empty string for any way.
        prediction_ending: likewise.

    Returns:
        Pairs sorted by name; at least one.

    Raises:
        PairingError: a file has no partner, two have one name, there is none, or a file is given with a folder.
        ReadError: there is nothing at a path, or a folder cannot be read.
    """
    first, second = existing(references), existing(predictions)
    if first.is_dir() != second.is_dir():
        folder, file = (first, second) if first.is_dir() else (second, first)
        raise PairingError(
            f"references and predictions must be two folders or two files; {shown(folder)} is a folder, "
            f"{shown(file)} a file"
        )
    if not first.is_dir():
        return [Pair(_name(first.name), (first,), (second,))]
    expected, found = _by_name(first, reference_ending), _by_name(second, prediction_ending)
    lonely = [
        _lonely(sorted(set(expected) - set(found)), "reference", "prediction", second),
        _lonely(sorted(set(found) - set(expected)), "prediction", "reference", first),
    ]
    if any(lonely):
        hint = (
            ""
            if reference_ending or prediction_ending
            else "; endings such as _mask can be given (on the command line --reference-suffix)"
        )
        raise PairingError("; ".join(filter(None, lonely)) + hint)
    return [Pair(name, tuple(expected[name]), tuple(found[name])) for name in sorted(expected)]


def _by_name(folder: Path, ending: str) -> dict[str, list[Path]]:
    """The masks below a folder by name; with an ending, several may be parts of one."""
    pattern = re.compile(rf"(?P<name>.+){re.escape(ending)}(?P<part>_\d+)?", re.DOTALL)
    named: dict[str, dict[str, Path]] = {}
    for path in _mask_files(folder):
        name, part = _name(path.relative_to(folder).as_posix()), ""
        if ending:
            match = pattern.fullmatch(name)
            if match is None:
                continue
            name, part = match["name"], match["part"] or ""
        other = named.setdefault(name, {}).setdefault(part, path)
        if other != path:
            raise PairingError(f"{shown(other)} and {shown(path)} have the same name; keep one of them in the folder")
    if not named:
        what = f"no mask whose name ends in {ending!r}" if ending else "no mask"
        raise PairingError(f"{shown(folder)}: holds {what}; masks are {', '.join(MASK_SUFFIXES)} files")
    return {name: [parts[part] for part in sorted(parts)] for name, parts in named.items()}


def _mask_files(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise ReadError(f"{shown(error.filename)}: cannot be read ({error.strerror})") from None

    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found.extend(
            Path(place, name) for name in names if name.lower().endswith(MASK_SUFFIXES) and not name.startswith(".")
        )
    return sorted(found)


def _name(path: str) -> str:
    """A path without the ending of its format."""
    suffix = next((suffix for suffix in MASK_SUFFIXES if path.lower().endswith(suffix)), "")
    return path[: len(path) - len(suffix)]


def _lonely(names: Sequence[str], what: str, partner: str, folder: Path) -> str:
    if not names:
        return ""
    more = ", ..." if len(names) > _SHOWN else ""
    listed = ", ".join(shown(name) for name in names[:_SHOWN]) + more
    plural, verb = ("", "has") if len(names) == 1 else ("s", "have")
    return f"{len(names)} {what}{plural} {verb} no {partner} in {shown(folder)}: {listed}"
