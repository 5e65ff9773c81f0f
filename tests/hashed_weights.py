"""Weights that are a function of their name: the same on every machine and in every version of numpy and torch."""

from zlib import crc32

import numpy as np
import torch

__all__ = ["hashed", "hashed_weight"]


def hashed(name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform on [-1, 1), float32: splitmix64 of the place, seeded by the name."""
    count = int(np.prod(shape))
    with np.errstate(over="ignore"):
        z = (np.arange(count, dtype=np.uint64) + np.uint64(crc32(name.encode()) << 20)) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return ((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32).reshape(shape)


def hashed_weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """One that keeps activations near 1: norms near 1, matrices scaled by their inputs, tables and biases small."""
    values = torch.from_numpy(hashed(name, shape))
    if len(shape) == 1:
        return 1 + values / 4 if name.endswith("weight") else values / 4
    if "embed" in name or "token" in name or "gaussian" in name or "rel_pos" in name:
        return values
    fan_in = int(np.prod(shape[1:]))
    return values * (3 / fan_in) ** 0.5
