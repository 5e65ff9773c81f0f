"""Layers, heavy dependencies, sizes and names of the source tree, read from its syntax."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "promptseg"

LAYERS = (
    ("_version", "errors"),
    ("types",),
    ("geometry",),
    ("metrics", "prompts", "io", "drawing"),
    ("data", "models", "weights"),
    ("adapters",),
    ("training", "autoprompt", "volumes"),
    ("evaluation",),
    ("server",),
    ("cli",),
)
"""From bottom to top; parts on one line do not know each other. A part imports only from lines above its own here."""

HEAVY = {
    "torch": {"models", "adapters", "training", "autoprompt"},
    "transformers": {"models", "adapters", "training", "autoprompt"},
    "accelerate": {"training"},
    "matplotlib": {"training", "evaluation"},
    "pydantic": {"training", "adapters", "evaluation"},
    "pandas": {"evaluation"},
    "pyarrow": {"evaluation"},
    "skimage": {"evaluation"},
    "jinja2": {"evaluation"},
    "torchvision": set(),
    "cv2": {"evaluation"},
    "requests": set(),
}
"""Heavy modules, and the parts that may import them."""

BY_NAME = {"__init__.py", "cli/main.py", "io/pictures.py"}
"""Files that may import modules by a name computed at run time."""

FORBIDDEN_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}
MAX_LINES = 400

LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}
FILES = sorted(SOURCE.rglob("*.py"))


def part_of(path: Path) -> str:
    """``types`` for src/promptseg/types/images.py, ``errors`` for errors.py, "" for promptseg/__init__.py."""
    first = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    return "" if first == "__init__" else first


def imports(*nodes: ast.AST) -> Iterator[tuple[str, int]]:
    """Absolute names of all imported modules with their line, also inside functions, not under TYPE_CHECKING."""
    for node in nodes:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports(*node.orelse)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names)
        else:
            yield from imports(*ast.iter_child_nodes(node))


def violations(path: Path) -> list[str]:
    """Imports of one file that do not point down, or are of a module too heavy for its layer."""
    part, found = part_of(path), []
    for name, line in imports(ast.parse(path.read_text(encoding="utf-8"))):
        words = name.split(".")
        if words[0] == "":
            found.append(f"{path.name}:{line} is relative; write from promptseg... import")
        if words[0] == "promptseg" and part and words[1] != part and LEVEL.get(words[1], 99) >= LEVEL[part]:
            found.append(f"{path.name}:{line} {part} may not import {name}")
        if part not in HEAVY.get(words[0], {part}):
            found.append(f"{path.name}:{line} {part or 'promptseg'} may not import {words[0]}")
    return found


def test_each_part_stands_in_the_table_of_layers() -> None:
    parts = {part_of(path) for path in FILES} - {""}
    assert parts <= set(LEVEL), f"not in LAYERS: {sorted(parts - set(LEVEL))}"


def test_the_picture_in_the_docs_is_the_table() -> None:
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    assert "\n".join(", ".join(parts) for parts in reversed(LAYERS)) in page


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_down_and_are_light(path: Path) -> None:
    assert violations(path) == []


def test_the_check_sees_imports_inside_functions_and_not_those_for_type_checking() -> None:
    code = """
import a
if TYPE_CHECKING:
    import b
else:
    import c
def f():
    from d import e
    if True:
        from promptseg.models import load
"""
    assert [name for name, _ in imports(ast.parse(code))] == ["a", "c", "d.e", "promptseg.models.load"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_are_imported_by_their_names(path: Path) -> None:
    if str(path.relative_to(SOURCE).as_posix()) in BY_NAME:
        return
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    by_name = [ast.unparse(call) for call in calls if ast.unparse(call.func).endswith(("import_module", "__import__"))]
    literal = [call for call in by_name if '"' not in call and "'" not in call]
    assert literal == []


def test_files_are_short() -> None:
    places = [ROOT / folder for folder in ("src", "tests", "tools", "benchmarks", "examples")]
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for place in places
        for path in place.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > MAX_LINES} == {}


def test_names_say_what_things_are() -> None:
    paths = [path.relative_to(SOURCE) for path in FILES]
    assert [str(path) for path in paths if FORBIDDEN_NAMES & {*path.with_suffix("").parts}] == []
    classes = {
        node.name for path in FILES for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ClassDef)
    }
    assert [name for name in sorted(classes) if name.lower().endswith(tuple(FORBIDDEN_NAMES))] == []
