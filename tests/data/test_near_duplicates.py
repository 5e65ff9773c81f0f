"""Near-duplicates against brute force, against changes that must not matter, and on real images."""

import csv
from itertools import combinations
from math import comb

import numpy as np
import pytest
from fake_samples import FakeSample
from numpy.typing import NDArray
from PIL import Image as Picture
from shared_data import shared

from promptseg.data.grouping import group_names, joined
from promptseg.data.near_duplicates import (
    DuplicateRules,
    Fingerprint,
    fingerprint,
    fingerprint_samples,
    in_threads,
    near_duplicates,
)
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.data.sources import open_source
from promptseg.errors import DatasetError, ValueRangeError
from promptseg.types import Image


def phantom(seed: int, *, size: tuple[int, int] = (160, 200)) -> NDArray[np.uint8]:
    return ultrasound_phantom(np.random.default_rng(seed), size=size).image


def alike(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> bool:
    return bool(near_duplicates([fingerprint(one), fingerprint(other)]))


def some_prints(count: int, rng: np.random.Generator) -> list[Fingerprint]:
    """Random fingerprints near a few common ones, so that many pairs lie around the thresholds."""
    centres = rng.normal(size=(5, 4096))
    prints = []
    for _ in range(count):
        values = centres[rng.integers(5)] + rng.uniform(0.1, 0.5) * rng.normal(size=4096)
        bits = (values[:64] > 0) ^ (rng.random(64) < 0.08)
        prints.append(Fingerprint(np.clip(values * 30 + 128, 0, 255).astype(np.uint8), bits))
    return prints


@pytest.mark.parametrize("rules", [DuplicateRules(), DuplicateRules(0.9, -1), DuplicateRules(2.0, 10, 0.85)])
def test_all_pairs_as_by_brute_force(rules: DuplicateRules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptseg.data.near_duplicates._BLOCK", 16)
    prints = some_prints(50, np.random.default_rng(0))
    expected = []
    for first, second in combinations(range(50), 2):
        one, other = prints[first], prints[second]
        ncc = float(np.corrcoef(one.thumbnail, other.thumbnail)[0, 1])
        bits = sum(a != b for a, b in zip(one.bits.tolist(), other.bits.tolist(), strict=True))
        if ncc >= rules.ncc or (bits <= rules.hash_bits and ncc >= rules.hash_ncc):
            expected.append((first, second, bits))
    found = near_duplicates(prints, rules)
    assert [(pair.first, pair.second, pair.hash_bits) for pair in found] == expected
    assert expected


def test_the_thumbnail_is_correlated() -> None:
    one, other = (np.random.default_rng(seed).integers(0, 256, (64, 64), dtype=np.uint8) for seed in (0, 1))
    found = near_duplicates([fingerprint(one), fingerprint(other)], DuplicateRules(0.0, -1))
    assert found[0].ncc == pytest.approx(np.corrcoef(one.ravel(), other.ravel())[0, 1], abs=1e-6)


def test_changes_that_do_not_make_another_image() -> None:
    image = phantom(0)
    scaled = np.asarray(Picture.fromarray(image).resize((150, 120)))
    brighter = np.clip(image * 1.2 + 10, 0, 255).astype(np.uint8)
    marked = image.copy()
    marked[20:24, 30:42] = 255
    for other in (image, scaled, brighter, marked, image[2:, 3:], np.stack([image] * 3, axis=-1)):
        assert alike(image, other)


def test_other_images_are_others() -> None:
    prints = [fingerprint(phantom(seed)) for seed in range(12)]
    assert near_duplicates(prints, DuplicateRules(0.98, 2)) == []


def test_deep_images_are_compared_as_they_are_shown() -> None:
    image = phantom(1)
    deep = Image(image.astype(np.int16) * 7 - 1000)
    assert near_duplicates([fingerprint(image), fingerprint(deep)])[0].ncc > 0.99


def test_images_of_one_grey_correlate_with_nothing() -> None:
    flat = fingerprint(np.full((20, 20), 9, np.uint8))
    assert near_duplicates([flat, fingerprint(phantom(0))], DuplicateRules(0.5, -1)) == []
    assert near_duplicates([flat]) == near_duplicates([]) == []


@pytest.mark.parametrize("rules", [{"ncc": -1}, {"ncc": float("nan")}, {"hash_bits": 65}, {"hash_bits": 1.5}])
def test_rules_are_checked(rules: dict[str, float]) -> None:
    with pytest.raises(ValueRangeError, match="must be a"):
        DuplicateRules(**rules)  # type: ignore[arg-type]


def test_where_everything_is_alike_the_rules_do_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("promptseg.data.near_duplicates._LEAST_LIMIT", 10)
    monkeypatch.setattr("promptseg.data.near_duplicates._MOST_PAIRS", 1)
    with pytest.raises(DatasetError, match="more than 20 pairs of 20 images are near-duplicates"):
        near_duplicates([fingerprint(phantom(0))] * 20)


def test_threads_keep_the_order_and_pass_errors_on() -> None:
    assert list(in_threads(lambda number: number**2, range(100))) == [number**2 for number in range(100)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda number: 1 // number, [2, 1, 0]))


def test_groups_are_called_by_their_first_member() -> None:
    samples = [FakeSample(name, pixels=phantom(seed)) for name, seed in (("a", 0), ("b", 1), ("c", 0))]
    pairs = near_duplicates(fingerprint_samples(samples), DuplicateRules(0.98, 2))
    assert group_names(samples, [(pair.first, pair.second) for pair in pairs]) == ["fake:a", "fake:b", "fake:a"]


def adjusted_rand(first: list[int], second: list[str]) -> float:
    """Hubert and Arabie (1985)."""
    pairs = sum(
        comb(n, 2) for n in np.unique([f"{a}|{b}" for a, b in zip(first, second, strict=True)], return_counts=True)[1]
    )
    one, other = (sum(comb(int(n), 2) for n in np.unique(of, return_counts=True)[1]) for of in (first, second))
    expected = one * other / comb(len(first), 2)
    return float((pairs - expected) / ((one + other) / 2 - expected))


def test_groups_of_busi_agree_with_the_known_ones() -> None:
    root = shared("data/busi")
    with (root / "near_duplicates.csv").open(encoding="utf-8") as file:
        known = {row["image"]: row["group"] for row in csv.DictReader(file)}
    samples = open_source("busi", root)
    groups = [known[sample.name] for sample in samples]
    prints = fingerprint_samples(samples)
    by_ncc, by_both = (
        joined(len(samples), [(pair.first, pair.second) for pair in near_duplicates(prints, rules)])
        for rules in (DuplicateRules(hash_bits=-1), DuplicateRules())
    )
    assert adjusted_rand(by_ncc, groups) == 1.0
    assert adjusted_rand(by_both, groups) > 0.99
