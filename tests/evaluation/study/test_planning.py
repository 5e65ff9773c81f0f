"""What is studied: parts, groups, labels, objects, draws; leaks and missing labels are refused."""

from collections import Counter
from pathlib import Path

import data_sets
import numpy as np
import pytest
from phantom_study import fake_segmenter, study_recipe
from PIL import Image as Pillow
from shared_data import shared

from promptseg.data.samples import Sample, TrueObject
from promptseg.data.splits import Split, SplitRow, write_split
from promptseg.errors import DatasetError, LeakError, StudyError
from promptseg.evaluation.study.counting import count_plan
from promptseg.evaluation.study.planning import StudiedImage, check_spacings, make_plan, studied_objects
from promptseg.evaluation.study.recipe import DataSettings, StudyRecipe
from promptseg.evaluation.study.recipe_files import read_study_recipe
from promptseg.types import BoolMask, Image


class Drawn:
    """A sample of given objects."""

    dataset, name, stratum, subject = "drawn", "one", "", None

    def __init__(self, *objects: tuple[str, BoolMask]) -> None:
        self.objects = objects

    def read_image(self) -> Image:
        return Image(np.zeros((10, 10), np.uint8))

    def read_objects(self) -> tuple[TrueObject, ...]:
        return tuple(TrueObject(label, mask) for label, mask in self.objects)


def strip(row: int, length: int) -> BoolMask:
    mask = np.zeros((10, 10), dtype=np.bool_)
    mask[row, :length] = True
    return mask


SAMPLE: Sample = Drawn(
    ("b", strip(0, 3)), ("a", strip(2, 5)), ("b", strip(4, 9)), ("b", strip(6, 4)), ("c", strip(8, 2))
)


def objects(**settings: object) -> list[tuple[str, int, int]]:
    data = DataSettings(name="d", path="p", **settings)
    return [(item.label, item.number, item.area_px) for item in studied_objects(SAMPLE, data, seed=0)]


def test_a_class_is_one_object_or_each_object_is() -> None:
    assert objects() == [("a", 0, 5), ("b", 0, 16), ("c", 0, 2)]
    assert objects(objects="each") == [("a", 0, 5), ("b", 0, 3), ("b", 1, 9), ("b", 2, 4), ("c", 0, 2)]


def test_labels_are_chosen_and_ordered() -> None:
    assert objects(labels=["c", "b", "none"]) == [("c", 0, 2), ("b", 0, 16)]


def test_small_objects_are_left_out_and_the_others_keep_their_numbers() -> None:
    assert objects(objects="each", least_area_px=4) == [("a", 0, 5), ("b", 1, 9), ("b", 2, 4)]
    assert objects(least_area_px=6) == [("b", 0, 16)]


def test_of_many_objects_some_are_drawn_by_the_seed() -> None:
    data = DataSettings(name="d", path="p", objects="each", most_objects=2, labels=["b"])
    draws = Counter(tuple(item.number for item in studied_objects(SAMPLE, data, seed=seed)) for seed in range(200))
    assert set(draws) == {(0, 1), (0, 2), (1, 2)}
    assert min(draws.values()) > 40
    assert [item.number for item in studied_objects(SAMPLE, data, seed=5)] == [
        item.number for item in studied_objects(SAMPLE, data, seed=5)
    ]


def test_the_part_of_the_split_is_studied_in_groups(tmp_path: Path) -> None:
    plan = make_plan(study_recipe(tmp_path))
    assert [(image.sample.name, image.group) for image in plan.images] == [
        ("04", "g2"),
        ("05", "g2"),
        ("06", "g3"),
        ("07", "g3"),
    ]
    assert [(unit.image, plan.contenders[unit.contender].name) for unit in plan.units][:3] == [
        (0, "fake"),
        (0, "other"),
        (1, "fake"),
    ]
    assert len(plan) == 8
    assert [contender.experiments for contender in plan.contenders] == [
        ("modes", "clicks", "noise", "location"),
        ("modes",),
    ]


def test_without_a_split_all_images_are_studied_and_subjects_are_groups(tmp_path: Path) -> None:
    recipe = without_split(study_recipe(tmp_path), options={"subject": "^(.)"})
    assert [image.group for image in make_plan(recipe).images] == ["phantoms:0"] * 8
    bare = without_split(recipe, options={})
    assert [image.group for image in make_plan(bare).images] == [f"phantoms:0{number}" for number in range(8)]


def without_split(recipe: StudyRecipe, **changes: object) -> StudyRecipe:
    data = recipe.data[0].model_copy(update={"split": None, **changes})
    return recipe.model_copy(update={"data": [data]})


def test_a_limit_is_drawn_by_the_seed_among_images_with_objects(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, "data.0.limit=3")
    for number in (4, 6):
        Pillow.fromarray(np.zeros((48, 64), np.uint8)).save(tmp_path / "data" / "masks" / f"{number:02d}.png")
    assert [image.sample.name for image in make_plan(recipe).images] == ["05", "07"]
    whole = without_split(recipe)
    drawn = {
        tuple(image.sample.name for image in make_plan(whole.model_copy(update={"seed": seed})).images)
        for seed in range(12)
    }
    assert len(drawn) > 4
    assert all(len(names) == 3 and not {"04", "06"} & set(names) and list(names) == sorted(names) for names in drawn)


def test_everything_is_segmented_on_some_images_only(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path, "experiments.everything.limit=2")
    plan = make_plan(recipe)
    assert [image.everything for image in plan.images].count(True) == 2
    assert not any(image.everything for image in make_plan(study_recipe(tmp_path)).images)


def test_a_split_that_leaks_is_refused(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path)
    rows = [SplitRow("data", f"{n:02d}", "one", "", "test" if n > 5 else "train") for n in range(8)]
    write_split(Split(tuple(rows)), tmp_path / "split.csv")
    with pytest.raises(LeakError, match="group one"):
        make_plan(recipe)
    rows = [SplitRow("data", f"{n:02d}", f"g{n}", "", "test" if n > 5 else "validation") for n in range(8)]
    write_split(Split(tuple(rows)), tmp_path / "split.csv")
    with pytest.raises(LeakError, match="subject data 0"):
        make_plan(study_recipe_with(recipe, options={"subject": "^(.)"}))


def test_images_of_several_data_sets_in_one_are_told_apart(tmp_path: Path) -> None:
    recipe = without_split(study_recipe(tmp_path), source="auto", options={}, path=str(tmp_path / "sets.toml"))
    entry = '[[set]]\npath = "data"\nsource = "folder"\nname = "{}"\n'
    (tmp_path / "sets.toml").write_text(entry.format("first") + entry.format("second"))
    images = make_plan(recipe).images
    assert [image.name for image in images][::8] == ["first/00", "second/00"]
    assert len({image.key for image in images}) == len({image.group for image in images}) == 16


def study_recipe_with(recipe: StudyRecipe, **changes: object) -> StudyRecipe:
    return recipe.model_copy(update={"data": [recipe.data[0].model_copy(update=changes)]})


def test_labels_and_objects_that_are_not_there_are_refused(tmp_path: Path) -> None:
    recipe = study_recipe(tmp_path)
    with pytest.raises(DatasetError, match="no studied image has the label 'cyst'; there are lesion"):
        make_plan(study_recipe_with(recipe, labels=["lesion", "cyst"]))
    for path in (tmp_path / "data" / "masks").iterdir():
        Pillow.fromarray(np.zeros((48, 64), np.uint8)).save(path)
    with pytest.raises(DatasetError, match=r"data\.phantoms: none of the 4 images has an object"):
        make_plan(recipe)


def test_distances_need_a_spacing_of_all_images_or_of_none(tmp_path: Path) -> None:
    data_sets.nifti(tmp_path / "volumes")
    recipe = study_recipe(tmp_path, "metrics=['hd95']", "data.0.limit=2")
    volumes = recipe.data[0].model_copy(
        update={"name": "volumes", "path": str(tmp_path / "volumes"), "source": "nifti", "options": {}, "split": None}
    )
    images = make_plan(recipe.model_copy(update={"data": [recipe.data[0], volumes]})).images
    assert [image.sample.read_image().spacing_mm is None for image in images] == [True, True, False, False]
    mixed = [images[2], StudiedImage(1, "x", images[2].data, images[0].sample, "g", everything=False)]
    with pytest.raises(StudyError, match="only one of them knows its spacing"):
        check_spacings(mixed)


def test_a_plan_is_counted_without_a_model_that_answers(tmp_path: Path) -> None:
    counted = count_plan(study_recipe(tmp_path), open_one=fake_segmenter)
    assert counted.objects == {("phantoms", "lesion"): 4}
    policies = 4
    assert counted.evaluations["fake", "modes"] == 4 * 6 * policies
    assert counted.evaluations["other", "modes"] == 4 * 6
    assert counted.evaluations["fake", "clicks"] == 4 * 3 * 2 * 2
    assert counted.evaluations["fake", "location"] == 4 * 4 * policies
    assert counted.lines()[0] == "phantoms: 4 images; objects: lesion 4"
    assert counted.lines()[-1].startswith("at most ")


def test_slow_peers_may_take_part_in_less(tmp_path: Path) -> None:
    peers = 'peers={ names = ["ellipse", "grabcut"], experiments_of = { grabcut = ["modes"] } }'
    plan = make_plan(study_recipe(tmp_path, peers))
    done = {contender.name: contender.experiments for contender in plan.contenders if contender.peer}
    assert done == {"ellipse": ("modes", "clicks", "noise"), "grabcut": ("modes",)}


def test_the_recipe_of_five_sets_fits_the_data() -> None:
    root = shared("data")
    recipe = Path(__file__).resolve().parents[3] / "recipes" / "study" / "five_sets.toml"
    places = [f"data.{name}.path={root / name}" for name in ("busi", "usgra", "dsb2018", "chasedb1", "liver_ct")]
    plan = make_plan(read_study_recipe(recipe, overrides=[*places, "peers.names=[]", "statistics.compare=[]"]))
    counts = Counter(image.data.name for image in plan.images)
    assert counts == {"busi": 127, "usgra": 39, "dsb2018": 40, "chasedb1": 20, "liver_ct": 41}
    assert len({image.group for image in plan.images if image.data.name == "chasedb1"}) == 11
