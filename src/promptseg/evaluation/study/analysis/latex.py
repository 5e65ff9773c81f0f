"""Tables for a paper: LaTeX with the packages booktabs and longtable."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from promptseg.evaluation.study.analysis.cells import Frame, higher_is_better
from promptseg.evaluation.study.analysis.comparing import PEER_NAMES
from promptseg.evaluation.study.analysis.figures import figure, metric_title
from promptseg.evaluation.study.recipe import StatisticsSettings
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["clicks_latex", "escaped", "latex_table", "modes_latex"]

_SPECIAL: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_SHOWN_CLICKS: Final = (1, 2, 3, 5, 10, 15, 20)
"""Numbers of clicks that have a column, beside the last."""

_ORACLE: Final = (
    "All prompts are made from the reference masks (oracle prompts). Rows named \\emph{oracle} also take the candidate "
    "mask of the highest true IoU, which no user knows; they are never printed bold."
)


def escaped(text: str) -> str:
    r"""Text as LaTeX prints it.

    >>> print(escaped("busi_2: 50 % & more"))
    busi\_2: 50 \% \& more
    """
    return "".join(_SPECIAL.get(sign, sign) for sign in text)


def latex_table(header: Sequence[str], groups: Sequence[Sequence[Sequence[str]]], *, caption: str, label: str) -> str:
    """A table that may break across pages; all words are LaTeX already.

    Args:
        header: of columns; the first two are words and stand left, the others right.
        groups: of rows, with a line between groups.
        caption: above it.
        label: to refer to.
    """
    layout = "ll" + "r" * (len(header) - 2)
    head = f"\\toprule\n{_line(header)}\\midrule\n"
    body = "\\midrule\n".join("".join(map(_line, rows)) for rows in groups)
    return (
        "% needs \\usepackage{booktabs,longtable}\n"
        f"\\begin{{longtable}}{{{layout}}}\n\\caption{{{caption}}}\\label{{{label}}}\\\\\n"
        f"{head}\\endfirsthead\n{head}\\endhead\n\\bottomrule\n\\endlastfoot\n{body}\\end{{longtable}}\n"
    )


def modes_latex(means: Frame, overall: Frame, metric: str, settings: StatisticsSettings) -> str:
    """The table of prompt modes: each task, model and policy, with intervals; the best of each task and mode in bold.

    Args:
        means: of :func:`~promptseg.evaluation.study.analysis.task_means`.
        overall: of :func:`~promptseg.evaluation.study.analysis.overall_means`.
        metric: of both.
        settings: resamples and level.
    """
    rows, total = (frame[frame["experiment"] == "modes"] for frame in (means, overall))
    prompters = list(rows["prompter"].unique())
    groups = [
        [
            [escaped(task) if not number else "", *_named(row), *_cells(row, prompters, "prompter", metric)]
            for number, row in enumerate(_contenders(_in_bold(group, ["prompter"], metric)))
        ]
        for task, group in [*rows.groupby("task", sort=False, observed=True), *_over_tasks(total, rows)]
    ]
    words = [escaped(name.replace("mode-", "Mode ")) for name in prompters]
    caption = f"Mean {metric_title(metric)} of each way to prompt. {_method(settings)} {_ORACLE}"
    return latex_table(["Task", "Model (mask)", "$n$", *words], groups, caption=caption, label="tab:modes")


def clicks_latex(means: Frame, clicks: Frame, metric: str, settings: StatisticsSettings) -> str:
    """The table of clicks: each task, rule, model and policy; the score after some clicks, NoC and failures.

    Args:
        means: of :func:`~promptseg.evaluation.study.analysis.task_means`.
        clicks: of :func:`~promptseg.evaluation.study.analysis.clicks_needed`.
        metric: of the means.
        settings: resamples and level.
    """
    rows = means[means["experiment"] == "clicks"]
    last = int(rows["step"].max()) if len(rows) else 0
    steps = [step for step in range(1, last + 1) if step in _SHOWN_CLICKS or step == last]
    targets = list(clicks["target"].unique())
    groups = []
    for (task, prompter), group in rows.groupby(["task", "prompter"], sort=False, observed=True):
        here = clicks[(clicks["task"] == task) & (clicks["prompter"] == prompter)]
        lines = []
        for row in _contenders(_in_bold(group, ["step"], metric)):
            needed = [_needed(here, row.iloc[0], target) for target in targets]
            lines.append(["", *_named(row), *_cells(row, steps, "step", metric), *needed])
        lines[0][0] = f"{escaped(task)}, {escaped(prompter)}"
        groups.append(lines)
    header = ["Task, clicks", "Model (mask)", "$n$", *(f"{step} click" + "s" * (step > 1) for step in steps)]
    header += [f"NoC@{100 * target:g} (failed)" for target in targets]
    most = ", ".join(f"{count}" for count in clicks["max_clicks"].unique())
    caption = (
        f"Mean {metric_title(metric)} after so many clicks, and mean number of clicks over objects until the IoU "
        f"reaches a target (NoC, {most or 'no'} clicks at most), with the number of click sequences that never do. "
        f"{_method(settings)} {_ORACLE}"
    )
    return latex_table(header, groups, caption=caption, label="tab:clicks")


def _over_tasks(total: Frame, rows: Frame) -> list[tuple[str, Frame]]:
    """The mean over tasks as one more group, where there are several."""
    if rows["task"].nunique() < 2:
        return []
    return [("Mean over tasks", total)]


def _contenders(group: Frame) -> list[Frame]:
    """The rows of each model, policy and feedback, in the order in which they appear."""
    return [rows for _, rows in group.groupby(["model", "policy", "feedback"], sort=False, observed=True)]


def _named(row: Frame) -> list[str]:
    """Who it is, and of how many images its figures are."""
    first = row.iloc[0]
    policy = r"\emph{oracle}" if first["policy"] == ORACLE_CHOICE else escaped(first["policy"])
    words = escaped(first["model"])
    if first["model"] not in PEER_NAMES:
        words += f" ({policy}{', mask handed back' if first['feedback'] else ''})"
    counts = sorted(set(row["n_images"]))
    return [words, f"{counts[0]}" if len(counts) == 1 else f"{counts[0]}--{counts[-1]}"]


def _in_bold(group: Frame, column: list[str], metric: str) -> Frame:
    """The rows, with whether they are the best of their column among those not chosen by the reference."""
    merit = (group["mean"] if higher_is_better(metric) else -group["mean"]).where(group["policy"] != ORACLE_CHOICE)
    best = merit.groupby([group[name] for name in column], observed=True).transform("max")
    return group.assign(bold=np.isclose(merit, best, rtol=0, atol=1e-12))


def _cells(row: Frame, columns: Sequence[Any], name: str, metric: str) -> list[str]:
    known = {one[name]: one for one in row.to_dict("records")}
    return [_cell(known.get(column), metric) for column in columns]


def _cell(row: dict[Any, Any] | None, metric: str) -> str:
    if row is None:
        return ""
    mean = figure(row["mean"], metric)
    mean = f"\\mathbf{{{mean}}}" if row["bold"] else mean
    return f"${mean}$ {{\\scriptsize $[{figure(row['low'], metric)}, {figure(row['high'], metric)}]$}}"


def _needed(clicks: Frame, row: Any, target: float) -> str:  # noqa: ANN401 (a row of a table)
    same = (clicks["target"] == target) & (clicks[["model", "policy"]] == row[["model", "policy"]]).all(axis=1)
    found = clicks[same & (clicks["feedback"] == row["feedback"])]
    if found.empty:
        return ""
    one = found.iloc[0]
    interval = f"{{\\scriptsize $[{one['low']:.2f}, {one['high']:.2f}]$}}"
    return f"${one['noc']:.2f}$ {interval} ({one['failures']}/{one['n_curves']})"


def _method(settings: StatisticsSettings) -> str:
    return (
        "$n$: images; the mean over the objects of an image counts once. In brackets: "
        f"{100 * settings.level:g}\\,\\% percentile bootstrap intervals over groups of images "
        f"({settings.resamples} resamples), not corrected for the number of figures."
    )


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + " \\\\\n"
