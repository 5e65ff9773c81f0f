"""Masks as DICOM SEG, which archives and viewers know; written by highdicom, read by pydicom."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, cast

import numpy as np
from numpy.typing import NDArray

from promptseg._version import __version__
from promptseg.errors import MissingExtraError, ReadError, WriteError
from promptseg.io.dicom_header import (
    SEGMENTATION,
    Layout,
    group_item,
    layout_of,
    number,
    read_header,
    sop_class_name,
)
from promptseg.io.dicom_pixels import stored_pixels
from promptseg.io.files import decoder_errors, decoding, shown
from promptseg.io.limits import Limits, check_limit
from promptseg.io.masks import Drawing
from promptseg.io.notices import quiet_libraries
from promptseg.types import Cine, Image, Source, Volume

if TYPE_CHECKING:
    from highdicom.seg import Segmentation
    from pydicom import Dataset

__all__ = ["SegGeometry", "dicom_source", "load_segmentation", "write_segmentation"]

SegGeometry = Literal["synthetic", "none"]

_SERIES_NUMBER: Final = 9000
_ORIENTATION: Final = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
_MAY_BE_EMPTY: Final = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)
_PLACE: Final = ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing")
_LABEL_MAP: Final = "1.2.840.10008.5.1.4.1.1.66.7"


def write_segmentation(
    file: BinaryIO,
    drawing: Drawing,
    like: Image | Volume | Cine | None,
    path: Path,
    *,
    geometry: SegGeometry = "synthetic",
    algorithm: str = "promptseg",
) -> None:
    """Write a binary DICOM segmentation of single-frame DICOM files; segments are numbered 1, 2, ... by label.

    A segmentation belongs to a study, so it repeats the patient and study attributes of its source, as the standard
    asks. Nothing else of promptseg writes patient data.

    Args:
        file: open for writing.
        drawing: the objects; they may overlap.
        like: an image read from a DICOM file of one frame, a slice of a DICOM series, or the whole series.
        path: for messages.
        geometry: for sources that state no place in the body, as ultrasound: ``synthetic`` gives the segmentation a
            frame of reference of its own, the axes of the picture, and its spacing (1 mm where unknown), without which
            common viewers refuse it, but it carries no anatomical meaning; ``none`` leaves that out.
        algorithm: name of what drew the masks, for the file.

    Raises:
        MissingExtraError: highdicom is not installed.
        WriteError: the source is no DICOM, has several frames, or lacks what a segmentation needs.
    """
    image, source = dicom_source(like, path)
    with quiet_libraries():
        try:
            headers = _source_headers(image, source, geometry, path)
            segmentation = _built(headers, drawing, algorithm)
            if "FrameOfReferenceUID" not in headers[0]:
                segmentation.PatientOrientation = ""
            segmentation.save_as(file, enforce_file_format=True)
        except ImportError:
            raise MissingExtraError(
                f"{shown(path)}: writing DICOM SEG needs the extra `dicom`: pip install 'promptseg[dicom]'"
            ) from None
        except OSError:
            raise
        except decoder_errors() as error:
            raise WriteError(
                f"{shown(path)}: no DICOM SEG can be made for this source ({type(error).__name__}); it probably lacks "
                "attributes of its study or series; write .nii.gz or .png"
            ) from None


def load_segmentation(path: Path, limits: Limits) -> NDArray[Any]:
    """The mask or label map (by segment number) of a DICOM segmentation of one picture.

    Raises:
        LimitError: too many pixels.
        ReadError: it is damaged, fractional, of several pictures, or its segments overlap.
    """
    with quiet_libraries(), decoding(path, "DICOM segmentation", quote=False):
        header = read_header(path, limits)
        layout = layout_of(header, path, of_mask=True)
        check_limit(limits, "frames", layout.frames, path)
        check_limit(limits, "pixels", layout.rows * layout.columns * layout.frames, path)
        _check_readable(header, layout, path)
        stored = stored_pixels(path, header, layout)
        frames = stored if layout.frames > 1 else stored[None]
        if str(header.get("SOPClassUID", "")) == _LABEL_MAP:
            return cast("NDArray[Any]", frames[0])
        numbers = [_segment(header, frame) for frame in range(layout.frames)]
    if len(set(numbers)) < len(numbers):
        raise ReadError(f"{shown(path)}: holds several pictures; only segmentations of one picture are read")
    labels = np.zeros((layout.rows, layout.columns), np.min_scalar_type(max(numbers)))
    for value, frame in zip(numbers, frames, strict=True):
        shared = np.count_nonzero(labels[frame > 0])
        if shared:
            raise ReadError(f"{shown(path)}: two segments share {shared} pixels, so they are no one label map")
        labels[frame > 0] = value
    return labels


def _check_readable(header: "Dataset", layout: Layout, path: Path) -> None:
    if str(header.get("SOPClassUID", "")) not in SEGMENTATION or layout.samples != 1:
        raise ReadError(f"{shown(path)}: is a DICOM {sop_class_name(header)}, not a segmentation")
    if str(header.get("SegmentationType", "")).upper() == "FRACTIONAL":
        raise ReadError(f"{shown(path)}: is a fractional segmentation; only binary ones and label maps are read")
    if str(header.get("SOPClassUID", "")) == _LABEL_MAP and layout.frames > 1:
        raise ReadError(f"{shown(path)}: holds {layout.frames} pictures; only segmentations of one picture are read")


def _segment(header: "Dataset", frame: int) -> int:
    value = number(group_item(header, "SegmentIdentificationSequence", frame), "ReferencedSegmentNumber")
    return 1 if value is None else int(value)


def dicom_source(like: Image | Volume | Cine | None, path: Path) -> tuple[Image | Volume, Source]:
    """The image and its source, if they are of single-frame DICOM files.

    Raises:
        WriteError: they are not.
    """
    source = None if like is None else like.source
    if like is None or source is None or source.kind not in ("dicom", "dicom-series"):
        raise WriteError(
            f"{shown(path)}: a DICOM SEG belongs to a DICOM image: give like= what was read from it, or write .nii.gz"
        )
    several = source.kind == "dicom" and (source.frame is not None or isinstance(like, Volume))
    if isinstance(like, Cine) or several:
        raise WriteError(
            f"{shown(path)}: DICOM SEG of a cine or of another file with several frames comes later; write .npz or .png"
        )
    return like, source


def _files(source: Source) -> tuple[Path, ...]:
    if source.kind == "dicom":
        return (source.path,)
    return source.files if source.frame is None else (source.files[source.frame],)


def _source_headers(like: Image | Volume, source: Source, geometry: SegGeometry, path: Path) -> list["Dataset"]:
    """Headers of the source files, copied deeply, with a place in space if they have none and one is wanted."""
    from pydicom.uid import generate_uid

    headers = []
    for place in _files(source):
        try:
            with decoding(place, "DICOM file", quote=False):
                headers.append(copy.deepcopy(read_header(place, Limits())))
        except ReadError as error:
            raise WriteError(f"{shown(path)}: the source cannot be read again: {error}") from None
    own_space = generate_uid(prefix=None)
    one_space = len({header.get("FrameOfReferenceUID") for header in headers}) == 1
    for header in headers:
        _mend(header)
        if not one_space and "FrameOfReferenceUID" in header:
            del header.FrameOfReferenceUID
        _put_in_space(header, like, own_space if geometry == "synthetic" else None)
    return headers


def _put_in_space(header: "Dataset", like: Image | Volume, own_space: str | None) -> None:
    """Keep a place that a file states; else use the frame of reference ``own_space``, or state no place if None."""
    placed = all(header.get(name) for name in _PLACE)
    if placed and header.get("FrameOfReferenceUID"):
        return
    for name in (() if placed and own_space else _PLACE) + ("FrameOfReferenceUID",):
        if name in header:
            del header[name]
    if own_space is None:
        return
    header.FrameOfReferenceUID = own_space
    header.PositionReferenceIndicator = ""
    if not placed:
        spacing_mm = like.spacing_mm or (1.0, 1.0)
        header.ImageOrientationPatient = list(_ORIENTATION)
        header.ImagePositionPatient = [0.0, 0.0, 0.0]
        header.PixelSpacing = [float(f"{size:.10g}") for size in spacing_mm[-2:]]
        header.SliceThickness = 1.0


def _mend(header: "Dataset") -> None:
    """Make attributes that may be empty empty, where they are missing or, as after anonymising, no valid value."""
    from pydicom.valuerep import DA, TM

    for name in _MAY_BE_EMPTY:
        if header.get(name) is None:
            setattr(header, name, "")
    for name, kind in (("PatientBirthDate", DA), ("StudyDate", DA), ("StudyTime", TM)):
        try:
            kind(header[name].value)
        except (TypeError, ValueError):
            setattr(header, name, "")
    if header.PatientSex not in ("M", "F", "O"):
        header.PatientSex = ""


def _built(headers: list["Dataset"], drawing: Drawing, algorithm: str) -> "Segmentation":
    import highdicom
    from pydicom.sr.codedict import codes
    from pydicom.uid import generate_uid

    count = len(drawing.values)
    masks = np.stack([drawing.mask(index) for index in range(count)], axis=-1)
    identification = highdicom.AlgorithmIdentificationSequence(
        name=algorithm, version=__version__, family=codes.DCM.ArtificialIntelligence
    )
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=index + 1,
            segment_label=drawing.names[index][:64],
            segmented_property_category=codes.SCT.Tissue,
            segmented_property_type=codes.SCT.Tissue,
            algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
            algorithm_identification=identification,
        )
        for index in range(count)
    ]
    return highdicom.seg.Segmentation(
        source_images=headers,
        pixel_array=masks if masks.ndim == 4 else masks[None],
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=segments,
        series_instance_uid=generate_uid(prefix=None),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="promptseg",
        manufacturer_model_name="promptseg",
        software_versions=__version__,
        device_serial_number="none",
        content_label="PROMPTSEG",
        content_description="Masks drawn with promptseg",
        omit_empty_frames=masks.any(),
    )
