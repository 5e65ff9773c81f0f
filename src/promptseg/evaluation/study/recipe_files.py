"""Recipes of studies in TOML files: read with all mistakes reported at once, and written back whole."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from promptseg.data.sources import SOURCES, source_options
from promptseg.errors import PromptsegError
from promptseg.evaluation.study.recipe import ExperimentSettings, StudyRecipe
from promptseg.metrics import METRICS
from promptseg.models.zoo import MODELS
from promptseg.training.toml_tables import (
    ANY,
    PathKeys,
    mistakes_of,
    nearest,
    override,
    read_toml,
    recipe_error,
    toml_text,
)

__all__ = ["QUICK", "planned_experiments", "quick_recipe", "read_study_recipe", "study_recipe_toml"]

QUICK: Final = "quick: a few images and prompts, to see that everything works; the figures mean nothing"
"""What the report of a quick study says of itself."""

_PATHS: Final = PathKeys(
    (("data", ANY, "path"), ("data", ANY, "split"), ("model", ANY, "weights")), model=("model", ANY, "weights")
)
_QUICK_IMAGES: Final = 2


def read_study_recipe(path: Path, *, overrides: Sequence[str] = ()) -> StudyRecipe:
    """Read a recipe, with settings of the command line in place of its own.

    Args:
        path: a TOML file. Relative paths in it begin at its folder.
        overrides: each ``key=value``, such as ``data.busi.path=/images/busi`` or ``experiments.clicks.count=5``, the
            value as in TOML; what is no TOML is taken as text. An entry of ``[[data]]`` or ``[[model]]`` is called by
            its name, or by its number from 0. Relative paths begin at the current folder.

    Raises:
        ReadError: the file cannot be read.
        RecipeError: names all mistakes, each with its key, what was expected and what was given.
    """
    values = read_toml(path)
    _PATHS.make_absolute(values, path.resolve().parent)
    mistakes = [mistake for text in overrides for mistake in override(values, text, _PATHS)]
    recipe: StudyRecipe | None = None
    try:
        recipe = StudyRecipe.model_validate(values)
    except ValidationError as error:
        mistakes += mistakes_of(error, StudyRecipe, values)
    if recipe is not None:
        mistakes += contradictions(recipe)
    if recipe is None or mistakes:
        raise recipe_error(path, mistakes)
    return recipe


def study_recipe_toml(recipe: StudyRecipe) -> str:
    """The recipe with all its defaults, as TOML that :func:`read_study_recipe` turns back."""
    return toml_text(recipe.model_dump(mode="json", exclude_none=True), nested=("experiments",))


def quick_recipe(recipe: StudyRecipe) -> StudyRecipe:
    """The same study of so few images and prompts that it takes a minute."""
    data = [
        entry.model_copy(update={"limit": _QUICK_IMAGES, "most_objects": entry.most_objects or 2})
        for entry in recipe.data
    ]
    done = recipe.experiments
    changes: dict[str, BaseModel] = {}
    if done.clicks is not None:
        changes["clicks"] = done.clicks.model_copy(
            update={"count": min(done.clicks.count, 3), "counts": {}, "repeats": 1}
        )
    if done.noise is not None:
        changes["noise"] = done.noise.model_copy(update={"repeats": 1})
    if done.location is not None:
        changes["location"] = done.location.model_copy(update={"places": min(done.location.places, 5)})
    if done.everything is not None:
        grids = [min(side, 8) for side in done.everything.grids[:1]]
        changes["everything"] = done.everything.model_copy(update={"grids": grids, "limit": 1})
    statistics = recipe.statistics.model_copy(update={"resamples": min(recipe.statistics.resamples, 200)})
    experiments = done.model_copy(update=changes)
    return recipe.model_copy(update={"data": data, "experiments": experiments, "statistics": statistics})


def planned_experiments(recipe: StudyRecipe) -> tuple[str, ...]:
    """Names of the experiments that are done."""
    return tuple(name for name in ExperimentSettings.model_fields if getattr(recipe.experiments, name) is not None)


def contradictions(recipe: StudyRecipe) -> Iterator[str]:
    """What is wrong with a recipe whose types are right."""
    yield from _metrics(recipe)
    yield from _names(recipe)
    yield from _sources(recipe)
    yield from _experiments(recipe)
    yield from _pairs(recipe)
    yield from _repeated(recipe.model_dump(), ())


def _metrics(recipe: StudyRecipe) -> Iterator[str]:
    for name in recipe.metrics:
        if name not in METRICS:
            yield f"metrics: expected names of metrics; got {name!r}{nearest(name, METRICS)}"
        elif METRICS[name].uses_tolerance and recipe.tolerance is None:
            yield f"tolerance: is missing, since the metric {name!r} needs it"
    primary = recipe.statistics.primary
    if primary != "iou" and primary not in recipe.metrics:
        yield f"statistics.primary: expected one of the metrics {', '.join(recipe.metrics)}; got {primary!r}"


def _names(recipe: StudyRecipe) -> Iterator[str]:
    names = {"data": [entry.name for entry in recipe.data], "model": [entry.name for entry in recipe.model]}
    for table, given in names.items():
        for name, count in Counter(given).items():
            if count > 1:
                yield f"{table}: expected a name for each; {name!r} stands there {count} times"
    for name in sorted(set(names["model"]) & set(recipe.peers.names)):
        yield f"model.{name}.name: expected another name than that of a peer; got {name!r}"
    for model in recipe.model:
        if model.weights is None and model.name not in MODELS:
            hint = nearest(model.name, MODELS)
            yield f"model.{model.name}.weights: is missing, since {model.name!r} is no model of the table{hint}"
        if model.like is not None and model.like not in MODELS:
            yield f"model.{model.name}.like: expected a model of the table; got {model.like!r}"
    if not recipe.model and not recipe.peers.names:
        yield "model: expected a model, or peers.names; got neither"


def _sources(recipe: StudyRecipe) -> Iterator[str]:
    for data in recipe.data:
        if data.source not in SOURCES and data.source != "auto":
            known = ["auto", *SOURCES]
            yield f"data.{data.name}.source: expected {', '.join(known)}; got {data.source!r}"
        elif data.source != "auto":
            try:
                source_options(data.source, **data.options)
            except PromptsegError as error:
                yield f"data.{data.name}.options: {error}"
        if data.split is not None and set(data.parts) & set(data.train):
            both = ", ".join(sorted(set(data.parts) & set(data.train)))
            yield f"data.{data.name}.parts: expected parts from which nothing is learned; {both} stands in train too"


def _experiments(recipe: StudyRecipe) -> Iterator[str]:
    done = planned_experiments(recipe)
    if not done:
        known = ", ".join(ExperimentSettings.model_fields)
        yield f"experiments: expected one or more of {known}, such as [experiments.modes]; got none"
        return
    modes = recipe.experiments.modes
    if modes is not None and not modes.modes and not modes.extra:
        yield "experiments.modes: expected modes or extra; both lists are empty"
    for model in recipe.model:
        if model.experiments and not set(model.experiments) & set(done):
            yield (
                f"model.{model.name}.experiments: expected one that is done ({', '.join(done)}); got "
                f"{', '.join(model.experiments)}"
            )


def _pairs(recipe: StudyRecipe) -> Iterator[str]:
    known = [*(model.name for model in recipe.model), *recipe.peers.names]
    for pair in recipe.statistics.compare:
        for name in pair:
            if name not in known:
                yield f"statistics.compare: expected names of models or peers; got {name!r}{nearest(name, known)}"
        if pair[0] == pair[1]:
            yield f"statistics.compare: expected two names; got {pair[0]!r} twice"


def _repeated(values: Mapping[str, Any], key: tuple[str, ...]) -> Iterator[str]:
    """Values that stand twice in one list, which would be evaluated twice."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            if name != "options":
                yield from _repeated(value, (*key, name))
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for entry in value:
                yield from _repeated(entry, (*key, name, str(entry["name"])))
        elif isinstance(value, list):
            twice = [item for number, item in enumerate(value) if item in value[:number]]
            if twice:
                yield f"{'.'.join((*key, name))}: expected each value once; got {twice[0]!r} twice"
