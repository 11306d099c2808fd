"""All keys of a copy against all keys of its subject: what is gone, what is missing."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pyarrow as pa

__all__ = ["Compared", "compared"]


@dataclass(frozen=True)
class Compared:
    """The differences, in tables of at most so many keys.

    Attributes:
        gone: keys that only the copy has.
        missing: keys that only the subject has.
    """

    gone: Iterator[pa.Table]
    missing: Iterator[pa.Table]


@contextmanager
def compared(
    copy: Iterable[pa.RecordBatch],
    subject: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    *,
    rows: int,
) -> Iterator[Compared]:
    """Compare two sets of keys; more than memory holds goes to disk.

    Args:
        copy: the keys of the copy.
        subject: the keys of the subject.
        schema: of both.
        rows: the most keys of a table.
    """
    with (
        tempfile.TemporaryDirectory(prefix="isthmus-compare-") as folder,
        duckdb.connect(config={"temp_directory": folder}) as db,
    ):
        db.execute("SET TimeZone = 'UTC'")
        for name, keys in (("copy", copy), ("subject", subject)):
            _hold(db, f"{name}_keys", schema.empty_table())
            for batch in keys:  # one by one, so that they are read in this thread
                _hold(db, f"{name}_keys", pa.Table.from_batches([batch]).cast(schema))
        yield Compared(
            _difference(db, "copy", "subject", schema, rows),
            _difference(db, "subject", "copy", schema, rows),
        )


def _hold(db: duckdb.DuckDBPyConnection, table: str, keys: pa.Table) -> None:
    db.register("given", keys)
    db.execute(f"CREATE TABLE IF NOT EXISTS {table} AS FROM given LIMIT 0")
    db.execute(f"INSERT INTO {table} FROM given")
    db.unregister("given")


def _difference(
    db: duckdb.DuckDBPyConnection, one: str, other: str, schema: pa.Schema, rows: int
) -> Iterator[pa.Table]:
    found = db.cursor().sql(f"FROM {one}_keys EXCEPT FROM {other}_keys")
    for batch in found.to_arrow_reader(rows):
        yield pa.Table.from_batches([batch]).cast(schema)
