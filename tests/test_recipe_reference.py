"""docs/reference/recipe.md is what the classes of a recipe say of themselves."""

from pydantic import BaseModel

from promptseg.training.curricula import CURRICULA
from promptseg.training.recipe import Recipe
from tools.recipe_reference import PAGE, _meanings, main, render


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m tools.recipe_reference"
    assert main(["--check"]) == 0


def test_every_setting_is_explained() -> None:
    tables = [field.annotation for field in Recipe.model_fields.values()]
    models = [kind for kind in tables if isinstance(kind, type) and issubclass(kind, BaseModel)]
    models += [Recipe, *(entry.settings for entry in CURRICULA.values())]
    told_beside = {"focal_alpha", "focal_gamma"}
    silent = [f"{m.__name__}.{name}" for m in models for name in m.model_fields if name not in _meanings(m)]
    assert [name for name in silent if name.rpartition(".")[2] not in told_beside] == []
