"""Several data sets as one: a file in TOML that says where each lies and how it is read.

Each set gives its samples as if it were alone, with its own name of the data set, so a split of all of them, or of one,
fits.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from promptseg.data.sources.listing import Listing
from promptseg.errors import DatasetError, PromptsegError
from promptseg.io.files import existing, one_line, reason, shown

__all__ = ["JoinedOptions", "Lister", "is_joined", "list_joined"]

KEYS: Final = ("path", "source", "name", "options")
_TABLE: Final = "set"
_ENDING: Final = ".toml"
_MOST_BYTES: Final = 1 << 20

Lister = Callable[[str, Path, Mapping[str, Any]], Listing]
"""Lists a data set of a kind (``auto`` to find it out) at a path with options."""


@final
@dataclass(frozen=True)
class JoinedOptions:
    """How to read several data sets; what belongs to one of them stands in the file.

    Attributes:
        dataset: what to call all of them; "" keeps their own names.
        root: the folder at which the paths in the file begin; "" for the folder of the file.
    """

    dataset: str = ""
    root: str = ""


def is_joined(path: Path) -> bool:
    """Whether it is a TOML file with a table ``[[set]]``."""
    if path.suffix != _ENDING or not path.is_file():
        return False
    try:
        return bool(_sets(path))
    except PromptsegError:
        return False


def list_joined(path: Path, options: JoinedOptions, *, lister: Lister) -> Listing:
    """Every sample of every set, set by set in the order of the file.

    Args:
        path: the file. Each ``[[set]]`` has a ``path``, and may have a ``source``
            (``auto`` by default), a ``name`` (what to call it) and a table ``options`` of its source.
        options: what belongs to all.
        lister: reads one set.

    Raises:
        DatasetError: the file is no such list, or two samples have one name in one data set.
        ReadError: something cannot be read.
        PromptsegError: what the sources raise, with the number of the set.
    """
    place = existing(path)
    listings = [_listed(entry, number, place, options, lister) for number, entry in enumerate(_sets(place), 1)]
    samples = tuple(sample for listing in listings for sample in listing.samples)
    names = [(sample.dataset, sample.name) for sample in samples]
    twice = sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []
    problems = [
        f"{shown(place)}: several images are called {shown(f'{dataset} {name}')}; give their sets other names"
        for dataset, name in twice
    ]
    return Listing(
        samples,
        (*(line for listing in listings for line in listing.problems), *problems),
        tuple(line for listing in listings for line in listing.notes),
    )


def _listed(entry: Mapping[str, Any], number: int, place: Path, options: JoinedOptions, lister: Lister) -> Listing:
    settings = dict(entry.get("options", {}))
    name = options.dataset or entry.get("name", "")
    if name:
        settings["dataset"] = name
    root = Path(options.root).expanduser() if options.root else place.parent
    try:
        return lister(entry.get("source", "auto"), root / Path(entry["path"]).expanduser(), settings)
    except PromptsegError as error:
        raise type(error)(f"{shown(place)}: set {number}: {error}") from error


def _sets(path: Path) -> list[dict[str, Any]]:
    """The tables of the file, checked."""
    values = _toml(path)
    sets = values.get(_TABLE)
    if not isinstance(sets, list) or not sets:
        raise DatasetError(f"{shown(path)}: names no data set; give each a [[set]] with its path")
    mistakes = [f"unknown table or key {key!r:.40}" for key in values if key != _TABLE]
    for number, entry in enumerate(sets, 1):
        mistakes += [f"set {number}: {words}" for words in _mistakes(entry)]
    if mistakes:
        raise DatasetError(f"{shown(path)}: {'; '.join(mistakes)}")
    return sets


def _mistakes(entry: object) -> list[str]:
    if not isinstance(entry, dict):
        return [f"is no table; write [[{_TABLE}]] before its keys"]
    found = [f"unknown key {key!r:.40} (there are {', '.join(KEYS)})" for key in entry if key not in KEYS]
    if not entry.get("path"):
        found.append("path is missing")
    found += [f"{key} must be text" for key in KEYS[:3] if not isinstance(entry.get(key, ""), str)]
    if not isinstance(entry.get("options", {}), dict):
        found.append("options must be a table")
    return found


def _toml(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise DatasetError(f"{shown(path)}: is a folder; give the file in TOML that lists the data sets")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise DatasetError(f"{shown(path)}: has {path.stat().st_size} bytes, too many for a list of data sets")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{shown(path)}: cannot be read ({reason(error)})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DatasetError(f"{shown(path)}: is no valid TOML ({one_line(error)})") from error
