"""Small DICOM files made for tests, of a patient who does not exist."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, FileDataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

SECRETS = ("Doe^Secret", "SECRET-ID-4711", "19451231", "Secret Hospital")
STUDY, SERIES, SPACE = (generate_uid(entropy_srcs=[name]) for name in ("study", "series", "space"))
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
ULTRASOUND_CINE = "1.2.840.10008.5.1.4.1.1.3.1"
MR = "1.2.840.10008.5.1.4.1.1.4"


def dataset(pixels: NDArray[Any] | None, *, syntax: str = ExplicitVRLittleEndian, **attributes: Any) -> FileDataset:
    """A complete data set; ``attributes`` replace or add, None removes.

    ``pixels`` is (H, W), (H, W, 3), (T, H, W) or (T, H, W, 3), 8 or 16 bits.
    """
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID = attributes.get("SOPClassUID") or MR
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset(None, Dataset(), file_meta=meta, preamble=bytes(128))
    values: dict[str, Any] = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": meta.MediaStorageSOPInstanceUID,
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": SERIES,
        "SeriesNumber": 3,
        "InstanceNumber": 1,
        "PatientName": SECRETS[0],
        "PatientID": SECRETS[1],
        "PatientBirthDate": SECRETS[2],
        "InstitutionName": SECRETS[3],
        "PatientSex": "O",
        "Modality": "MR",
        "StudyDate": "20200101",
        "StudyTime": "120000",
        "AccessionNumber": "",
        "StudyID": "1",
    }
    if pixels is not None:
        values |= pixel_attributes(pixels)
    for name, value in (values | attributes).items():
        if value is not None:
            setattr(made, name, value)
    return made


def pixel_attributes(pixels: NDArray[Any]) -> dict[str, Any]:
    coloured = pixels.ndim in (3, 4) and pixels.shape[-1] == 3
    frames = pixels.shape[0] if pixels.ndim - coloured == 3 else None
    rows, columns = pixels.shape[-2 - coloured : (-1 if coloured else None)]
    data = np.ascontiguousarray(pixels).tobytes()
    return {
        "Rows": rows,
        "Columns": columns,
        "NumberOfFrames": frames,
        "SamplesPerPixel": 3 if coloured else 1,
        "PlanarConfiguration": 0 if coloured else None,
        "PhotometricInterpretation": "RGB" if coloured else "MONOCHROME2",
        "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": 8 * pixels.dtype.itemsize,
        "HighBit": 8 * pixels.dtype.itemsize - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelData": data + b"\0" * (len(data) % 2),
    }


def save(path: Path, pixels: NDArray[Any] | None, **attributes: Any) -> Path:
    dataset(pixels, **attributes).save_as(path, enforce_file_format=True)
    return path


def slice_at(path: Path, z_mm: float, pixels: NDArray[Any], **attributes: Any) -> Path:
    """One axial slice at height ``z_mm`` with pixels of 0.5 x 0.25 mm (row, column)."""
    place = {
        "FrameOfReferenceUID": SPACE,
        "ImagePositionPatient": [10.0, 20.0, z_mm],
        "ImageOrientationPatient": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        "PixelSpacing": [0.5, 0.25],
        "SliceThickness": 2.0,
    }
    return save(path, pixels, **(place | attributes))


def region(box: tuple[int, int, int, int], *, delta_cm: float = 0.01, **attributes: Any) -> Dataset:
    """An ultrasound region of tissue."""
    item = Dataset()
    names = ("RegionLocationMinX0", "RegionLocationMinY0", "RegionLocationMaxX1", "RegionLocationMaxY1")
    values = dict(zip(names, box, strict=True)) | {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionFlags": 0,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": delta_cm,
        "PhysicalDeltaY": delta_cm,
    }
    for name, value in (values | attributes).items():
        setattr(item, name, value)
    return item
