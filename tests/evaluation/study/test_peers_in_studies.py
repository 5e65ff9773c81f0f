"""Trivial peers in a study: what they learn from the training part, and where they are left out."""

import json
from pathlib import Path

import numpy as np
import pytest
from phantom_study import fake_segmenter, no_report, study_recipe, table_of
from PIL import Image as Pillow

from promptseg.evaluation.study import study
from promptseg.evaluation.study.counting import count_plan
from promptseg.evaluation.study.planning import make_plan
from promptseg.evaluation.study.recipe import StudyRecipe
from promptseg.evaluation.study.study import Options, run_study

PEERS = ("peers.names=['ellipse', 'disc']", "peers.experiments=['modes']", "experiments={modes={}}")


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_report", no_report)


def run(recipe: StudyRecipe, output: Path) -> study.Study:
    return run_study(recipe, output, options=Options(device="cpu"), open_one=fake_segmenter)


def test_the_disc_is_as_large_as_the_median_object_of_the_training_part(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, *PEERS)
    areas = [
        np.count_nonzero(np.asarray(Pillow.open(tmp_path / "data" / "masks" / f"{number:02d}.png")))
        for number in range(4)
    ]
    share = float(np.median(areas)) / (48 * 64)
    assert make_plan(recipe).object_shares == {("phantoms", "lesion"): pytest.approx(share)}
    run(recipe, tmp_path / "out")
    table = table_of(tmp_path / "out")
    assert table["model"].unique().tolist() == ["fake", "other", "ellipse", "disc"]
    disc = table[(table["model"] == "disc") & (table["prompter"] == "mode-1")]
    assert len(disc) == 4
    assert disc["found_px"].median() == pytest.approx(share * 48 * 64, rel=0.1)
    assert set(table[table["model"] == "disc"]["prompter"]) == {"mode-1", "mode-2"}
    assert set(table[table["model"] == "ellipse"]["prompter"]) == {"mode-3", "mode-4", "mode-5"}
    assert table[table["model"] == "ellipse"]["policy"].unique().tolist() == ["single"]
    assert table[table["model"] == "ellipse"]["predicted_score"].isna().all()


def test_without_a_training_part_the_disc_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, *PEERS, "data.phantoms.train=['validation']")
    found = run(recipe, tmp_path / "out")
    assert "no training part" in found.left_out["disc on phantoms"]
    assert table_of(tmp_path / "out")["model"].unique().tolist() == ["fake", "other", "ellipse"]
    assert json.loads((tmp_path / "out" / "study.json").read_text())["left_out"] == dict(found.left_out)
    counted = count_plan(recipe, open_one=fake_segmenter)
    assert ("disc", "modes") not in counted.evaluations
    assert counted.evaluations["ellipse", "modes"] == 4 * 3


def test_a_study_may_be_of_peers_alone(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, *PEERS, "model=[]")
    assert run(recipe, tmp_path / "out").rows == 4 * (3 + 2)
