"""``promptseg doctor``: what is installed, what works, and one segmentation as a test."""

import os
import platform
import sys
import warnings
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any, Final

import typer

from promptseg._version import __version__
from promptseg.cli.output import Clock, print_json, print_line
from promptseg.errors import PromptsegError

__all__ = ["CODECS", "PACKAGES", "doctor"]

PACKAGES: Final[dict[str, tuple[str, ...]]] = {
    "needed": (
        "nibabel",
        "numpy",
        "pillow",
        "pydicom",
        "rich",
        "safetensors",
        "scipy",
        "tifffile",
        "torch",
        "transformers",
        "typer",
    ),
    "extra dicom": ("highdicom", "imagecodecs", "pyjpegls", "pylibjpeg", "pylibjpeg-openjpeg"),
    "extra images": ("imagecodecs",),
}
"""Distributions by the part of the installation that brings them."""

CODECS: Final[dict[str, str]] = {
    "uncompressed": "MR_small.dcm",
    "uncompressed, big endian": "MR_small_bigendian.dcm",
    "deflated": "image_dfl.dcm",
    "RLE": "MR_small_RLE.dcm",
    "JPEG baseline": "SC_rgb_small_odd_jpeg.dcm",
    "JPEG extended, 12 bit": "JPGExtended.dcm",
    "JPEG lossless": "SC_rgb_jpeg_gdcm.dcm",
    "JPEG-LS": "MR_small_jpeg_ls_lossless.dcm",
    "JPEG-LS near lossless": "JPEGLSNearLossless_08.dcm",
    "JPEG 2000": "SC_rgb_gdcm_KY.dcm",
    "JPEG 2000 lossless": "MR_small_jp2klossless.dcm",
}
"""DICOM compressions, each with a small file of pydicom's own that is really decoded."""

SANE_IOU: Final = 0.5
"""Of the self-test: a box around a simulated cyst must give a mask that overlaps it at least so well."""


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of words.")] = False,
) -> None:
    """Show what is installed and what works, and segment a simulated image as a self-test.

    Lists packages, devices, DICOM compressions (each tried on a real file) and the folder where models are kept. The
    exit status is 1 if the self-test fails.
    """
    report: dict[str, Any] = {
        "promptseg": __version__,
        "machine": _machine(),
        "packages": {part: {name: _version_of(name) for name in names} for part, names in PACKAGES.items()},
        "torch": _torch(),
        "dicom": {name: _decoded(file) for name, file in CODECS.items()},
        "models": _models(),
        "self_test": _self_test(),
    }
    if as_json:
        print_json(report)
    else:
        for line in _lines(report):
            print_line(line)
    if not report["self_test"]["passed"]:
        raise typer.Exit(1)


def _machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "executable": sys.executable,
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gib": _memory_gib(),
    }


def _memory_gib() -> float | None:
    """Physical memory, None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)
    except (AttributeError, OSError, ValueError):
        return None


def _version_of(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _torch() -> dict[str, Any]:
    from promptseg.models.runtime import torch_facts

    return torch_facts()


def _decoded(file: str) -> str:
    """``works``, or why not, after reading one of pydicom's own files."""
    from pydicom.data import get_testdata_file

    from promptseg.io import read

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = get_testdata_file(file, download=False)
        if path is None:
            return f"not tried: this pydicom has no {file}"
        try:
            read(str(path))
        except PromptsegError as error:
            return " ".join(str(error).removeprefix(f"{path}: ").split())
    return "works"


def _models() -> dict[str, Any]:
    """The folder where fetched models are kept, and what is in it."""
    from promptseg.models.fetch import models_folder

    folder = models_folder()
    files = sorted(path for path in folder.glob("**/*") if path.is_file()) if folder.is_dir() else []
    return {
        "folder": str(folder),
        "files": {str(path.relative_to(folder)): path.stat().st_size for path in files},
    }


def _self_test() -> dict[str, Any]:
    """Box a simulated cyst and segment it with the embedded model."""
    import numpy as np

    from promptseg.data.phantoms import ultrasound_phantom
    from promptseg.geometry.regions import tight_box
    from promptseg.metrics import iou
    from promptseg.models import load
    from promptseg.types import Prompts

    phantom = ultrasound_phantom(np.random.default_rng(2), lesion="anechoic", effect="enhancement")
    box = tight_box(phantom.mask)
    clock = Clock()
    try:
        segmenter = load()
        clock.lap("load")
        embedding = segmenter.embed(phantom.image)
        clock.lap("embed")
        mask = segmenter.segment(embedding, Prompts(boxes=[] if box is None else [box])).mask
        clock.lap("segment")
    except PromptsegError as error:
        return {"passed": False, "error": " ".join(str(error).split())}
    overlap = float(iou(phantom.mask, mask))
    return {"passed": overlap >= SANE_IOU, "iou": round(overlap, 3), "seconds": clock.laps}


def _lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    machine, torch, models = report["machine"], report["torch"], report["models"]
    memory = "unknown" if machine["memory_gib"] is None else f"{machine['memory_gib']} GiB"
    lines = [
        f"promptseg {report['promptseg']} on Python {machine['python']}, {machine['system']}",
        f"{machine['cores']} cores, memory {memory}; {machine['executable']}",
        "",
        _torch_line(torch),
        *(f"  CUDA {number}: {name}" for number, name in enumerate(torch["cuda"])),
    ]
    for part, versions in report["packages"].items():
        missing = [name for name, found in versions.items() if found is None]
        there = ", ".join(f"{name} {found}" for name, found in versions.items() if found is not None)
        lines += ["", f"Packages, {part}: {there or 'none'}"]
        lines += [f"  missing: {', '.join(missing)}"] if missing else []
    lines += ["", "DICOM compressions:", *(f"  {name:<26}{answer}" for name, answer in report["dicom"].items())]
    lines += ["", f"Models are kept in {models['folder']}{'' if models['files'] else ', which holds none yet'}"]
    lines += [f"  {name}  {size / 2**20:,.1f} MiB" for name, size in models["files"].items()]
    return [*lines, "", _self_test_line(report["self_test"])]


def _torch_line(torch: dict[str, Any]) -> str:
    hardware = {True: "yes", False: "no", None: "unknown"}[torch["bfloat16"]]
    threads, vectors = torch["threads"], torch["vector_instructions"]
    return f"PyTorch takes {torch['device']} with {threads} threads, {vectors}, bfloat16 in hardware: {hardware}"


def _self_test_line(test: dict[str, Any]) -> str:
    if "error" in test:
        return f"Self-test FAILED: {test['error']}"
    seconds = ", ".join(f"{name} {value * 1000:.0f} ms" for name, value in test["seconds"].items())
    verdict = "passed" if test["passed"] else f"FAILED (an IoU of {SANE_IOU} is the least)"
    return f"Self-test {verdict}: IoU {test['iou']:.2f} on a simulated cyst; {seconds}"
