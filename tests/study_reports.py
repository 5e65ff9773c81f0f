"""Folders of studies for the tests of their reports, and what a reader of HTML sees of a page."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final
from unittest import mock

import pandas as pd
from study_tables import CLICK_NETWORK, MODEL, PEERS, WEAK_MODEL, study_table

from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.report import write_report, writing

__all__ = ["VOID", "Page", "page_of", "recipe_of", "report_of", "study_page", "whole_table"]

VOID: Final = frozenset({"meta", "img", "br", "input", "link", "hr"})
"""Elements of HTML without an end."""

DRAWN: Final = frozenset({"path", "rect", "circle"})
"""Elements of SVG that end themselves."""


@cache
def whole_table() -> pd.DataFrame:
    """Every experiment, three models and two peers, on three tasks of twelve images."""
    return study_table(images=12, clicks=3)


def recipe_of(table: pd.DataFrame, **changes: Any) -> StudyRecipe:
    """A recipe that fits a table of :func:`study_tables.study_table`."""
    present = set(table["model"])
    experiments = {name: {} for name in table["experiment"].unique()}
    values: dict[str, Any] = {
        "name": 'A study of <phantoms> & "quotes"',
        "data": [{"name": name, "path": "x"} for name in table["dataset"].unique()],
        "model": [{"name": name} for name in (MODEL, WEAK_MODEL, CLICK_NETWORK) if name in present],
        "peers": {"names": [name for name in PEERS if name in present]},
        "experiments": experiments,
        "statistics": {"resamples": 40},
    }
    return StudyRecipe.model_validate(values | changes)


def report_of(table: pd.DataFrame, folder: Path, *, recipe: StudyRecipe | None = None, **settings: Any) -> str:
    """The page of a table; the tables beside it only if they are asked for, since they take as long again."""
    kept = nullcontext() if settings.pop("tables", False) else mock.patch.object(writing, "write_tables")
    table.drop(columns="task").to_parquet(folder / "table.parquet")
    facts: Mapping[str, str] = {"version": "0", "machine": "a <b>machine</b>"}
    with kept:
        path = write_report(folder, recipe or recipe_of(table), facts, settings.pop("samples", None), **settings)
    return path.read_text(encoding="utf-8")


@cache
def study_page() -> Path:
    """The page of the whole table, made once."""
    folder = Path(mkdtemp(prefix="promptseg-report-"))
    report_of(whole_table(), folder, tables=True)
    return folder / "report.html"


class Page(HTMLParser):
    """A page, read strictly: each element that begins ends, in the right order.

    Attributes:
        elements: (tag, attributes, text directly or deeper inside), in the order in which they end.
        mistakes: what is not well-formed.
    """

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], str]] = []
        self.mistakes: list[str] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if len(given) != len(attrs):
            self.mistakes.append(f"{tag} has an attribute twice at {self.getpos()}")
        if tag in VOID:
            self.elements.append((tag, given, ""))
        else:
            self._open.append((tag, given, []))

    def handle_startendtag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        if tag not in DRAWN:
            self.mistakes.append(f"{tag} must not end itself at {self.getpos()}")
        self.elements.append((tag, {name: value or "" for name, value in attrs}, ""))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1][0] != tag:
            self.mistakes.append(f"{tag} ends at {self.getpos()} but {self._open[-1:]} is open")
            return
        name, given, words = self._open.pop()
        text = "".join(words)
        self.elements.append((name, given, text))
        if self._open:
            self._open[-1][2].append(text)

    def handle_data(self, data: str) -> None:
        if self._open:
            self._open[-1][2].append(data)

    def close(self) -> None:
        super().close()
        self.mistakes += [f"{tag} never ends" for tag, _, _ in self._open]

    def of(self, tag: str, word: str = "") -> list[tuple[dict[str, str], str]]:
        """Attributes and text of all elements of a kind, of one class."""
        return [
            (given, text)
            for name, given, text in self.elements
            if name == tag and (not word or word in given.get("class", "").split())
        ]


def page_of(text: str) -> Page:
    """Read a page."""
    page = Page()
    page.feed(text)
    page.close()
    return page
