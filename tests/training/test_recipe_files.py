"""Recipes: all mistakes at once, overrides, paths, the way back to TOML."""

from pathlib import Path

import pytest
from phantom_samples import write_inputs

from promptseg.errors import ReadError, RecipeError
from promptseg.training.recipe_files import read_recipe, recipe_toml

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
OURS = sorted(path for path in RECIPES.rglob("*.toml") if "promptseg train" in path.read_text(encoding="utf-8"))


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text("""
name = "x"
seed = -1
trainig = { epochs = 3 }
[data]
source = "busi"
path = "a"
labels = [3]
[model]
trained = "brain"
[optimiser]
learning_rate = 1e-4
[curriculum]
name = "single-click"
points = "random"
[training]
precision = "fp16"
""")
    with pytest.raises(RecipeError) as caught:
        read_recipe(path, overrides=["optimiser.lr=fast", "nonsense"])
    text = str(caught.value)
    assert "the recipe has 10 mistakes" in text
    for words in (
        "seed: expected greater than or equal to 0; got -1",
        "trainig: unknown setting (did you mean 'training'?)",
        "data.split: is missing",
        "data.labels: expected a valid string; got 3",
        "model.trained: expected 'decoder', 'prompt-encoder+decoder', 'encoder+decoder' or 'all'; got 'brain'",
        "optimiser.learning_rate: unknown setting",
        "optimiser.lr: expected a valid number; got 'fast'",
        "curriculum.points: unknown setting (did you mean 'point'?)",
        "training.precision: expected 'float32' or 'bf16'; got 'fp16'",
        "--set 'nonsense': expected KEY=VALUE",
    ):
        assert words in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["training.epochs=3", "training.steps=4"], "either `epochs` or `steps`"),
        (["model.trained=all", "training.embeddings=cached"], "trains the encoder"),
        (["model.trained=decoder", "augmentation.preset=light"], "training.augmented_copies: expected 1 or more"),
        (["training.augmented_copies=2"], "training.augmented_copies: expected 0"),
        (["schedule.name=steps"], "`at` is needed"),
        (["schedule.name=steps", "schedule.at=[0.5, 0.2]"], "must rise"),
        (["curriculum.name=singleclick"], "did you mean 'single-click'"),
        (["validation.prompter=clicks:0"], "validation.prompter"),
        (["name.first=1"], "name is no table"),
        (["loss.dice=0", "loss.bce=0"], "all weights"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, changes: list[str], words: str) -> None:
    with pytest.raises(RecipeError, match=words.replace("(", r"\(")):
        read_recipe(write_inputs(tmp_path), overrides=changes)


def test_files_that_are_no_recipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "torn.toml").write_text("name = 'a' b")
    with pytest.raises(RecipeError, match=r"no valid TOML.*line 1"):
        read_recipe(tmp_path / "torn.toml")
    (tmp_path / "picture.toml").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(RecipeError, match="no valid TOML"):
        read_recipe(tmp_path / "picture.toml")
    with pytest.raises(RecipeError, match="is a folder"):
        read_recipe(tmp_path)
    with pytest.raises(ReadError, match="cannot be read"):
        read_recipe(tmp_path / "none.toml")


def test_values_of_the_command_line_are_typed_as_in_toml(tmp_path: Path) -> None:
    changes = [
        "optimiser.lr=5e-5",
        "data.labels=['a','b']",
        "name=a name",
        "data.options.suffix=_m",
        "training.batch=7",
    ]
    recipe = read_recipe(write_inputs(tmp_path), overrides=changes)
    assert recipe.optimiser.lr == 5e-5
    assert recipe.data.labels == ["a", "b"]
    assert recipe.name == "a name"
    assert recipe.data.options == {"suffix": "_m"}
    assert recipe.training.batch == 7


def test_paths_begin_where_they_were_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_inputs(tmp_path / "recipes")
    monkeypatch.chdir(tmp_path)
    recipe = read_recipe(path, overrides=["data.path=mine", "training.embeddings_folder=/kept"])
    assert recipe.data.split == str(tmp_path / "recipes" / "split.csv")
    assert recipe.data.path == str(tmp_path / "mine")
    assert recipe.model.name == str(tmp_path / "recipes" / "tiny.safetensors")
    assert recipe.training.embeddings_folder == "/kept"
    assert read_recipe(path, overrides=["model.name=sam-vit-b"]).model.name == "sam-vit-b"


def test_a_written_recipe_is_the_same_recipe(tmp_path: Path) -> None:
    changes = ["data.options={suffix='_m', \"odd key\"=[1, true]}", 'name=quote " and \\ \u00fc', "schedule.name=steps"]
    recipe = read_recipe(write_inputs(tmp_path), overrides=[*changes, "schedule.at=[0.5]", "loss.preset=sam"])
    (tmp_path / "again.toml").write_text(recipe_toml(recipe), encoding="utf-8")
    again = read_recipe(tmp_path / "again.toml")
    assert recipe_toml(again) == recipe_toml(recipe)
    assert again.model_dump(exclude={"curriculum"}) == recipe.model_dump(exclude={"curriculum"})
    assert '[curriculum]\nname = "single-click"\npoint = ' in recipe_toml(recipe)


@pytest.mark.parametrize("path", OURS, ids=lambda path: str(path.relative_to(RECIPES)))
def test_the_recipes_of_the_project_are_valid(path: Path) -> None:
    read_recipe(path)
