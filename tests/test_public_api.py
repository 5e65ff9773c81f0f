"""What is public is documented: a docstring, and a place in docs/reference."""

import ast
import importlib
import inspect
import re
from functools import cache
from pathlib import Path

import pytest

import promptseg

ROOT = Path(__file__).resolve().parents[1]
REFERENCE = ROOT / "docs" / "reference"
PACKAGES = sorted(
    f"promptseg.{path.parent.name}"
    for path in (ROOT / "src" / "promptseg").glob("*/__init__.py")
    if path.parent.name != "cli"
)
PUBLIC = sorted(
    {("promptseg", name) for name in promptseg.__all__}
    | {("promptseg.errors", name) for name in importlib.import_module("promptseg.errors").__all__}
    | {(package, name) for package in PACKAGES for name in getattr(importlib.import_module(package), "__all__", ())}
)


@cache
def documented() -> frozenset[str]:
    """What stands after ``:::`` in the reference: modules and single names."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in REFERENCE.rglob("*.md"))
    return frozenset(re.findall(r"^::: ([\w.]+)$", pages, flags=re.MULTILINE))


def defining_module(package: str, name: str) -> str:
    """The module in whose source the name is defined, found by following the imports of ``__init__``."""
    source = Path(str(importlib.import_module(package).__file__)).read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and name in {alias.asname or alias.name for alias in node.names}:
            module = str(node.module)
            return module if module == package else defining_module(module, name)
    return package


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda value: value)
def test_public_names_exist_and_stand_in_the_reference(package: str, name: str) -> None:
    assert hasattr(importlib.import_module(package), name)
    if name == "__version__":
        return
    module = defining_module(package, name)
    parents = {module.rsplit(".", count)[0] for count in range(module.count("."))}
    wanted = {f"{module}.{name}", f"{package}.{name}", module, *parents}
    assert documented() & wanted, f"{module}.{name} stands nowhere in docs/reference"


@pytest.mark.parametrize(("package", "name"), PUBLIC, ids=lambda value: value)
def test_public_functions_and_classes_have_a_docstring(package: str, name: str) -> None:
    value = getattr(importlib.import_module(package), name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert (value.__doc__ or "").strip()
        assert not (value.__doc__ or "").startswith(f"{value.__name__}("), "a generated docstring says nothing"


def test_what_the_reference_names_exists() -> None:
    for path in documented():
        module, _, name = path.rpartition(".")
        try:
            importlib.import_module(path)
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(module), name), path
