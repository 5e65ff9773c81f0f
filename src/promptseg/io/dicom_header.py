"""The header of a DICOM file: read without the pixels, checked, and asked for numbers without surprises."""

import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from promptseg.errors import ReadError
from promptseg.io.files import decoder_errors, shown
from promptseg.io.limits import Limits, check_limit

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = [
    "COLOUR",
    "GRAY",
    "SEGMENTATION",
    "Layout",
    "group_item",
    "layout_of",
    "number",
    "numbers",
    "read_header",
    "sop_class_name",
    "uid_name",
]

GRAY: Final = ("MONOCHROME1", "MONOCHROME2")
COLOUR: Final = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_422", "YBR_RCT", "YBR_ICT")
_REFUSED: Final = ("YBR_PARTIAL_420", "HSV", "ARGB", "CMYK", "XYB")
_DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_NATIVE: Final[dict[tuple[bool, bool], str]] = {
    (True, True): "1.2.840.10008.1.2",
    (False, True): "1.2.840.10008.1.2.1",
    (False, False): "1.2.840.10008.1.2.2",
}
"""Transfer syntax by (implicit VR, little endian), for files that do not state it."""

SEGMENTATION: Final = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
_DIRECTORY: Final = "1.2.840.10008.1.3.10"
_META_GROUP: Final = 128 + 4 + 12
"""Bytes before what the length of the meta group counts: preamble, mark, and the element that holds the length."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How the pixels of a DICOM file are stored.

    Attributes:
        rows: height in pixels.
        columns: width in pixels.
        frames: number of frames, from 1.
        samples: 1 or 3 values a pixel.
        photometric: photometric interpretation, one of :data:`GRAY`, :data:`COLOUR` or ``PALETTE COLOR``.
        bits_allocated: bits of a value in the file.
        bits_stored: bits of a value that count.
        unused_low_bits: bits below those, where old files keep values in the upper bits; usually 0.
        signed: whether stored values are signed.
        transfer_syntax: its UID.
        deflated: whether the whole file is compressed.
    """

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    unused_low_bits: int
    signed: bool
    transfer_syntax: str
    deflated: bool


def read_header(path: Path, limits: Limits) -> "Dataset":
    """All of a DICOM file up to its pixels; call it and use the result within ``quiet_libraries``.

    Raises:
        LimitError: the file is too large, or unpacks to more than that.
    """
    from pydicom import dcmread

    check_limit(limits, "file_bytes", path.stat().st_size, path)
    _check_deflated(path, limits)
    return dcmread(path, stop_before_pixels=True, force=True)


def layout_of(header: "Dataset", path: Path, *, of_mask: bool = False) -> Layout:
    """The layout of the pixels, with every claim checked.

    Args:
        header: what :func:`read_header` gave.
        path: the file, for messages.
        of_mask: whether a segmentation is what is wanted, rather than refused.

    Raises:
        ReadError: the file holds no picture, or one of a kind that is not supported.
    """
    meta = getattr(header, "file_meta", None)
    syntax = str(meta.get("TransferSyntaxUID", "") if meta is not None else "")
    if not syntax:
        implicit, little = header.original_encoding
        syntax = _NATIVE.get((bool(implicit), little is not False), _NATIVE[True, True])
    _check_has_picture(header, path, of_mask=of_mask)
    rows, columns = (_count(header, name, path) for name in ("Rows", "Columns"))
    frames = _count(header, "NumberOfFrames", path, default=1)
    samples = _count(header, "SamplesPerPixel", path, default=1)
    photometric = str(header.get("PhotometricInterpretation") or "").strip().upper()
    expected = 1 if photometric in (*GRAY, "PALETTE COLOR") else 3
    if photometric not in (*GRAY, *COLOUR, "PALETTE COLOR"):
        named = photometric if photometric in _REFUSED else "not given or unknown"
        raise ReadError(
            f"{shown(path)}: the photometric interpretation is {named}, and only {', '.join(GRAY)}, PALETTE COLOR, "
            f"{', '.join(COLOUR)} are read; export the picture as PNG"
        )
    if samples != expected:
        raise ReadError(
            f"{shown(path)}: {photometric} needs {expected} sample(s) a pixel, but the file states {samples}"
        )
    allocated = _count(header, "BitsAllocated", path, default=8)
    stored = min(_count(header, "BitsStored", path, default=allocated), 64)
    high_bit = number(header, "HighBit")
    unused = 0 if high_bit is None else int(high_bit) + 1 - stored
    return Layout(
        rows=rows,
        columns=columns,
        frames=frames,
        samples=samples,
        photometric=photometric,
        bits_allocated=allocated,
        bits_stored=stored,
        unused_low_bits=unused if 0 < unused <= allocated - stored else 0,
        signed=number(header, "PixelRepresentation") == 1,
        transfer_syntax=syntax,
        deflated=syntax == _DEFLATED,
    )


def sop_class_name(header: "Dataset") -> str:
    """What kind of object it is, in the standard's words; never a value of the file itself."""
    return uid_name(str(header.get("SOPClassUID", ""))) or "object of an unknown class"


def uid_name(uid: str) -> str | None:
    """The standard's name for one of its own UIDs, or None for any other text."""
    from pydicom.uid import UID

    name = UID(uid).name
    return None if name == uid else name


def number(item: "Dataset", name: str | int) -> float | None:
    """A finite number, or None where the attribute is missing, empty, not a number or several."""
    values = numbers(item, name)
    return values[0] if values is not None and len(values) == 1 else None


def numbers(item: "Dataset", name: str | int, count: int | None = None) -> tuple[float, ...] | None:
    """Finite numbers, ``count`` of them if given; or None where they are missing or anything else."""
    try:
        value: Any = item.get(name)
        if not isinstance(name, str) and value is not None:
            value = value.value
        found = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else (value,)
        result = tuple(float(entry) for entry in found)
    except decoder_errors():
        return None
    if not result or (count is not None and len(result) != count) or not all(map(math.isfinite, result)):
        return None
    return result


def group_item(header: "Dataset", name: str, frame: int) -> "Dataset":
    """Where to look up what sequence ``name`` holds for one frame.

    It is the item of the frame's own functional groups, else of the shared ones, else the header itself, where
    single-frame objects keep the same attributes.
    """
    own = header.get("PerFrameFunctionalGroupsSequence") or ()
    for group in (*(own[frame : frame + 1]), *(header.get("SharedFunctionalGroupsSequence") or ())[:1]):
        if group.get(name):
            item: Dataset = group.get(name)[0]
            return item
    return header


def _check_has_picture(header: "Dataset", path: Path, *, of_mask: bool) -> None:
    if header.get("Rows") is not None:
        if str(header.get("SOPClassUID", "")) in SEGMENTATION and not of_mask:
            raise ReadError(f"{shown(path)}: is a segmentation, not a picture; read it with promptseg.io.read_mask")
        return
    meta = getattr(header, "file_meta", None)
    if "DirectoryRecordSequence" in header or str((meta or {}).get("MediaStorageSOPClassUID", "")) == _DIRECTORY:
        raise ReadError(
            f"{shown(path)}: is a DICOMDIR, a list of files; give one of the files or folders that it lists"
        )
    raise ReadError(f"{shown(path)}: holds no picture (no Rows and Columns): it is a DICOM {sop_class_name(header)}")


def _count(header: "Dataset", name: str, path: Path, *, default: int | None = None) -> int:
    """A whole number from 1; ``default`` where it is missing, empty or 0."""
    value = number(header, name)
    if default is not None and (header.get(name) is None or value == 0):
        return default
    if value is None or value < 1 or value != int(value):
        raise ReadError(f"{shown(path)}: the DICOM attribute {name} is not a whole number from 1; the file is damaged")
    return int(value)


def _check_deflated(path: Path, limits: Limits) -> None:
    """Unpack a deflated file piece by piece, keeping nothing, to see whether it is too large."""
    from pydicom.errors import InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    try:
        meta = read_file_meta_info(path)
    except InvalidDicomError:
        return
    if str(meta.get("TransferSyntaxUID", "")) != _DEFLATED:
        return
    length = number(meta, "FileMetaInformationGroupLength")
    if length is None:
        raise ReadError(f"{shown(path)}: a deflated DICOM file must state the length of its meta group; it is damaged")
    unpacker, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    with path.open("rb") as file:
        file.seek(_META_GROUP + int(length))
        while (piece := file.read(2**16)) and not unpacker.eof:
            while piece and not unpacker.eof:
                size += len(unpacker.decompress(piece, 2**20))
                piece = unpacker.unconsumed_tail
                check_limit(limits, "file_bytes", size, path)
