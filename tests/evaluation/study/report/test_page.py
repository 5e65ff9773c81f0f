"""The page as a reader of HTML sees it: whole, alone, and every figure says what it is."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from study_reports import Page, page_of, report_of, study_page, whole_table
from study_tables import MODEL, PEERS


@pytest.fixture(scope="module")
def text() -> str:
    return study_page().read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return page_of(text)


def test_it_is_well_formed(page: Page) -> None:
    assert page.mistakes == []


def test_it_needs_nothing_from_anywhere(text: str, page: Page) -> None:
    assert not re.findall(r"(?:https?:)?//[a-z]", text.replace("http-equiv", ""))
    for tag, given, _ in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert given.get("src", "data:").startswith("data:")
        assert given.get("href", "#").startswith("#")
    assert "@import" not in text
    assert not re.findall(r"url\((?!data:)", text)


def test_its_policy_allows_its_own_script_and_style_alone(text: str, page: Page) -> None:
    (policy,) = (given["content"] for given, _ in page.of("meta") if "http-equiv" in given)
    assert policy.startswith("default-src 'none'")
    for tag in ("script", "style"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [given for _, given, _ in page.elements if "style" in given or any(name[:2] == "on" for name in given)]


def test_each_figure_says_how_many_it_is_of(page: Page) -> None:
    figures, captions = page.of("figure", "chart"), page.of("figcaption")
    assert len(figures) > 40
    assert len(captions) >= len(figures)
    assert [text for _, text in figures if "n = " not in text] == []
    assert [text for _, text in captions if not re.match(r"n = [\d,]+ \w+", text)] == []


def test_each_view_names_n_unit_prompts_and_choice(page: Page) -> None:
    views, notes = page.of("div", "view"), page.of("p", "note")
    assert len(views) == len(notes) > 20
    for _, said in notes:
        assert re.match(r"n [\d,]+ \w+", said), said
        for word in ("unit ", "prompts ", "mask choice "):
            assert word in said
        assert "oracle, made from the reference" in said or "a grid of clicks" in said


def test_each_table_has_a_caption_and_headings_that_sort(page: Page) -> None:
    tables = page.of("table", "sortable")
    assert len(page.of("caption")) == len(tables) > 15
    headings = [given for given, _ in page.of("th") if given.get("scope") == "col"]
    assert headings
    assert {given["aria-sort"] for given in headings} == {"none"}
    assert len(page.of("button")) >= len(headings)


def test_each_drawing_says_what_it_shows(page: Page) -> None:
    drawings = [given for given, _ in page.of("svg")]
    assert drawings
    assert all(given.get("aria-label") or given.get("aria-hidden") == "true" for given in drawings)


def test_no_id_stands_twice_and_all_links_lead_somewhere(page: Page) -> None:
    ids = [given["id"] for _, given, _ in page.elements if "id" in given]
    assert len(ids) == len(set(ids))
    links = {given["href"][1:] for given, _ in page.of("a")}
    controls = {given["aria-controls"] for given, _ in page.of("button") if "aria-controls" in given}
    labels = {given["aria-labelledby"] for _, given, _ in page.elements if "aria-labelledby" in given}
    assert (links | controls | labels) <= set(ids)


def test_all_parts_of_a_study_stand_on_it(page: Page) -> None:
    sections = [given["id"] for given, _ in page.of("section")]
    expected = "summary peers modes clicks pairs ambiguity location size noise everything strata tasks method"
    assert sections == expected.split()


def test_words_of_the_recipe_cannot_become_elements(text: str) -> None:
    assert "<phantoms>" not in text
    assert "A study of &lt;phantoms&gt; &amp; " in text
    assert "a &lt;b&gt;machine&lt;/b&gt;" in text


def test_names_of_tasks_and_models_cannot_become_elements(tmp_path: Path) -> None:
    table = whole_table()
    table = table[(table["experiment"].isin(["modes", "location"])) & (table["dataset"] == "busi")]
    table = table.assign(dataset="<i>\"x\" 'y'</i>", model=table["model"].replace({"default": "<u>&amp;</u>"}))
    page = page_of(report_of(table, tmp_path))
    assert page.mistakes == []
    assert page.of("i") == [] or all("tone" in given["class"] for given, _ in page.of("i"))
    assert page.of("u") == []
    assert any(text.startswith("<u>&amp;</u>") for _, text in page.of("th"))


def test_the_same_table_gives_the_same_page(tmp_path: Path) -> None:
    table = whole_table()
    table = table[(table["experiment"] == "modes") & (table["dataset"] == "busi")]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert report_of(table, tmp_path / "a") == report_of(table, tmp_path / "b")


def test_peers_stand_after_models_and_the_oracle_is_named(page: Page) -> None:
    headings = [text for given, text in page.of("th") if given.get("scope") == "col"]
    assert headings.index(PEERS[1]) > headings.index(MODEL)
    notes = [text for _, text in page.of("p", "note")]
    assert any("mask choice oracle (by the reference)" in text for text in notes)
    assert any("mask choice best-score (default-zeroshot); single (default, default-clicks)" in text for text in notes)


def test_tables_are_written_beside_it() -> None:
    names = {path.name for path in (study_page().parent / "tables").iterdir()}
    assert {"means.csv", "usefulness.csv", "modes.tex"} <= names
