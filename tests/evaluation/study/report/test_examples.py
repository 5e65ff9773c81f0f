"""Masks made again from rows of the table, and the pictures of the best, the median and the worst."""

import base64
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import FakeSegmenter
from phantom_study import fake_segmenter, study_recipe, table_of
from PIL import Image as Pillow
from study_reports import page_of

from promptseg.data.samples import Sample
from promptseg.errors import CheckpointError
from promptseg.evaluation.study.analysis import read_table
from promptseg.evaluation.study.planning import open_samples
from promptseg.evaluation.study.recipe import ModelSettings, PeerSettings, StudyRecipe
from promptseg.evaluation.study.report import Remaker
from promptseg.evaluation.study.report.examples import examples_section
from promptseg.evaluation.study.report.findings import Findings, find
from promptseg.evaluation.study.report.page import html_page
from promptseg.evaluation.study.report.remaking import prompts_of
from promptseg.evaluation.study.scoring import prompts_json
from promptseg.evaluation.study.study import Options, run_study
from promptseg.metrics import iou
from promptseg.types import Box, Point, Prompts, Segmenter


@pytest.fixture(scope="module")
def studied(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyRecipe, Path, dict[str, Sample]]:
    """A study of fakes on phantoms, and its images."""
    folder = tmp_path_factory.mktemp("study")
    changes = ["experiments={ modes = {}, clicks = { count = 2 } }", 'peers.names=["ellipse"]']
    recipe = study_recipe(folder, *changes)
    run_study(recipe, folder / "out", options=Options(device="cpu"), open_one=fake_segmenter)
    return recipe, folder / "out", {sample.name: sample for sample in open_samples(recipe.data[0])}


@pytest.fixture(scope="module")
def findings(studied: tuple[StudyRecipe, Path, dict[str, Sample]]) -> Findings:
    recipe, folder, _ = studied
    return find(read_table(folder / "table.parquet"), recipe, {})


def remaker(studied: tuple[StudyRecipe, Path, dict[str, Sample]], **settings: Any) -> Remaker:
    recipe, _, samples = studied
    return Remaker(recipe, lambda _, name: samples[name], **({"open_model": fake_segmenter} | settings))


def test_masks_without_feedback_are_made_again_exactly(studied: tuple[StudyRecipe, Path, dict[str, Sample]]) -> None:
    _, folder, samples = studied
    remake = remaker(studied)
    rows = table_of(folder).to_dict("records")
    again = {number: remake(row) for number, row in enumerate(rows)}
    handed_back = {number for number, row in enumerate(rows) if row["feedback"] and row["step"] > 1}
    assert {number for number, mask in again.items() if mask is None} == handed_back
    assert handed_back
    for number, mask in again.items():
        if mask is not None:
            (reference,) = samples[rows[number]["image"]].read_objects()
            assert np.count_nonzero(mask) == rows[number]["found_px"]
            assert iou(reference.mask, mask) == pytest.approx(rows[number]["iou"], abs=1e-12)


def test_an_image_is_embedded_once_for_rows_that_follow_each_other(
    studied: tuple[StudyRecipe, Path, dict[str, Sample]],
) -> None:
    fake = FakeSegmenter()
    remake = remaker(studied, open_model=lambda *_: fake)
    table = table_of(studied[1])
    rows = table[(table["model"] == "fake") & (table["experiment"] == "modes")]
    for row in rows.sort_values("image", kind="stable").to_dict("records"):
        remake(row)
    assert fake.embedded == rows["image"].nunique()


def test_a_model_that_is_gone_makes_nothing(studied: tuple[StudyRecipe, Path, dict[str, Sample]]) -> None:
    def gone(model: ModelSettings, device: str) -> Segmenter:
        raise CheckpointError(f"{model.name} on {device}")

    row = table_of(studied[1]).iloc[0].to_dict()
    assert remaker(studied, open_model=gone)(row) is None
    assert remaker(studied)({**row, "model": "disc"}) is None
    assert remaker(studied)({**row, "model": "nobody"}) is None


def test_prompts_are_read_as_they_were_written() -> None:
    prompts = Prompts(points=[Point(3, 4.25), Point(0.5, 9, positive=False)], boxes=[Box(1, 2, 30.5, 40)])
    again = prompts_of(prompts_json(prompts))
    assert (again.points, again.boxes) == (prompts.points, prompts.boxes)


def test_best_median_and_worst_are_those_of_the_first_model(
    findings: Findings, studied: tuple[StudyRecipe, Path, dict[str, Sample]]
) -> None:
    samples = studied[2]
    section = examples_section(findings, lambda _, name: samples[name], remaker(studied))
    assert section is not None
    page = page_of(html_page("x", [], [], [section], footer=""))
    assert page.mistakes == []
    table = findings.table
    rows = table[(table["prompter"] == "mode-4") & (table["model"] == "fake") & (table["policy"] == "best-score")]
    in_order = rows.sort_values(["iou", "image"], ascending=[False, True])["image"].tolist()
    titles = [text for _, text in page.of("p", "strip-title")]
    assert titles == [f"best {in_order[0]}", f"median {in_order[2]}", f"worst {in_order[3]}"]
    captions = [text for _, text in page.of("figcaption")]
    assert [text.split(":")[0] for text in captions] == ["fake", "other", "ellipse"] * 3
    assert "n 4 objects, of which 3 are shown" in page.of("p", "note")[0][1]


def test_pictures_show_reference_and_mask(
    findings: Findings, studied: tuple[StudyRecipe, Path, dict[str, Sample]]
) -> None:
    samples = studied[2]
    with_masks = pictures(findings, samples, remaker(studied))
    without = pictures(findings, samples, None)
    assert len(with_masks) == 9
    assert len(without) == 3
    assert has_orange(with_masks[0])
    assert not has_orange(without[0])


def test_masks_that_do_not_agree_with_the_table_are_left_out(
    findings: Findings, studied: tuple[StudyRecipe, Path, dict[str, Sample]]
) -> None:
    samples = studied[2]

    def wrong(row: Mapping[Any, Any]) -> Any:
        return np.zeros(samples[row["image"]].read_image().size, np.bool_)

    section = examples_section(findings, lambda _, name: samples[name], wrong)
    assert section is not None
    text = html_page("x", [], [], [section], footer="")
    assert "Left out: 9 pictures" in text
    assert "<img" not in text


def test_data_that_are_no_longer_those_of_the_table_are_left_out(
    findings: Findings, studied: tuple[StudyRecipe, Path, dict[str, Sample]]
) -> None:
    other = next(iter(studied[2].values()))
    section = examples_section(findings, lambda *_: other, remaker(studied))
    assert section is not None
    assert "Left out: 3 pictures" in html_page("x", [], [], [section], footer="")


def test_nothing_is_drawn_without_images_or_models(findings: Findings) -> None:
    assert examples_section(findings, None, None) is None
    peers = findings.recipe.model_copy(update={"peers": PeerSettings(names=["ellipse"])})
    table = findings.table[findings.table["model"] == "ellipse"]
    alone = replace(findings, table=table, recipe=peers)
    assert examples_section(alone, lambda *_: pytest.fail("no image is needed"), None) is None


def pictures(findings: Findings, samples: Mapping[str, Sample], remake: Remaker | None) -> list[Any]:
    section = examples_section(findings, lambda _, name: samples[name], remake)
    assert section is not None
    images = page_of(html_page("x", [], [], [section], footer="")).of("img")
    files = [base64.b64decode(given["src"].partition(",")[2]) for given, _ in images]
    return [np.asarray(Pillow.open(io.BytesIO(file)).convert("RGB"), dtype=int) for file in files]


def has_orange(picture: Any) -> bool:
    """Whether something is about as orange as the outline of the second object."""
    distance = np.abs(picture - np.array([255, 167, 38])).sum(axis=2)
    return bool((distance < 90).sum() > 20)
