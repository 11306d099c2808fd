"""Fill an org from a folder: one file per object, `Account.csv`, `.jsonl` or `.parquet`."""

from __future__ import annotations

from pathlib import Path

import duckdb

from isthmus.localorg import ids
from isthmus.localorg.schema import Schema, SObject
from isthmus.localorg.store import Store, column_type, quoted

_READERS = {
    # In CSV an empty cell is no value; no text is taken for null.
    ".csv": "read_csv(?, header = true, all_varchar = true, nullstr = '')",
    ".jsonl": "read_json(?, format = 'newline_delimited')",
    ".ndjson": "read_json(?, format = 'newline_delimited')",
    ".json": "read_json(?)",
    ".parquet": "read_parquet(?)",
}


def load(store: Store, schema: Schema, folder: Path) -> None:
    """Read every file of the folder into the object that it is named after.

    Columns are fields in any case. A missing Id is made up, IsDeleted and booleans are false,
    SystemModstamp is 2020-01-01. Raises FileNotFoundError for a folder that is not there and
    ValueError, naming the file, for one that does not fit.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder {folder}; --data wants demo, empty or a folder")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _READERS)
    if not files:
        raise ValueError(f"{folder} has no file like Account.csv, .jsonl or .parquet")
    for path in files:
        sobject = schema.get(path.stem)
        if sobject is None:
            raise ValueError(f"{path}: no object {path.stem}; --describes adds objects")
        _load(store, sobject, path)


def _load(store: Store, sobject: SObject, path: Path) -> None:
    def fill(cursor: duckdb.DuckDBPyConnection) -> None:
        reader = _READERS[path.suffix.lower()]
        given = [row[0] for row in _fetch(cursor, f"DESCRIBE SELECT * FROM {reader}", path)]
        chosen = _columns(sobject, given, path)
        cursor.execute(
            f"INSERT INTO {quoted(sobject.name)} ({', '.join(map(quoted, chosen))})"
            f" SELECT {', '.join(chosen.values())}"
            f' FROM (SELECT *, row_number() OVER () AS "#" FROM {reader})',
            [str(path)],
        )

    store.fill_later(sobject.name, fill)
    try:
        store.table(sobject.name)
    except duckdb.Error as error:
        raise ValueError(f"{path} does not fit {sobject.name}: {error}") from error


def _fetch(cursor: duckdb.DuckDBPyConnection, query: str, path: Path) -> list[tuple[str, ...]]:
    return cursor.execute(query, [str(path)]).fetchall()


def _columns(sobject: SObject, given: list[str], path: Path) -> dict[str, str]:
    """The columns to fill, each with the expression that fills it."""
    filled = _defaults(sobject)
    for name in given:
        field = sobject.field(name)
        if field is None and name != "IsDeleted":
            raise ValueError(f"{path}: {sobject.name} has no field {name}")
        if field is None or field.stored:
            kind = "BOOLEAN" if field is None else column_type(field).removesuffix(" NOT NULL")
            target = name if field is None else field.name
            value = f"CAST({quoted(name)} AS {kind})"
            default = filled.get(target)
            filled[target] = f"coalesce({value}, {default})" if default else value
    return filled


def _defaults(sobject: SObject) -> dict[str, str]:
    booleans = [f.name for f in sobject.fields if f.type == "boolean" and f.stored]
    return {
        **{name: "false" for name in [*booleans, "IsDeleted"]},
        "Id": ids.sql(sobject.key_prefix or "000", '"#"'),
        "SystemModstamp": "TIMESTAMP '2020-01-01'",
    }
