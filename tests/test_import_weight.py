"""What is imported when: help loads neither numpy nor torch, reading and scoring load no torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"
HEAVY = ("numpy", "torch", "transformers", "scipy", "pydicom", "nibabel", "highdicom", "matplotlib", "PIL")
HELP_CPU_S = 0.5

REPORT = f"""
import json, resource, sys
used = resource.getrusage(resource.RUSAGE_SELF)
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print(json.dumps({{"cpu_s": used.ru_utime + used.ru_stime, "loaded": loaded}}))
"""


def measure(code: str) -> tuple[float, set[str]]:
    """CPU seconds of a fresh interpreter that runs ``code``, and which heavy modules it loaded."""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONWARNINGS": "ignore"}
    run = subprocess.run(
        [sys.executable, "-c", code + REPORT], capture_output=True, text=True, env=environment, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout.splitlines()[-1])
    return report["cpu_s"], set(report["loaded"])


def command(*arguments: str) -> str:
    return f"""
from promptseg.cli.main import run
try:
    run({list(arguments)!r})
except SystemExit as end:
    assert end.code == 0, end.code
"""


def test_help_is_light_and_quick() -> None:
    measure(command("--help"))  # so that the byte code is there
    cpu_s, loaded = measure(command("--help"))
    assert loaded == set()
    assert cpu_s < HELP_CPU_S


@pytest.mark.parametrize("verb", ["demo", "segment", "score", "data", "train", "study", "models", "doctor"])
def test_help_of_a_verb_is_light(verb: str) -> None:
    assert measure(command(verb, "--help"))[1] == set()


def test_version_is_light() -> None:
    assert measure(command("--version"))[1] == set()


def test_the_package_itself_is_light() -> None:
    assert measure("import promptseg; dir(promptseg)")[1] == set()


def test_prompts_need_numpy_alone() -> None:
    assert measure("from promptseg import Box, Point, Prompts")[1] == {"numpy"}


@pytest.mark.parametrize("module", ["promptseg.io", "promptseg.metrics", "promptseg.geometry", "promptseg.drawing"])
def test_the_numpy_half_needs_no_torch(module: str) -> None:
    assert not {"torch", "transformers", "matplotlib", "highdicom"} & measure(f"import {module}")[1]


def test_reading_and_writing_a_picture_need_no_torch(tmp_path: Path) -> None:
    code = f"""
import numpy, promptseg
from PIL import Image
Image.fromarray(numpy.eye(9, dtype="uint8")).save({str(tmp_path / "a.png")!r})
source = promptseg.read({str(tmp_path / "a.png")!r})
promptseg.write(source.pixels > 0, {str(tmp_path / "b.png")!r}, like=source)
"""
    assert not {"torch", "transformers", "scipy", "pydicom", "nibabel"} & measure(code)[1]


def test_scoring_needs_no_torch(tmp_path: Path) -> None:
    code = f"""
import numpy
from PIL import Image
from pathlib import Path
for folder in ("reference", "predicted"):
    Path({str(tmp_path)!r}, folder).mkdir()
    Image.fromarray(numpy.eye(9, dtype="uint8")).save(Path({str(tmp_path)!r}, folder, "a.png"))
"""
    scoring = command("score", str(tmp_path / "reference"), str(tmp_path / "predicted"))
    assert not {"torch", "transformers", "matplotlib"} & measure(code + scoring)[1]


def test_segmenting_with_the_default_needs_no_transformers(tmp_path: Path) -> None:
    code = f"""
import numpy
from PIL import Image
Image.fromarray(numpy.eye(32, dtype="uint8") * 255).save({str(tmp_path / "a.png")!r})
"""
    output = str(tmp_path / "b.png")
    segment = command("segment", str(tmp_path / "a.png"), "--point", "9,9", "--output", output)
    assert not {"transformers", "pydicom", "nibabel", "highdicom", "matplotlib"} & measure(code + segment)[1]


def test_a_cold_start_costs_at_most_twice_what_importing_torch_does(tmp_path: Path) -> None:
    image, output = str(tmp_path / "a.png"), str(tmp_path / "b.png")
    measure(f"import numpy; from PIL import Image; Image.fromarray(numpy.eye(64, dtype='uint8')).save({image!r})")
    segment = command("segment", image, "--point", "9,9", "--output", output)
    rounds = [(measure("import torch")[0], measure(segment)[0]) for _ in range(2)]
    assert min(ours for _, ours in rounds) <= 2 * min(torchs for torchs, _ in rounds)
