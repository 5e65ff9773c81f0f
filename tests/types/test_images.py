"""Images, volumes and cines: shapes, slices, and that bad pixels are refused."""

from pathlib import Path

import numpy as np
import pytest

from promptseg import Cine, Image, Volume
from promptseg.errors import ValueRangeError
from promptseg.types import Source


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (3,), (3, 4, 2), (3, 4, 4), (2, 3, 4, 3), ()])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueRangeError, match="dimensions"):
        Image(np.zeros(shape, dtype=np.uint8))


def test_wrong_values_are_refused() -> None:
    with pytest.raises(ValueRangeError, match="NaN"):
        Image(np.full((2, 2), np.nan))
    with pytest.raises(ValueRangeError, match="complex128"):
        Image(np.zeros((2, 2), dtype=complex))


def test_a_slice_keeps_what_belongs_to_it() -> None:
    source = Source(Path("a.nii"), "nifti")
    valid = np.zeros((3, 4, 5), dtype=bool)
    valid[1] = True
    volume = Volume(np.arange(60).reshape(3, 4, 5), spacing_mm=(3, 2, 1), window=(0, 9), valid=valid, source=source)
    image = volume[-2]
    assert len(volume) == 3
    assert image.size == (4, 5)
    assert image.spacing_mm == (2, 1)
    assert image.window == (0, 9)
    assert image.valid is not None
    assert image.valid.all()
    assert image.source == Source(Path("a.nii"), "nifti", frame=1)
    assert [one.pixels[0, 0] for one in volume] == [0, 20, 40]
    with pytest.raises(IndexError, match="slice 3 does not exist: there are 3"):
        volume[3]


def test_a_cine_gives_colour_frames() -> None:
    cine = Cine(np.zeros((2, 4, 5, 3), dtype=np.uint8), spacing_mm=(0.1, 0.1), frame_time_ms=33.0)
    assert [frame.pixels.shape for frame in cine] == [(4, 5, 3)] * 2
    assert cine[1].spacing_mm == (0.1, 0.1)
    with pytest.raises(IndexError, match="frame 2"):
        cine[2]


def test_repr_shows_no_pixels_and_no_path() -> None:
    image = Image(np.zeros((2, 3), dtype=np.uint8), source=Source(Path("/secret/NAME.dcm"), "dicom"))
    assert repr(image) == "Image((2, 3), uint8, spacing_mm=None)"
