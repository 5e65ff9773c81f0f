"""Recipes of studies: all mistakes at once, overrides by name and number, the way back to TOML, the project's own."""

from pathlib import Path

import pytest
from phantom_study import phantom_study

from promptseg.errors import RecipeError
from promptseg.evaluation.study.recipe_files import (
    planned_experiments,
    quick_recipe,
    read_study_recipe,
    study_recipe_toml,
)

RECIPES = Path(__file__).resolve().parents[3] / "recipes" / "study"
OURS = sorted(RECIPES.glob("*.toml"))


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("""
name = "x"
seed = -1
metrics = ["iou"]
[[data]]
name = "busi"
pth = "a"
parts = [3]
[[model]]
name = "default"
polices = ["first"]
[[model]]
policies = ["best"]
[peers]
names = ["elipse"]
[experiments.modes]
modes = [6]
[experiments.click]
count = 3
[statistics]
level = 2
""")
    with pytest.raises(RecipeError) as caught:
        read_study_recipe(path, overrides=["experiments.location.places=many", "nonsense", "data.usgra.path=x"])
    text = str(caught.value)
    for words in (
        "seed: expected greater than or equal to 0; got -1",
        "data.busi.path: is missing",
        "data.busi.pth: unknown setting (did you mean 'path'?)",
        "data.busi.parts: expected a valid string; got 3",
        "model.default.polices: unknown setting (did you mean 'policies'?)",
        "model.1.name: is missing",
        "model.1.policies: expected 'first', 'best-score'",
        "peers.names: expected 'ellipse', 'disc'",
        "experiments.modes.modes: expected less than or equal to 5; got 6",
        "experiments.click: unknown setting (did you mean 'clicks'?)",
        "experiments.location.places: expected a valid integer; got 'many'",
        "statistics.level: expected less than 1; got 2",
        "--set 'nonsense': expected KEY=VALUE",
        "--set 'data.usgra.path=x': data has no entry 'usgra'",
    ):
        assert words in text
    assert "the recipe has 14 mistakes" in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["metrics=['iou','dise']"], "metrics: expected names of metrics; got 'dise' (did you mean 'dice'?)"),
        (["metrics=['nsd']"], "tolerance: is missing, since the metric 'nsd' needs it"),
        (["statistics.primary=hd95"], "statistics.primary: expected one of the metrics"),
        (["model.1.name=fake"], "model: expected a name for each; 'fake' stands there 2 times"),
        (["model.fake.name=ellipse", "peers.names=['ellipse']"], "another name than that of a peer; got 'ellipse'"),
        (["model=[{name='defalt'}]"], "model.defalt.weights: is missing, since 'defalt' is no model of the table (did"),
        (["model.fake.like=sam"], "model.fake.like: expected a model of the table; got 'sam'"),
        (["model=[]"], "model: expected a model, or peers.names; got neither"),
        (["data.phantoms.source=png"], "data.phantoms.source: expected auto, busi"),
        (["data.phantoms.options={lables=['a']}"], "data.phantoms.options: lables: no such option"),
        (["data.phantoms.parts=['train']"], "train stands in train too"),
        (["experiments={}"], "experiments: expected one or more of modes, clicks"),
        (["experiments.modes.modes=[]", "experiments.modes.extra=[]"], "both lists are empty"),
        (["model.other.experiments=['everything']"], "model.other.experiments: expected one that is done (modes"),
        (["statistics.compare=[['fake','othr']]"], "got 'othr' (did you mean 'other'?)"),
        (["statistics.compare=[['fake','fake']]"], "expected two names; got 'fake' twice"),
        (["experiments.modes.modes=[1,2,1]"], "experiments.modes.modes: expected each value once; got 1 twice"),
        (["model.fake.policies=['first','first']"], "model.fake.policies: expected each value once"),
        (["data={name='a'}"], "data: expected a list of tables, [[data]]"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, changes: list[str], words: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read_study_recipe(phantom_study(tmp_path, count=2), overrides=changes)
    assert words in str(caught.value)


def test_entries_are_called_by_name_or_number_and_paths_begin_where_they_were_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = phantom_study(tmp_path / "here", count=2)
    monkeypatch.chdir(tmp_path)
    changes = ["data.phantoms.path=mine", "data.0.limit=2", "model.other.weights=sam-vit-b", "name=another"]
    recipe = read_study_recipe(path, overrides=changes)
    assert recipe.data[0].path == str(tmp_path / "mine")
    assert recipe.data[0].split == str(tmp_path / "here" / "split.csv")
    assert recipe.data[0].limit == 2
    assert [model.weights for model in recipe.model] == [str(tmp_path / "here" / "fake.bin"), "sam-vit-b"]
    assert recipe.name == "another"


def test_an_experiment_is_added_by_an_empty_table(tmp_path: Path) -> None:
    path = phantom_study(tmp_path, count=2)
    assert planned_experiments(read_study_recipe(path)) == ("modes", "clicks", "noise", "location")
    more = read_study_recipe(path, overrides=["experiments.everything={}", "experiments.modes.extra=[]"])
    assert planned_experiments(more) == ("modes", "clicks", "noise", "location", "everything")
    assert more.experiments.everything is not None
    assert more.experiments.everything.grids == [32]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_the_recipes_of_the_project_are_valid_and_come_back_from_what_is_written(path: Path, tmp_path: Path) -> None:
    recipe = read_study_recipe(path)
    (tmp_path / "again.toml").write_text(study_recipe_toml(recipe), encoding="utf-8")
    assert read_study_recipe(tmp_path / "again.toml") == recipe
    for data in recipe.data:
        assert data.split is None or Path(data.split).is_file()


def test_the_project_has_recipes() -> None:
    assert {path.stem for path in OURS} >= {"quick", "five_sets"}


def test_a_quick_study_is_the_same_but_smaller() -> None:
    recipe = read_study_recipe(RECIPES / "five_sets.toml")
    quick = quick_recipe(recipe)
    assert all(data.limit == 2 and data.most_objects > 0 for data in quick.data)
    assert quick.experiments.clicks is not None
    assert quick.experiments.clicks.count == 3
    assert planned_experiments(quick) == planned_experiments(recipe)
    assert quick.model == recipe.model


def test_the_recipe_of_the_how_to_page_is_valid(tmp_path: Path) -> None:
    page = (RECIPES.parents[1] / "docs" / "how-to" / "study.md").read_text(encoding="utf-8")
    (tmp_path / "recipe.toml").write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    recipe = read_study_recipe(tmp_path / "recipe.toml")
    assert planned_experiments(recipe) == ("modes", "clicks", "noise", "location")
