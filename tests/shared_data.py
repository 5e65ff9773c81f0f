"""Real images and reference vectors that lie beside the repository on developers' machines; never part of it."""

import os
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("PROMPTSEG_SHARED") or Path(__file__).resolve().parents[2] / "shared")


def shared(place: str) -> Path:
    """The file or folder ``place`` below the shared folder, or skip the test."""
    path = ROOT / place
    if not path.exists():
        pytest.skip(f"needs {place} of the shared development data: set PROMPTSEG_SHARED to the folder that holds it")
    return path
