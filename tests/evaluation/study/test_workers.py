"""Processes side by side: one that dies loses its unit only, and errors come through."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from phantom_study import (
    dying_segmenter,
    fake_segmenter,
    no_report,
    same_but_times,
    study_recipe,
    table_of,
    whiten,
)

from promptseg.errors import StudyError
from promptseg.evaluation.study import study
from promptseg.evaluation.study.study import Options, run_study
from promptseg.evaluation.study.workers import processors

TWO = Options(device="cpu", workers=2)


def test_a_process_that_dies_loses_its_unit_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "_report", no_report)
    recipe = study_recipe(tmp_path, "experiments={modes={}}")
    whiten(tmp_path / "data" / "images" / "05.png")
    with pytest.raises(
        StudyError, match=r"phantoms/05 with fake: its process ended with status 7.*go on with --resume"
    ):
        run_study(recipe, tmp_path / "out", options=TWO, open_one=dying_segmenter)
    finished = {path.stem for path in (tmp_path / "out").glob("parts/*/*.parquet")}
    assert "0000002" not in finished
    assert "0000000" in finished
    found = run_study(recipe, tmp_path / "out", options=Options(device="cpu", resume=True), open_one=fake_segmenter)
    assert found.finished == 8


def test_errors_come_through_and_several_workers_give_the_same_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "_report", no_report)
    recipe = study_recipe(tmp_path, "experiments.noise.repeats=1")
    run_study(recipe, tmp_path / "one", options=Options(device="cpu"), open_one=fake_segmenter)
    picture = tmp_path / "data" / "images" / "05.png"
    good = picture.read_bytes()
    picture.write_bytes(good[:100])
    with pytest.raises(StudyError, match=r"phantoms/05 with fake: .*05\.png"):
        run_study(recipe, tmp_path / "two", options=TWO, open_one=fake_segmenter)
    assert list((tmp_path / "two").glob("parts/*/*.parquet"))
    picture.write_bytes(good)
    again = Options(device="cpu", workers=2, resume=True)
    assert run_study(recipe, tmp_path / "two", options=again, open_one=fake_segmenter).finished == 8
    same_but_times(table_of(tmp_path / "two"), table_of(tmp_path / "one"))


def test_an_interrupt_leaves_no_process_and_no_half_file(tmp_path: Path) -> None:
    study_recipe(tmp_path, "experiments.location.places=30", count=24)
    script = (
        "import signal\n"
        "from pathlib import Path\n"
        "from phantom_study import fake_segmenter, study_recipe\n"
        "from promptseg.evaluation.study.study import Options, run_study\n"
        "if __name__ == '__main__':\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored where tests run in the background
        f"    folder = Path({str(tmp_path)!r})\n"
        "    recipe = study_recipe(folder, 'experiments.location.places=30', count=24)\n"
        "    options = Options(device='cpu', workers=2)\n"
        "    run_study(recipe, folder / 'out', options=options, open_one=fake_segmenter)\n"
    )
    (tmp_path / "main.py").write_text(script)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py")],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list((tmp_path / "out").glob("parts/*/*.parquet")) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, words = process.communicate(timeout=60)  # which returns when all of them have closed their standard error
    assert "KeyboardInterrupt" in words
    assert 0 < len(list((tmp_path / "out").glob("parts/*/[0-9]*.parquet"))) < 24


def test_this_machine_has_processors() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)
