"""Images and masks change together; what each setting does is measured."""

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from promptseg.data.phantoms import ultrasound_phantom
from promptseg.errors import ValueRangeError
from promptseg.training.augmentation import AUGMENTATIONS, AugmentationSettings, augment
from promptseg.types import Image

SIZE = (90, 140)
NO_CHANGE = {"preset", "zoom_from", "zoom_to"}
"""Settings that only say how."""


def phantom(seed: int = 0) -> tuple[Image, NDArray[np.bool_]]:
    made = ultrasound_phantom(np.random.default_rng(seed), size=SIZE)
    return Image(made.image), made.mask


def ellipse() -> NDArray[np.bool_]:
    y, x = np.indices(SIZE)
    return ((x - 60) / 25) ** 2 + ((y - 40) / 15) ** 2 <= 1


def test_nothing_is_changed_by_default_and_by_none() -> None:
    image, mask = phantom()
    for settings in (AugmentationSettings(), AugmentationSettings(preset="none")):
        assert not settings.changes_anything
        changed, moved = augment(image, [mask], settings, np.random.default_rng(0))
        assert changed is image
        assert moved[0] is mask


@pytest.mark.parametrize("name", [name for name in AugmentationSettings.model_fields if name not in NO_CHANGE])
def test_each_setting_alone_changes_something(name: str) -> None:
    settings = AugmentationSettings(**{name: 0.5})
    assert settings.changes_anything
    image, mask = phantom()
    results = [augment(image, [mask], settings, np.random.default_rng(seed)) for seed in range(12)]
    assert any(not np.array_equal(changed.pixels, image.pixels) for changed, _ in results)
    moves = any(not np.array_equal(moved[0], mask) for _, moved in results)
    assert moves == settings.moves_anything
    assert moves == (name in {"mirror", "upend", "rotation_deg", "scale", "stretch", "shift", "zoom", "bending"})


@pytest.mark.parametrize(("name", "axis"), [("mirror", 1), ("upend", 0)])
def test_mirrors_are_exact(name: str, axis: int) -> None:
    image, mask = phantom()
    changed, moved = augment(image, [mask], AugmentationSettings(**{name: 1.0}), np.random.default_rng(0))
    assert np.array_equal(changed.pixels, np.flip(image.pixels, axis))
    assert np.array_equal(moved[0], np.flip(mask, axis))
    assert changed.valid is None


def test_inversion_is_exact() -> None:
    image, mask = phantom()
    changed, moved = augment(image, [mask], AugmentationSettings(inversion=1.0), np.random.default_rng(0))
    assert np.array_equal(changed.pixels, 255 - image.pixels)
    assert np.array_equal(moved[0], mask)


@pytest.mark.parametrize("seed", range(20))
def test_the_image_and_its_masks_move_together(seed: int) -> None:
    mask = ellipse()
    image = Image(np.where(mask, 255, 60).astype(np.uint8))
    geometry = {
        name: value
        for name, value in AUGMENTATIONS["ultrasound"].items()
        if AugmentationSettings(**{name: value}).moves_anything
    }
    changed, moved = augment(image, [mask], AugmentationSettings(**geometry), np.random.default_rng(seed))
    valid = np.ones(SIZE, dtype=bool) if changed.valid is None else changed.valid
    bright = changed.pixels >= 158
    assert (bright != moved[0])[valid].mean() < 0.002
    assert (changed.pixels[~valid] == 0).all()
    assert not moved[0][~valid].any()


@pytest.mark.parametrize(
    ("setting", "spread"), [("shift", 0.05), ("rotation_deg", 10.0), ("scale", 0.15), ("stretch", 0.1)]
)
def test_spreads_are_those_of_the_settings(setting: str, spread: float) -> None:
    mask = ellipse()
    image = Image(mask.astype(np.uint8) * 200)
    _, columns = np.nonzero(mask)
    found = []
    for seed in range(300):
        _, (moved,) = augment(image, [mask], AugmentationSettings(**{setting: spread}), np.random.default_rng(seed))
        y, x = np.nonzero(moved)
        if setting == "shift":
            found.append((columns.mean() - x.mean()) / max(SIZE))
        elif setting == "rotation_deg":
            (xx, xy), (_, yy) = np.cov(x, y)
            found.append(np.degrees(0.5 * np.arctan2(2 * xy, xx - yy)))
        elif setting == "scale":
            found.append(0.5 * np.log(len(x) / len(columns)))
        else:
            found.append(np.log(x.std() / columns.std()))
    assert np.mean(found) == pytest.approx(0, abs=0.2 * spread)
    assert np.std(found) == pytest.approx(spread, rel=0.15)


def test_a_zoom_makes_the_first_object_large_and_keeps_it_in_sight() -> None:
    mask = np.zeros(SIZE, dtype=bool)
    mask[70:76, 10:18] = True
    image = Image(mask.astype(np.uint8) * 200)
    growth = []
    for seed in range(50):
        _, (moved,) = augment(image, [mask], AugmentationSettings(zoom=1.0), np.random.default_rng(seed))
        growth.append(moved.sum() / mask.sum())
    assert np.median(growth) > 3
    assert max(growth) < 5**2 * 1.1
    assert np.mean(np.array(growth) > 0.5) > 0.8


def test_how_large_a_zoom_makes_it_can_be_said() -> None:
    mask = np.zeros(SIZE, dtype=bool)
    mask[35:55, 60:80] = True
    settings = AugmentationSettings(zoom=1.0, zoom_from=0.25, zoom_to=0.4)
    spans = []
    for seed in range(30):
        _, (moved,) = augment(Image(mask.astype(np.uint8)), [mask], settings, np.random.default_rng(seed))
        if not (moved[0].any() or moved[-1].any() or moved[:, 0].any() or moved[:, -1].any()):
            spans.append(np.ptp(np.nonzero(moved)[0]) + 1)
    assert len(spans) > 15
    assert 0.25 * max(SIZE) - 2 <= min(spans) < 0.29 * max(SIZE)
    assert 0.36 * max(SIZE) < max(spans) <= 0.4 * max(SIZE) + 2
    with pytest.raises(ValidationError, match="zoom_from must not be above zoom_to"):
        AugmentationSettings(zoom_from=0.8)


def test_black_stays_black_and_white_white_under_gamma_and_order_is_kept() -> None:
    ramp = Image(np.tile(np.linspace(0, 255, 140).astype(np.uint8), (90, 1)))
    changed, _ = augment(ramp, [], AugmentationSettings(gamma=0.5), np.random.default_rng(1))
    line = changed.pixels[0].astype(int)
    assert (line[0], line[-1]) == (0, 255)
    assert (np.diff(line) >= 0).all()
    assert not np.array_equal(changed.pixels, ramp.pixels)


def test_gain_depends_on_depth_alone() -> None:
    flat = Image(np.full(SIZE, 100, dtype=np.uint8))
    changed, _ = augment(flat, [], AugmentationSettings(depth_gain=0.5), np.random.default_rng(1))
    assert (changed.pixels == changed.pixels[:, :1]).all()
    profile = changed.pixels[:, 0].astype(int)
    assert (np.diff(profile) >= 0).all() or (np.diff(profile) <= 0).all()
    assert profile[len(profile) // 2] == pytest.approx(100, abs=1)


def test_speckle_is_multiplicative_and_correlated() -> None:
    halves = np.full(SIZE, 50, dtype=np.uint8)
    halves[:, 70:] = 150
    deviations = []
    for seed in range(40):
        changed, _ = augment(Image(halves), [], AugmentationSettings(speckle=0.15), np.random.default_rng(seed))
        left, right = changed.pixels[:, :70].std(), changed.pixels[:, 70:].std()
        if left > 1:
            deviations.append(right / left)
    assert len(deviations) > 10
    assert np.median(deviations) == pytest.approx(3, rel=0.15)


@pytest.mark.parametrize("preset", AUGMENTATIONS)
@pytest.mark.parametrize("channels", [1, 3])
def test_presets_keep_size_kind_and_channels(preset: str, channels: int) -> None:
    image, mask = phantom()
    if channels == 3:
        image = Image(np.repeat(image.pixels[..., None], 3, axis=-1))
    settings = AugmentationSettings(preset=preset)
    for seed in range(5):
        changed, moved = augment(image, [mask, ~mask], settings, np.random.default_rng(seed))
        assert changed.pixels.dtype == np.uint8
        assert changed.pixels.shape == image.pixels.shape
        assert [entry.shape for entry in moved] == [SIZE, SIZE]
        assert all(entry.dtype == np.bool_ for entry in moved)
        assert not (moved[0] & moved[1]).any()
        if channels == 3:
            assert (changed.pixels == changed.pixels[..., :1]).all()


def test_the_same_seed_gives_the_same_image_and_another_another() -> None:
    image, mask = phantom()
    settings = AugmentationSettings(preset="ultrasound")
    first, again, other = (augment(image, [mask], settings, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first[0].pixels, again[0].pixels)
    assert np.array_equal(first[1][0], again[1][0])
    assert not np.array_equal(first[0].pixels, other[0].pixels)


def test_deep_images_are_shown_through_their_window_and_padding_stays_padding() -> None:
    pixels = np.linspace(-1000, 1000, SIZE[0] * SIZE[1]).reshape(SIZE)
    valid = np.ones(SIZE, dtype=bool)
    valid[:, :20] = False
    image = Image(pixels, window=(-100.0, 100.0), valid=valid)
    changed, _ = augment(image, [], AugmentationSettings(gamma=0.2), np.random.default_rng(0))
    assert np.array_equal(changed.valid, valid)  # type: ignore[arg-type]
    assert (changed.pixels[:, :20] == 0).all()
    assert (changed.pixels[:40, 20:] == 0).all()
    assert (changed.pixels[50:, 20:] == 255).all()
    mirrored, _ = augment(image, [], AugmentationSettings(mirror=1.0), np.random.default_rng(0))
    assert np.array_equal(mirrored.valid, valid[:, ::-1])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (300, 2)])
def test_tiny_images_are_no_error(size: tuple[int, int]) -> None:
    image, mask = Image(np.full(size, 90, dtype=np.uint8)), np.ones(size, dtype=bool)
    for seed in range(10):
        changed, moved = augment(image, [mask], AugmentationSettings(preset="ultrasound"), np.random.default_rng(seed))
        assert changed.size == moved[0].shape == size


def test_large_images_are_reduced_first_and_small_ones_are_not() -> None:
    mask = ellipse()
    image = Image(np.where(mask, 255, 60).astype(np.uint8))
    settings = AugmentationSettings(mirror=1.0)
    changed, (moved,) = augment(image, [mask], settings, np.random.default_rng(0), longest_px=70)
    assert changed.size == moved.shape == (45, 70)
    assert moved.sum() == pytest.approx(mask.sum() / 4, rel=0.05)
    assert ((changed.pixels >= 158) != moved).mean() < 0.01
    kept, _ = augment(image, [mask], settings, np.random.default_rng(0), longest_px=140)
    assert kept.size == SIZE
    with pytest.raises(ValueRangeError, match="longest_px must be 1 or more, got 0"):
        augment(image, [mask], settings, np.random.default_rng(0), longest_px=0)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(ValueRangeError, match=r"image's size \(90, 140\), got \(3, 3\)"):
        augment(phantom()[0], [np.ones((3, 3), dtype=bool)], AugmentationSettings(), np.random.default_rng(0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mirrors": 1.0}, "mirrors"),
        ({"mirror": 1.1}, "less than or equal to 1"),
        ({"scale": -0.1}, "greater than or equal to 0"),
        ({"preset": "heavy"}, "unknown preset 'heavy'; choose one of none, light, ultrasound"),
    ],
)
def test_wrong_settings_are_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AugmentationSettings(**given)
