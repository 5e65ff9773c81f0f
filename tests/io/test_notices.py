import logging
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from dicom_files import ULTRASOUND, region, save

from promptseg import io
from promptseg.io.notices import quiet_libraries


def speak(secret: str) -> None:
    warnings.warn(secret, UserWarning, stacklevel=1)
    for name in ("pydicom", "highdicom.base", "nibabel.global"):
        logging.getLogger(name).critical(secret)


def test_libraries_are_silent_and_everything_is_as_before(caplog: pytest.LogCaptureFixture) -> None:
    levels = {name: logging.getLogger(name).level for name in ("pydicom", "highdicom", "nibabel.global")}
    filters = list(warnings.filters)
    with quiet_libraries():
        speak("Doe^Secret")
    assert caplog.text == ""
    assert levels == {name: logging.getLogger(name).level for name in levels}
    assert list(warnings.filters) == filters
    with pytest.warns(UserWarning, match="aloud"):
        speak("aloud")
    assert "aloud" in caplog.text


def test_our_own_warnings_come_out_also_of_nested_calls() -> None:
    def nested() -> None:
        with quiet_libraries(), quiet_libraries():
            warnings.warn("left out", io.ReadWarning, stacklevel=1)

    with pytest.warns(io.ReadWarning, match="left out"):
        nested()


def test_an_error_passes_and_everything_is_as_before() -> None:
    level = logging.getLogger("pydicom").level

    def failing() -> None:
        with quiet_libraries():
            raise KeyError

    with pytest.raises(KeyError):
        failing()
    assert logging.getLogger("pydicom").level == level


def test_several_threads_read_at_once(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 80), dtype=np.uint8)
    path = save(
        tmp_path / "a.dcm", pixels, SOPClassUID=ULTRASOUND, SequenceOfUltrasoundRegions=[region((0, 0, 79, 59))]
    )
    found: list[bool] = []

    def work() -> None:
        for _ in range(5):
            picture = io.read_image(path)
            found.append(bool((picture.pixels == pixels).all() and picture.spacing_mm is not None))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 20
