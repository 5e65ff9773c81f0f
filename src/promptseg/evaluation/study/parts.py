"""Files of a study that are there whole or not at all: one for each finished unit, and the table of all.

A part says in its metadata of which study and which unit it is, and its pages have checksums. So what another study
wrote, or a disk damaged, is found out and done again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, final

import pyarrow as pa
from pyarrow import parquet

from promptseg._version import __version__
from promptseg.errors import StudyError, WriteError
from promptseg.evaluation.study.rows import COLUMNS
from promptseg.evaluation.study.scoring import Row
from promptseg.io.atomic import replacing
from promptseg.io.files import reason, shown

__all__ = ["TABLE", "Parts", "table_metadata"]

TABLE: Final = "table.parquet"
"""The table of a study, in its folder."""

_TYPES: Final = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}
_ROWS_A_GROUP: Final = 200_000
_FOLDER: Final = "parts"
_IN_A_FOLDER: Final = 1000


@final
@dataclass(frozen=True)
class Parts:
    """The finished units of one study.

    Attributes:
        folder: of the study.
        study: digest of what makes it this study.
        metrics: columns after those of every study.
    """

    folder: Path
    study: str
    metrics: tuple[str, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        """Columns and their types."""
        columns = [(name, _TYPES[kind]) for name, (kind, _) in COLUMNS.items()]
        return pa.schema([*columns, *((name, pa.float64()) for name in self.metrics)])

    def path(self, unit: int) -> Path:
        """Where the rows of a unit lie."""
        return self.folder / _FOLDER / f"{unit // _IN_A_FOLDER:04d}" / f"{unit:07d}.parquet"

    def write(self, unit: int, name: str, rows: Sequence[Row]) -> None:
        """Write the rows of a unit.

        Raises:
            WriteError: the disk is full, and the like; what was there is untouched.
        """
        columns = {field.name: [row[field.name] for row in rows] for field in self.schema}
        table = pa.table(
            columns, schema=self.schema.with_metadata({**self._label(unit), b"promptseg.name": name.encode()})
        )
        data = pa.BufferOutputStream()
        parquet.write_table(table, data, write_page_checksum=True, use_dictionary=False)
        with replacing(self._ready_path(unit)) as file:
            file.write(data.getvalue())

    def read(self, unit: int) -> pa.Table | None:
        """The rows of a unit; None where they are not there, damaged, or of another study or unit."""
        try:
            file = self.path(unit).read_bytes()
            table = parquet.read_table(pa.BufferReader(file), page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            return None
        found = table.schema.metadata or {}
        mine = all(found.get(key) == value for key, value in self._label(unit).items())
        return table if mine and table.schema.equals(self.schema) else None

    def finished(self, units: Iterable[int]) -> set[int]:
        """Those of the units whose rows are there; what is damaged or of another study is removed."""
        found = set()
        for unit in units:
            if self.read(unit) is not None:
                found.add(unit)
            else:
                self.path(unit).unlink(missing_ok=True)
        return found

    def take(self, other: "Parts", unit: int) -> bool:
        """Take the rows of a unit from the folder of another shard; False if they are not there.

        Raises:
            WriteError: they cannot be written.
        """
        if other.read(unit) is None:
            return False
        with replacing(self._ready_path(unit)) as file:
            file.write(other.path(unit).read_bytes())
        return True

    def write_table(self, units: int, metadata: Mapping[str, str]) -> int:
        """Write :data:`TABLE` of so many units, in their order; gives the number of rows.

        Raises:
            StudyError: a unit is not there.
            WriteError: the table cannot be written; what was there is untouched.
        """
        schema = self.schema.with_metadata({"promptseg.study": self.study, **metadata})
        count = 0
        with replacing(self.folder / TABLE) as file, parquet.ParquetWriter(file, schema) as writer:
            for tables in _grouped(map(self._table, range(units))):
                writer.write_table(pa.concat_tables(tables).replace_schema_metadata(schema.metadata))
                count += sum(len(table) for table in tables)
        return count

    def remove_leavings(self) -> None:
        """Remove what processes that were killed left half-written."""
        for pattern in (".*.part", "*/.*.part", f"{_FOLDER}/*/.*.part"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def _table(self, unit: int) -> pa.Table:
        table = self.read(unit)
        if table is None:
            raise StudyError(f"{shown(self.path(unit))} is missing or damaged; go on with --resume")
        return table.replace_schema_metadata(None)

    def _ready_path(self, unit: int) -> Path:
        path = self.path(unit)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WriteError(f"{shown(path.parent)}: cannot be made ({reason(error)})") from None
        return path

    def _label(self, unit: int) -> dict[bytes, bytes]:
        return {b"promptseg.study": self.study.encode(), b"promptseg.unit": str(unit).encode()}


def table_metadata(facts: Mapping[str, Any]) -> dict[str, str]:
    """What the table says of itself: the version that wrote it, and facts as JSON."""
    return {"promptseg.version": __version__, "promptseg.facts": json.dumps(facts, sort_keys=True)}


def _grouped(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Tables, so many together that row groups are large."""
    group: list[pa.Table] = []
    rows = 0
    for table in tables:
        group.append(table)
        rows += len(table)
        if rows >= _ROWS_A_GROUP:
            yield group
            group, rows = [], 0
    if group:
        yield group
