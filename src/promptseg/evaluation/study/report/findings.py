"""All figures of a report, computed once from the table of the study."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import pandas as pd

from promptseg.evaluation.study.analysis import (
    by_stratum,
    clicks_needed,
    compare,
    overall_means,
    task_means,
    usefulness,
)
from promptseg.evaluation.study.analysis.cells import Frame, higher_is_better
from promptseg.evaluation.study.analysis.figures import metric_title
from promptseg.evaluation.study.recipe import ClicksSettings, StatisticsSettings, StudyRecipe
from promptseg.evaluation.study.report.blocks import Note
from promptseg.evaluation.study.report.entrants import Entrant, entrants
from promptseg.evaluation.study.report.headlines import Headline, headlines
from promptseg.evaluation.study.report.numbers import counted, percent
from promptseg.evaluation.study.report.wording import GRID_PROMPTS, ORACLE_PROMPTS, policy_title
from promptseg.evaluation.study.rows import ORACLE_CHOICE

__all__ = ["Findings", "Frame", "choices", "find", "headline_rows", "sizes"]


@final
@dataclass(frozen=True, eq=False)
class Findings:
    """What the report shows.

    Attributes:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`, with the columns ``image_id``, ``object_id``
            and ``group_id``.
        top: its rows of the headlines, each entrant with its headline policy.
        recipe: of the study.
        facts: what else is known of the run, by name.
        entrants: models and peers, in the order of all tables.
        headlines: ways to prompt that stand in the summary.
        means: of each task, see :func:`~promptseg.evaluation.study.analysis.task_means`.
        overall: over tasks, of those who took part in all that others did with the same prompts.
        comparisons: of the rows ``top``.
        useful: likewise.
        clicks: clicks needed.
        strata: likewise.
    """

    table: Frame
    top: Frame
    recipe: StudyRecipe
    facts: Mapping[str, str]
    entrants: tuple[Entrant, ...]
    headlines: tuple[Headline, ...]
    means: Frame
    overall: Frame
    comparisons: Frame
    useful: Frame
    clicks: Frame
    strata: Frame

    @property
    def metric(self) -> str:
        """The metric of the report."""
        return self.recipe.statistics.primary

    @property
    def title(self) -> str:
        """The metric's name for people."""
        return metric_title(self.metric)

    @property
    def higher(self) -> bool:
        """Whether a higher value is better."""
        return higher_is_better(self.metric)

    @property
    def settings(self) -> StatisticsSettings:
        """How intervals are made."""
        return self.recipe.statistics

    @property
    def tasks(self) -> tuple[str, ...]:
        """Tasks in the order of the table."""
        return tuple(self.table["task"].unique())

    @property
    def models(self) -> tuple[Entrant, ...]:
        """Entrants that are no trivial peers."""
        return tuple(one for one in self.entrants if not one.peer)

    @property
    def peers(self) -> tuple[Entrant, ...]:
        """Trivial peers."""
        return tuple(one for one in self.entrants if one.peer)

    @property
    def width(self) -> str:
        """How wide intervals are."""
        return percent(self.settings.level)

    def present(self, frame: Frame) -> list[Entrant]:
        """Entrants of whom a frame has rows, in the order of all tables."""
        names = set(frame["model"].unique())
        return [one for one in self.entrants if one.name in names]

    def chosen(self, frame: Frame) -> Frame:
        """Rows in which each entrant has its headline policy."""
        return headline_rows(frame, self.entrants)

    def note(self, rows: Frame, *, unit: str = "", choice: str = "", more: str = "") -> Note:
        """The note of a figure that shows these rows of the table, with intervals."""
        return Note(
            n=sizes(rows),
            unit=unit or "image (mean over its objects and repetitions)",
            prompts=GRID_PROMPTS if set(rows["experiment"].unique()) == {"everything"} else ORACLE_PROMPTS,
            choice=choice or choices(rows, self.models),
            more=more or f"{self.width} bootstrap intervals over groups of images",
        )


def find(table: Frame, recipe: StudyRecipe, facts: Mapping[str, str]) -> Findings:
    """Compute what the report shows.

    Args:
        table: of :func:`~promptseg.evaluation.study.analysis.read_table`.
        recipe: of the study.
        facts: what else is known of the run, by name.
    """
    settings, metric, seed = recipe.statistics, recipe.statistics.primary, recipe.seed
    table = _numbered(table)
    who, ways = entrants(table, recipe), headlines(table)
    of_headlines = [way.of(table) for way in ways]
    top = headline_rows(pd.concat(of_headlines).drop_duplicates() if ways else table[:0], who)
    return Findings(
        table=table,
        top=top,
        recipe=recipe,
        facts=facts,
        entrants=who,
        headlines=ways,
        means=_shared_words(task_means(table, metric, settings, seed=seed)),
        overall=_shared_words(_of_all_tasks(overall_means(table, metric, settings, seed=seed))),
        comparisons=_shared_words(compare(top, metric, settings, seed=seed)),
        useful=_shared_words(usefulness(top, metric, settings, seed=seed)),
        clicks=_shared_words(_needed(table, recipe)),
        strata=_shared_words(by_stratum(top, metric, settings, seed=seed)),
    )


def _of_all_tasks(overall: Frame) -> Frame:
    """Of means over tasks those of as many tasks as any other with the same prompts: the others do not compare."""
    same_prompts = ["experiment", "prompter", "level", "feedback", "step"]
    most = overall.groupby(same_prompts, observed=True, dropna=False)["n_tasks"].transform("max")
    return overall[overall["n_tasks"] == most]


def headline_rows(frame: Frame, who: tuple[Entrant, ...]) -> Frame:
    """Rows in which each entrant has its headline policy, or the one that it has where that was not evaluated."""
    kept = frame["model"].map({one.name: one.policy for one in who}) == frame["policy"]
    reached = set(map(tuple, frame.loc[kept, ["model", "experiment"]].drop_duplicates().itertuples(index=False)))
    for model, experiment in frame[["model", "experiment"]].drop_duplicates().itertuples(index=False):
        if (model, experiment) in reached:
            continue
        rows = (frame["model"] == model) & (frame["experiment"] == experiment)
        kept |= rows & (frame["policy"] == _best_known(set(frame.loc[rows, "policy"])))
    return frame[kept]


def sizes(rows: Frame) -> str:
    """How many images, objects, groups and tasks rows of the findings' table are of."""
    images, objects, groups, tasks = (rows[name].nunique() for name in ("image_id", "object_id", "group_id", "task"))
    words = counted(images, "image")
    more = [counted(objects, "object")] if objects != images else []
    more += [counted(groups, "group")] if groups != images else []
    more += [counted(tasks, "task")] if tasks > 1 else []
    return f"{words} ({', '.join(more)})" if more else words


def choices(rows: Frame, models: Sequence[Entrant]) -> str:
    """How masks were chosen in rows of the table or of a figure, in words; peers give one mask each."""
    pairs = rows.loc[rows["model"].isin([one.name for one in models]), ["model", "policy"]].drop_duplicates()
    by_policy = {policy: sorted(set(names)) for policy, names in pairs.groupby("policy", observed=True)["model"]}
    if not by_policy:
        return "one mask each"
    if len(by_policy) == 1:
        return policy_title(next(iter(by_policy)))
    if sum(map(len, by_policy.values())) > pairs["model"].nunique():
        return "as named"
    return "; ".join(f"{policy_title(policy)} ({', '.join(names)})" for policy, names in by_policy.items())


def _numbered(table: Frame) -> Frame:
    """The table with numbers for images, objects and groups, which are counted again and again."""
    table = _shared_words(table)
    keys = {
        "image_id": ["dataset", "image"],
        "object_id": ["dataset", "label", "image", "object"],
        "group_id": ["dataset", "group"],
    }
    numbers = {name: table.groupby(columns, sort=False).ngroup() for name, columns in keys.items()}
    return table.assign(**numbers)


def _shared_words(frame: Frame) -> Frame:
    """The same frame, of whose words equal ones are one object, so that rows are picked and compared quickly."""
    words = frame.select_dtypes(include=["object", "string"]).columns.drop("prompts", errors="ignore")
    return frame.assign(**{name: frame[name].astype("category").astype(object) for name in words})


def _needed(table: Frame, recipe: StudyRecipe) -> Frame:
    """Clicks needed, with the targets and the most clicks of the recipe."""
    clicks = recipe.experiments.clicks or ClicksSettings()
    return clicks_needed(table, clicks.targets, recipe.statistics, seed=recipe.seed)


def _best_known(policies: set[str]) -> str:
    honest = sorted(policies - {ORACLE_CHOICE})
    return honest[0] if honest else ORACLE_CHOICE
