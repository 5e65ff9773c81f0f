"""What identifies a patient stays in the file: it is not printed, not in a repr, and not in what is written."""

import gzip
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Calling
from dicom_files import SECRETS, save, slice_at
from nibabel import Nifti1Image
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from promptseg.io import read

pytestmark = pytest.mark.usefixtures("fake_model")


def _secret_dicom(path: Path) -> Path:
    """A number is overwritten with an identifier as well, since pydicom quotes what is no number."""
    pixels = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50)
    number = "1.234567890123"
    slice_at(path, 0.0, pixels, ImageComments=SECRETS[0], RequestingPhysician=SECRETS[0], WindowWidth=number)
    path.write_bytes(path.read_bytes().replace(number.encode(), SECRETS[1].encode()))
    return path


def _secret_ultrasound(path: Path) -> Path:
    return save(path, np.full((40, 50, 3), 7, np.uint8), Manufacturer=SECRETS[3], SeriesDescription=SECRETS[0])


def _secret_png(path: Path) -> Path:
    notes = PngInfo()
    for secret in SECRETS:
        notes.add_text("Patient", secret)
    Pillow.fromarray(np.eye(40, 50, dtype=np.uint8) * 200).save(path, pnginfo=notes)
    return path


def _secret_nifti(path: Path) -> Path:
    image = Nifti1Image(np.random.default_rng(0).integers(0, 9, (50, 40, 1)).astype(np.uint8), np.eye(4))
    image.header["descrip"], image.header["db_name"] = SECRETS[1].encode(), SECRETS[0].encode()
    image.header["aux_file"], image.header["intent_name"] = SECRETS[2].encode(), SECRETS[0].encode()
    image.to_filename(path)
    return path


def unpacked(path: Path) -> bytes:
    """All bytes of a file, and what they unpack to."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return data + gzip.decompress(data)
    if path.suffix == ".npz":
        with zipfile.ZipFile(path) as archive:
            return data + b"".join(archive.read(name) for name in archive.namelist())
    return data


@pytest.mark.parametrize("suffix", [".png", ".npz", ".json", ".nii", ".nii.gz"])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("in.dcm", _secret_dicom),
        ("us.dcm", _secret_ultrasound),
        ("in.png", _secret_png),
        ("in.nii", _secret_nifti),
    ],
)
def test_patients_stay_in_their_files(
    call: Calling, tmp_path: Path, name: str, make: Callable[[Path], Path], suffix: str
) -> None:
    source, output, overlay = make(tmp_path / name), tmp_path / f"mask{suffix}", tmp_path / "overlay.png"
    assert any(secret.encode() in source.read_bytes() for secret in SECRETS)
    ended = call("segment", source, "--point", "5,5", "--output", output, "--overlay", overlay, "--json")
    assert ended.status == 0, ended.err
    image = read(source)
    said = ended.out + ended.err + repr(image) + repr(image.source)
    written = unpacked(output) + unpacked(overlay)
    for secret in SECRETS:
        assert secret not in said
        assert secret.encode() not in written
