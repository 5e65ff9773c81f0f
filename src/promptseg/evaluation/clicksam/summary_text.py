"""The summary: the tables of the report as Markdown."""

from promptseg.evaluation.clicksam.arms import ARMS
from promptseg.evaluation.clicksam.page import Report
from promptseg.evaluation.clicksam.protocols import PROTOCOLS
from promptseg.evaluation.clicksam.wording import (
    ORACLE,
    SCORE_TITLES,
    Table,
    difference_table,
    score_table,
    sizes,
    spread,
)

__all__ = ["markdown_summary"]


def markdown_summary(report: Report) -> str:
    """Tables of all protocols, with what they mean."""
    lines = [f"# ClickSAM with {report.model}", "", f"{ORACLE} 95 % intervals in brackets.", ""]
    lines += [f"- {name}: {text}" for name, text in report.facts.items()]
    lines += [f"- left out: {name}. {why}" for name, why in report.left_out.items()]
    lines += ["", f"    {report.command}", ""]
    for protocol in report.protocols:
        entry = PROTOCOLS[protocol.name]
        lines += [f"## {entry.title}", "", f"{entry.note} {sizes(protocol)}.", ""]
        for score, title in SCORE_TITLES.items():
            lines += [f"### {title} (oracle)", "", *_table(score_table(report.statistics, protocol.name, score)), ""]
        lines += ["### ClickSAM minus each other arm, mask IoU (oracle, paired)", ""]
        lines += [*_table(difference_table(report.statistics, protocol.name), signed=True), ""]
    return "\n".join(lines)


def _table(table: Table, *, signed: bool = False) -> list[str]:
    headings, rows = table
    lines = [f"| | {' | '.join(headings)} |", "| --- |" + " --- |" * len(headings)]
    for arm, intervals in rows:
        cells = (spread(interval, signed=signed) for interval in intervals)
        lines.append(f"| {ARMS[arm].title} | {' | '.join(cells)} |")
    return lines
