"""The report of a study: one page that needs no network, made from the table alone."""

from promptseg.evaluation.study.report.remaking import Remake, Remaker
from promptseg.evaluation.study.report.writing import write_report

__all__ = ["Remake", "Remaker", "write_report"]
