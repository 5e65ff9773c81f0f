"""The report page: one HTML file with its pictures inside, that needs no network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final, final

from promptseg.evaluation.charts import share
from promptseg.evaluation.clicksam.arms import ARMS
from promptseg.evaluation.clicksam.charts import ARM_COLOURS, Line, curves, forest
from promptseg.evaluation.clicksam.drawings import FALSE_NEGATIVE, FALSE_POSITIVE, TRUE_POSITIVE, data_uri
from promptseg.evaluation.clicksam.examples import Strip
from promptseg.evaluation.clicksam.page_style import STYLE
from promptseg.evaluation.clicksam.protocols import PROTOCOLS, Protocol
from promptseg.evaluation.clicksam.statistics import QUESTIONS, Cell, Statistics, noted_difference
from promptseg.evaluation.clicksam.wording import (
    DIFFERENCES,
    FIGURES,
    ORACLE,
    PAPER,
    PROMPTS,
    SCORE_TITLES,
    SOURCES,
    Table,
    difference_table,
    score_table,
    sizes,
    spread,
)

__all__ = ["LossCurve", "Report", "html_page"]

FINAL: Final = ("oracle-clicks", 2)


@final
@dataclass(frozen=True)
class LossCurve:
    """How one training went.

    Attributes:
        protocol: whose images it saw.
        run: its name.
        losses: (epoch, mean loss).
        scores: (epoch, validation score); may be empty.
    """

    protocol: str
    run: str
    losses: Sequence[tuple[float, float]]
    scores: Sequence[tuple[float, float]]


@final
@dataclass(frozen=True, eq=False)
class Report:
    """All that the page shows.

    Attributes:
        model: name of the model that was loaded.
        command: that made it.
        facts: further lines of what was done, by name.
        protocols: that were run.
        left_out: protocols that could not be run, and why.
        statistics: of the table.
        stages: pictures of the stages, by protocol.
        overlays: pictures of best, median and worst, by protocol.
        curves: of the trainings.
    """

    model: str
    command: str
    facts: Mapping[str, str]
    protocols: Sequence[Protocol]
    left_out: Mapping[str, str]
    statistics: Statistics
    stages: Mapping[str, Sequence[Strip]] = field(default_factory=dict)
    overlays: Mapping[str, Sequence[Strip]] = field(default_factory=dict)
    curves: Sequence[LossCurve] = ()


def html_page(report: Report) -> str:
    """The page."""
    body = "".join(
        [
            _head(report),
            *(_protocol(report, protocol) for protocol in report.protocols),
            _losses(report),
            _method(report),
        ]
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><title>ClickSAM with {escape(report.model)}</title><style>{STYLE}</style></head>'
        f"<body><main>{body}</main></body></html>\n"
    )


def _head(report: Report) -> str:
    cards = []
    for protocol in report.protocols:
        interval = report.statistics.mean(Cell(protocol.name, "clicksam", *FINAL))
        if interval is not None:
            cards.append(
                f'<div class="card"><b>{share(interval.mean)}</b><span>{escape(PROTOCOLS[protocol.name].title)}</span>'
                f"<span>[{share(interval.low)}, {share(interval.high)}], {interval.count} images</span></div>"
            )
    cards.append(
        f'<div class="card peer"><b>{share(PAPER["ClickSAM"])}</b><span>the paper</span><span>ViT-B; train = test, 647 '
        "images</span></div>"
    )
    left_out = "".join(
        f'<p class="note">Left out: {escape(PROTOCOLS[name].title)}. {escape(why)}</p>'
        for name, why in report.left_out.items()
    )
    return (
        '<p class="kicker">promptseg · reproduction</p>'
        f"<h1>ClickSAM with {escape(report.model)}</h1>"
        '<p class="lead">Two stages of clicks (arXiv 2402.05902), beside four other ways to adapt the same network. '
        "Mean mask IoU of ClickSAM's final mask with the paper's clicks, oracle:</p>"
        f'<div class="cards">{"".join(cards)}</div><p class="note"><b>Oracle scores.</b> {escape(ORACLE)}</p>{left_out}'
    )


def _protocol(report: Report, protocol: Protocol) -> str:
    entry = PROTOCOLS[protocol.name]
    tag = '<span class="tag">held out</span>' if entry.honest else '<span class="tag bad">resubstitution</span>'
    headings, rows = score_table(report.statistics, protocol.name, "iou")
    others = "".join(
        f"<details><summary>{title}</summary>{_table(score_table(report.statistics, protocol.name, score))}</details>"
        for score, title in SCORE_TITLES.items()
        if score != "iou"
    )
    return (
        f"<h2>{escape(entry.title)} {tag}</h2><p>{escape(entry.note)} {escape(sizes(protocol))}.</p>"
        f"{_charts(report, protocol)}"
        f"<h3>Mask IoU, oracle: mean with 95 % interval</h3>{_table((headings, rows))}"
        "<h3>ClickSAM minus each other arm: paired difference of the IoU</h3>"
        f"{_table(difference_table(report.statistics, protocol.name), signed=True)}{others}"
        f"{_strips('The stages, as in Fig. 1 and 2 of the paper', report.stages.get(protocol.name, ()), key=True)}"
        f"{_strips('Best, median and worst by ClickSAM, oracle clicks', report.overlays.get(protocol.name, ()))}"
    )


def _charts(report: Report, protocol: Protocol) -> str:
    figures = []
    means = {
        question: {
            arm: interval
            for arm in ARMS
            if (interval := report.statistics.mean(Cell(protocol.name, arm, question.prompter, question.step)))
        }
        for question in QUESTIONS
    }
    ends = [value for found in means.values() for interval in found.values() for value in (interval.low, interval.high)]
    if not ends:
        return ""
    span = max(0.0, min(ends) - 0.02), min(1.0, max(ends) + 0.02)
    chosen = (FINAL, ("simulated-user", 3), ("tight-box", 1), ("jittered-box", 1))
    for question, found in means.items():
        if (question.prompter, question.step) in chosen:
            titled = {arm: (ARMS[arm].title, interval) for arm, interval in found.items()}
            figures.append(forest(titled, title=f"IoU, oracle: {question.title}", span=span))
    lines = [
        Line(ARMS[arm].title, ARM_COLOURS[arm], list(enumerate(report.statistics.curve(protocol.name, arm), start=1)))
        for arm in ARMS
    ]
    figures.append(
        curves(
            [line for line in lines if line.points],
            title="Simulated user",
            axes=("clicks", "mean IoU, oracle"),
            whole=True,
        )
    )
    return f'<div class="grid">{"".join(figures)}</div>'


def _table(table: Table, *, signed: bool = False) -> str:
    headings, rows = table
    head = "".join(f"<th>{escape(heading)}</th>" for heading in ["", *headings])
    lines = []
    for arm, intervals in rows:
        cells = []
        for interval in intervals:
            mean, _, rest = spread(interval, signed=signed).partition(" ")
            word = noted_difference(interval) if signed and interval else ""
            marked = f' class="{word}"' if word in {"ahead", "behind"} else ""
            cells.append(f"<td{marked}>{mean}{f'<small>{rest}</small>' if rest else ''}</td>")
        own = ' class="own"' if arm == "clicksam" else ""
        lines.append(f"<tr{own}><td>{escape(ARMS[arm].title)}</td>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(lines)}</tbody></table></div>'


def _strips(title: str, strips: Sequence[Strip], *, key: bool = False) -> str:
    if not strips:
        return ""
    parts = [f"<h3>{escape(title)}</h3>"]
    if key:
        colours = (("right", TRUE_POSITIVE), ("missed", FALSE_NEGATIVE), ("too much", FALSE_POSITIVE))
        parts.append(
            "<p>"
            + "".join(f'<span class="key" style="background:rgb{colour}"></span>{name}' for name, colour in colours)
            + "</p>"
        )
    for strip in strips:
        parts.append(f'<p class="strip-title">{escape(strip.title)} <span>{escape(strip.detail)}</span></p>')
        pictures = "".join(
            f'<figure><img src="{data_uri(panel.pixels)}" alt="{escape(panel.caption)}"><figcaption>'
            f"{escape(panel.caption)}</figcaption></figure>"
            for panel in strip.panels
        )
        parts.append(f'<div class="strip" style="--n:{len(strip.panels)}">{pictures}</div>')
    return "".join(parts)


def _losses(report: Report) -> str:
    figures = []
    for curve in report.curves:
        if curve.losses:
            lines = [Line("training loss", ARM_COLOURS["clicksam"], curve.losses)]
            figures.append(curves(lines, title=f"{curve.protocol}, {curve.run}", axes=("epoch", "loss"), whole=True))
        if curve.scores:
            lines = [Line("validation IoU, oracle", ARM_COLOURS["medsam"], curve.scores)]
            figures.append(curves(lines, title=f"{curve.protocol}, {curve.run}", axes=("epoch", "IoU"), whole=True))
    return f'<h2>How the trainings went</h2><div class="grid">{"".join(figures)}</div>' if figures else ""


def _method(report: Report) -> str:
    def listed(pairs: Sequence[tuple[str, str]]) -> str:
        return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs) + "</dl>"

    arms = [(entry.title, entry.note) for name, entry in ARMS.items() if name in report.statistics.arms]
    differences = "".join(f"<li>{escape(text)}</li>" for text in DIFFERENCES)
    sections = {
        "Arms": listed(arms),
        "Prompts, all from the reference": listed(PROMPTS),
        "Figures": f"<p>{escape(FIGURES)}</p>",
        "What differs from the paper": f"<ul>{differences}</ul>",
        "This run": f"{listed(list(report.facts.items()))}<pre>{escape(report.command)}</pre><p>{escape(SOURCES)}</p>",
    }
    return "<h2>What was compared</h2>" + "".join(f"<h3>{name}</h3>{text}" for name, text in sections.items())
