"""What the table of a study says: figures with intervals, each a function of the table alone."""

from promptseg.evaluation.study.analysis.cells import ALL_PLACES, CELL, FAILED_IOU, image_means, read_table, with_tasks
from promptseg.evaluation.study.analysis.clicking import clicks_needed
from promptseg.evaluation.study.analysis.comparing import FEWEST_GROUPS, PEER_NAMES, compare, holm
from promptseg.evaluation.study.analysis.confidence import BINS, ambiguity, reliability
from promptseg.evaluation.study.analysis.means import by_stratum, overall_means, rankings, task_means
from promptseg.evaluation.study.analysis.places import BORDER, CENTRE, by_depth, depth_effect
from promptseg.evaluation.study.analysis.published import (
    best_modes,
    gain,
    read_task_table,
    table_means,
    wide_table,
)
from promptseg.evaluation.study.analysis.sizes import by_size, size_across_tasks
from promptseg.evaluation.study.analysis.tables import write_tables
from promptseg.evaluation.study.analysis.useful import usefulness

__all__ = [
    "ALL_PLACES",
    "BINS",
    "BORDER",
    "CELL",
    "CENTRE",
    "FAILED_IOU",
    "FEWEST_GROUPS",
    "PEER_NAMES",
    "ambiguity",
    "best_modes",
    "by_depth",
    "by_size",
    "by_stratum",
    "clicks_needed",
    "compare",
    "depth_effect",
    "gain",
    "holm",
    "image_means",
    "overall_means",
    "rankings",
    "read_table",
    "read_task_table",
    "reliability",
    "size_across_tasks",
    "table_means",
    "task_means",
    "usefulness",
    "wide_table",
    "with_tasks",
    "write_tables",
]
