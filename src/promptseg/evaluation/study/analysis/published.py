"""Tables of many tasks, one row each: those that Mazurowski et al. published, and a study's own in the same layout.

Two layouts are known. Modes: ``task,m1,m1-orc,m2,...``, mean IoU of each prompt mode, ``-orc`` for masks chosen by the
reference. Clicks: ``task,SAM 1,SAM 9,SAM-orc 1,RITM 1,...``, mean IoU of a model after so many clicks. Where a table
holds more than that, a column of modes begins with the model, ``+mask`` says that the mask before was handed back, and
a policy stands in brackets at the end: ``default m1-orc``, ``default+mask 3 (best-score)``.

Source of the layouts: the CSV files of github.com/mazurowski-lab/segment-anything-medical-evaluation (MedIA 2023,
doi 10.1016/j.media.2023.102918).
"""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any, Final

import pandas as pd

from promptseg.errors import ReadError, UnknownNameError
from promptseg.evaluation.study.analysis.cells import CELL, Frame
from promptseg.evaluation.study.analysis.means import rankings
from promptseg.evaluation.study.rows import ORACLE_CHOICE
from promptseg.io.files import existing, one_line, shown

__all__ = ["best_modes", "gain", "read_task_table", "table_means", "wide_table"]

_MODES: Final = re.compile(r"(?:(?P<model>.+) )?m(?P<mode>[1-5])(?P<oracle>-orc)?(?: \((?P<policy>[a-z-]+)\))?")
_CLICKS: Final = re.compile(
    r"(?P<model>.+?)(?P<oracle>-orc)?(?P<mask>\+mask)? (?P<step>[1-9][0-9]*)(?: \((?P<policy>[a-z-]+)\))?"
)


def read_task_table(path: str | Path, *, model: str = "SAM", policy: str = "first") -> Frame:
    """A published table in either layout, as a long one.

    Args:
        path: the CSV file; an empty field is a task that was not evaluated.
        model: of columns that name none.
        policy: of columns that name none and are not ``-orc``. The published script takes the first mask.

    Returns:
        One row for each task and column: :data:`~promptseg.evaluation.study.analysis.CELL`, ``mean`` and ``column``,
        its name in the file; what :func:`~promptseg.evaluation.study.analysis.rankings` takes.

    Raises:
        ReadError: if there is no such file, it has another layout, names a task twice, or a mean is no number.
    """
    place = existing(path)
    try:
        reader = csv.reader(io.StringIO(place.read_text(encoding="utf-8-sig"), newline=""))
        header, *lines = [(reader.line_num, line) for line in reader if line] or [(0, [""])]
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ReadError(f"{shown(place)}: cannot be read as a table of tasks ({one_line(error)})") from None
    names = [name.strip() for name in header[1]]
    if names[0] != "task" or len(names) < 2:
        raise ReadError(f"{shown(place)}: the first column must be 'task', then one for each mode or number of clicks")
    columns = {name: _parsed(name, model, policy) for name in names[1:]}
    unknown = [name for name, cell in columns.items() if cell is None]
    if unknown:
        raise ReadError(f"{shown(place)}: column {unknown[0]!r} is neither a mode (m1, m1-orc) nor clicks (SAM 1)")
    rows: list[dict[str, Any]] = []
    for number, line in lines:
        if len(line) != len(names):
            raise ReadError(f"{shown(place)}: line {number} has {len(line)} fields, not {len(names)}")
        for name, word in zip(names[1:], line[1:], strict=True):
            cell = columns[name]
            if cell is not None and word.strip():
                rows.append({"task": line[0].strip(), **cell, "mean": _mean(word, place, number), "column": name})
    found = pd.DataFrame(rows, columns=[*CELL, "mean", "column"])
    twice = found.loc[found.duplicated(["task", "column"]), "task"]
    if len(twice):
        raise ReadError(f"{shown(place)}: task {twice.iloc[0]!r} stands there twice, or a column does")
    return found


def table_means(frame: Frame) -> Frame:
    """Mean and median over tasks of each column.

    Args:
        frame: of :func:`read_task_table`.

    Returns:
        ``column``, ``mean``, ``median`` and ``n_tasks``, in the order of the file.
    """
    columns = frame.groupby("column", sort=False, observed=True)["mean"]
    return columns.agg(mean="mean", median="median", n_tasks="size").reset_index()


def best_modes(frame: Frame) -> Frame:
    """In how many tasks each mode is the best; masks chosen by the reference do not count.

    Args:
        frame: of :func:`read_task_table`, or of :func:`~promptseg.evaluation.study.analysis.task_means`.

    Returns:
        ``model``, ``policy``, ``prompter``, ``mean``, ``mean_rank``, ``wins`` (ties shared), ``alone`` (better than all
        others), ``best_or_equal`` and ``n_tasks``; the best mean rank first.
    """
    rows = frame[(frame["experiment"] == "modes") & (frame["policy"] != ORACLE_CHOICE)]
    found = rankings(rows, of="prompter")
    contest = rows.groupby(["model", "policy", "feedback", "step", "task"], sort=False, observed=True)["mean"]
    best = rows["mean"] == contest.transform("max")
    alone = best & (
        best.groupby([rows[name] for name in ("model", "policy", "task")], observed=True).transform("sum") == 1
    )
    keys = ["model", "policy", "prompter"]
    counts = (
        rows.assign(alone=alone, best_or_equal=best)
        .groupby(keys, observed=True)[["alone", "best_or_equal"]]
        .sum()
        .reset_index()
    )
    merged = found.merge(counts, on=keys, how="left")
    return merged[[*keys, "mean", "mean_rank", "wins", "alone", "best_or_equal", "n_tasks"]]


def gain(frame: Frame, first: str, second: str) -> Frame:
    """Difference of two columns in each task that has both.

    Args:
        frame: of :func:`read_task_table`.
        first: a column, such as ``m4``.
        second: a column, such as ``m2``.

    Returns:
        ``task``, ``first``, ``second`` and ``gain`` (first - second), in the order of the file.

    Raises:
        UnknownNameError: if there is no such column.
    """
    sides = []
    for column, side in ((first, "first"), (second, "second")):
        rows = frame.loc[frame["column"] == column, ["task", "mean"]]
        if rows.empty:
            known = ", ".join(frame["column"].unique())
            raise UnknownNameError(f"the table has no column {column!r}; choose from {known}")
        sides.append(rows.rename(columns={"mean": side}))
    both = sides[0].merge(sides[1], on="task")
    return both.assign(gain=both["first"] - both["second"])


def wide_table(means: Frame, experiment: str = "modes", *, prompter: str | None = None) -> Frame:
    """Means of a study in the layout of the published tables, one row for each task.

    Names of models and policies are left out where there is but one (of policies: but one beside ``oracle``).

    Args:
        means: of :func:`~promptseg.evaluation.study.analysis.task_means`.
        experiment: ``modes`` or ``clicks``.
        prompter: whose clicks; by default the first that there is.

    Returns:
        ``task`` and a column for each mode or number of clicks; NaN where a task was not evaluated.

    Raises:
        UnknownNameError: if it is neither experiment.
    """
    if experiment not in {"modes", "clicks"}:
        raise UnknownNameError(f"no layout is known for experiment {experiment!r}; choose from modes, clicks")
    rows = means[means["experiment"] == experiment]
    names = [f"mode-{mode}" for mode in range(1, 6)]
    if experiment == "clicks":
        names = [prompter] if prompter is not None else list(rows["prompter"].iloc[:1])
    rows = rows[rows["prompter"].isin(names)]
    models = rows["model"].nunique()
    chosen = rows.loc[rows["policy"] != ORACLE_CHOICE, ["model", "policy"]].drop_duplicates()
    several = set(chosen.loc[chosen.duplicated("model", keep=False), "model"])
    named = _mode_column if experiment == "modes" else _click_column
    columns = [named(row, models > 1, row["model"] in several) for row in rows.to_dict("records")]
    tasks, order = rows["task"].unique(), list(dict.fromkeys(columns))
    wide = rows.assign(column=columns).pivot_table(index="task", columns="column", values="mean", observed=True)
    wide = wide.reindex(index=tasks, columns=order)
    return wide.rename_axis(columns=None).rename_axis(index="task").reset_index()


def _parsed(name: str, model: str, policy: str) -> dict[str, Any] | None:
    """What a column is about; None if its name is of neither layout."""
    modes, clicks = _MODES.fullmatch(name), _CLICKS.fullmatch(name)
    found = modes or clicks
    if found is None:
        return None
    words = found.groupdict()
    cell = {
        "model": words["model"] or model,
        "level": math.nan,
        "policy": ORACLE_CHOICE if words["oracle"] else words["policy"] or policy,
        "feedback": bool(words.get("mask")),
    }
    if modes is not None:
        return cell | {"experiment": "modes", "prompter": f"mode-{words['mode']}", "step": 1}
    return cell | {"experiment": "clicks", "prompter": "clicks-study", "step": int(words["step"])}


def _mean(word: str, place: Path, number: int) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ReadError(f"{shown(place)}: line {number} must hold numbers after the task, got {word.strip()[:40]!r}")
    return value


def _mode_column(row: dict[Any, Any], with_model: bool, with_policy: bool) -> str:
    model = f"{row['model']} " if with_model else ""
    return f"{model}m{row['prompter'].removeprefix('mode-')}{_policy(row, with_policy)}"


def _click_column(row: dict[Any, Any], _: bool, with_policy: bool) -> str:
    oracle, mask = "-orc" * (row["policy"] == ORACLE_CHOICE), "+mask" * bool(row["feedback"])
    policy = f" ({row['policy']})" if with_policy and not oracle else ""
    return f"{row['model']}{oracle}{mask} {row['step']}{policy}"


def _policy(row: dict[Any, Any], with_policy: bool) -> str:
    if row["policy"] == ORACLE_CHOICE:
        return "-orc"
    return f" ({row['policy']})" if with_policy else ""
