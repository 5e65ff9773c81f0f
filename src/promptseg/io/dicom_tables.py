"""Look-up tables of DICOM: modality, values of interest, palettes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from promptseg.errors import ReadError
from promptseg.io.dicom_header import numbers
from promptseg.io.files import shown
from promptseg.types import Pixels

if TYPE_CHECKING:
    from pydicom import Dataset

__all__ = ["Table", "palette_colours", "read_table"]

_CHANNELS: Final = ("Red", "Green", "Blue")


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A look-up table: stored values below the first one mapped give the first entry, those above the last.

    Attributes:
        entries: (N,) integers.
        first: the stored value that gives the first entry.
        bits: bits of an entry, 8 to 16.
    """

    entries: Pixels
    first: int
    bits: int

    def __call__(self, values: Pixels) -> Pixels:
        """Look up every value; floating ones are rounded first."""
        places = np.rint(values) if values.dtype.kind == "f" else values
        places = np.clip(places.astype(np.int64) - self.first, 0, len(self.entries) - 1)
        looked_up: Pixels = self.entries[places]
        return looked_up


def read_table(item: "Dataset", path: Path, *, signed: bool, prefix: str = "LUT") -> Table:
    """The table that ``LUTDescriptor`` and ``LUTData`` of an item give, or those with another prefix.

    Args:
        item: a dataset that holds both.
        path: the file, for messages.
        signed: whether the values to look up are signed.
        prefix: ``LUT``, or for example ``RedPaletteColorLookupTable``.

    Raises:
        ReadError: the descriptor or the data are missing or do not fit each other.
    """
    descriptor = numbers(item, f"{prefix}Descriptor", 3)
    if descriptor is None:
        raise ReadError(
            f"{shown(path)}: a look-up table has no {prefix}Descriptor of three values; the file is damaged"
        )
    count, first, bits = (int(value) for value in descriptor)
    count = count % 2**16 or 2**16
    if signed and first >= 2**15:
        first -= 2**16
    segmented = f"Segmented{prefix}Data"
    if item.get(segmented) is not None:
        entries = _expanded(_words(item, segmented), count)
    else:
        entries = _words(item, f"{prefix}Data", count=count)
    if len(entries) < count:
        raise ReadError(
            f"{shown(path)}: {prefix}Data states {count} entries but gives {len(entries)}; the file is damaged"
        )
    return Table(entries[:count], first, min(max(bits, 8), 16))


def palette_colours(indices: Pixels, header: "Dataset", path: Path) -> NDArray[np.uint8]:
    """Stored palette indices (...) to RGB (..., 3), uint8; of 16-bit entries the upper byte is taken.

    Raises:
        ReadError: a palette is missing or damaged.
    """
    signed = indices.dtype.kind == "i"
    planes = []
    for channel in _CHANNELS:
        table = read_table(header, path, signed=signed, prefix=f"{channel}PaletteColorLookupTable")
        entries = table.entries
        if table.bits > 8 and entries.dtype.itemsize > 1:
            entries = entries >> 8
        planes.append(Table(entries.astype(np.uint8), table.first, 8)(indices))
    return np.stack(planes, axis=-1)


def _words(item: "Dataset", name: str, *, count: int | None = None) -> Pixels:
    """Entries as stored: 16-bit words, or bytes where there are just as many bytes as entries."""
    data = item.get(name)
    if data is None:
        return np.zeros(0, np.uint16)
    if not isinstance(data, bytes):
        return np.atleast_1d(np.asarray(data)).astype(np.uint16)
    if count is not None and len(data) in (count, count + 1) and len(data) < 2 * count:
        return np.frombuffer(data, np.uint8)
    little = item.original_encoding[1] is not False
    return np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little else ">u2").astype(np.uint16)


def _expanded(words: Pixels, count: int) -> Pixels:
    """Expand a segmented palette (DICOM PS3.3 C.7.9.2) to ``count`` entries."""
    entries: list[int] = []
    _expand(words.tolist(), 0, len(words), entries, count)
    return np.array(entries[:count], dtype=np.uint16)


def _expand(words: list[int], start: int, stop: int, entries: list[int], count: int, *, nested: bool = False) -> None:
    place = start
    while place + 1 < stop and len(entries) < count:
        code, length = words[place], words[place + 1]
        place += 2
        if code == 0:
            entries.extend(words[place : place + length])
            place += length
        elif code == 1 and entries and place < len(words):
            entries.extend(np.rint(np.linspace(entries[-1], words[place], length + 1))[1:].astype(int).tolist())
            place += 1
        elif code == 2 and entries and not nested and place + 1 < len(words):
            offset = (words[place] | words[place + 1] << 16) // 2
            _expand(words, offset, _end_of(words, offset, length), entries, count, nested=True)
            place += 2
        else:
            break


def _end_of(words: list[int], start: int, segments: int) -> int:
    """Where ``segments`` discrete or linear segments from ``start`` end."""
    place = start
    for _ in range(segments):
        if place + 1 >= len(words):
            break
        place += 2 + (words[place + 1] if words[place] == 0 else 1)
    return place
