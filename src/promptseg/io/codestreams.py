"""Sizes that compressed frames claim, read before a decoder believes them."""

import struct
from typing import Final, NamedTuple

__all__ = ["FrameSize", "frame_size"]

_START_OF_FRAME: Final = frozenset((*range(0xC0, 0xD0), 0xF7)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH: Final = frozenset((0x01, *range(0xD0, 0xD9)))
_END: Final = b"\xff\xd9"
_TAIL: Final = 8
"""The mark of the end stands in the last bytes; a few may follow it to fill up."""

_JP2: Final = b"\x00\x00\x00\x0cjP  "


class FrameSize(NamedTuple):
    """What the header of one compressed frame claims; ``complete`` is whether its end is there."""

    height: int
    width: int
    bits: int
    complete: bool = True


def frame_size(data: bytes) -> FrameSize | None:
    """The size in a JPEG, JPEG-LS or JPEG 2000 stream, or None where it holds none (then a decoder fails as well)."""
    if data.startswith(b"\xff\xd8"):
        return _jpeg_size(data)
    start = data.find(b"\xff\x4f\xff\x51") if data.startswith(_JP2) else 0
    if start < 0 or not data.startswith(b"\xff\x4f\xff\x51", start) or len(data) < start + 43:
        return None
    right, lower, left, upper = struct.unpack_from(">4I", data, start + 8)
    return FrameSize(lower - upper, right - left, (data[start + 42] & 0x7F) + 1)


def _jpeg_size(data: bytes) -> FrameSize | None:
    """Walk the marker segments up to the start of the frame (ISO/IEC 10918-1 B.2.2)."""
    place = 2
    while place + 9 <= len(data):
        if data[place] != 0xFF:
            return None
        marker = data[place + 1]
        if marker in _START_OF_FRAME:
            bits, height, width = struct.unpack_from(">BHH", data, place + 4)
            return FrameSize(height, width, bits, _END in data[-_TAIL:])
        if marker == 0xFF:
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            place += 2 + struct.unpack_from(">H", data, place + 2)[0]
    return None
