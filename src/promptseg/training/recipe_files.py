"""Recipes in TOML files: read with all mistakes reported at once, and written back whole."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from promptseg.training.curricula import CURRICULA
from promptseg.training.parts import TRAINED
from promptseg.training.recipe import Recipe
from promptseg.training.toml_tables import (
    PathKeys,
    mistakes_of,
    nearest,
    override,
    read_toml,
    recipe_error,
    toml_text,
)

__all__ = ["read_recipe", "recipe_toml"]

_PATHS: Final = PathKeys(
    (
        ("data", "path"),
        ("data", "split"),
        ("model", "name"),
        ("model", "start"),
        ("training", "embeddings_folder"),
    ),
    model=("model", "name"),
)


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
    values = read_toml(path)
    _PATHS.make_absolute(values, path.resolve().parent)
    mistakes: list[str] = []
    for text in overrides:
        mistakes += override(values, text, _PATHS)
    recipe, found = _checked(values)
    mistakes += found
    if recipe is None or mistakes:
        raise recipe_error(path, mistakes)
    return recipe


def recipe_toml(recipe: Recipe) -> str:
    """The recipe with all its defaults, as TOML that :func:`read_recipe` turns back."""
    values = recipe.model_dump(mode="json", exclude_none=True)
    curriculum = CURRICULA[recipe.curriculum.name].settings(**recipe.curriculum.settings)
    values["curriculum"] = {"name": recipe.curriculum.name, **curriculum.model_dump(mode="json", exclude_none=True)}
    return toml_text(values)


def _checked(values: Mapping[str, Any]) -> tuple[Recipe | None, list[str]]:
    mistakes: list[str] = []
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(dict(values))
    except ValidationError as error:
        mistakes += mistakes_of(error, Recipe, values)
    curriculum = values.get("curriculum", {})
    if isinstance(curriculum, Mapping) and isinstance(curriculum.get("name"), str):
        mistakes += _curriculum_mistakes(curriculum)
    if recipe is not None:
        mistakes += _contradictions(recipe)
    return recipe, mistakes


def _curriculum_mistakes(curriculum: Mapping[str, Any]) -> list[str]:
    name = curriculum["name"]
    if name not in CURRICULA:
        return [f"curriculum.name: expected one of {', '.join(CURRICULA)}; got {name!r}{nearest(name, CURRICULA)}"]
    model = CURRICULA[name].settings
    settings = {key: value for key, value in curriculum.items() if key != "name"}
    try:
        model.model_validate(settings)
    except ValidationError as error:
        return mistakes_of(error, model, settings, start=("curriculum",))
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
