"""Whole studies of a fake on phantoms: killed, interrupted, in shards, merged; and everything that is refused."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fakes import FakeSegmenter
from phantom_study import (
    copied_without_some_parts,
    fake_segmenter,
    no_report,
    phantom_study,
    same_but_times,
    study_recipe,
    table_of,
)

from promptseg.errors import PromptError, ReadError, StudyError, ValueRangeError, WriteError
from promptseg.evaluation.study import study
from promptseg.evaluation.study.recipe import ModelSettings, StudyRecipe
from promptseg.evaluation.study.recipe_files import read_study_recipe
from promptseg.evaluation.study.rows import KEY, TIMES
from promptseg.evaluation.study.running import Bench
from promptseg.evaluation.study.study import Options, Study, merge_studies, remake_report, run_study
from promptseg.types import Embedding, Image, Pixels

Run = Callable[..., Study]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Do a study without its report."""
    monkeypatch.setattr(study, "_report", no_report)

    def running(recipe: StudyRecipe, output: Path, **options: object) -> Study:
        return run_study(recipe, output, options=Options(device="cpu", **options), open_one=fake_segmenter)

    return running


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[StudyRecipe, Path]:
    """A study that was not interrupted, with its report."""
    folder = tmp_path_factory.mktemp("study")
    recipe = study_recipe(folder)
    run_study(recipe, folder / "out", options=Options(device="cpu"), open_one=fake_segmenter)
    return recipe, folder / "out"


def test_it_writes_table_report_recipe_and_facts(whole: tuple[StudyRecipe, Path]) -> None:
    recipe, folder = whole
    table = table_of(folder)
    assert not table.duplicated(subset=list(KEY)).any()
    assert table[["model", "experiment"]].drop_duplicates().to_numpy().tolist() == [
        *(["fake", name] for name in ("modes", "clicks", "noise", "location")),
        ["other", "modes"],
    ]
    assert table["image"].unique().tolist() == ["04", "05", "06", "07"]
    assert table["iou"].between(0, 1).all()
    assert (folder / "report.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert list((folder / "tables").glob("*.csv"))
    assert list((folder / "tables").glob("*.tex"))
    assert read_study_recipe(folder / "recipe.toml") == recipe
    facts = json.loads((folder / "study.json").read_text())
    assert facts["rows"] == len(table)
    assert facts["images"] == {"phantoms": 4}
    assert facts["identity"]["weights"] == {"fake": "fake", "other": "fake"}
    assert facts["runs"][0]["units"] == 8
    assert str(folder) not in json.dumps(facts["identity"])


def test_models_get_the_same_prompts(whole: tuple[StudyRecipe, Path]) -> None:
    table = table_of(whole[1])
    shared = table[(table["experiment"] == "modes") & (table["policy"] == "best-score")]
    by_model = [rows.drop(columns=["model", *TIMES]).reset_index(drop=True) for _, rows in shared.groupby("model")]
    assert by_model[0].equals(by_model[1])


def test_the_report_is_made_again_from_the_table(whole: tuple[StudyRecipe, Path], tmp_path: Path) -> None:
    folder = copied_without_some_parts(whole[1], tmp_path / "copy", [])
    (folder / "report.html").unlink()
    for path in (folder / "parts").rglob("*.parquet"):
        path.unlink()
    page = remake_report(folder)
    assert page == folder / "report.html"
    assert page.stat().st_size > 10_000
    (folder / "table.parquet").unlink()
    with pytest.raises(ReadError, match="is missing; the study is not complete"):
        remake_report(folder)


def test_killed_at_any_moment_it_ends_like_a_study_that_was_not(
    whole: tuple[StudyRecipe, Path], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).resolve().parents[2] / "killed_studies.py"
    command = [sys.executable, str(script), str(tmp_path), "4"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    finished = [int(word) for word in done.stdout.split()]
    assert finished == sorted(finished)
    assert finished[0] < finished[-1] == 8
    same_but_times(table_of(tmp_path / "killed"), table_of(whole[1]))
    assert not list((tmp_path / "killed").rglob("*.part"))


def test_wherever_it_stops_between_two_files_it_goes_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = study_recipe(tmp_path, "experiments={modes={modes=[1]}}", "data.0.limit=2")
    run(recipe, tmp_path / "whole")
    fsync, written = os.fsync, 0

    def stopping(file: int) -> None:
        nonlocal written
        written += 1
        if written == stop:
            raise KeyboardInterrupt
        fsync(file)

    monkeypatch.setattr(os, "fsync", stopping)
    for stop in range(1, 30):
        written, output = 0, tmp_path / str(stop)
        try:
            run(recipe, output)
        except KeyboardInterrupt:
            written = -1000
            run(recipe, output, resume=True)
        else:
            break
        same_but_times(table_of(output), table_of(tmp_path / "whole"))
    assert stop > 8


def test_resuming_does_what_is_missing_and_no_more(
    run: Run, whole: tuple[StudyRecipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, before = whole
    folder = copied_without_some_parts(before, tmp_path / "copy", [1, 6])
    part = next(folder.glob("parts/*/0000003.parquet"))
    part.write_bytes(part.read_bytes()[:-9])
    done: list[int] = []
    do = Bench.do

    def noted(self: Bench, unit: object) -> int:
        done.append(unit.number)  # type: ignore[attr-defined]
        return do(self, unit)  # type: ignore[arg-type]

    monkeypatch.setattr(Bench, "do", noted)
    found = run(recipe, folder, resume=True)
    assert done == [1, 3, 6]
    assert found.rows == len(table_of(before))
    same_but_times(table_of(folder), table_of(before))
    run(recipe, folder, resume=True)
    assert done == [1, 3, 6]


def test_shards_in_one_folder_or_merged_are_the_whole(
    run: Run, whole: tuple[StudyRecipe, Path], tmp_path: Path
) -> None:
    recipe, before = whole
    first = run(recipe, tmp_path / "one", shard=(1, 2))
    assert (first.units, first.finished, first.table, first.report) == (8, 4, None, None)
    assert run(recipe, tmp_path / "one", shard=(2, 2)).table == tmp_path / "one" / "table.parquet"
    same_but_times(table_of(tmp_path / "one"), table_of(before))
    for number in (1, 2, 3):
        run(recipe, tmp_path / f"shard {number}", shard=(number, 3))
    assert merge_studies([tmp_path / "shard 1", tmp_path / "shard 3"], tmp_path / "all").finished == 6
    merged = merge_studies([tmp_path / "shard 2"], tmp_path / "all")
    assert merged.finished == merged.units == 8
    same_but_times(table_of(tmp_path / "all"), table_of(before))
    assert len(json.loads((tmp_path / "all" / "study.json").read_text())["runs"]) == 3


def test_a_folder_of_something_else_is_refused(run: Run, tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, "experiments.noise.repeats=1", "data.0.limit=1")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").touch()
    with pytest.raises(StudyError, match=r"is not empty \(thesis\.doc"):
        run(recipe, tmp_path / "full", resume=True)
    run(recipe, tmp_path / "out")
    with pytest.raises(StudyError, match="holds a study already; go on with --resume"):
        run(recipe, tmp_path / "out")
    changed = study_recipe(tmp_path, "experiments.noise.repeats=2", "data.0.limit=1")
    with pytest.raises(StudyError, match=r"begun with other settings \(experiments\.noise\.repeats\)"):
        run(changed, tmp_path / "out", resume=True)
    with pytest.raises(StudyError, match=r"\(data\.phantoms\.limit, images, number of units\)"):
        run(study_recipe(tmp_path, "experiments.noise.repeats=1"), tmp_path / "out", resume=True)
    with pytest.raises(StudyError, match="other settings"):
        merge_again(tmp_path / "out", changed, run, tmp_path)
    (tmp_path / "out" / "study.json").write_text("{}")
    with pytest.raises(ReadError, match="is damaged"):
        run(recipe, tmp_path / "out", resume=True)
    with pytest.raises(ReadError, match="holds no study"):
        merge_studies([tmp_path / "full"], tmp_path / "all")


def merge_again(folder: Path, other: StudyRecipe, run: Run, tmp_path: Path) -> None:
    run(other, tmp_path / "other")
    merge_studies([folder, tmp_path / "other"], tmp_path / "all")


def test_how_figures_are_made_may_change(run: Run, tmp_path: Path) -> None:
    run(study_recipe(tmp_path, "data.0.limit=1"), tmp_path / "out")
    again = study_recipe(tmp_path, "data.0.limit=1", "statistics.primary=dice", "name=other")
    assert run(again, tmp_path / "out", resume=True).rows > 0
    assert read_study_recipe(tmp_path / "out" / "recipe.toml").statistics.primary == "dice"


def test_other_weights_are_refused(
    run: Run, whole: tuple[StudyRecipe, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied_without_some_parts(whole[1], tmp_path / "copy", [1])
    monkeypatch.setattr(FakeSegmenter, "fingerprint", "changed", raising=False)
    with pytest.raises(StudyError, match=r"other settings \(weights\)"):
        run(whole[0], folder, resume=True)


def test_an_image_that_cannot_be_read_ends_it_and_what_is_finished_stays(run: Run, tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    picture = tmp_path / "data" / "images" / "06.png"
    good = picture.read_bytes()
    picture.write_bytes(good[:200])
    with pytest.raises(StudyError, match=r"phantoms/06 with fake: .*06\.png: .*damaged.*go on with --resume"):
        run(recipe, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("parts/*/*.parquet"))) == 4
    picture.write_bytes(good)
    assert run(recipe, tmp_path / "out", resume=True).finished == 8


def test_an_image_of_nan_is_named_and_single_ones_are_no_matter(run: Run, tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    (tmp_path / "data" / "images" / "05.png").unlink()
    tifffile.imwrite(tmp_path / "data" / "images" / "05.tif", np.full((48, 64), np.nan, np.float32))
    with pytest.raises(StudyError, match=r"phantoms/05 with fake: .*05\.tif: every value is NaN"):
        run(recipe, tmp_path / "out")
    pixels = np.eye(48, 64, dtype=np.float32)
    pixels[3, 4] = np.nan
    tifffile.imwrite(tmp_path / "data" / "images" / "05.tif", pixels)
    run(recipe, tmp_path / "out", resume=True)
    assert table_of(tmp_path / "out")["iou"].notna().all()


def test_a_model_that_fails_is_named(tmp_path: Path) -> None:
    class Failing(FakeSegmenter):
        def embed(self, image: Image | Pixels) -> Embedding:
            raise PromptError(f"computes NaN for {image!r}")

    def failing(model: ModelSettings, device: str) -> FakeSegmenter:
        return Failing() if model.name == "other" else fake_segmenter(model, device)

    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    with pytest.raises(StudyError, match="phantoms/04 with other: computes NaN for Image"):
        run_study(recipe, tmp_path / "out", options=Options(device="cpu"), open_one=failing)


def test_a_mask_of_another_size_is_refused(run: Run, tmp_path: Path) -> None:
    from PIL import Image as Pillow

    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    Pillow.fromarray(np.ones((9, 9), np.uint8)).save(tmp_path / "data" / "masks" / "05.png")
    with pytest.raises(StudyError, match=r"phantoms/05 with fake: .*shape \(9, 9\)"):
        run(recipe, tmp_path / "out")


def test_a_full_disk_ends_it_and_what_is_finished_stays(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    fsync = os.fsync

    def full(file: int) -> None:
        if len(list((tmp_path / "out").glob("parts/*/[0-9]*.parquet"))) >= 3:
            raise OSError(28, "No space left on device")
        fsync(file)

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(WriteError, match="no space left"):
            run(recipe, tmp_path / "out")
    assert len(list((tmp_path / "out").glob("parts/*/*.parquet"))) == 3
    assert not list((tmp_path / "out").rglob("*.part"))
    assert run(recipe, tmp_path / "out", resume=True).finished == 8


def test_a_policy_that_a_model_does_not_offer_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSegmenter, "policies", ("single",), raising=False)
    with pytest.raises(StudyError, match=r"model\.other\.policies: expected single, .*got 'best-score'"):
        run(study_recipe(tmp_path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    recipe = study_recipe(tmp_path, "model.other.policies=['single']", "experiments={modes={}}")
    run(recipe, tmp_path / "out")
    assert table_of(tmp_path / "out")["policy"].unique().tolist() == ["single"]


def test_options_are_checked() -> None:
    for wrong in ({"shard": (0, 2)}, {"shard": (3, 2)}, {"workers": 0}):
        with pytest.raises(ValueRangeError):
            Options(**wrong)  # type: ignore[arg-type]


def test_prompts_that_a_model_does_not_understand_are_left_out_and_that_is_said(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeSegmenter, "accepts", frozenset({"points"}), raising=False)
    found = run(study_recipe(tmp_path, "experiments={modes={}}", "model=[{name='default'}]"), tmp_path / "out")
    assert found.left_out == {
        "boxes for default": "it understands points only",
        "mask for default": "it understands points only",
    }
    assert table_of(tmp_path / "out")["prompter"].unique().tolist() == ["mode-1", "mode-2"]


def test_a_quick_study_says_so(run: Run, tmp_path: Path) -> None:
    recipe = read_study_recipe(phantom_study(tmp_path))
    assert run(recipe, tmp_path / "out", quick=True).units == 4
    from promptseg.evaluation.study.folders import StudyFolder

    words = StudyFolder(tmp_path / "out").words()
    assert "the figures mean nothing" in words["quick"]
    with pytest.raises(StudyError, match="other settings"):
        run(recipe, tmp_path / "out", resume=True)
