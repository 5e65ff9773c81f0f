"""Reports of studies in which something is missing: they say so, and never fail."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from study_reports import Page, page_of, recipe_of, report_of, whole_table
from study_tables import MODEL, PEERS, study_table, table_of

from promptseg.errors import ReadError, UnknownNameError
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.report import write_report

ALWAYS = {"summary", "tasks", "method"}
OWN = {
    "modes": {"peers", "modes", "pairs", "ambiguity", "size", "strata"},
    "clicks": {"peers", "clicks", "pairs", "ambiguity", "size", "strata"},
    "noise": {"peers", "noise", "pairs", "strata"},
    "location": {"location"},
    "everything": {"everything", "pairs", "strata"},
}
"""Parts of the page that a study of one experiment has beside those that are always there."""


def sections(page: Page) -> set[str]:
    return {given["id"] for given, _ in page.of("section")}


def words(page: Page) -> str:
    return re.sub(r"\s+", " ", " ".join(text for _, text in page.of("main")))


def busi(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["dataset"] == "busi"]


@pytest.mark.parametrize("experiment", OWN)
def test_a_study_of_one_experiment(experiment: str, tmp_path: Path) -> None:
    table = busi(whole_table())
    page = page_of(report_of(table[table["experiment"] == experiment], tmp_path))
    assert page.mistakes == []
    assert sections(page) == ALWAYS | OWN[experiment]
    others = ", ".join(name for name in ("modes", "clicks", "noise", "location", "everything") if name != experiment)
    assert f"Experiments that were not done: {others}." in words(page)


def test_one_image(tmp_path: Path) -> None:
    table = study_table(labels={"busi": ["lesion"]}, images=1, clicks=2)
    page = page_of(report_of(table, tmp_path))
    assert page.mistakes == []
    assert "is not shown to be useful" in words(page) or "are not shown to be useful" in words(page)
    assert "n = 1 image" in words(page)


def test_peers_alone(tmp_path: Path) -> None:
    table = whole_table()
    table = busi(table[table["model"].isin(PEERS) & table["experiment"].isin(["modes", "noise"])])
    page = page_of(report_of(table, tmp_path))
    assert page.mistakes == []
    assert {"modes", "noise"} <= sections(page)
    assert not sections(page) & {"peers", "ambiguity", "size", "location"}
    assert "cannot say whether one is useful" in words(page)


def test_no_peers(tmp_path: Path) -> None:
    table = whole_table()
    table = busi(table[~table["model"].isin(PEERS) & (table["experiment"] == "modes")])
    page = page_of(report_of(table, tmp_path))
    assert "peers" not in sections(page)
    assert "No trivial peer took part, so nothing is called useful." in words(page)


def test_no_model_predicts_a_score(tmp_path: Path) -> None:
    table = busi(whole_table()).assign(predicted_score=np.nan)
    page = page_of(report_of(table[table["experiment"] == "modes"], tmp_path))
    assert "ambiguity" not in sections(page)
    assert "No predicted score: default, default-zeroshot, default-clicks." in words(page)


def test_no_strata_and_no_box_of_the_whole_object(tmp_path: Path) -> None:
    table = busi(whole_table()).assign(stratum="")
    page = page_of(report_of(table[table["experiment"] == "location"], tmp_path))
    assert "strata" not in sections(page)
    assert "No map over the object" in words(page)


def test_many_clicks_have_few_ticks(tmp_path: Path) -> None:
    steps = [
        {"experiment": "clicks", "prompter": "clicks-ritm", "step": step, "image": name, "iou": 0.5 + step / 50}
        for step in range(1, 21)
        for name in "abcdefgh"
    ]
    text = report_of(table_of(steps), tmp_path)
    ticks = re.findall(r'class="tick">(\d+)</text>', text)
    assert ticks[:5] == ["1", "5", "10", "15", "20"]


def test_a_lower_metric_is_better_where_it_is_a_distance(tmp_path: Path) -> None:
    table = busi(whole_table())
    table = table[(table["experiment"] == "modes") & (table["policy"] != "oracle")]
    table = table.assign(hd95=40 * (1 - table["iou"]))
    settings = {"resamples": 40, "primary": "hd95"}
    recipe = recipe_of(table, metrics=["iou", "hd95"], statistics=settings)
    page = page_of(report_of(table, tmp_path, recipe=recipe))
    marked = [text for given, text in page.of("td", "best")]
    assert "HD95" in words(page)
    assert "are useful on busi" in words(page)
    means = table[table["prompter"] == "mode-1"].groupby(["model", "policy"])["hd95"].mean()
    assert marked[0].startswith(f"{means[MODEL]['single']:.1f}")


def test_a_folder_without_a_table_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"table\.parquet"):
        write_report(tmp_path, recipe_of(whole_table()), {}, None)
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    table = busi(whole_table())
    recipe: StudyRecipe = recipe_of(table, statistics={"primary": "nsd", "resamples": 40})
    with pytest.raises(UnknownNameError, match="nsd"):
        report_of(table, tmp_path, recipe=recipe)
    assert not (tmp_path / "report.html").exists()
