"""Every metric that MONAI defines too, on random masks. MONAI is no dependency: without it, nothing is tested here.

With it: ``pip install --no-deps --target FOLDER monai==1.6.1`` and ``PYTHONPATH=FOLDER pytest tests/metrics``.
"""

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from random_masks import blobs

from promptseg.metrics import assd, dice, hd, hd95, iou, nsd

TOLERANCE = 1.07


@pytest.fixture(scope="module")
def monai() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("monai.metrics", reason="MONAI is not installed; see the head of this file")


CASES: dict[str, tuple[Callable[..., float], Callable[..., Any], float]] = {
    "dice": (lambda a, b, _: dice(a, b), lambda m, a, b, _: m.compute_dice(b, a), 1e-6),
    "iou": (lambda a, b, _: iou(a, b), lambda m, a, b, _: m.compute_iou(b, a), 1e-12),
    "hd": (
        lambda a, b, mm: hd(a, b, spacing_mm=mm),
        lambda m, a, b, mm: m.compute_hausdorff_distance(b, a, include_background=True, spacing=mm),
        1e-6,
    ),
    "hd95": (
        lambda a, b, mm: hd95(a, b, spacing_mm=mm),
        lambda m, a, b, mm: m.compute_hausdorff_distance(b, a, include_background=True, percentile=95, spacing=mm),
        1e-5,
    ),
    "assd": (
        lambda a, b, mm: assd(a, b, spacing_mm=mm),
        lambda m, a, b, mm: m.compute_average_surface_distance(
            b, a, include_background=True, symmetric=True, spacing=mm
        ),
        1e-6,
    ),
    "nsd": (
        lambda a, b, mm: nsd(a, b, tolerance=TOLERANCE, spacing_mm=mm),
        lambda m, a, b, mm: m.compute_surface_dice(b, a, [TOLERANCE], include_background=True, spacing=mm),
        1e-6,
    ),
}
"""Ours, MONAI's, and the relative difference allowed: it gives most values in single precision."""


@pytest.mark.filterwarnings("ignore::FutureWarning")  # MONAI calls what it has deprecated itself
@pytest.mark.parametrize("metric", CASES)
def test_the_same_value(metric: str, monai: ModuleType) -> None:
    ours, theirs, allowed = CASES[metric]
    for seed in range(60):
        first, second = blobs(seed)
        spacing = tuple(np.random.default_rng(seed).choice([0.3, 0.5, 1, 2.5], first.ndim).tolist())
        tensors = [torch.from_numpy(mask[None, None].astype(np.float64)) for mask in (first, second)]
        expected = float(theirs(monai, *tensors, spacing))
        assert ours(first, second, spacing) == pytest.approx(expected, rel=allowed, abs=allowed), seed
