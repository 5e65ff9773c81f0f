"""The files of a study's figures: CSV that is read again, LaTeX that is well-formed."""

import re
from pathlib import Path

import pandas as pd
import pytest
from study_tables import MODEL, study_table

from promptseg.errors import UnknownNameError
from promptseg.evaluation.study.analysis import clicks_needed, overall_means, task_means, write_tables
from promptseg.evaluation.study.analysis.figures import figure
from promptseg.evaluation.study.analysis.latex import clicks_latex, escaped, latex_table, modes_latex
from promptseg.evaluation.study.recipe import StatisticsSettings, StudyRecipe

SETTINGS = StatisticsSettings(resamples=50)
TABLE = study_table(images=3, clicks=4)


def recipe(**statistics: object) -> StudyRecipe:
    return StudyRecipe.model_validate(
        {
            "name": "a study",
            "seed": 2,
            "data": [{"name": "busi", "path": "busi"}],
            "experiments": {"clicks": {"count": 4, "targets": [0.8]}},
            "statistics": {"resamples": 50, **statistics},
        }
    )


def test_every_table_is_written_and_read_again(tmp_path: Path) -> None:
    table = TABLE[TABLE["task"] == "busi"]
    files = write_tables(table, recipe(), tmp_path / "new" / "tables")
    assert [path.name for path in files] == [
        "means.csv",
        "overall.csv",
        "strata.csv",
        "ranking_of_models.csv",
        "ranking_of_prompters.csv",
        "comparisons.csv",
        "usefulness.csv",
        "clicks_needed.csv",
        "ambiguity.csv",
        "reliability.csv",
        "depth.csv",
        "depth_effect.csv",
        "size.csv",
        "size_across_tasks.csv",
        "modes_wide.csv",
        "clicks_wide.csv",
        "modes.tex",
        "clicks.tex",
    ]
    assert sorted(path.name for path in (tmp_path / "new" / "tables").iterdir()) == sorted(path.name for path in files)
    means = pd.read_csv(files[0])
    assert set(means["metric"]) == {"iou", "dice", "box_iou"}
    wanted = task_means(table, "dice", SETTINGS, seed=2)
    found = means[means["metric"] == "dice"]
    for column in ("mean", "low", "high", "n_failed"):
        assert found[column].to_numpy() == pytest.approx(wanted[column].to_numpy(), rel=1e-5)
    assert pd.read_csv(files[7])["max_clicks"].unique().tolist() == [4]


def test_tables_without_rows_are_not_written(tmp_path: Path) -> None:
    table = TABLE.drop(columns=["dice", "box_iou"])
    assert write_tables(table[:0], recipe(), tmp_path) == []
    assert list(tmp_path.iterdir()) == []
    modes = write_tables(table[table["prompter"] == "mode-3"], recipe(), tmp_path)
    assert {"clicks_needed.csv", "clicks.tex", "depth.csv"}.isdisjoint(path.name for path in modes)


def test_the_primary_metric_is_in_the_table(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="no metric 'nsd'"):
        write_tables(TABLE, recipe(primary="nsd"), tmp_path)


def test_words_are_escaped() -> None:
    assert escaped(r"a_b & c%$#{}~^\ ") == (r"a\_b \& c\%\$\#\{\}\textasciitilde{}\textasciicircum{}\textbackslash{} ")


def rows_of(text: str) -> list[list[str]]:
    """Cells of the body of a LaTeX table."""
    body = text[text.index(r"\endlastfoot") :]
    return [re.split(r"(?<!\\)&", line) for line in body.splitlines() if line.endswith(r"\\")]


def well_formed(text: str) -> bool:
    """Whether braces match, each row has as many cells as there are columns, and the rules are those of booktabs."""
    plain = text.replace(r"\{", "").replace(r"\}", "").replace(r"\_", "")
    columns = len(re.findall(r"\{longtable\}\{([lr]+)\}", text)[0])
    rules = [text.count(rule) for rule in (r"\toprule", r"\bottomrule", r"\begin{longtable}", r"\end{longtable}")]
    return (
        plain.count("{") == plain.count("}")
        and plain.count("$") % 2 == 0
        and "_" not in plain
        and {len(row) for row in rows_of(text)} == {columns}
        and rules == [2, 1, 1, 1]
    )


def test_the_table_of_modes() -> None:
    table = TABLE.assign(task=TABLE["task"].replace("busi", "busi_2 & more"))
    means, overall = task_means(table, "iou", SETTINGS), overall_means(table, "iou", SETTINGS)
    text = modes_latex(means, overall, "iou", SETTINGS)
    assert well_formed(text)
    rows = rows_of(text)
    contenders = means[means["experiment"] == "modes"].groupby(["task", "model", "policy"]).ngroups
    assert len(rows) == contenders * 4 / 3, "a group for each task, and one over tasks"
    assert [row[0].strip() for row in rows if row[0].strip()] == [
        r"busi\_2 \& more", "organs: liver", "organs: kidney", "Mean over tasks"
    ]  # fmt: skip
    first = means[(means["model"] == MODEL) & (means["prompter"] == "mode-3") & (means["policy"] == "single")].iloc[0]
    cell = next(row for row in rows if row[1].strip() == "default (single)")[5]
    assert f"[{figure(first['low'])}, {figure(first['high'])}]" in cell
    assert figure(first["mean"]) in cell
    assert "oracle prompts" in text


def test_the_best_of_each_mode_is_bold_and_never_the_oracle() -> None:
    means = task_means(TABLE, "iou", SETTINGS)
    rows = rows_of(modes_latex(means, overall_means(TABLE, "iou", SETTINGS), "iou", SETTINGS))
    bold = [row for row in rows if any("mathbf" in cell for cell in row)]
    assert sum(cell.count("mathbf") for row in bold for cell in row) == 5 * 4
    assert not any("oracle" in row[1] for row in bold)
    one = means[(means["task"] == "busi") & (means["prompter"] == "mode-1") & (means["policy"] != "oracle")]
    best = one.loc[one["mean"].idxmax()]
    found = next(row for row in rows if r"\mathbf" in row[3])
    assert found[1].strip() == f"{best['model']} ({best['policy']})"
    assert rf"\mathbf{{{figure(best['mean'])}}}" in found[3]


def test_the_table_of_clicks() -> None:
    means, clicks = task_means(TABLE, "iou", SETTINGS), clicks_needed(TABLE, [0.8, 0.9], SETTINGS)
    text = clicks_latex(means, clicks, "iou", SETTINGS)
    assert well_formed(text)
    assert "NoC@80 (failed) & NoC@90 (failed)" in text
    assert "1 click & 2 clicks & 3 clicks & 4 clicks" in text
    row = next(row for row in rows_of(text) if "mask handed back" in row[1])
    wanted = clicks[(clicks["feedback"]) & (clicks["target"] == 0.8)].iloc[0]
    assert row[1].strip() == f"{wanted['model']} ({wanted['policy']}, mask handed back)"
    assert f"${wanted['noc']:.2f}$" in row[7]
    assert f"({wanted['failures']}/{wanted['n_curves']})" in row[7]


def test_groups_have_a_line_between() -> None:
    text = latex_table(["A", "B", "$n$"], [[["a", "b", "1"]], [["c", "d", "2"]]], caption="Words.", label="tab:x")
    assert "a & b & 1 \\\\\n\\midrule\nc & d & 2 \\\\\n\\end{longtable}" in text
    assert well_formed(text)
