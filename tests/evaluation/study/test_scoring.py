"""Rows: every metric as ``score_pair`` and other libraries give it, prompts as JSON, one score for one array."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeSegmenter
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from scipy.spatial.distance import dice as dice_dissimilarity
from scipy.spatial.distance import jaccard as jaccard_dissimilarity

from promptseg.data.phantoms import ultrasound_phantom
from promptseg.errors import StudyError
from promptseg.evaluation.pairing import pair_files
from promptseg.evaluation.scoring import ScoreSettings, score_files
from promptseg.evaluation.study.experiments import EXPERIMENTS
from promptseg.evaluation.study.recipe import ModesSettings
from promptseg.evaluation.study.rows import COLUMNS, KEY
from promptseg.evaluation.study.scene import Evaluation, Scene, StudiedObject
from promptseg.evaluation.study.scoring import Row, Scorer, checked, prompts_json
from promptseg.metrics import METRICS, score_pair
from promptseg.types import BoolMask, Box, Image, Point, Prompts

NAMES = tuple(name for name in METRICS if name != "nsd")


def scorer(*names: str, tolerance: float | None = None) -> Scorer:
    return Scorer(names, "one_if_both_empty", tolerance)


def blob(rng: np.random.Generator, *, empty: bool = False) -> BoolMask:
    mask = np.zeros((23, 31), dtype=np.bool_)
    if not empty:
        row, column = rng.integers(0, 20), rng.integers(0, 28)
        mask[row : row + rng.integers(1, 12), column : column + rng.integers(1, 12)] = True
        mask &= rng.random(mask.shape) < 0.8
        mask[row, column] = True
    return mask


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_a_cut_changes_no_metric(seed: int, empty: bool) -> None:
    rng = np.random.default_rng(seed)
    studied, found = StudiedObject("it", 0, blob(rng)), blob(rng, empty=empty)
    scores = scorer(*METRICS, tolerance=2.0).scores(studied, found, spacing_mm=(0.5, 2.0))
    expected = score_pair(studied.mask, found, list(METRICS), tolerance=2.0, spacing_mm=(0.5, 2.0))
    assert scores["found_px"] == found.sum()
    assert {name: scores[name] for name in METRICS} == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**32 - 1))
def test_another_library_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    studied, found = StudiedObject("it", 0, blob(rng)), blob(rng)
    scores = scorer("iou", "dice").scores(studied, found)
    assert scores["iou"] == pytest.approx(1 - jaccard_dissimilarity(studied.mask.ravel(), found.ravel()), abs=1e-12)
    assert scores["dice"] == pytest.approx(1 - dice_dissimilarity(studied.mask.ravel(), found.ravel()), abs=1e-12)


def evaluations() -> list[Evaluation]:
    phantom = ultrasound_phantom(np.random.default_rng(4), size=(48, 64), lesion="anechoic", effect="none")
    segmenter, image = FakeSegmenter(), Image(phantom.image)
    scene = Scene(
        image=image,
        segmenter=segmenter,
        embedding=segmenter.embed(image),
        objects=(StudiedObject("lesion", 0, phantom.mask),),
        policies=("single", "first", "best-score", "oracle"),
        accepts=frozenset({"points", "boxes", "mask"}),
        key="phantoms/4",
        seed=0,
    )
    return list(EXPERIMENTS["modes"](scene, ModesSettings(extra=["centroid", "scribble"])))


def rows_of(found: list[Evaluation], *names: str) -> list[Row]:
    made = scorer(*names)
    place = {"dataset": "d", "image": "i", "group": "g", "stratum": "", "model": "m", "experiment": "modes"}
    return [made.row(one, {**place, "embed_seconds": 0.0}) for one in found]


def test_the_study_agrees_with_promptseg_score_on_written_masks(tmp_path: Path) -> None:
    found = evaluations()
    assert len(found) == 7 * 4
    rows = rows_of(found, *NAMES)
    for folder in ("reference", "predicted"):
        (tmp_path / folder).mkdir()
    for number, one in enumerate(found):
        for folder, mask in (("reference", one.object.mask), ("predicted", one.mask)):
            Pillow.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / folder / f"{number:03d}.png")
    pairs = pair_files(tmp_path / "reference", tmp_path / "predicted")
    scored = score_files(pairs, ScoreSettings(metrics=NAMES, binary=True))
    assert len(scored.rows) == len(rows)
    for ours, theirs in zip(rows, scored.rows, strict=True):
        assert {name: ours[name] for name in NAMES} == pytest.approx(theirs.scores, abs=1e-12)


def test_a_row_has_every_column() -> None:
    row = rows_of(evaluations()[:1], "iou")[0]
    assert set(row) == {*COLUMNS, "iou"}
    assert (row["label"], row["object"], row["n_points"], row["n_boxes"]) == ("lesion", 0, 1, 0)
    assert row["depth"] == 1
    assert row["image_px"] == 48 * 64
    assert math.isnan(row["level"])
    box = next(row for row in rows_of(evaluations(), "iou") if row["prompter"] == "mode-5")
    assert math.isnan(box["depth"])
    assert len(json.loads(box["prompts"])["boxes"]) == 1


def test_prompts_come_back_from_their_text() -> None:
    prompts = Prompts(points=[Point(0.1 + 0.2, 7), Point(2, 1, positive=False)], boxes=[Box(1, 2, 3.25, 4)])
    back = json.loads(prompts_json(prompts))
    assert [Point(x, y, bool(sign)) for x, y, sign in back["points"]] == list(prompts.points)
    assert [Box(*box) for box in back["boxes"]] == list(prompts.boxes)


def test_one_array_is_scored_once_and_never_mistaken(monkeypatch: pytest.MonkeyPatch) -> None:
    from promptseg.evaluation.study import scoring

    calls: list[int] = []

    def counting(*pair: Any, **settings: Any) -> dict[str, float]:
        calls.append(1)
        return score_pair(*pair, **settings)

    monkeypatch.setattr(scoring, "score_pair", counting)
    rng = np.random.default_rng(0)
    studied, made = StudiedObject("it", 0, blob(rng)), scorer("iou")
    for _ in range(300):
        found = blob(rng)
        expected = score_pair(studied.mask, found, ["iou"])["iou"]
        assert made.scores(studied, found)["iou"] == made.scores(studied, found)["iou"] == expected
        assert made.scores(StudiedObject("other", 0, found), found)["iou"] == 1
    assert len(calls) == 600


def test_two_rows_of_one_key_are_refused() -> None:
    rows = rows_of(evaluations(), "iou")
    assert len(list(checked(rows, "a unit"))) == len({tuple(map(repr, (row[name] for name in KEY))) for row in rows})
    with pytest.raises(StudyError, match="a unit: two evaluations are of the same kind"):
        list(checked([*rows, rows[3]], "a unit"))
