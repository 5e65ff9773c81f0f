"""docs/reference/recipe.md and study-recipe.md are what the classes of recipes say of themselves."""

from pydantic import BaseModel

from promptseg.evaluation.study.recipe import ExperimentSettings, StudyRecipe
from promptseg.training.curricula import CURRICULA
from promptseg.training.recipe import Recipe
from tools.recipe_reference import PAGE, STUDY_PAGE, _inner, _meanings, main, render, render_study


def test_the_pages_are_up_to_date() -> None:
    assert STUDY_PAGE.read_text(encoding="utf-8") == render_study(), "run: python -m tools.recipe_reference"
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python -m tools.recipe_reference"
    assert main(["--check"]) == 0


def test_every_setting_is_explained() -> None:
    tables = [field.annotation for field in Recipe.model_fields.values()]
    models = [kind for kind in tables if isinstance(kind, type) and issubclass(kind, BaseModel)]
    models += [Recipe, *(entry.settings for entry in CURRICULA.values())]
    told_beside = {"focal_alpha", "focal_gamma"}
    silent = [f"{m.__name__}.{name}" for m in models for name in m.model_fields if name not in _meanings(m)]
    assert [name for name in silent if name.rpartition(".")[2] not in told_beside] == []


def test_every_setting_of_a_study_is_explained() -> None:
    fields = [*StudyRecipe.model_fields.values(), *ExperimentSettings.model_fields.values()]
    models = [StudyRecipe, *(kind for kind in map(_inner, fields) if kind not in (None, ExperimentSettings))]
    assert len(models) == 10
    assert [f"{m.__name__}.{name}" for m in models for name in m.model_fields if name not in _meanings(m)] == []
