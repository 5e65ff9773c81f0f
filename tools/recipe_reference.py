"""Write docs/reference/recipe.md and study-recipe.md from the classes of recipes.

Run: python -m tools.recipe_reference [--check]
"""

import re
import sys
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from promptseg.evaluation.study.recipe import ExperimentSettings, StudyRecipe
from promptseg.training.augmentation import AUGMENTATIONS
from promptseg.training.curricula import CURRICULA
from promptseg.training.losses import LOSSES
from promptseg.training.recipe import Recipe

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGE = REFERENCE / "recipe.md"
STUDY_PAGE = REFERENCE / "study-recipe.md"

HEAD = """# Recipes of training

<!-- Written by tools/recipe_reference.py from promptseg.training. -->

A recipe is a TOML file for `promptseg train`; see [train on your images](../tutorial/train-on-your-images.md). What is
not written has its default. Relative paths begin at the folder of the recipe, those of `--set` at the current one. All
mistakes are reported at once. The folder of a run keeps the recipe with all its values as `recipe.toml`.
"""


STUDY_HEAD = """# Recipes of studies

<!-- Written by tools/recipe_reference.py from promptseg.evaluation.study.recipe. -->

A recipe is a TOML file for `promptseg study`; see [study models on your images](../how-to/study.md). What is not
written has its default. Relative paths begin at the folder of the recipe, those of `--set` at the current one. All
mistakes are reported at once. The folder of a study keeps the recipe with all its values as `recipe.toml`.

On the command line an entry of `[[data]]` or `[[model]]` is called by its name or its number from 0:
`--set data.busi.path=/images/busi`, `--set model.0.weights=tuned.safetensors`. An empty table adds an experiment with
its defaults: `--set 'experiments.noise={}'`.
"""


def render() -> str:
    """The page of training."""
    lines = [HEAD, "## Top level", "", *_table(Recipe, tables=False)]
    for name, field in Recipe.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            lines += ["", f"## [{name}]", "", _opening(kind), "", *_table(kind)]
            lines += _presets(name)
    lines += ["", "## Curricula", "", "Settings that stand in `[curriculum]` beside `name`.", ""]
    for name, entry in CURRICULA.items():
        lines += [f"### {name}", "", _opening(entry.settings), "", *_table(entry.settings), ""]
    return "\n".join(lines).rstrip() + "\n"


def render_study() -> str:
    """The page of studies."""
    lines = [STUDY_HEAD, "## Top level", "", *_table(StudyRecipe, tables=False)]
    for name, field in StudyRecipe.model_fields.items():
        kind = _inner(field)
        if kind is None:
            continue
        listed = get_origin(field.annotation) is list
        lines += ["", f"## [[{name}]]" if listed else f"## [{name}]", "", _opening(kind), ""]
        if kind is ExperimentSettings:
            for inner, table in ExperimentSettings.model_fields.items():
                settings = _inner(table)
                if settings is not None:
                    lines += [f"### [{name}.{inner}]", "", _opening(settings), "", *_table(settings), ""]
            lines.pop()
        else:
            lines += _table(kind)
    return "\n".join(lines).rstrip() + "\n"


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The table that a field is, or a list of which it is."""
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
    return next((kind for kind in kinds if issubclass(kind, BaseModel)), None)


def _presets(name: str) -> list[str]:
    presets = {"loss": LOSSES, "augmentation": AUGMENTATIONS}.get(name)
    if presets is None:
        return []
    rows = (
        f"| `{preset}` | {', '.join(f'`{key} = {_toml(value)}`' for key, value in values.items()) or 'nothing'} |"
        for preset, values in presets.items()
    )
    return ["", "| preset | what it sets |", "|---|---|", *rows]


def _table(model: type[BaseModel], *, tables: bool = True) -> list[str]:
    meanings = _meanings(model)
    rows = []
    for name, field in model.model_fields.items():
        if not tables and _inner(field) is not None:
            continue
        rows.append(f"| `{name}` | {_default(field)} | {meanings.get(name, '')} |")
    if not rows:
        return ["It has no settings."]
    return ["| key | default | meaning |", "|---|---|---|", *rows]


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "*needed*"
    return "-" if value is None else f"`{_toml(value)}`"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _opening(model: type[BaseModel]) -> str:
    """What stands in a docstring before its sections."""
    text = (model.__doc__ or "").split("Attributes:")[0]
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    return _plain(" ".join(part for part in paragraphs if not part.startswith(">>>")))


def _meanings(model: type[BaseModel]) -> dict[str, str]:
    """What the docstrings of a class, and of those that it extends, say of each attribute."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        _, _, attributes = (kind.__doc__ or "").partition("Attributes:\n")
        for entry in re.split(r"\n(?=        \w+: )", "\n" + attributes):
            match = re.match(r"\s*(\w+): (.*)", entry.strip(), flags=re.DOTALL)
            if match:
                found[match[1]] = _plain(" ".join(match[2].split()))
    return found


def _plain(text: str) -> str:
    """Roles and double backticks become code."""
    text = re.sub(r":\w+:`~?(?:[\w.]+\.)?(\w+)`", r"`\1`", text)
    return text.replace("``", "`").replace("|", "&#124;")


def main(arguments: list[str]) -> int:
    """Write the pages, or with ``--check`` compare them; 1 if one differs."""
    wrong = 0
    for path, text in ((PAGE, render()), (STUDY_PAGE, render_study())):
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            print(f"{path.name} is not up to date: run python -m tools.recipe_reference")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
