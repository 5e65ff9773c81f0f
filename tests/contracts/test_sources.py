"""Every source gives samples that keep the same promises."""

import pickle
import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import numpy as np
import pytest
from data_sets import BUILDERS

from promptseg.data.samples import Sample, united
from promptseg.data.sources import SOURCES, detect_source, list_source, open_source
from promptseg.errors import DatasetError, PromptsegError, ReadError, UnknownNameError, ValueRangeError

MOST_BYTES = 4000


@pytest.fixture(params=BUILDERS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    """Kind and path of a tiny data set."""
    kind, build = BUILDERS[request.param]
    return kind, build(tmp_path)


def test_each_source_has_a_tiny_data_set() -> None:
    assert {kind for kind, _ in BUILDERS.values()} == set(SOURCES)


def test_the_kind_is_found(made: tuple[str, Path]) -> None:
    kind, path = made
    assert detect_source(path) == kind


def test_samples_keep_the_promises(made: tuple[str, Path]) -> None:
    kind, path = made
    samples = open_source(kind, path)
    assert samples
    for sample in samples:
        assert isinstance(sample, Sample)
        assert sample.dataset
        assert str(path) not in sample.name
        image, objects = sample.read_image(), sample.read_objects()
        for item in objects:
            assert item.label
            assert item.mask.dtype == np.bool_
            assert item.mask.shape == image.size
            assert item.mask.any()
        assert united(objects, image.size).shape == image.size
    assert any(sample.read_objects() for sample in samples)
    names = [(sample.dataset, sample.name) for sample in samples]
    assert len(set(names)) == len(names)


def test_samples_are_frozen_small_and_travel(made: tuple[str, Path]) -> None:
    for sample in open_source(*made):
        with pytest.raises(FrozenInstanceError):
            sample.name = "other"  # type: ignore[misc]
        packed = pickle.dumps(sample)
        assert len(packed) < MOST_BYTES
        again = pickle.loads(packed)
        assert again == sample
        assert hash(again) == hash(sample)
        first, second = sample.read_objects(), again.read_objects()
        assert [item.label for item in first] == [item.label for item in second]
        assert all((one.mask == other.mask).all() for one, other in zip(first, second, strict=True))


def test_the_same_samples_every_time(made: tuple[str, Path]) -> None:
    assert open_source(*made) == open_source(*made)
    assert open_source(*made) == list_source(*made).samples


def test_another_name_for_the_data_set(made: tuple[str, Path]) -> None:
    kind, path = made
    assert {sample.dataset for sample in open_source(kind, path, dataset="mine")} == {"mine"}


def test_unknown_options_are_named(made: tuple[str, Path]) -> None:
    kind, path = made
    with pytest.raises(ValueRangeError, match=r"wrong: no such option.*there are dataset"):
        open_source(kind, path, wrong=1)
    with pytest.raises(ValueRangeError, match="dataset must be text"):
        open_source(kind, path, dataset=3)


def test_subjects_by_pattern(made: tuple[str, Path]) -> None:
    kind, path = made
    if "subject" not in {field.name for field in fields(SOURCES[kind].options)}:
        pytest.skip("this kind has no subjects")
    samples = open_source(kind, path, subject="^(.)")
    assert [sample.subject for sample in samples] == [sample.name[0] for sample in samples]
    with pytest.raises(DatasetError, match="finds nothing"):
        open_source(kind, path, subject="no such thing")
    with pytest.raises(ValueRangeError, match="regular expression"):
        open_source(kind, path, subject="(")


def test_a_damaged_picture_is_named(made: tuple[str, Path]) -> None:
    """Whether the list is made or not, what is raised is ours and names the file."""
    kind, path = made
    root = path if path.is_dir() else path.parent
    victims = [
        file for file in root.rglob("*") if file.is_file() and file != path and not {"masks", "B"} & {*file.parts}
    ]
    victim = max(victims)
    victim.write_bytes(victim.read_bytes()[:50])

    def read_everything() -> None:
        for sample in open_source(kind, path):
            sample.read_image()
            sample.read_objects()

    with pytest.raises(PromptsegError, match=re.escape(victim.name)):
        read_everything()


@pytest.mark.parametrize("kind", SOURCES)
def test_wrong_places_are_named(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ReadError, match="nowhere"):
        open_source(kind, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match="empty"):
        open_source(kind, tmp_path / "empty")


def test_nothing_is_guessed(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no data set of a known kind.*busi: .*usgra: .*coco: .*medsam: "):
        detect_source(tmp_path)
    BUILDERS["coco"][1](tmp_path)
    BUILDERS["medsam"][1](tmp_path)
    with pytest.raises(DatasetError, match="may be of the kinds coco, medsam"):
        detect_source(tmp_path)
    with pytest.raises(UnknownNameError, match=r"busi, usgra.*got 'bus'"):
        open_source("bus", tmp_path)
