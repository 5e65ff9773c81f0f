"""Simulated ultrasound: the statistics that theory demands, and the geometry that the mask promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import ndimage

from promptseg.data.phantoms import Echogenicity, Effect, Geometry, sector_mask, speckle_amplitude, ultrasound_phantom

RAYLEIGH_SNR = math.sqrt(math.pi / (4.0 - math.pi))


def test_speckle_has_the_moments_of_a_rayleigh_distribution() -> None:
    amplitude = speckle_amplitude(np.random.default_rng(0), (512, 512), axial_sigma_px=1.0, lateral_sigma_px=2.0)
    assert float(np.mean(amplitude**2)) == pytest.approx(1.0, abs=1e-4)
    assert float(amplitude.mean() / amplitude.std()) == pytest.approx(RAYLEIGH_SNR, abs=0.05)
    # intensity is exponential: P(I > mean) = 1 / e
    assert float(np.mean(amplitude**2 > 1.0)) == pytest.approx(1.0 / math.e, abs=0.02)


def test_speckle_is_correlated_as_its_point_spread_function() -> None:
    amplitude = speckle_amplitude(np.random.default_rng(1), (512, 512), axial_sigma_px=1.0, lateral_sigma_px=3.0)
    centred = amplitude - amplitude.mean()
    along = float(np.mean(centred[:, 3:] * centred[:, :-3]) / centred.var())
    across = float(np.mean(centred[3:] * centred[:-3]) / centred.var())
    # squared field correlation of a gaussian kernel: exp(-d^2 / (2 sigma^2)), amplitude correlation a little below
    assert along == pytest.approx(math.exp(-0.5), abs=0.06)
    assert across < 0.05


@pytest.mark.parametrize("geometry", ["linear", "fan"])
def test_same_seed_same_phantom(geometry: Geometry) -> None:
    first, second = (ultrasound_phantom(np.random.default_rng(7), geometry=geometry, marks=True) for _ in range(2))
    other = ultrasound_phantom(np.random.default_rng(8), geometry=geometry, marks=True)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.mask, second.mask)
    assert first.spacing_mm == second.spacing_mm
    assert not np.array_equal(first.image, other.image)


@pytest.mark.parametrize("size", [(96, 160), (128, 64)])
@pytest.mark.parametrize("geometry", ["linear", "fan"])
def test_formats(size: tuple[int, int], geometry: Geometry) -> None:
    phantom = ultrasound_phantom(np.random.default_rng(2), size=size, geometry=geometry)
    assert phantom.image.shape == phantom.mask.shape == size
    assert phantom.image.dtype == np.uint8
    assert phantom.mask.dtype == np.bool_
    assert min(phantom.spacing_mm) > 0


def test_every_lesion_is_one_piece_of_sensible_size() -> None:
    for seed in range(30):
        mask = ultrasound_phantom(np.random.default_rng(seed), size=(128, 128)).mask
        _, parts = ndimage.label(mask, structure=np.ones((3, 3)))
        assert parts == 1
        assert 0.001 < mask.mean() < 0.4


def test_the_fan_is_black_outside_and_holds_the_mask() -> None:
    sector = sector_mask((160, 200))
    assert 0.3 < sector.mean() < 0.9
    for seed in range(8):
        phantom = ultrasound_phantom(np.random.default_rng(seed), size=(160, 200), geometry="fan")
        assert not phantom.image[~sector].any()
        assert not (phantom.mask & ~sector).any()


def behind_and_beside(seed: int, effect: Effect) -> float:
    """Grey value below the lesion minus grey value beside that place, in the same rows."""
    phantom = ultrasound_phantom(
        np.random.default_rng(seed),
        size=(192, 192),
        lesion="isoechoic",
        effect=effect,
    )
    rows, columns = np.nonzero(phantom.mask)
    below = slice(int(rows.max()) + 4, min(int(rows.max()) + 40, 192))
    middle = slice(int(np.quantile(columns, 0.35)), int(np.quantile(columns, 0.65)) + 1)
    image = phantom.image.astype(float)
    beside = np.ones(192, dtype=bool)
    beside[max(0, int(columns.min()) - 4) : int(columns.max()) + 5] = False
    return float(image[below, middle].mean() - image[below][:, beside].mean())


def test_shadow_darkens_and_enhancement_brightens_what_lies_behind() -> None:
    effects: tuple[Effect, ...] = ("shadow", "none", "enhancement")
    for seed in range(6):
        shadow, nothing, brighter = (behind_and_beside(seed, effect) for effect in effects)
        assert shadow < nothing < brighter


def test_echogenicity_orders_the_grey_values_inside() -> None:
    means = []
    kinds: tuple[Echogenicity, ...] = ("anechoic", "hypoechoic", "isoechoic", "hyperechoic")
    for kind in kinds:
        inside = []
        for seed in range(6):
            phantom = ultrasound_phantom(np.random.default_rng(seed), size=(128, 128), lesion=kind, effect="none")
            inside.append(float(phantom.image[phantom.mask].mean()))
        means.append(np.mean(inside))
    assert means == sorted(means)


def test_marks_change_the_image_but_not_the_mask() -> None:
    plain = ultrasound_phantom(np.random.default_rng(4), size=(128, 128))
    marked = ultrasound_phantom(np.random.default_rng(4), size=(128, 128), marks=True)
    assert np.array_equal(plain.mask, marked.mask)
    changed = plain.image != marked.image
    assert 0 < changed.mean() < 0.05
    assert marked.image[changed].min() >= 200


def test_a_tiny_size_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        ultrasound_phantom(np.random.default_rng(0), size=(16, 64))
