"""From the folder of a study to its report and its tables."""

from collections.abc import Callable, Mapping
from pathlib import Path

from promptseg._version import __version__
from promptseg.data.samples import Sample
from promptseg.evaluation.study.analysis import read_table, write_tables
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.report.by_task import tasks_section
from promptseg.evaluation.study.report.clicking import clicks_section
from promptseg.evaluation.study.report.examples import examples_section
from promptseg.evaluation.study.report.extent import size_section
from promptseg.evaluation.study.report.findings import Findings, find
from promptseg.evaluation.study.report.method import method_section
from promptseg.evaluation.study.report.modes import modes_section
from promptseg.evaluation.study.report.page import html_page
from promptseg.evaluation.study.report.pairs import pairs_section, strata_section
from promptseg.evaluation.study.report.places import places_section
from promptseg.evaluation.study.report.remaking import Remake
from promptseg.evaluation.study.report.robustness import everything_section, noise_section
from promptseg.evaluation.study.report.summary import answer, summary_section, useful_section
from promptseg.evaluation.study.report.trust import trust_section
from promptseg.io.atomic import replacing

__all__ = ["write_report"]


def write_report(
    folder: Path,
    recipe: StudyRecipe,
    facts: Mapping[str, str],
    samples: Callable[[str, str], Sample] | None,
    *,
    remake: Remake | None = None,
) -> Path:
    """Write ``report.html``, one page that needs no network, and the folder ``tables``, from the table of the study.

    Args:
        folder: of the study, with ``table.parquet``; its ``recipe.toml`` is shown where there is one.
        recipe: of the study.
        facts: what else is known of the run and should stand on the page: versions, machine, weights, command.
        samples: an image by data set and name, for the examples; None leaves them out.
        remake: makes the mask of a row of the table again, see
            :class:`~promptseg.evaluation.study.report.Remaker`; None leaves masks out of the examples.

    Returns:
        Where the page is.

    Raises:
        ReadError: there is no table, or it is another one.
        UnknownNameError: the recipe's primary metric is not in the table.
        ValueRangeError: a score is not a finite number.
        WriteError: the page or a table cannot be written; nothing half-written is left.
    """
    table = read_table(folder / "table.parquet")
    write_tables(table, recipe, folder / "tables")
    findings = find(table, recipe, facts)
    found = (
        summary_section(findings),
        useful_section(findings),
        modes_section(findings),
        clicks_section(findings),
        pairs_section(findings),
        trust_section(findings),
        places_section(findings),
        size_section(findings),
        noise_section(findings),
        everything_section(findings),
        strata_section(findings),
        examples_section(findings, samples, remake),
        tasks_section(findings),
        method_section(findings, folder),
    )
    page = html_page(
        recipe.name,
        answer(findings),
        _counts(findings),
        [section for section in found if section is not None],
        footer=f"Made by promptseg {__version__}. Research software, not a medical device.",
    )
    path = folder / "report.html"
    with replacing(path) as file:
        file.write(page.encode())
    return path


def _counts(findings: Findings) -> list[tuple[str, str]]:
    """What the study is made of, in large letters."""
    table = findings.table
    objects = len(table.drop_duplicates(["dataset", "label", "image", "object"]))
    found = [
        (len(findings.tasks), "task", "tasks"),
        (len(table.drop_duplicates(["dataset", "image"])), "image", "images"),
        (objects, "object", "objects"),
        (len(findings.models), "model", "models"),
        (len(findings.peers), "trivial peer", "trivial peers"),
        (len(table), "evaluation", "evaluations"),
    ]
    return [(f"{number:,}", one if number == 1 else many) for number, one, many in found]
