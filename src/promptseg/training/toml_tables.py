"""Settings in TOML files: read, overridden, checked with all mistakes at once, and written back.

What recipes of training and of studies share. Tables may stand in lists (``[[data]]``); an entry of a list is called
by its ``name``, or by its number from 0.
"""

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final, get_args, get_origin

from pydantic import BaseModel, ValidationError

from promptseg.errors import RecipeError
from promptseg.io.files import existing, one_line, reason, shown
from promptseg.models.zoo import MODELS

__all__ = ["ANY", "Key", "PathKeys", "mistakes_of", "nearest", "override", "read_toml", "recipe_error", "toml_text"]

ANY: Final = "*"
"""Stands in a key for whatever entry of a list of tables."""

_MOST_BYTES: Final = 1 << 20
_MISSING: Final = "missing"

Key = tuple[str, ...]


@final
@dataclass(frozen=True)
class PathKeys:
    """Which settings are paths.

    Attributes:
        keys: their dotted keys, with :data:`ANY` for the entry of a list.
        model: that of them which may be the name of a model instead.
    """

    keys: tuple[Key, ...]
    model: Key

    def absolute(self, key: Key, text: str, folder: Path) -> str:
        """The path as it is from anywhere; names of models stay."""
        return text if key == self.model and text in MODELS else str(folder / Path(text).expanduser())

    def make_absolute(self, values: dict[str, Any], folder: Path) -> None:
        """Change all paths that begin at a folder."""
        for key in self.keys:
            for table in _tables(values, key[:-1]):
                if isinstance(table.get(key[-1]), str) and table[key[-1]]:
                    table[key[-1]] = self.absolute(key, table[key[-1]], folder)


def read_toml(path: Path) -> dict[str, Any]:
    """What a file holds.

    Raises:
        ReadError: there is no such file.
        RecipeError: it is a folder, too large, or no TOML.
    """
    place = existing(path)
    if place.is_dir():
        raise RecipeError(f"{shown(place)}: is a folder; give a recipe, a file in TOML")
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise RecipeError(f"{shown(place)}: has {place.stat().st_size} bytes, too many for a recipe")
        return tomllib.loads(place.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{shown(place)}: cannot be read ({reason(error)})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{shown(place)}: is no valid TOML ({one_line(error)})") from error


def override(values: dict[str, Any], text: str, paths: PathKeys) -> list[str]:
    """Set one value by ``key=value``, the value as in TOML or else as text; gives what is wrong with it.

    A relative path begins at the current folder.
    """
    name, sign, given = text.partition("=")
    key = tuple(part.strip() for part in name.split("."))
    if not sign or not all(key):
        return [f"--set {text!r}: expected KEY=VALUE, such as seed=5"]
    try:
        value = tomllib.loads(f"value = {given}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = given.strip()
    place: Any = values
    pattern: Key = ()
    for number, part in enumerate(key[:-1]):
        listed = isinstance(place, list)
        place = _entry(place, part) if listed else place.setdefault(part, {})
        if listed and place is None:
            return [f"--set {text!r}: {'.'.join(key[:number])} has no entry {part!r}"]
        if not isinstance(place, dict) and not (isinstance(place, list) and number < len(key) - 2):
            return [f"--set {text!r}: {part} is no table"]
        pattern = (*pattern, ANY if listed else part)
    pattern = (*pattern, key[-1])
    if pattern in paths.keys and isinstance(value, str) and value:
        value = paths.absolute(pattern, value, Path.cwd())
    place[key[-1]] = value
    return []


def mistakes_of(
    error: ValidationError, model: type[BaseModel], values: Mapping[str, Any], *, start: Key = ()
) -> list[str]:
    """One line for each key that is wrong: the key, what was expected, what was given.

    Args:
        error: of ``model.model_validate(values)``.
        model: the table.
        values: what was given.
        start: the key of the table itself.
    """
    lines: dict[str, str] = {}
    for item in error.errors():
        key, table = _place(item["loc"], model, values)
        name = ".".join((*start, *key))
        if item["type"] == "extra_forbidden":
            known = [] if table is None else list(table.model_fields)
            lines[name] = f"{name}: unknown setting{nearest(key[-1], known)}"
        elif item["type"] == _MISSING:
            lines[name] = f"{name}: is missing"
        elif item["type"] == "list_type" and isinstance(item["input"], Mapping):
            lines[name] = f"{name}: expected a list of tables, [[{name}]]"
        else:
            given = "" if isinstance(item["input"], Mapping) else f"; got {item['input']!r:.80}"
            expected = _expected(item["msg"], given=given)
            lines[name] = f"{lines[name]}, or {expected}" if name in lines else f"{name}: {expected}{given}"
    return list(lines.values())


def recipe_error(path: Path, mistakes: Sequence[str]) -> RecipeError:
    """The error that names all mistakes."""
    count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
    return RecipeError(f"{shown(path)}: the recipe has {count}: {'; '.join(mistakes)}")


def nearest(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    """A hint at what was meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (known are {', '.join(known)})" if known else ""


def toml_text(values: Mapping[str, Any], *, nested: Sequence[str] = ()) -> str:
    """Settings as TOML: plain ones, then a section for each table and each entry of a list of tables.

    Args:
        values: by name; None is left out.
        nested: tables whose own tables get a section each; elsewhere they stand in one line.
    """
    lines = [
        f"{toml_key(name)} = {_value(value)}"
        for name, value in values.items()
        if value is not None and not isinstance(value, Mapping) and not _is_tables(value)
    ]
    for name, value in values.items():
        if _is_tables(value):
            for entry in value:
                lines += ["", f"[[{toml_key(name)}]]", *_settings(entry)]
        elif isinstance(value, Mapping) and name in nested:
            for inner, table in value.items():
                if table is not None:
                    lines += ["", f"[{toml_key(name)}.{toml_key(inner)}]", *_settings(table)]
        elif isinstance(value, Mapping):
            lines += ["", f"[{toml_key(name)}]", *_settings(value)]
    return "\n".join(lines) + "\n"


def toml_key(key: str) -> str:
    """A key, quoted where it must be."""
    plain = key.isascii() and all(sign.isalnum() or sign in "_-" for sign in key)
    return key if plain and key else json.dumps(key)


def _settings(table: Mapping[str, Any]) -> list[str]:
    return [f"{toml_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        inside = (f"{toml_key(str(key))} = {_value(item)}" for key, item in value.items() if item is not None)
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)


def _tables(values: Mapping[str, Any], key: Key) -> list[dict[str, Any]]:
    """The tables of a key, those that are there."""
    found: list[Any] = [values]
    for part in key:
        if part == ANY:
            found = [item for value in found if isinstance(value, list) for item in value]
        else:
            found = [value[part] for value in found if isinstance(value, dict) and part in value]
    return [value for value in found if isinstance(value, dict)]


def _entry(tables: list[Any], part: str) -> dict[str, Any] | None:
    named = [table for table in tables if isinstance(table, dict) and table.get("name") == part]
    numbered = tables[int(part)] if part.isascii() and part.isdigit() and int(part) < len(tables) else None
    found: Any = named[0] if named else numbered
    return found if isinstance(found, dict) else None


def _place(loc: tuple[int | str, ...], model: type[BaseModel], values: object) -> tuple[Key, type[BaseModel] | None]:
    """The dotted key of an error, without pydantic's own additions, and the table in which it lies."""
    key: list[str] = []
    table: type[BaseModel] | None = model
    listed = False
    for part in loc:
        inside: Any = values
        values = inside[part] if _holds(inside, part) else None
        if listed:
            listed = False
            named = values.get("name") if isinstance(values, Mapping) else None
            key.append(named if isinstance(named, str) and named else str(part))
            continue
        key.append(str(part))
        field = None if table is None else table.model_fields.get(str(part))
        if field is None:
            break
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        table = next((kind for kind in inner if issubclass(kind, BaseModel)), None)
        if table is None:
            break
        listed = get_origin(field.annotation) is list
    return tuple(key), table


def _holds(values: object, part: int | str) -> bool:
    if isinstance(values, Mapping):
        return part in values
    return isinstance(values, list) and isinstance(part, int) and part < len(values)


def _expected(message: str, *, given: str) -> str:
    """Pydantic's message in the form of ours."""
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text if not given or text == message.removeprefix("Value error, ") else f"expected {text}"
