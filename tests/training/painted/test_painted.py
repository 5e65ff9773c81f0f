import json
from pathlib import Path

import numpy as np
import pytest
import torch
from phantom_busi import PhantomBusi, phantom_busi
from random_networks import small_sam

from promptseg.data.samples import Sample
from promptseg.data.sources import open_source
from promptseg.errors import CheckpointError, ValueRangeError
from promptseg.models.saving import save_network
from promptseg.training.painted.learning import PaintedSettings, open_trained, read_epochs, train_painted
from promptseg.training.painted.network import SIDE, new_painted, paint
from promptseg.types import Point


class KilledError(Exception):
    pass


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> PhantomBusi:
    return phantom_busi(tmp_path_factory.mktemp("busi"))


@pytest.fixture(scope="module")
def samples(made: PhantomBusi) -> tuple[Sample, ...]:
    return open_source("busi", made.data, normals=False)


def silent(what: str, done: int, total: int) -> None:
    pass


def settings_of(made: PhantomBusi, *, epochs: int = 3) -> PaintedSettings:
    return PaintedSettings(model=str(made.model), epochs=epochs, batch=2, lr=2e-3, bf16=False)


def test_clicks_are_squares_in_the_channel_of_their_sign() -> None:
    painted = paint(np.zeros((SIDE, SIDE), np.float32), np.array([[10.0, 20.0], [0.0, 0.0]]), [True, False]).numpy()
    rows, columns = np.nonzero(painted[1])
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (19, 21, 9, 11)
    assert painted[2, 0, 0] > 0
    assert not painted[0].any()


def test_the_first_channel_begins_as_the_compact_model_saw_it(made: PhantomBusi) -> None:
    one, two = new_painted(str(made.model)), new_painted(str(made.model))
    assert one.encoder.get_submodule("stem").weight.shape[1] == 3
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_it_learns_and_a_killed_training_goes_on_exactly(
    made: PhantomBusi, samples: tuple[Sample, ...], tmp_path: Path
) -> None:
    settings = settings_of(made)
    train_painted(samples[:4], samples[4:6], tmp_path / "whole", settings, progress=silent)

    def kill(what: str, done: int, total: int) -> None:
        del what, total
        if done == 2:
            raise KilledError

    with pytest.raises(KilledError):
        train_painted(samples[:4], samples[4:6], tmp_path / "killed", settings, progress=kill)
    train_painted(samples[:4], samples[4:6], tmp_path / "killed", settings, progress=silent)
    whole, killed = read_epochs(tmp_path / "whole"), read_epochs(tmp_path / "killed")
    assert whole == killed
    assert len(whole) == 3
    assert whole[-1].loss < whole[0].loss
    assert (tmp_path / "whole" / "model.safetensors").read_bytes() == (
        tmp_path / "killed" / "model.safetensors"
    ).read_bytes()
    assert not (tmp_path / "whole" / "training.pt").exists()


def test_the_second_network_begins_with_the_first(
    made: PhantomBusi, samples: tuple[Sample, ...], tmp_path: Path
) -> None:
    settings = settings_of(made, epochs=1)
    train_painted(samples[:2], (), tmp_path / "without", settings, progress=silent)
    second = train_painted(samples[:2], (), tmp_path / "with", settings, after=tmp_path / "without", progress=silent)
    image = samples[0].read_image()
    mask = second.predict(image, [Point(30, 20)])
    assert mask.shape == image.size
    assert read_epochs(tmp_path / "with")[0].score is None
    again = open_trained(tmp_path / "with").predict(image, [Point(30, 20)])
    assert np.array_equal(mask, again)


def test_other_settings_and_damage_are_refused(made: PhantomBusi, samples: tuple[Sample, ...], tmp_path: Path) -> None:
    train_painted(samples[:2], (), tmp_path / "run", settings_of(made, epochs=1), progress=silent)
    with pytest.raises(CheckpointError, match="other settings"):
        train_painted(samples[:2], (), tmp_path / "run", settings_of(made, epochs=2), progress=silent)
    with pytest.raises(CheckpointError, match="holds no training"):
        open_trained(tmp_path)
    (tmp_path / "run" / "epochs.json").write_text(json.dumps({"epochs": [{"epoch": 1}]}))
    with pytest.raises(CheckpointError, match="damaged"):
        read_epochs(tmp_path / "run")


def test_painted_clicks_need_a_compact_model(tmp_path: Path) -> None:
    save_network(small_sam().network, tmp_path / "sam.safetensors", model="sam-vit-b")
    with pytest.raises(ValueRangeError, match="no compact model"):
        new_painted(tmp_path / "sam.safetensors")
