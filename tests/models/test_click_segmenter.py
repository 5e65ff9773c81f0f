"""The click-based predictor: what goes in, what comes back, and the loop of clicks."""

import numpy as np
import pytest
import torch
from random_networks import click_network, small_clicks, small_focal_clicks
from torch import Tensor

import promptseg
from promptseg.data.phantoms import ultrasound_phantom
from promptseg.errors import CheckpointError, PromptError, ValueRangeError
from promptseg.metrics import iou
from promptseg.models.click_network import ClickNetwork
from promptseg.models.click_segmenter import THRESHOLD, ClickOptions, ClickSegmenter
from promptseg.models.network import Features, PromptBatch
from promptseg.models.predictor import PromptSegmenter
from promptseg.models.preprocessing import Preprocessing
from promptseg.prompts import next_click
from promptseg.types import BoolMask, Box, MaskPrompt, Point, Prompts

PIXELS = Preprocessing("letterbox", 64, 1, "standardise")
HEIGHT, WIDTH = 100, 160
PLAIN = ClickOptions(flip=False, zoom="never")


def picture(*, seed: int = 3) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disc = (columns - 60) ** 2 + (rows - 40) ** 2 < 400
    return (60 + 120 * disc + rng.normal(0, 4, disc.shape)).clip(0, 255).astype(np.uint8)


class Drawing:
    """A click-based network that draws what it is told: discs of 6 pixels, the mask before, and the bright pixels."""

    def __init__(self, *, bright: bool = False) -> None:
        self.module = torch.nn.Linear(1, 1)
        self.side, self.grid_side, self.bright = 64, 32, bright
        self.seen: list[tuple[Tensor, PromptBatch]] = []

    def encode(self, image_BCSS: Tensor) -> Features:
        return {"image": image_BCSS}

    def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
        del multimask
        self.seen.append((features["image"], prompts))
        places = torch.arange(32) * 2 + 0.5
        logits = torch.full((len(prompts), 32, 32), -5.0)
        if self.bright:
            logits = torch.maximum(logits, 5 * features["image"][:, 0].reshape(-1, 32, 2, 32, 2).mean(dim=(2, 4)))
        for number in range(len(prompts)):
            for (x, y), label in zip(prompts.points_NP2[number], prompts.labels_NP[number], strict=True):
                near = torch.hypot(places[None, :] - x, places[:, None] - y) <= 6
                logits[number][near & (label >= 0)] = 5.0 if label == 1 else -5.0
        return logits[:, None], torch.full((len(prompts), 1), 0.75)


def drawing(options: ClickOptions, *, bright: bool = False) -> tuple[ClickSegmenter, Drawing]:
    network = Drawing(bright=bright)
    return ClickSegmenter(network, PIXELS, name="drawing", options=options), network  # type: ignore[arg-type]


def centre_xy(mask: BoolMask) -> tuple[float, float]:
    rows, columns = np.nonzero(mask)
    return float(columns.mean()), float(rows.mean())


def test_without_its_extras_it_is_the_plain_predictor() -> None:
    network = click_network()
    plain = PromptSegmenter(network, PIXELS, name="n", default_policy="single")
    clicks = ClickSegmenter(network, PIXELS, name="n", options=PLAIN)
    prompts = Prompts(points=[Point(60, 40), Point(10, 90, positive=False)])
    expected = plain.segment(plain.embed(picture()), prompts)
    found = clicks.segment(clicks.embed(picture()), prompts)
    shift = np.log(THRESHOLD / (1 - THRESHOLD))
    np.testing.assert_allclose(found.logits, expected.logits - shift, atol=1e-4)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)


@pytest.mark.parametrize("pixels", [np.uint8, np.uint16, np.float32])
def test_the_network_sees_what_it_was_trained_with(pixels: type) -> None:
    shown = picture().astype(pixels)
    plain = PromptSegmenter(click_network(), PIXELS, name="n", default_policy="single")
    segmenter, network = drawing(PLAIN)
    segmenter.segment(segmenter.embed(shown), Prompts(points=[Point(60, 40)]))
    np.testing.assert_array_equal(network.seen[0][0].numpy(), plain.embed(shown).features["image"].numpy())


@pytest.mark.parametrize("make", [small_clicks, small_focal_clicks])
def test_the_mirror_image_gives_the_mirrored_mask(make: type) -> None:
    segmenter: ClickSegmenter = make()
    points = [Point(60, 40), Point(20, 70, positive=False)]
    mirrored = [Point(WIDTH - 1 - p.x, p.y, positive=p.positive) for p in points]
    found = segmenter.segment(segmenter.embed(picture()), Prompts(points=points))
    other = segmenter.segment(segmenter.embed(picture()[:, ::-1].copy()), Prompts(points=mirrored))
    np.testing.assert_allclose(other.logits[..., ::-1], found.logits, atol=2e-3)
    assert other.score == pytest.approx(found.score, abs=1e-5)


def test_flipping_is_the_mean_of_two_probabilities() -> None:
    flipped, plain = small_clicks(ClickOptions(zoom="never")), small_clicks(PLAIN)
    one = plain.segment(plain.embed(picture()), Prompts(points=[Point(60, 40)]))
    two = plain.segment(plain.embed(picture()[:, ::-1].copy()), Prompts(points=[Point(WIDTH - 61, 40)]))
    both = flipped.segment(flipped.embed(picture()), Prompts(points=[Point(60, 40)]))

    def probability(logits: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(logits + np.log(THRESHOLD / (1 - THRESHOLD)))))

    mean = (probability(one.logits) + probability(two.logits[..., ::-1])) / 2
    np.testing.assert_allclose(probability(both.logits), mean, atol=1e-4)
    assert both.score == pytest.approx((one.score + two.score) / 2, abs=1e-6)


def test_a_click_comes_back_where_it_was_and_from_a_crop_just_there() -> None:
    segmenter, network = drawing(ClickOptions(least_crop_px=40))
    embedding = segmenter.embed(picture())
    first = segmenter.segment(embedding, Prompts(points=[Point(60, 40)]))
    assert first.crop is None
    assert np.hypot(*np.subtract(centre_xy(first.mask), (60, 40))) < 2
    second = segmenter.segment(embedding, Prompts(points=[Point(60, 40), Point(64, 44)], mask=first.mask_prompt))
    assert second.crop is not None
    assert second.mask_prompt.crop == second.crop
    assert len(network.seen) == 2
    shown = network.seen[1][1]
    assert shown.labels_NP.tolist() == [[1, 1], [1, 1]]
    scale = 64 / (second.crop.x1 - second.crop.x0 + 1)
    expected = (np.array([[60, 40], [64, 44]]) - (second.crop.x0, second.crop.y0)) * scale
    np.testing.assert_allclose(shown.points_NP2[0], expected, atol=1e-4)
    assert np.hypot(*np.subtract(centre_xy(second.mask), (62, 42))) < 1.5


def test_outside_of_the_crop_there_is_nothing_and_inside_each_pixel_is_where_it_was() -> None:
    segmenter, _ = drawing(ClickOptions(zoom="always", flip=False, least_crop_px=64, expansion=1.0), bright=True)
    pixels = np.full((HEIGHT, WIDTH), 20, np.uint8)
    pixels[30:38, 50:58] = 220
    pixels[80:90, 140:150] = 220
    mask = np.zeros(pixels.shape, bool)
    mask[30:38, 50:58] = True
    found = segmenter.segment(segmenter.embed(pixels), Prompts(points=[Point(53, 33)], mask=mask))
    assert found.crop == Box(22, 2, 86, 66)
    assert found.mask[30:38, 50:58].all()
    assert not found.mask[:, 87:].any()
    outside = np.ones(pixels.shape, bool)
    outside[2:67, 22:87] = False
    assert (found.logits[0][outside] == found.logits.min()).all()


def test_a_crop_of_the_size_of_the_input_is_pasted_back_pixel_by_pixel() -> None:
    class Mirror(Drawing):
        def decode(self, features: Features, prompts: PromptBatch, *, multimask: bool) -> tuple[Tensor, Tensor]:
            del multimask
            return features["image"], torch.full((len(prompts), 1), 0.5)

    segmenter = ClickSegmenter(
        Mirror(),  # type: ignore[arg-type]
        PIXELS,
        name="mirror",
        options=ClickOptions(zoom="always", least_crop_px=63, expansion=1.0),
    )
    pixels = picture()
    mask = np.zeros(pixels.shape, bool)
    mask[40:42, 60:62] = True
    found = segmenter.segment(segmenter.embed(pixels), Prompts(points=[Point(60, 40)], mask=mask))
    assert found.crop == Box(29, 9, 92, 72)
    crop, shown = pixels[9:73, 29:93].astype(np.float64), found.logits[0, 9:73, 29:93]
    expected = (crop - crop.mean()) / crop.std() - np.log(THRESHOLD / (1 - THRESHOLD))
    np.testing.assert_allclose(shown, expected, atol=2e-4)


def test_the_crop_stays_until_it_is_needed_elsewhere() -> None:
    segmenter, _ = drawing(ClickOptions(least_crop_px=40, expansion=1.4))
    embedding = segmenter.embed(picture())
    used = Box(36, 16, 84, 64)
    logits = np.full((HEIGHT, WIDTH), -4, np.float32)
    logits[30:50, 50:70] = 4
    before = MaskPrompt(logits, "drawing", used)
    near = segmenter.segment(embedding, Prompts(points=[Point(60, 40), Point(75, 40)], mask=before))
    assert near.crop == used
    far = segmenter.segment(embedding, Prompts(points=[Point(60, 40), Point(120, 40)], mask=before))
    assert far.crop is not None
    assert far.crop != used
    assert far.crop.x1 > 120
    off = segmenter.segment(embedding, Prompts(points=[Point(60, 40), Point(140, 40, positive=False)], mask=before))
    assert off.crop == used


def test_when_it_looks_closer() -> None:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[35:45, 55:65] = True
    closer = {}
    for zoom in ("after-first", "always", "never"):
        segmenter, _ = drawing(ClickOptions(zoom=zoom, least_crop_px=30))  # type: ignore[arg-type]
        embedding = segmenter.embed(picture())
        points = [Point(60, 40), Point(62, 42)]
        closer[zoom] = [
            segmenter.segment(embedding, Prompts(points=points[:count], mask=shown)).crop is not None
            for count, shown in ((1, None), (1, mask), (2, None), (2, mask))
        ]
    assert closer == {
        "after-first": [False, False, False, True],
        "always": [False, True, False, True],
        "never": [False, False, False, False],
    }


def test_the_mask_before_reaches_the_network_as_it_was() -> None:
    segmenter, network = drawing(ClickOptions(zoom="never"))
    embedding = segmenter.embed(np.zeros((64, 64), np.uint8))
    logits = np.random.default_rng(0).normal(0, 2, (64, 64)).astype(np.float32)
    segmenter.segment(embedding, Prompts(points=[Point(9, 9)], mask=MaskPrompt(logits, "drawing")))
    shown = network.seen[0][1].masks_N1hw
    assert shown is not None
    shift = np.log(THRESHOLD / (1 - THRESHOLD))
    np.testing.assert_allclose(shown[0, 0], logits + shift, atol=1e-4)
    np.testing.assert_allclose(shown[1, 0].flip(-1), logits + shift, atol=1e-4)


def test_focus_looks_again_at_what_changed() -> None:
    segmenter, network = drawing(ClickOptions(zoom="never", focus=True, flip=False))
    embedding = segmenter.embed(picture())
    first = segmenter.segment(embedding, Prompts(points=[Point(60, 40)]))
    assert len(network.seen) == 2
    box = np.nonzero(first.mask)
    assert np.hypot(*np.subtract(centre_xy(first.mask), (60, 40))) < 2
    assert np.ptp(box[0]) < 20  # the disc is drawn anew in a crop around the first one, where a pixel is smaller
    coarse = drawing(PLAIN)[0]
    whole = coarse.segment(coarse.embed(picture()), Prompts(points=[Point(60, 40)]))
    assert np.ptp(np.nonzero(whole.mask)[0]) > 25


def test_after_many_clicks_only_the_focus_changes() -> None:
    segmenter, _ = drawing(ClickOptions(zoom="never", focus=True))
    embedding = segmenter.embed(picture())
    logits = np.full((HEIGHT, WIDTH), -4, np.float32)
    logits[80:95, 140:155] = 4
    before = MaskPrompt(logits, "drawing")
    clicks = [Point(20 + 2 * number, 20) for number in range(11)]
    few = segmenter.segment(embedding, Prompts(points=clicks[:10], mask=before))
    many = segmenter.segment(embedding, Prompts(points=clicks, mask=before))
    assert not few.mask[85, 147]
    assert many.mask[80:95, 140:155].all()
    np.testing.assert_allclose(many.logits[0, 80:95, 140:155], 4, atol=1e-4)


def test_merging_leaves_alone_what_was_not_clicked() -> None:
    segmenter, _ = drawing(ClickOptions(merge=True))
    embedding = segmenter.embed(picture())
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[80:95, 140:155] = True
    found = segmenter.segment(embedding, Prompts(points=[Point(60, 40)], mask=mask))
    assert found.mask[80:95, 140:155].all()
    assert found.mask[40, 60]
    without = drawing(ClickOptions())[0]
    plain = without.segment(without.embed(picture()), Prompts(points=[Point(60, 40)], mask=mask))
    assert not plain.mask[80:95, 140:155].any()


def test_clicks_one_after_the_other_as_in_the_study() -> None:
    segmenter = small_clicks()
    embedding = segmenter.embed(picture())
    answer = segmenter.segment(embedding, Prompts(points=[Point(60, 40)]))
    points = [Point(60, 40)]
    for number in range(4):
        points.append(Point(30 + 20 * number, 50, positive=number % 2 == 0))
        answer = segmenter.segment(embedding, Prompts(points=points, mask=answer.mask_prompt))
    assert answer.mask.shape == (HEIGHT, WIDTH)
    assert np.isfinite(answer.logits).all()


def test_options_and_weights_of_no_use_are_refused() -> None:
    for wrong in ({"zoom": "sometimes"}, {"expansion": 0.5}, {"least_crop_px": 0}):
        with pytest.raises(ValueRangeError):
            ClickOptions(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueRangeError, match="one standardised channel"):
        ClickSegmenter(click_network(), Preprocessing("letterbox", 64, 3, "display"), name="n")
    broken: ClickNetwork = click_network()
    broken.net.decoder.to_coarse.bias.fill_(torch.nan)
    segmenter = ClickSegmenter(broken, PIXELS, name="n")
    with pytest.raises(CheckpointError, match="NaN"):
        segmenter.segment(segmenter.embed(picture()), Prompts(points=[Point(5, 5)]))


def test_a_mask_of_another_size_or_model_is_refused() -> None:
    segmenter = small_clicks()
    for mask in (
        MaskPrompt(np.zeros((9, 9), np.float32), "small-clicks"),
        MaskPrompt(np.zeros((HEIGHT, WIDTH), np.float32), "x"),
    ):
        with pytest.raises(PromptError, match="needs its own of shape"):
            segmenter.segment(segmenter.embed(picture()), Prompts(points=[Point(5, 5)], mask=mask))


def test_the_fingerprint_tells_weights_apart() -> None:
    one, same = small_clicks(), small_clicks().with_options(PLAIN)
    other = ClickSegmenter(click_network(seed=4), PIXELS, name="small-clicks")
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert same.options == PLAIN


def test_the_embedded_one_finds_what_is_clicked_and_refines_it() -> None:
    segmenter = promptseg.load("default-clicks", device="cpu")
    assert isinstance(segmenter, ClickSegmenter)
    made = ultrasound_phantom(np.random.default_rng(0), size=(96, 128), lesion="anechoic", effect="none")
    embedding = segmenter.embed(made.image)
    points, answer, values = [], None, []
    for _ in range(5):
        shown = np.zeros_like(made.mask) if answer is None else answer.mask
        following = next_click(made.mask, shown, clicked=points)
        assert following is not None
        points.append(following)
        before = None if answer is None else answer.mask_prompt
        answer = segmenter.segment(embedding, Prompts(points=points, mask=before))
        values.append(iou(made.mask, answer.mask))
    assert values[0] > 0.5
    assert values[-1] > max(0.8, values[0] - 0.02)
