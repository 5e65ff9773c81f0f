"""docs/reference/models.md and the README name the models of the table."""

from pathlib import Path

from promptseg.models.zoo import MODELS
from tools.models_reference import PAGE, render

ROOT = Path(__file__).resolve().parents[1]


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == render(), "run: python tools/models_reference.py"


def test_the_readme_names_every_model() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in MODELS if f"`{name}`" not in text] == []
