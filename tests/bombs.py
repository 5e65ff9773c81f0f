"""Small files that claim, or unpack to, far more than a machine can hold."""

import gzip
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tifffile
from broken_files import samples
from dicom_files import dataset

__all__ = ["bombs", "mask_bombs"]

Writer = Callable[[Path], object]
GRAY = np.zeros((40, 50), np.uint8)


def bombs() -> Iterator[tuple[str, Writer]]:
    """Pictures and volumes: file name, and what writes it."""
    for side, depth, colour in ((60_000, 8, 0), (60_000, 16, 2), (2**31 - 1, 8, 6), (50_000, 1, 3)):
        yield f"{side}-{depth}.png", _png(side, depth, colour)
    yield "channels.tif", _tiff((1500, 1500, 1000))
    yield "side.tif", _tiff_claim(2**31)
    yield "array.npy", _npy("(1000000, 1000000)")
    yield "cut.npy", _npy("(20000, 20000)")
    yield "array.npz", _npz("(1000000, 1000000)")
    yield "small-claim.npz", _npz("(20000, 20000)")
    yield "voxels.nii", _nifti([3, 32000, 32000, 32000])
    yield "voxels.nii.gz", _nifti([3, 30000, 30000, 3000], packed=True)
    yield "slices.nii.gz", _nifti([3, 1, 1, 32000], packed=True)
    for name, attributes in {
        "rows": {"Rows": 65535, "Columns": 65535},
        "frames": {"NumberOfFrames": 2_000_000_000},
        "both": {"Rows": 65535, "Columns": 65535, "NumberOfFrames": 9999},
    }.items():
        yield f"{name}.dcm", _dicom(**attributes)
        yield f"{name}-rle.dcm", _dicom(syntax="1.2.840.10008.1.2.5", **attributes)
    yield "deflated.dcm", _deflated()
    yield "stream.dcm", _codestream()


def mask_bombs() -> Iterator[tuple[str, Writer]]:
    """Masks of COCO: one that claims too much, and many that are too much only together."""
    nothing = {"size": [4_000, 4_000], "counts": [16_000_000]}
    everything = {"size": [4_000, 4_000], "counts": [0, 16_000_000]}
    enormous = {"size": [60_000, 60_000], "counts": [0, 3_600_000_000]}
    masks = {"one": [enormous], "empty": [nothing] * 3000 + [everything] * 2, "full": [everything] * 1000}
    for name, segmentations in masks.items():
        annotations = [{"segmentation": one, "category_id": 1} for one in segmentations]
        text = json.dumps({"annotations": annotations})
        yield f"{name}.json", lambda path, text=text: path.write_text(text)


def _png(side: int, depth: int, colour: int) -> Writer:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    parts = (("IHDR", header), ("IDAT", zlib.compress(bytes(10**6), 9)), ("IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name.encode(), content) for name, content in parts)
    return lambda path: path.write_bytes(data)


def _tiff(shape: tuple[int, int, int]) -> Writer:
    """A picture of so many channels, its rows packed: a thousandth of its size on disk."""

    def write(path: Path) -> None:
        row = zlib.compress(bytes(shape[1] * shape[2]), 9)
        tifffile.imwrite(
            path,
            iter([row] * shape[0]),
            shape=shape,
            dtype=np.uint8,
            photometric="minisblack",
            planarconfig="contig",
            compression="zlib",
            rowsperstrip=1,
        )

    return write


def _tiff_claim(width: int) -> Writer:
    good = samples()["good.tif"]
    place = good.index(struct.pack("<HHI", 256, 4, 1)) + 8
    return lambda path: path.write_bytes(good[:place] + struct.pack("<I", width) + good[place + 4 :])


def _array_header(shape: str) -> bytes:
    text = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def _npy(shape: str) -> Writer:
    return lambda path: path.write_bytes(_array_header(shape) + bytes(100))


def _npz(shape: str) -> Writer:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("image.npy", _array_header(shape) + bytes(10**6))

    return write


def _nifti(dimensions: list[int], *, packed: bool = False) -> Writer:
    data = bytearray(samples()["good.nii"])
    data[40 : 40 + 2 * len(dimensions)] = struct.pack(f"<{len(dimensions)}h", *dimensions)
    content = gzip.compress(bytes(data) + bytes(10**6), mtime=0) if packed else bytes(data)
    return lambda path: path.write_bytes(content)


def _dicom(syntax: str = "1.2.840.10008.1.2.1", **attributes: object) -> Writer:
    """The claim in the header alone; what follows is a picture of 40 x 50 pixels."""
    file = io.BytesIO()
    dataset(GRAY, **attributes).save_as(file, enforce_file_format=True)
    content = file.getvalue()
    plain = b"1.2.840.10008.1.2.1\x00"
    if syntax.encode() not in plain:
        content = content.replace(plain, syntax.encode().ljust(len(plain), b"\x00"), 1)
    return lambda path: path.write_bytes(content)


def _deflated() -> Writer:
    """A deflated file whose one private element unpacks to 400 MB."""

    def write(path: Path) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        file = io.BytesIO()
        dataset(GRAY, syntax="1.2.840.10008.1.2.1.99").save_as(file, enforce_file_format=True)
        good = file.getvalue()
        (length,) = struct.unpack_from("<I", good, 140)
        packed = packer.compress(struct.pack("<HH2sHI", 9, 9, b"OB", 0, 2**28))
        block = bytes(2**24)
        pieces = [packed, *(packer.compress(block) for _ in range(25)), packer.flush()]
        path.write_bytes(good[: 144 + length] + b"".join(pieces))

    return write


def _codestream() -> Writer:
    stream = bytearray(samples()["MR_small_jp2klossless.dcm"])
    start = stream.index(b"\xff\x4f\xff\x51")
    stream[start + 8 : start + 16] = struct.pack(">II", 2**31, 2**31)
    return lambda path: path.write_bytes(bytes(stream))
