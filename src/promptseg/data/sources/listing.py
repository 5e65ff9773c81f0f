"""What every source shares: a data set as a list, files by name, and names by pattern."""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final, final

from promptseg.data.samples import Sample
from promptseg.errors import DatasetError, ReadError, ValueRangeError
from promptseg.io.files import existing, reason, shown

__all__ = [
    "PICTURES",
    "Listing",
    "check_pattern",
    "chosen_folder",
    "files_by_name",
    "found_by",
    "listed",
    "natural",
    "subfolder",
    "whole_listing",
]

PICTURES: Final = (".bmp", ".dcm", ".jpeg", ".jpg", ".npy", ".npz", ".png", ".tif", ".tiff", ".webp")
"""Endings of the files that are taken for pictures and masks; others (and hidden files) are passed over."""

_SHOWN: Final = 3


@final
@dataclass(frozen=True)
class Listing:
    """A data set as it lies on the disk.

    Attributes:
        samples: every image that has its reference, in natural order of their names.
        problems: what is wrong, one line each: images without masks, masks without images, names that clash.
        notes: what was left out on purpose, one line each.
    """

    samples: tuple[Sample, ...]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def whole_listing(
    samples: Iterable[Sample], problems: Iterable[str], root: Path, *, notes: Iterable[str] = ()
) -> Listing:
    """Sort the samples by name and add to the problems those names that two of them share.

    Raises:
        DatasetError: there is neither a sample nor a problem.
    """
    ordered = sorted(samples, key=lambda sample: natural(sample.name))
    notes, problems = tuple(notes), list(problems)
    twice = {one.name for one, other in pairwise(ordered) if one.name == other.name}
    problems += [f"{shown(root)}: several images are called {shown(name)}; rename them" for name in sorted(twice)]
    if not ordered and not problems:
        left_out = f" ({'; '.join(notes)})" if notes else ""
        raise DatasetError(f"{shown(root)}: holds no image with a mask{left_out}; check the path and the layout")
    return Listing(tuple(ordered), tuple(problems), notes)


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts numbers inside names by their value.

    >>> sorted(["a10", "a9", "b1"], key=natural)
    ['a9', 'a10', 'b1']
    """
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part)
        for part in re.split(r"([0-9]+)", name)
        if part
    )


def files_by_name(folder: Path, endings: Collection[str] = PICTURES) -> tuple[dict[str, Path], list[str]]:
    """Files of a folder and all its subfolders, by their path below it without the ending, with ``/``.

    Returns:
        The files in natural order; and the problems: files of one name with different endings.

    Raises:
        ReadError: the folder, or one below it, cannot be read.
    """
    found: dict[str, Path] = {}
    problems = []
    for path in _files(folder):
        ending = next((ending for ending in endings if path.name.lower().endswith(ending)), None)
        if ending is None:
            continue
        name = path.relative_to(folder).as_posix()
        name = name[: len(name) - len(ending)]
        if found.setdefault(name, path) != path:
            problems.append(f"{shown(found[name])} and {shown(path)} have the same name; keep one of them")
    return {name: found[name] for name in sorted(found, key=natural)}, problems


def subfolder(root: Path, names: Sequence[str]) -> Path | None:
    """The first of these folders that lies directly in ``root``, or None."""
    return next((root / name for name in names if (root / name).is_dir()), None)


def chosen_folder(root: Path, chosen: str, usual: Sequence[str]) -> Path:
    """The folder ``chosen`` below ``root``, or without a choice the first of the usual ones that is there.

    Raises:
        DatasetError: there is none.
    """
    found = root / chosen if chosen else subfolder(root, usual)
    if found is None or not found.is_dir():
        raise DatasetError(f"{shown(root)}: has no folder {chosen or ' or '.join(usual)}; name it in the options")
    return found


def listed(names: Iterable[str]) -> str:
    """The first few names, and how many more there are.

    >>> listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    every = [shown(name) for name in names]
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return ", ".join(every[:_SHOWN]) + more


def check_pattern(pattern: str, what: str) -> None:
    """Refuse a text that is no regular expression.

    Raises:
        ValueRangeError: it is none.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueRangeError(f"{what} must be a regular expression, got {pattern!r} ({error})") from None


def found_by(pattern: str, name: str) -> str | None:
    """What a pattern finds in a name: its first group, or without groups the whole match; None for no match.

    >>> found_by("^([0-9]+)_", "10001_81")
    '10001'
    """
    match = re.search(pattern, name)
    return None if match is None else match[1 if match.re.groups else 0]


def _files(folder: Path) -> list[Path]:
    def refuse(error: OSError) -> None:
        raise ReadError(f"{shown(error.filename)}: cannot be read ({reason(error)})") from None

    if not existing(folder).is_dir():
        raise DatasetError(f"{shown(folder)}: is a file; give the folder of the data set")
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=refuse, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found.extend(Path(place, name) for name in sorted(names) if not name.startswith("."))
    return found
