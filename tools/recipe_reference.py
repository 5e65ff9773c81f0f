"""Write docs/reference/recipe.md from the classes of a recipe: ``python -m tools.recipe_reference [--check]``."""

import re
import sys
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from promptseg.training.augmentation import AUGMENTATIONS
from promptseg.training.curricula import CURRICULA
from promptseg.training.losses import LOSSES
from promptseg.training.recipe import Recipe

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "recipe.md"

HEAD = """# Recipes of training

<!-- Written by tools/recipe_reference.py from promptseg.training. -->

A recipe is a TOML file for `promptseg train`; see [train on your images](../tutorial/train-on-your-images.md). What is
not written has its default. Relative paths begin at the folder of the recipe, those of `--set` at the current one. All
mistakes are reported at once. The folder of a run keeps the recipe with all its values as `recipe.toml`.
"""


def render() -> str:
    """The whole page."""
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
        kind = field.annotation
        if not tables and isinstance(kind, type) and issubclass(kind, BaseModel):
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
    """Write the page, or with ``--check`` compare it; 1 if it differs."""
    page = render()
    if "--check" in arguments:
        if not PAGE.exists() or PAGE.read_text(encoding="utf-8") != page:
            print(f"{PAGE.name} is not up to date: run python -m tools.recipe_reference")
            return 1
        return 0
    PAGE.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
