"""Files that no program can read rightly: each must give one clear line, never a traceback, a hang or a guess.

:func:`broken_files` yields what is surely broken, as (file name, function that writes it); :func:`mutants` yields
damage that may leave a file readable, for tests that only ask that nothing but a PromptsegError is raised.
"""

import gzip
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import tifffile
from dicom_files import dataset, slice_at
from numpy.typing import NDArray
from PIL import Image as Pillow
from pydicom.data import get_testdata_file
from pydicom.uid import RLELossless

__all__ = ["broken_files", "broken_folders", "documents", "mutants", "samples"]

Writer = Callable[[Path], object]
GRAY = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50).astype(np.uint8)
NOISE = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
CUTS = (0.02, 0.3, 0.6, 0.9)
REAL_DICOM = (
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_small_odd_jpeg.dcm",
)


def _picture(pixels: NDArray[Any], kind: str) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, kind)
    return file.getvalue()


def _dicom(pixels: NDArray[Any] | None, **attributes: Any) -> bytes:
    file = io.BytesIO()
    dataset(pixels, **attributes).save_as(file, enforce_file_format=True)
    return file.getvalue()


@cache
def samples() -> dict[str, bytes]:
    """Small good files of every format, by file name."""
    made = {f"good.{kind}": _picture(NOISE, kind) for kind in ("png", "jpeg", "bmp", "webp")}
    for name, options in (("good.tif", {}), ("packed.tif", {"compression": "zlib"})):
        file = io.BytesIO()
        tifffile.imwrite(file, NOISE, photometric="rgb", **options)
        made[name] = file.getvalue()
    file = io.BytesIO()
    np.save(file, GRAY)
    made["good.npy"] = file.getvalue()
    file = io.BytesIO()
    np.savez_compressed(file, image=NOISE)
    made["good.npz"] = file.getvalue()
    made["good.nii"] = nibabel.Nifti1Image(
        np.random.default_rng(1).integers(0, 99, (9, 8, 7)).astype(np.int16), np.eye(4)
    ).to_bytes()
    made["good.nii.gz"] = gzip.compress(made["good.nii"], mtime=0)
    made["good.dcm"] = _dicom(NOISE)
    made["cine.dcm"] = _dicom(np.stack([GRAY] * 3))
    made["deflated.dcm"] = _dicom(NOISE, syntax="1.2.840.10008.1.2.1.99")
    for name in REAL_DICOM:
        made[name] = Path(str(get_testdata_file(name, download=False))).read_bytes()
    return made


def broken_files() -> Iterator[tuple[str, Writer]]:
    """Name (unique, with the suffix that a user would see) and what writes the broken file at a path."""
    yield from _truncated()
    yield from _foreign()
    yield from _pictures()
    yield from _arrays()
    yield from _nifti()
    yield from _dicoms()
    yield from _odd_places()


def mutants(each: int, *, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """``each`` copies of every sample with a few bytes changed, cut out or doubled."""
    rng = np.random.default_rng(seed)
    for name, good in samples().items():
        for number in range(each):
            data = bytearray(good)
            for _ in range(int(rng.integers(1, 5))):
                place = int(rng.integers(0, min(len(data), 1500) if rng.random() < 0.7 else len(data)))
                how = rng.integers(0, 4)
                if how == 0:
                    data[place] = int(rng.integers(0, 256))
                elif how == 1:
                    data[place : place + 4] = rng.choice(
                        [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80"]
                    )
                elif how == 2:
                    del data[place : place + int(rng.integers(1, 9))]
                else:
                    data[place:place] = data[place : place + int(rng.integers(1, 9))]
            yield f"{number}-{name}", bytes(data)


def _bytes(data: bytes) -> Writer:
    return lambda path: path.write_bytes(data)


def _truncated() -> Iterator[tuple[str, Writer]]:
    for name, data in samples().items():
        for cut in CUTS:
            yield f"cut-at-{cut}-{name}", _bytes(data[: int(cut * len(data))])


def _foreign() -> Iterator[tuple[str, Writer]]:
    """Empty files, and files of other kinds, under the names that users give them."""
    for suffix in ("png", "jpg", "tif", "npy", "npz", "nii.gz", "dcm"):
        yield f"empty.{suffix}", _bytes(b"")
        yield f"zeros.{suffix}", _bytes(bytes(2000))
        yield f"text.{suffix}", _bytes(b"This is a text and nothing else.\n" * 20)
    for name, data in {
        "page.png": b"<!DOCTYPE html><html><body>404</body></html>",
        "pointer.nii.gz": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
        "paper.png": b"%PDF-1.7\n%binary",
        "clip.gif": b"GIF89a\x01\x00\x01\x00\x00\x00\x00;",
        "volume.nrrd": b"NRRD0004\ntype: short\n",
        "volume.mha": b"ObjectType = Image\nNDims = 3\n",
        "store.h5": b"\x89HDF\r\n\x1a\n" + bytes(100),
        "weights.pth": b"\x80\x02}q\x00." + bytes(50),
        "data.json": b'{"shapes": []}',
        "half.json": b'{"annotations": [',
        "picture.jp2": b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(100),
        "random.png": np.random.default_rng(3).bytes(3000),
        "reversed.png": samples()["good.png"][::-1],
        "inner.nii.gz": gzip.compress(samples()["good.png"], mtime=0),
        "twice.nii.gz": gzip.compress(samples()["good.nii.gz"], mtime=0),
        "bytes.gz": gzip.compress(b"", mtime=0),
    }.items():
        yield name, _bytes(data)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _png(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows, 9)) + _chunk(b"IEND", b"")
    )


def _pictures() -> Iterator[tuple[str, Writer]]:
    yield "bomb.png", _bytes(_png(60_000, 60_000, 8, 0, bytes(10**6)))
    yield "deep-bomb.png", _bytes(_png(60_000, 60_000, 16, 2, bytes(10**6)))
    yield "most-bomb.png", _bytes(_png(2**31 - 1, 2**31 - 1, 8, 2, b""))
    yield "no-width.png", _bytes(_png(0, 5, 8, 0, b""))
    yield "odd-depth.png", _bytes(_png(5, 5, 7, 0, bytes(30)))
    yield "odd-colour.png", _bytes(_png(5, 5, 8, 5, bytes(30)))
    yield "deep-cut.png", _bytes(_png(5, 5, 16, 2, bytes(30)))
    text = _chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(10**8), 9))
    yield "text-bomb.png", _bytes(_png(5, 5, 8, 0, bytes(30))[:33] + text + _png(5, 5, 8, 0, bytes(30))[33:])
    damaged = bytearray(samples()["good.png"])
    damaged[60] ^= 0xFF
    yield "checksum.png", _bytes(bytes(damaged))
    jpeg = samples()["good.jpeg"]
    frame = jpeg.index(b"\xff\xc0")
    yield "bomb.jpeg", _bytes(jpeg[: frame + 5] + b"\xff\xff\xff\xff" + jpeg[frame + 9 :])
    yield "no-tables.jpeg", _bytes(jpeg[:20] + jpeg[frame:])
    bitmap = samples()["good.bmp"]
    yield "bomb.bmp", _bytes(bitmap[:18] + struct.pack("<ii", 60_000, 60_000) + bitmap[26:])
    yield "negative.bmp", _bytes(bitmap[:18] + struct.pack("<ii", -5, 7) + bitmap[26:])
    animation = io.BytesIO()
    Pillow.fromarray(NOISE).save(animation, "webp", save_all=True, append_images=[Pillow.fromarray(NOISE[::-1])])
    yield "animation.webp", _bytes(animation.getvalue())
    tiff = samples()["good.tif"]
    yield "loop.tif", _bytes(tiff[:4] + struct.pack("<I", 4) + tiff[8:])
    yield "far.tif", _bytes(tiff[:4] + struct.pack("<I", 2**32 - 2) + tiff[8:])
    width = tiff.index(struct.pack("<HHI", 256, 4, 1))
    yield "bomb.tif", _bytes(tiff[: width + 8] + struct.pack("<I", 2**31) + tiff[width + 12 :])


def _npy(header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> bytes:
    text = header.encode() + b"\n"
    length = struct.pack("<H" if version == b"\x01\x00" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def _zip(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return file.getvalue()


def _arrays() -> Iterator[tuple[str, Writer]]:
    shape = "{{'descr': '{}', 'fortran_order': False, 'shape': {}}}".format
    headers = {
        "objects": shape("|O", "(2, 2)"),
        "bomb": shape("|u1", "(1000000, 1000000)"),
        "claim": shape("|u1", "(5000, 5000)"),
        "negative": shape("|u1", "(-2, -2)"),
        "flat": shape("|u1", "(4,)"),
        "five": shape("|u1", "(1, 1, 1, 2, 2)"),
        "none": shape("|u1", "(0, 4)"),
        "words": shape("<U9", "(2, 2)"),
        "time": shape("<M8[s]", "(2, 2)"),
        "mixed": "{'descr': [('a', '<i4'), ('b', '<f8')], 'fortran_order': False, 'shape': (2, 2)}",
        "code": "__import__('os').abort()",
        "open": "{'descr': '|u1', 'fortran_order': False, 'shape': (2,",
        "nested": "(" * 500 + ")" * 500,
        "keys": "{'descr': '|u1', 'shape': (2, 2)}",
        "half": shape("|u1", "(2, 2.5)"),
    }
    for name, header in headers.items():
        yield f"{name}.npy", _bytes(_npy(header, b"abcd"))
        yield f"{name}.npz", _bytes(_zip(image=_npy(header, b"abcd")))
    yield "version.npy", _bytes(_npy(headers["flat"], b"abcd", b"\x09\x00"))
    yield "long.npy", _bytes(_npy(" " * 50_000, b"", b"\x02\x00"))
    yield "all-nan.npy", lambda path: np.save(path, np.full((3, 3), np.nan))
    yield "complex.npy", lambda path: np.save(path, np.zeros((3, 3), complex))
    yield "no-array.npz", np.savez
    yield "two-arrays.npz", lambda path: np.savez(path, a=GRAY, b=GRAY)
    yield "document.npz", _bytes(_zip(**{"word/document": b"text"}).replace(b".npy", b".xml"))
    damaged = bytearray(samples()["good.npz"])
    damaged[200] ^= 0xFF
    yield "checksum.npz", _bytes(bytes(damaged))


def _header(**fields: tuple[int, str, Any]) -> bytes:
    """The NIfTI sample with (offset, type, values) replaced."""
    data = bytearray(samples()["good.nii"])
    for offset, kind, values in fields.values():
        packed = np.atleast_1d(np.array(values)).astype(kind).tobytes()
        data[offset : offset + len(packed)] = packed
    return bytes(data)


def _nifti() -> Iterator[tuple[str, Writer]]:
    changes: dict[str, dict[str, tuple[int, str, Any]]] = {
        "bomb": {"dim": (40, "<i2", [3, 32000, 32000, 32000])},
        "claim": {"dim": (40, "<i2", [3, 400, 400, 400])},
        "four": {"dim": (40, "<i2", [4, 9, 8, 1, 7])},
        "five": {"dim": (40, "<i2", [5, 9, 8, 1, 1, 7])},
        "one": {"dim": (40, "<i2", [1, 9])},
        "none": {"dim": (40, "<i2", [3, 9, 0, 7])},
        "negative": {"dim": (40, "<i2", [3, 9, -8, 7])},
        "many": {"dim": (40, "<i2", [9, 9, 8, 7])},
        "type": {"datatype": (70, "<i2", 77)},
        "complex": {"datatype": (70, "<i2", 32), "bits": (72, "<i2", 64)},
        "pair": {"magic": (344, "S4", b"ni1\0")},
        "offset": {"vox_offset": (108, "<f4", 1e9)},
        "offset-before": {"vox_offset": (108, "<f4", -50)},
        "offset-nan": {"vox_offset": (108, "<f4", np.nan)},
        "slope": {"slope": (112, "<f4", [1, np.inf])},
    }
    for name, fields in changes.items():
        yield f"{name}.nii", _bytes(_header(**fields))
        yield f"{name}.nii.gz", _bytes(gzip.compress(_header(**fields), mtime=0))
    nan = nibabel.Nifti1Image(np.full((3, 3, 3), np.nan, np.float32), np.eye(4)).to_bytes()
    yield "all-nan.nii", _bytes(nan)
    packed = bytearray(samples()["good.nii.gz"])
    packed[-300] ^= 0xFF
    yield "damaged.nii.gz", _bytes(bytes(packed[:-200]))


def _dicoms() -> Iterator[tuple[str, Writer]]:
    changes: dict[str, dict[str, Any]] = {
        "no-rows": {"Rows": None},
        "no-columns": {"Columns": None},
        "zero-rows": {"Rows": 0},
        "bomb": {"Rows": 65535, "Columns": 65535},
        "claim": {"Rows": 4000, "Columns": 4000},
        "frames": {"NumberOfFrames": 100_000},
        "some-frames": {"NumberOfFrames": 50},
        "negative-frames": {"NumberOfFrames": -3},
        "samples": {"SamplesPerPixel": 4},
        "one-sample": {"SamplesPerPixel": 1},
        "photometric": {"PhotometricInterpretation": "HSV"},
        "no-photometric": {"PhotometricInterpretation": None},
        "bits": {"BitsAllocated": 7},
        "no-bits": {"BitsAllocated": None},
        "more-stored": {"BitsStored": 12},
        "representation": {"PixelRepresentation": 5},
        "planar": {"PlanarConfiguration": 7},
        "no-pixels": {"PixelData": None},
        "few-pixels": {"PixelData": b"abcd"},
        "no-palette": {"PhotometricInterpretation": "PALETTE COLOR", "SamplesPerPixel": 1},
        "directory": {"SOPClassUID": "1.2.840.10008.1.3.10", "Rows": None},
    }
    for name, attributes in changes.items():
        yield f"{name}.dcm", _bytes(_dicom(NOISE, **attributes))
    yield "report.dcm", _bytes(_dicom(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11"))
    yield "video.dcm", _bytes(_syntax("good.dcm", "1.2.840.10008.1.2.4.102"))
    yield "unknown-syntax.dcm", _bytes(_syntax("good.dcm", "1.2.3.4.5"))
    yield "rle-of-native.dcm", _bytes(_syntax("good.dcm", RLELossless))
    yield "jpeg-of-native.dcm", _bytes(_syntax("good.dcm", "1.2.840.10008.1.2.4.50"))
    yield "deflated-of-native.dcm", _bytes(_syntax("good.dcm", "1.2.840.10008.1.2.1.99"))
    yield "only-preamble.dcm", _bytes(bytes(128) + b"DICM")
    yield "preamble-and-noise.dcm", _bytes(bytes(128) + b"DICM" + np.random.default_rng(4).bytes(500))
    stream = bytearray(samples()["MR_small_jp2klossless.dcm"])
    start = stream.index(b"\xff\x4f\xff\x51")
    stream[start + 8 : start + 16] = struct.pack(">II", 2**31, 2**31)
    yield "stream-bomb.dcm", _bytes(bytes(stream))
    for name in (
        "rtstruct.dcm",
        "rtplan.dcm",
        "reportsi.dcm",
        "waveform_ecg.dcm",
        "DICOMDIR",
        "liver_1frame.dcm",
        "badVR.dcm",
    ):
        yield f"real-{name}", _bytes(Path(str(get_testdata_file(name, download=False))).read_bytes())


def _syntax(name: str, uid: str) -> bytes:
    """A sample whose header states another transfer syntax than it has."""
    from pydicom import dcmread
    from pydicom.uid import UID

    data = samples()[name]
    held = str(dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID).encode()
    padded = held + b"\0" * (len(held) % 2)
    wanted = str(UID(uid)).encode()
    wanted += b"\0" * (len(wanted) % 2)
    place = data.index(padded) - 2
    changed = bytearray(data[:place] + struct.pack("<H", len(wanted)) + wanted + data[place + 2 + len(padded) :])
    (length,) = struct.unpack_from("<I", changed, 140)
    struct.pack_into("<I", changed, 140, length + len(wanted) - len(padded))
    return bytes(changed)


def _odd_places() -> Iterator[tuple[str, Writer]]:
    yield "missing.png", lambda _: None
    yield "pipe.png", os.mkfifo
    yield "loop.png", lambda path: path.symlink_to(path)
    yield "dangling.png", lambda path: path.symlink_to(path.with_name("nothing"))
    yield "zero-device.png", lambda path: path.symlink_to("/dev/zero")


def broken_folders() -> Iterator[tuple[str, Writer]]:
    """Folders that are no DICOM series; the function makes the folder."""

    def folder(*slices: tuple[float, dict[str, Any]], text: str = "") -> Writer:
        def make(path: Path) -> None:
            path.mkdir()
            for index, (height, attributes) in enumerate(slices):
                slice_at(path / f"{index}.dcm", height, GRAY, **attributes)
            if text:
                (path / "notes.txt").write_text(text)

        return make

    plain: dict[str, Any] = {}
    yield "nothing", folder()
    yield "only-text", folder(text="no pictures here")
    yield "gap", folder((0.0, plain), (2.0, plain), (6.0, plain))
    yield "twice", folder((0.0, plain), (2.0, plain), (2.0, plain))
    yield "phases", folder((0.0, plain), (0.0, plain), (2.0, plain), (2.0, plain))
    yield "two-series", folder((0.0, plain), (2.0, {"SeriesInstanceUID": "1.2.3"}))
    yield "two-spacings", folder((0.0, plain), (2.0, {"PixelSpacing": [1.0, 1.0]}))
    yield "two-orientations", folder((0.0, plain), (2.0, {"ImageOrientationPatient": [0.0, 1, 0, 0, 0, 1]}))
    yield "no-position", folder((0.0, plain), (2.0, {"ImagePositionPatient": None}))
    yield "two-sizes", folder((0.0, plain), (2.0, {"Rows": 20, "Columns": 100}))
    yield "cut-file", folder((0.0, plain), (2.0, {"PixelData": b"abcd"}))


def documents() -> Iterator[tuple[str, Writer]]:
    """Broken COCO JSON files, for readers of masks."""
    for name, document in {
        "list": [],
        "polygons": {"images": [{"height": 3, "width": 4}], "annotations": [{"segmentation": [[1, 2, 3]]}]},
        "counts": {"annotations": [{"segmentation": {"size": [3, 4], "counts": "zzz"}}]},
        "bomb": {"annotations": [{"segmentation": {"size": [10**6, 10**6], "counts": [10**12]}}]},
        "sizes": {"annotations": [{"segmentation": {"size": "ab", "counts": [12]}}]},
        "null": {"annotations": [None]},
    }.items():
        yield f"{name}.json", _bytes(json.dumps(document).encode())
