"""The page: sections of blocks as one file of HTML that needs no network."""

import base64
import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from promptseg.evaluation.charts import CHART_STYLE
from promptseg.evaluation.study.report.blocks import Section
from promptseg.evaluation.study.report.entrants import COLOURS, PEER_COLOURS

__all__ = ["html_page"]

_PACKAGE: Final = "promptseg.evaluation.study.report"


def html_page(
    title: str, answer: Sequence[str], counts: Sequence[tuple[str, str]], sections: Sequence[Section], *, footer: str
) -> str:
    """The page.

    Everything that is not drawn by :mod:`promptseg.evaluation.charts` is escaped. A content security policy allows
    the page's own script, style and pictures by their hashes, and nothing from anywhere else.

    Args:
        title: of the study.
        answer: paragraphs below it.
        counts: (number, of what), in large letters.
        sections: in their order.
        footer: at the end.
    """
    environment = Environment(
        loader=PackageLoader(_PACKAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["markup"] = Markup
    files = resources.files(_PACKAGE) / "templates"
    script = (files / "report.js").read_text(encoding="utf-8")
    style = (files / "report.css").read_text(encoding="utf-8") + CHART_STYLE + _tones()
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("page.html.jinja").render(
        title=title,
        answer=answer,
        counts=counts,
        sections=sections,
        footer=footer,
        policy=policy,
        style=style,
        script=script,
    )


def _tones() -> str:
    """The colours of entrants on both papers."""
    tones = [
        (f"{kind}-{number}", pair)
        for kind, pairs in (("model", COLOURS), ("peer", PEER_COLOURS))
        for number, pair in enumerate(pairs)
    ]
    light, dark = ("".join(f".{name}{{--tone:{pair[place]}}}" for name, pair in tones) for place in (0, 1))
    nested = dark.replace(".model", ":root:not([data-paper=light]) .model").replace(
        ".peer", ":root:not([data-paper=light]) .peer"
    )
    chosen = dark.replace(".model", ":root[data-paper=dark] .model").replace(".peer", ":root[data-paper=dark] .peer")
    return f"{light}@media screen and (prefers-color-scheme:dark){{{nested}}}@media screen{{{chosen}}}\n"


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
