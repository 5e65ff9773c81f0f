"""The whole experiment on phantoms, whole and interrupted."""

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from phantom_busi import PhantomBusi, phantom_busi

from promptseg.errors import LeakError, TrainingError, UnknownNameError
from promptseg.evaluation.clicksam.reproduction import Reproduction, Settings, reproduce
from promptseg.evaluation.clicksam.table import COLUMNS, read_rows
from promptseg.evaluation.clicksam.trainings import RUNS, recipe_path
from promptseg.training.recipe_files import read_recipe


class KilledError(Exception):
    pass


def settings_of(made: PhantomBusi) -> Settings:
    return Settings(
        model=str(made.model),
        protocols=("split",),
        arms=("none", "stage-1", "clicksam", "ellipse"),
        split=made.split,
        quick=True,
        resamples=50,
        device="cpu",
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PhantomBusi:
    return phantom_busi(tmp_path_factory.mktemp("busi"))


@pytest.fixture(scope="module")
def whole(made: PhantomBusi, tmp_path_factory: pytest.TempPathFactory) -> Reproduction:
    output = tmp_path_factory.mktemp("whole") / "out"
    return reproduce(made.data, output, settings_of(made), command="promptseg reproduce clicksam --quick")


def test_one_row_for_each_evaluation(whole: Reproduction) -> None:
    rows = read_rows(whole.table)
    keys = [(row.protocol, row.arm, row.prompter, row.image, row.step) for row in rows]
    assert len(keys) == len(set(keys)) == 3 * (3 * 13 + 2)
    assert all(0 <= getattr(row, score) <= 1 for row in rows for score in ("iou", "box_iou", "dice", "pixel_accuracy"))
    assert all(row.iou <= row.dice for row in rows)
    assert {row.object for row in rows} == {"lesion"}
    assert whole.table.read_text().splitlines()[0] == ",".join(COLUMNS)


def test_the_first_masks_of_stage_1_and_clicksam_are_the_same(whole: Reproduction) -> None:
    rows = {(row.arm, row.image): row.iou for row in read_rows(whole.table) if row.prompter == "oracle-clicks"
            and row.step == 1}  # fmt: skip
    images = {image for _, image in rows}
    assert all(rows["stage-1", image] == rows["clicksam", image] for image in images)


class Page(HTMLParser):
    """What a page holds, and whether its elements are closed in order."""

    VOID = ("meta", "img", "line", "circle", "polyline", "br", "i")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.images: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "img":
            self.images.append(values["src"] or "")
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src"}]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Nothing stays open."""

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_needs_no_network(whole: Reproduction) -> None:
    text, page = whole.page.read_text(), Page()
    page.feed(text)
    assert page.open == []
    assert len(page.images) == 3 * 5 + 3 * 4, "stages and overlays of best, median and worst"
    assert all(address.startswith("data:image/webp;base64,") for address in page.addresses)
    assert "url(" not in text
    assert "@import" not in text
    assert "Oracle scores" in page.text
    assert "held out" in page.text
    assert "promptseg reproduce clicksam --quick" in page.text


def test_the_summary_has_the_figures_of_the_table(whole: Reproduction) -> None:
    rows = [row for row in read_rows(whole.table) if (row.arm, row.prompter) == ("ellipse", "tight-box")]
    mean = sum(row.iou for row in rows) / len(rows)
    line = next(line for line in whole.summary.read_text().splitlines() if line.startswith("| ellipse in the box |"))
    assert f"{mean:.3f}".removeprefix("0") in line
    assert "oracle" in whole.summary.read_text()


@pytest.mark.parametrize("what", ["split: training stage-2", "split: evaluation"])
def test_a_killed_reproduction_goes_on(made: PhantomBusi, whole: Reproduction, tmp_path: Path, what: str) -> None:
    def kill(doing: str, done: int, total: int) -> None:
        if doing == what and done == 1 and total > 1:
            raise KilledError

    output, settings = tmp_path / "out", settings_of(made)
    with pytest.raises(KilledError):
        reproduce(made.data, output, settings, progress=kill)
    rows = output / "rows" / "split.csv"
    if rows.exists():
        rows.write_bytes(rows.read_bytes() + b"split,none,oracle-clicks,benign (7),g7,ben")
    again = reproduce(made.data, output, settings, resume=True)
    assert again.table.read_bytes() == whole.table.read_bytes()


def test_what_is_finished_is_not_repeated(made: PhantomBusi, whole: Reproduction) -> None:
    told: list[str] = []
    before = {path: path.stat().st_mtime_ns for path in whole.table.parent.rglob("*.safetensors")}
    again = reproduce(
        made.data, whole.table.parent, settings_of(made), resume=True, progress=lambda what, *_: told.append(what)
    )
    assert "split: evaluation" not in told
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert len(read_rows(again.table)) == 3 * (3 * 13 + 2)


def test_another_experiment_in_the_folder_is_refused(made: PhantomBusi, whole: Reproduction) -> None:
    with pytest.raises(TrainingError, match="--resume"):
        reproduce(made.data, whole.table.parent, settings_of(made))
    with pytest.raises(TrainingError, match=r"other settings .*seed"):
        reproduce(made.data, whole.table.parent, replace(settings_of(made), seed=1), resume=True)


def test_a_leaking_split_is_refused_before_anything_is_trained(made: PhantomBusi, tmp_path: Path) -> None:
    leaking = tmp_path / "leak.csv"
    leaking.write_text(made.split.read_text().replace("g8", "g0"))
    with pytest.raises(LeakError):
        reproduce(made.data, tmp_path / "out", replace(settings_of(made), split=leaking))
    assert not (tmp_path / "out").exists()


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownNameError, match="protocol 'random'"):
        Settings(protocols=("random",))
    with pytest.raises(UnknownNameError, match="arm 'unet'"):
        Settings(arms=("unet",))
    with pytest.raises(UnknownNameError, match=r"RUN\.KEY=VALUE"):
        Settings(overrides=("training.epochs=3",))


@pytest.mark.parametrize("run", RUNS)
def test_the_recipes_are_valid(run: str) -> None:
    recipe = read_recipe(recipe_path(RUNS[run].recipe))
    assert recipe.data.source == "busi"
    assert Path(recipe.data.split).is_file()
