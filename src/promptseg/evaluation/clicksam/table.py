"""The table of a reproduction: one row for each evaluation, and a file of rows that survives a kill at any moment."""

import csv
import io
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final, final

from promptseg.errors import ReadError
from promptseg.io.atomic import replacing
from promptseg.io.files import shown

__all__ = ["COLUMNS", "SCORES", "Row", "append_rows", "kept_rows", "read_rows", "write_rows"]


@final
@dataclass(frozen=True, slots=True)
class Row:
    """How well one mask agrees with the reference.

    Attributes:
        protocol: which images trained and tested, see :mod:`~promptseg.evaluation.clicksam.protocols`.
        arm: which network, see :mod:`~promptseg.evaluation.clicksam.arms`.
        prompter: how prompts were made, see :mod:`~promptseg.evaluation.clicksam.prompting`. All of them know the
            reference, so every score here is an oracle's.
        image: name of the sample.
        group: its near-duplicate group; groups are what the bootstrap draws.
        stratum: its class.
        object: what was segmented.
        step: from 1: the click of the simulated user, or the stage.
        iou: of the masks, from 0 to 1, at the size of the image as given.
        box_iou: of their tight boxes.
        dice: of the masks.
        pixel_accuracy: share of all pixels that agree.
        predicted_score: the network's own estimate of the IoU; NaN if it makes none.
        n_clicks: clicks that had been made; 0 for boxes.
    """

    protocol: str
    arm: str
    prompter: str
    image: str
    group: str
    stratum: str
    object: str
    step: int
    iou: float
    box_iou: float
    dice: float
    pixel_accuracy: float
    predicted_score: float
    n_clicks: int


COLUMNS: Final = tuple(field.name for field in fields(Row))
SCORES: Final = ("iou", "box_iou", "dice", "pixel_accuracy")
"""Columns that say how good a mask is."""

_KINDS: Final = {field.name: field.type for field in fields(Row)}


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write the whole table as CSV, whole or not at all; numbers keep six digits, NaN is an empty field.

    Raises:
        WriteError: the path is not usable.
    """
    with replacing(path) as file:
        file.write((_line(COLUMNS) + "".join(_line(_values(row)) for row in rows)).encode())


def append_rows(rows: Sequence[Row], path: Path) -> None:
    """Add rows to a file, which is made with its header if it is not there; they are on the disk on return.

    A process that is killed meanwhile leaves at most some of these rows, see :func:`kept_rows`.

    Raises:
        OSError: the disk is full, and the like.
    """
    text = "".join(_line(_values(row)) for row in rows)
    with path.open("ab") as file:
        if file.tell() == 0:
            text = _line(COLUMNS) + text
        file.write(text.encode())
        file.flush()
        os.fsync(file.fileno())


def kept_rows(path: Path, *, rows_of_an_image: int) -> list[Row]:
    """Rows of the images that are complete in a file of :func:`append_rows`; all others leave the file.

    Args:
        path: may be missing: no rows.
        rows_of_an_image: so many make an image complete.

    Raises:
        ReadError: the file is another table.
    """
    if not path.exists():
        return []
    text = path.read_bytes().decode(errors="replace")
    whole = text[: text.rfind("\n") + 1]
    if not whole:
        path.unlink()
        return []
    by_image: dict[str, list[Row]] = {}
    for row in _parsed(whole, path):
        by_image.setdefault(row.image, []).append(row)
    kept = [row for rows in by_image.values() if len(rows) == rows_of_an_image for row in rows]
    write_rows(kept, path)
    return kept


def read_rows(path: Path) -> list[Row]:
    """The rows of a table.

    Raises:
        ReadError: there is no such file, or it is another table.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReadError(f"{shown(path)}: cannot be read as a table ({error})") from None
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> list[Row]:
    reader = csv.reader(io.StringIO(text, newline=""))
    header = tuple(next(reader, ()))
    if header != COLUMNS:
        raise ReadError(f"{shown(path)}: is no table of a reproduction: its columns are {', '.join(header)[:200]}")
    try:
        return [
            Row(**{name: _value(name, word) for name, word in zip(COLUMNS, words, strict=True)}) for words in reader
        ]
    except ValueError as error:
        raise ReadError(f"{shown(path)}: line {reader.line_num} is no row of a reproduction ({error})") from None


def _value(name: str, word: str) -> Any:  # noqa: ANN401 (str, int or float, as the column says)
    kind = _KINDS[name]
    if kind is float:
        return float(word) if word else math.nan
    return int(word) if kind is int else word


def _values(row: Row) -> list[str]:
    return [_word(getattr(row, name)) for name in COLUMNS]


def _word(value: str | float) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6f}"
    return str(value)


def _line(words: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(words)
    return line.getvalue()
