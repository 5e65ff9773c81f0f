"""Bad input in processes of their own: bombs with little memory, what a shell sees, a full disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image as Pillow

ROOT = Path(__file__).resolve().parents[1]
POINT = ("--point", "5,5")

BOMBS = """
import resource, sys
from pathlib import Path
from bombs import bombs, mask_bombs
from broken_files import samples
from promptseg.errors import PromptsegError
from promptseg.io import read, read_mask
folder = Path(sys.argv[1])
for name, content in samples().items():
    (folder / name).write_bytes(content)
    read(folder / name)
for name, write in (*bombs(), *mask_bombs()):
    write(folder / name)
pages = int(Path("/proc/self/statm").read_text().split()[0])
room = pages * resource.getpagesize() + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (room, room))
for reader, found in ((read, bombs()), (read_mask, mask_bombs())):
    for name, _ in found:
        try:
            reader(folder / name)
            print(name, "was read")
        except PromptsegError as error:
            print(name, error)
"""


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
    return subprocess.run(
        [sys.executable, "-W", "ignore", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1", **environment},
    )


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux, which tells the size of a process")
def test_bombs_are_refused_in_little_memory(tmp_path: Path) -> None:
    ended = python("-c", BOMBS, str(tmp_path), PROMPTSEG_MAX_FILE_BYTES=str(2**27))
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "memory" not in ended.stdout
    assert "was read" not in ended.stdout
    assert ended.stdout.count("more than the limit") >= 15


COMMAND = "from promptseg.cli.main import run; run()"


@pytest.mark.parametrize(
    ("words", "status", "line"),
    [
        (["segment", "no.png", *POINT, "-o", "x.png"], 1, "error: no.png: cannot be read"),
        (["segment", "in.png", *POINT, "-o", "x.png", "--model", "in.png"], 1, "error: in.png: is no file of weights"),
        (["score", "in.png", "no.png"], 1, "error: no.png: cannot be read"),
        (["segment"], 2, "Usage: promptseg segment"),
    ],
)
def test_in_a_process_of_its_own(tmp_path: Path, words: list[str], status: int, line: str) -> None:
    Pillow.new("L", (100, 60), 9).save(tmp_path / "in.png")
    here = f"import os; os.chdir({str(tmp_path)!r}); {COMMAND}"
    ended = python("-c", here, *words)
    assert (ended.returncode, ended.stdout) == (status, "")
    assert ended.stderr.startswith(line)
    assert status == 2 or ended.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", COMMAND, "models", "list", "--json"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: ")
    assert "Traceback" not in ended.stderr
