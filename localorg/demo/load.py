"""Fill an org from a folder of files named after objects: Account.csv, Contact.parquet, ..."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from isthmus.localorg import ids
from isthmus.localorg.demo.generate import empty
from isthmus.localorg.demo.generic import default
from isthmus.localorg.demo.setup import ADMIN_ID
from isthmus.localorg.demo.sqltext import text
from isthmus.localorg.schema import Field, Schema, SObject
from isthmus.localorg.store import Filler, Store, column_type, columns, quoted
from isthmus.localorg.values import utc_seconds

Reader = Callable[[duckdb.DuckDBPyConnection, Path], str]


def load(store: Store, schema: Schema, folder: str | Path, seed: int, now: datetime) -> None:
    """Promise the rows of each file; objects without a file are empty but for the org's own.

    Columns are the field's API names in any case. Id, owner, dates and flags that a file lacks
    are filled in. Raises FileNotFoundError for the folder, ValueError for a file that names no
    object or (at first use) a column that is no field.
    """
    path = Path(folder)
    if not path.is_dir():
        raise FileNotFoundError(f"no folder {path}; --data wants demo, empty or a folder of files")
    empty(store, schema, seed, now)
    for file in sorted(path.iterdir()):
        if file.suffix.lower() not in _READERS:
            continue
        sobject = schema.get(file.stem)
        if sobject is None:
            raise ValueError(f"{file}: the org has no object {file.stem}")
        store.fill_later(sobject.name, _filler(sobject, file, utc_seconds(now)))


def _filler(sobject: SObject, file: Path, now: datetime) -> Filler:
    def fill(cursor: duckdb.DuckDBPyConnection) -> None:
        cursor.execute("SET TimeZone = 'UTC'")
        source = _READERS[file.suffix.lower()](cursor, file)
        given = _given(cursor, sobject, source, file)
        names = columns(sobject)
        values = [_value(sobject, name, given, now) for name in names]
        listed = ", ".join(
            f"{value} AS {quoted(name)}" for name, value in zip(names, values, strict=True)
        )
        numbered = f"(SELECT *, row_number() OVER () AS n FROM {source})"
        cursor.execute(
            f"INSERT INTO {quoted(sobject.name)} BY NAME SELECT {listed} FROM {numbered}"
        )

    return fill


def _given(
    cursor: duckdb.DuckDBPyConnection, sobject: SObject, source: str, file: Path
) -> dict[str, str]:
    """Map each column of the table to the column of the file that feeds it."""
    known = {name.lower(): name for name in columns(sobject)}
    found = {}
    for name in _names(cursor, source):
        if name.lower() not in known:
            raise ValueError(f"{file}: {sobject.name} has no field {name} that can be stored")
        found[known[name.lower()]] = name
    return found


def _value(sobject: SObject, name: str, given: dict[str, str], now: datetime) -> str:
    field = sobject.field(name)
    filled = _filled_in(sobject, field, name, now)
    if name not in given:
        return filled
    cast = _cast(field, name, quoted(given[name]))
    kind = column_type(field) if field else ("BOOLEAN" if name == "IsDeleted" else "TIMESTAMP")
    return f"coalesce(({cast})::{kind.removesuffix(' NOT NULL')}, {filled})"


def _cast(field: Field | None, name: str, column: str) -> str:
    kind = field.type if field else {"IsDeleted": "boolean"}.get(name, "datetime")
    trimmed = f"nullif(trim({column}::VARCHAR, {text(_BLANKS)}), '')"
    if kind == "datetime":
        instant = f"({trimmed}::TIMESTAMPTZ AT TIME ZONE 'UTC')"
        return f"date_trunc('second', {instant})"
    if kind == "time":
        return f"rtrim({trimmed}, 'Z')::TIME"
    if kind == "boolean":
        return f"{trimmed}::BOOLEAN"
    return trimmed


def _filled_in(sobject: SObject, field: Field | None, name: str, now: datetime) -> str:
    if name == "Id":
        return ids.sql(sobject.key_prefix or "000", "n")
    if name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        return f"TIMESTAMP '{now:%Y-%m-%d %H:%M:%S}'"
    if name in ("OwnerId", "CreatedById", "LastModifiedById"):
        return f"'{ADMIN_ID}'"
    return "false" if name == "IsDeleted" else default(field)


def _csv(cursor: duckdb.DuckDBPyConnection, file: Path) -> str:
    return f"read_csv({text(str(file))}, header = true, all_varchar = true, nullstr = '')"


def _json(cursor: duckdb.DuckDBPyConnection, file: Path) -> str:
    # DuckDB reads JSON numbers as doubles; taken as text they keep every digit.
    with file.open(encoding="utf-8") as lines:
        rows = [_as_texts(line) for line in lines if line.strip()]
    names = dict.fromkeys(name for row in rows for name in row)
    table = pa.table(
        {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    )
    cursor.register("json_rows", table)
    return "json_rows"


def _as_texts(line: str) -> dict[str, str | None]:
    row = json.loads(line, parse_int=str, parse_float=str)
    return {name: None if value is None else str(value) for name, value in row.items()}


def _parquet(cursor: duckdb.DuckDBPyConnection, file: Path) -> str:
    return f"read_parquet({text(str(file))})"


def _names(cursor: duckdb.DuckDBPyConnection, source: str) -> list[str]:
    return [row[0] for row in cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()]


_READERS: dict[str, Reader] = {
    ".csv": _csv,
    ".jsonl": _json,
    ".ndjson": _json,
    ".parquet": _parquet,
}
_BLANKS = " \t\n\r"
