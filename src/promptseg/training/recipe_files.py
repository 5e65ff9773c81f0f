"""Recipes in TOML files: read with all mistakes reported at once, and written back whole."""

import difflib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError

from promptseg.errors import RecipeError
from promptseg.io.files import existing, one_line, reason, shown
from promptseg.models.zoo import MODELS
from promptseg.training.curricula import CURRICULA
from promptseg.training.parts import TRAINED
from promptseg.training.recipe import Recipe

__all__ = ["read_recipe", "recipe_toml"]

_PATHS: Final = (
    ("data", "path"),
    ("data", "split"),
    ("model", "name"),
    ("model", "start"),
    ("training", "embeddings_folder"),
)
_MOST_BYTES: Final = 1 << 20
_MISSING: Final = "missing"

Key = tuple[str, ...]


def read_recipe(path: Path, *, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe, with settings of the command line in place of its own.

    Args:
        path: a TOML file. Relative paths in it begin at its folder.
        overrides: each ``table.key=value``, the value as in TOML; what is no TOML is taken as text. Relative paths
            begin at the current folder.

    Raises:
        ReadError: the file cannot be read.
        RecipeError: names all mistakes, each with its key, what was expected and what was given.
    """
    values = _toml(existing(path))
    _make_absolute(values, path.resolve().parent)
    mistakes: list[str] = []
    for text in overrides:
        mistakes += _override(values, text)
    recipe, found = _checked(values)
    mistakes += found
    if recipe is None or mistakes:
        count = f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}"
        raise RecipeError(f"{shown(path)}: the recipe has {count}: {'; '.join(mistakes)}")
    return recipe


def recipe_toml(recipe: Recipe) -> str:
    """The recipe with all its defaults, as TOML that :func:`read_recipe` turns back."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    curriculum = CURRICULA[recipe.curriculum.name].settings(**recipe.curriculum.settings)
    values["curriculum"] = {"name": recipe.curriculum.name, **curriculum.model_dump(mode="json", exclude_none=True)}
    plain = {name: value for name, value in values.items() if not isinstance(value, dict)}
    lines = [f"{name} = {_value(value)}" for name, value in plain.items()]
    for name, table in values.items():
        if isinstance(table, dict):
            lines += ["", f"[{name}]", *(f"{_name(key)} = {_value(value)}" for key, value in table.items())]
    return "\n".join(lines) + "\n"


def _toml(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise RecipeError(f"{shown(path)}: is a folder; give a recipe, a file in TOML")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise RecipeError(f"{shown(path)}: has {path.stat().st_size} bytes, too many for a recipe")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{shown(path)}: cannot be read ({reason(error)})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecipeError(f"{shown(path)}: is no valid TOML ({one_line(error)})") from error


def _make_absolute(values: dict[str, Any], folder: Path) -> None:
    """Paths that begin at the recipe's folder; names of models stay."""
    for table, key in _PATHS:
        inside = values.get(table)
        if isinstance(inside, dict) and isinstance(inside.get(key), str) and inside[key]:
            inside[key] = _absolute((table, key), inside[key], folder)


def _absolute(key: Key, text: str, folder: Path) -> str:
    if key == ("model", "name") and text in MODELS:
        return text
    return str(folder / Path(text).expanduser())


def _override(values: dict[str, Any], text: str) -> list[str]:
    """Set one value; gives what is wrong with it."""
    name, sign, given = text.partition("=")
    key = tuple(part.strip() for part in name.split("."))
    if not sign or not all(key):
        return [f"--set {text!r}: expected KEY=VALUE, such as training.epochs=5"]
    try:
        value = tomllib.loads(f"value = {given}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        value = given.strip()
    if key in _PATHS and isinstance(value, str) and value:
        value = _absolute(key, value, Path.cwd())
    table = values
    for part in key[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            return [f"--set {text!r}: {part} is no table"]
    table[key[-1]] = value
    return []


def _checked(values: Mapping[str, Any]) -> tuple[Recipe | None, list[str]]:
    mistakes: list[str] = []
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(dict(values))
    except ValidationError as error:
        mistakes += _mistakes(error, Recipe, ())
    curriculum = values.get("curriculum", {})
    if isinstance(curriculum, Mapping) and isinstance(curriculum.get("name"), str):
        mistakes += _curriculum_mistakes(curriculum)
    if recipe is not None:
        mistakes += _contradictions(recipe)
    return recipe, mistakes


def _curriculum_mistakes(curriculum: Mapping[str, Any]) -> list[str]:
    name = curriculum["name"]
    if name not in CURRICULA:
        return [f"curriculum.name: expected one of {', '.join(CURRICULA)}; got {name!r}{_nearest(name, CURRICULA)}"]
    model = CURRICULA[name].settings
    try:
        model.model_validate({key: value for key, value in curriculum.items() if key != "name"})
    except ValidationError as error:
        return _mistakes(error, model, ("curriculum",))
    return []


def _contradictions(recipe: Recipe) -> Iterator[str]:
    training, augmented = recipe.training, recipe.augmentation.changes_anything
    encoder = "encoder" in TRAINED[recipe.model.trained]
    if encoder and training.embeddings == "cached":
        yield f"training.embeddings: expected 'live' or 'auto', since {recipe.model.trained!r} trains the encoder"
    cached = not encoder and training.embeddings != "live"
    if cached and augmented and not training.augmented_copies:
        yield (
            "training.augmented_copies: expected 1 or more, since cached embeddings are augmented once, as copies; got "
            "0 (or take embeddings = 'live', which is much slower)"
        )
    if training.augmented_copies and not (cached and augmented):
        yield "training.augmented_copies: expected 0, since there is no augmentation or nothing is cached"


def _mistakes(error: ValidationError, model: type[BaseModel], start: Key) -> list[str]:
    """One line for each key that is wrong."""
    lines: dict[str, str] = {}
    for item in error.errors():
        key, table = _place(item["loc"], model)
        name = ".".join((*start, *key))
        if item["type"] == "extra_forbidden":
            known = [] if table is None else list(table.model_fields)
            lines[name] = f"{name}: unknown setting{_nearest(key[-1], known)}"
        elif item["type"] == _MISSING:
            lines[name] = f"{name}: is missing"
        else:
            given = "" if isinstance(item["input"], Mapping) else f"; got {item['input']!r:.80}"
            expected = _expected(item["msg"], given=given)
            lines[name] = f"{lines[name]}, or {expected}" if name in lines else f"{name}: {expected}{given}"
    return list(lines.values())


def _place(loc: tuple[int | str, ...], model: type[BaseModel]) -> tuple[Key, type[BaseModel] | None]:
    """The dotted key of an error, without pydantic's own additions, and the table in which it lies."""
    key: list[str] = []
    table: type[BaseModel] | None = model
    for part in map(str, loc):
        key.append(part)
        field = None if table is None else table.model_fields.get(part)
        if field is None:
            break
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
        deeper = next((kind for kind in inner if issubclass(kind, BaseModel)), None)
        if deeper is None:
            break
        table = deeper
    return tuple(key), table


def _expected(message: str, *, given: str) -> str:
    """Pydantic's message in the form of ours."""
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text if not given or text == message.removeprefix("Value error, ") else f"expected {text}"


def _nearest(name: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    if near:
        return f" (did you mean {near[0]!r}?)"
    return f" (known are {', '.join(known)})" if known else ""


def _name(key: str) -> str:
    plain = key.isascii() and all(sign.isalnum() or sign in "_-" for sign in key)
    return key if plain and key else json.dumps(key)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        inside = (f"{_name(str(key))} = {_value(item)}" for key, item in value.items() if item is not None)
        return "{" + ", ".join(inside) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)
