"""What a file is, by its first bytes; its name has no say."""

import struct
from typing import Final, Literal

__all__ = ["OPENING_BYTES", "FileKind", "kind_of", "looks_like"]

FileKind = Literal["png", "jpeg", "bmp", "webp", "tiff", "npy", "zip", "dicom", "bare-dicom", "nifti", "gzip"]

OPENING_BYTES: Final = 560
"""How much of a file :func:`kind_of` wants to see: a NIfTI-2 header and some more."""

_AT_START: Final[tuple[tuple[bytes, FileKind], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"II+\x00", "tiff"),
    (b"MM\x00+", "tiff"),
    (b"\x93NUMPY", "npy"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gzip"),
)

_KNOWN_OTHERS: Final[tuple[tuple[bytes, str], ...]] = (
    (b"GIF8", "a GIF picture; save it as PNG"),
    (b"%PDF", "a PDF; export its picture as PNG"),
    (b"NRRD", "an NRRD volume; convert it to NIfTI"),
    (b"ObjectType", "a MetaImage header; convert it to NIfTI"),
    (b"\x89HDF", "an HDF5 file; convert it to NIfTI, PNG or NPY"),
    (b"MATLAB", "a MATLAB file; convert it to NPY or PNG"),
    (b"\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture; save it as PNG"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 codestream; save it as PNG"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself; run `git lfs pull`"),
    (b"<!DOCTYPE", "a web page, perhaps of a failed download"),
    (b"<!doctype", "a web page, perhaps of a failed download"),
    (b"<html", "a web page, perhaps of a failed download"),
    (b"<?xml", "an XML file"),
    (b"{", "a JSON file; masks in COCO JSON are read with read_mask"),
    (b"\x80\x02", "a pickle or a checkpoint of weights"),
    (b"\x80\x04", "a pickle or a checkpoint of weights"),
)


def kind_of(head: bytes) -> FileKind | None:
    """The format of a file that begins with ``head`` (:data:`OPENING_BYTES` bytes, or the whole file); None if unknown.

    A DICOM file may begin as a TIFF does, so the mark of DICOM at byte 128 wins.
    """
    if head[128:132] == b"DICM":
        return "dicom"
    for mark, kind in _AT_START:
        if head.startswith(mark):
            return kind
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "webp"
    if (
        head.startswith(b"BM")
        and len(head) >= 18
        and struct.unpack_from("<I", head, 14)[0] in (12, 40, 52, 56, 64, 108, 124)
    ):
        return "bmp"
    if head[344:347] in (b"n+1", b"ni1") or head[4:7] in (b"n+2", b"ni2"):
        return "nifti"
    return "bare-dicom" if _is_bare_dicom(head) else None


def looks_like(head: bytes) -> str:
    """Words for a file that is none of ours, for an error message."""
    for mark, words in _KNOWN_OTHERS:
        if head.startswith(mark):
            return f"it looks like {words}"
    return "its first bytes are of no known format"


def _is_bare_dicom(head: bytes) -> bool:
    """Whether it begins with a data element of group 0002 or 0008, as DICOM without its preamble does."""
    if len(head) < 16:
        return False
    for order in "<>":
        group, element = struct.unpack_from(f"{order}HH", head)
        if group not in (0x0002, 0x0008) or element > 0x0070:
            continue
        if head[4:6].isalpha() and head[4:6].isupper():
            return True
        if struct.unpack_from(f"{order}I", head, 4)[0] <= 1024:
            return True
    return False
