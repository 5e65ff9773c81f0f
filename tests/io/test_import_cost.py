"""Reading loads what its format needs and no more, so that a picture is read in a cold process at no cost."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

HEAVY = {"PIL", "highdicom", "imagecodecs", "nibabel", "pydicom", "scipy", "tifffile", "torch", "transformers"}


def loaded(code: str, *arguments: str) -> set[str]:
    """Which heavy modules a fresh Python has loaded after ``code``."""
    report = f"{code}\nimport sys; print(*{HEAVY!r} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", report, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_importing_loads_no_decoder() -> None:
    assert loaded("import promptseg.io") == set()


@pytest.mark.parametrize(("name", "expected"), [("a.png", {"PIL"}), ("a.npy", set())])
def test_a_picture_and_its_mask_load_only_their_decoder(tmp_path: Path, name: str, expected: set[str]) -> None:
    pixels = np.eye(5, 7, dtype=np.uint8)
    if name.endswith("png"):
        Pillow.fromarray(pixels).save(tmp_path / name)
    else:
        np.save(tmp_path / name, pixels)
    code = """
import sys
from promptseg import io
image = io.read(sys.argv[1])
io.to_display(image)
io.write(io.read_mask(sys.argv[1]), sys.argv[1] + ".json", like=image)
"""
    assert loaded(code, str(tmp_path / name)) == expected
