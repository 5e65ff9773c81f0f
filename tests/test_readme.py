"""What README and documentation tell users to run does run: Python in order, page by page; commands by their flags."""

import re
import shlex
import shutil
from pathlib import Path

import nibabel
import numpy as np
import pytest
import typer
from PIL import Image as Pillow
from pydicom import examples

from promptseg.cli.main import VERBS, build_app
from promptseg.data.phantoms import ultrasound_phantom

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NOT_RUN = "<!-- not run"
"""Stands, with a reason, before a block that needs a file which nobody has by default."""


def blocks(page: Path, language: str) -> list[str]:
    """Fenced blocks of one language that are meant to run."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(
        rf"(?P<before>[^\n]*)\n+```{language}\n(?P<code>.*?)^```$", text, flags=re.DOTALL | re.MULTILINE
    )
    return [block["code"] for block in found if not block["before"].startswith(NOT_RUN)]


def commands() -> list[tuple[str, str]]:
    """(page, command) for every promptseg command in a shell block."""
    found = []
    for page in PAGES:
        for block in blocks(page, "sh"):
            lines = block.replace("\\\n", " ").splitlines()
            found += [(page.name, line.strip()) for line in lines if re.match(r"(\S*/)?promptseg\b", line.strip())]
    return found


@pytest.fixture
def user_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the pages speak of."""
    phantom = ultrasound_phantom(np.random.default_rng(5), size=(200, 260), lesion="hypoechoic")
    Pillow.fromarray(phantom.image).save(tmp_path / "scan.png")
    shutil.copy(str(examples.get_path("ybr_color")), tmp_path / "cine.dcm")
    shutil.copy(str(examples.get_path("rgb_color")), tmp_path / "lymph-node.dcm")
    voxels = np.random.default_rng(0).integers(0, 99, (40, 30, 8)).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([0.8, 0.8, 2.0, 1.0])), tmp_path / "brain.nii.gz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore::promptseg.io.CalibrationWarning")
@pytest.mark.usefixtures("user_files")
@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.stem)
def test_python_of_a_page_runs_in_order(page: Path) -> None:
    names: dict[str, object] = {"__name__": "__main__"}
    for number, code in enumerate(blocks(page, "python"), start=1):
        exec(compile(code, f"{page.name} block {number}", "exec"), names)


@pytest.mark.parametrize(("page", "line"), commands(), ids=lambda value: value[:60])
def test_commands_have_a_verb_and_flags_that_exist(page: str, line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    command = typer.main.get_command(build_app(VERBS))
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    used = {word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known | {"--help", "-h"}, f"{page}: {line}"
    assert not getattr(command, "commands", {}) or used, f"{page}: {line} names no verb"


def test_there_is_something_to_check() -> None:
    assert len(commands()) > 5
    assert blocks(ROOT / "README.md", "python")
    assert blocks(ROOT / "README.md", "sh")


def test_the_readme_prints_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = "python -m venv .venv && .venv/bin/pip install -c constraints.txt . && .venv/bin/promptseg demo"
    second = '.venv/bin/pip install -c constraints.txt -e ".[test]" && .venv/bin/python -m pytest'
    assert first in text
    assert second in text


def test_linked_files_exist() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name} links to {target}"
