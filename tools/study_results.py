"""Write the tables of a finished study as Markdown.

Run ``python -m tools.study_results DIR --output docs/results/study/tables.md``.

Needs a study with the experiments of recipes/study/five_sets.toml; nothing is computed but figures of its table.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from promptseg.evaluation.study.analysis import (
    PEER_NAMES,
    ambiguity,
    clicks_needed,
    compare,
    depth_effect,
    overall_means,
    read_table,
    size_across_tasks,
    task_means,
    usefulness,
)
from promptseg.evaluation.study.analysis.figures import figure, signed, spread
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.recipe_files import read_study_recipe
from promptseg.io.atomic import replacing

MODES = [f"mode-{number}" for number in range(1, 6)]
CLICKS = (1, 3, 5, 9, 20)
MAIN = {
    "mode-1": "a click in the largest part",
    "mode-3": "a box of the largest part",
    "mode-4": "a box of each part",
    "mode-5": "one box of everything",
}
NOTHING = "-"

Rows = Iterable[dict[str, Any]]


def records(frame: pd.DataFrame) -> Rows:
    """Rows as mappings."""
    rows: list[dict[str, Any]] = frame.to_dict("records")
    return rows


def with_interval(row: dict[str, Any], mean: str = "mean", *, sign: bool = False) -> str:
    """A figure and its interval."""
    value = signed(row[mean]) if sign else figure(row[mean])
    return f"{value} {spread(row['low'], row['high'], sign=sign)}"


def markdown(heads: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def modes(means: pd.DataFrame) -> str:
    """Five modes by task, model and choice of the mask."""
    rows = means[(means["experiment"] == "modes") & means["prompter"].isin(MODES)]
    lines = []
    for (task, model, policy), of_row in rows.groupby(["task", "model", "policy"], sort=False, observed=True):
        cells = {row["prompter"]: with_interval(row) for row in records(of_row)}
        images = str(of_row["n_images"].max())
        lines.append([task, model, policy, *(cells.get(mode, NOTHING) for mode in MODES), images])
    return markdown(["task", "model", "mask choice", *(mode.replace("-", " ") for mode in MODES), "images"], lines)


def clicks(means: pd.DataFrame, needed: pd.DataFrame, recipe: StudyRecipe) -> str:
    """The curve of RITM's rule, and the clicks that are needed."""
    settings = recipe.experiments.clicks
    targets = settings.targets if settings is not None else []
    keys = ["task", "model", "policy", "feedback"]
    rows = means[means["prompter"] == "clicks-ritm"]
    found = {
        (*(row[key] for key in keys), row["target"]): row
        for row in records(needed[needed["prompter"] == "clicks-ritm"])
    }
    lines = []
    for key, of_row in rows.groupby(keys, sort=False, observed=True):
        after = {row["step"]: figure(row["mean"]) for row in records(of_row)}
        noc = [found[*key, target] for target in targets]
        lines.append(
            [
                *map(str, key[:3]),
                "yes" if key[3] else "no",
                *(after.get(step, NOTHING) for step in CLICKS),
                *(f"{row['noc']:.1f} ({row['failures']} of {row['n_curves']})" for row in noc),
            ]
        )
    heads = [*keys[:2], "mask choice", "mask back", *(f"IoU {step}" for step in CLICKS)]
    return markdown([*heads, *(f"NoC@{100 * target:.0f}" for target in targets)], lines)


def useful(found: pd.DataFrame) -> str:
    """Whether a model is ahead of the best trivial peer with the same prompts."""
    kept = found[found["prompter"].isin(MAIN) & found["policy"].isin(["single"])]
    lines = [
        [
            MAIN[row["prompter"]],
            row["task"],
            row["model"],
            figure(row["mean"]),
            f"{row['peer']} {figure(row['peer_mean'])}",
            with_interval(row, "difference", sign=True),
            f"{row['holm_p']:.2g}",
            "**useful**" if row["useful"] else "not shown to be",
        ]
        for row in records(kept.sort_values(["prompter", "task", "model"], kind="stable"))
    ]
    return markdown(["prompt", "task", "model", "IoU", "best peer", "difference", "Holm p", "verdict"], lines)


def comparisons(found: pd.DataFrame) -> str:
    """Pairs of models, mode by mode and after some clicks."""
    asked = found["prompter"].isin(["mode-1", "mode-4"]) | (
        (found["prompter"] == "clicks-ritm") & found["step"].isin([5, 20]) & found["feedback"]
    )
    kept = found[asked & (found["policy_first"] == "single") & (found["policy_second"] == "single")]
    lines = [
        [
            row["task"],
            row["prompter"] + (f", {row['step']} clicks" if row["experiment"] == "clicks" else ""),
            f"{row['first']} - {row['second']}",
            with_interval(row, "difference", sign=True),
            f"{row['wilcoxon_p']:.2g}",
            f"{row['holm_p']:.2g}",
            row["verdict"],
        ]
        for row in records(kept)
    ]
    return markdown(["task", "prompts", "difference", "mean", "Wilcoxon p", "Holm p", "the first is"], lines)


def noise(overall: pd.DataFrame) -> str:
    """Mean over tasks by level of noise."""
    rows = overall[(overall["experiment"] == "noise") & (overall["policy"] == "single")]
    names = list(dict.fromkeys(rows["model"]))
    lines = []
    for (prompter, level), of_row in rows.groupby(["prompter", "level"], sort=False, observed=True):
        cells = {row["model"]: with_interval(row) for row in records(of_row)}
        lines.append([prompter, f"{level:g}", *(cells.get(name, NOTHING) for name in names)])
    return markdown(["prompter", "level", *names], lines)


def trust(found: pd.DataFrame) -> str:
    """What the predicted score is worth."""
    rows = found[found["prompter"].isin(["mode-1", "mode-4"]) & found["policy"].isin(["single", "best-score"])]
    lines = [
        [
            row["task"],
            row["model"],
            row["prompter"],
            row["policy"],
            f"{figure(row['rho'])} {spread(row['rho_low'], row['rho_high'])}",
            figure(row["calibration_error"]),
            f"{signed(row['oracle_gain'])} {spread(row['gain_low'], row['gain_high'], sign=True)}",
        ]
        for row in records(rows)
    ]
    heads = [
        "task",
        "model",
        "prompter",
        "mask choice",
        "Spearman of score and IoU",
        "calibration error",
        "oracle gain",
    ]
    return markdown(heads, lines)


def places(found: pd.DataFrame) -> str:
    """Clicks in the middle and near the border."""
    lines = [
        [
            row["task"],
            row["model"],
            figure(row["centre_mean"]),
            figure(row["border_mean"]),
            with_interval(row, "difference", sign=True),
            figure(row["rho"]),
        ]
        for row in records(found[found["policy"] == "single"])
    ]
    return markdown(["task", "model", "centre", "border", "difference", "Spearman of depth and IoU"], lines)


def across(found: pd.DataFrame) -> str:
    """Whether tasks with larger objects score higher."""
    kept = found[found["prompter"].isin(MAIN) & (found["policy"] == "single")]
    lines = [
        [row["model"], row["prompter"], figure(row["rho"]), f"{row['p']:.2g}", str(row["n_tasks"])]
        for row in records(kept)
    ]
    return markdown(["model", "prompter", "Spearman", "p", "tasks"], lines)


def everything(means: pd.DataFrame) -> str:
    """The best of all masks for each object."""
    lines = [
        [
            row["task"],
            row["model"],
            f"{row['level']:g}",
            with_interval(row),
            str(row["n_objects"]),
            str(row["n_images"]),
        ]
        for row in records(means[means["experiment"] == "everything"])
    ]
    return markdown(["task", "model", "grid", "IoU of the best mask", "objects", "images"], lines)


def page(folder: Path) -> str:
    """All tables of a study."""
    recipe, table = read_study_recipe(folder / "recipe.toml"), read_table(folder / "table.parquet")
    settings, seed = recipe.statistics, recipe.seed
    means = task_means(table, "iou", settings, seed=seed)
    overall = overall_means(table, "iou", settings, seed=seed)
    overall = overall[overall["n_tasks"] == table["task"].nunique()]
    targets = recipe.experiments.clicks.targets if recipe.experiments.clicks is not None else []
    needed = clicks_needed(table, targets, settings, seed=seed)
    asked = table[table["prompter"].isin(MAIN) & (table["policy"] == "single")]
    models = table[~table["model"].isin(PEER_NAMES)]
    objects = table[["task", "image", "label", "object"]].drop_duplicates()
    sections = {
        "Five modes": modes(means),
        "Five modes, mean over tasks": modes(overall.assign(task="mean of tasks")),
        "Clicks by RITM's rule": clicks(means, needed, recipe),
        "Useful or not": useful(usefulness(asked, "iou", settings, seed=seed)),
        "Models compared": comparisons(compare(models, "iou", settings, seed=seed)),
        "Noise, mean over tasks": noise(overall),
        "What the predicted score is worth": trust(ambiguity(models, settings, seed=seed)),
        "Where one clicks": places(depth_effect(table, "iou", settings, seed=seed)),
        "Size across tasks": across(size_across_tasks(models, "iou")),
        "Segment everything": everything(means),
    }
    images = len(objects[["task", "image"]].drop_duplicates())
    head = (
        f"# {recipe.name}: tables\n\nMade by `python -m tools.study_results` from the {len(table):,} rows of one study "
        f"({len(objects)} objects; {images} pairs of task and image). All prompts were made from the reference (oracle "
        "prompts); the mask choice `oracle` sees the reference too. Means over images with "
        f"{settings.level:.0%} bootstrap intervals over groups of near-duplicates. [What they say](index.md).\n"
    )
    return head + "".join(f"\n## {title}\n\n{text}\n" for title, text in sections.items())


def main() -> None:
    """Read a study, write a page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", type=Path)
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args()
    with replacing(given.output) as file:
        file.write(page(given.study).encode())


if __name__ == "__main__":
    main()
