"""The numbers that count an object's records: those in their ids, and auto-numbers."""

from __future__ import annotations

import duckdb

from isthmus.localorg import ids
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store, quoted


class Numbers:
    """Counts on from the highest number there is. One thread at a time: under the write lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._ids: dict[str, int] = {}
        self._given: dict[tuple[str, str], int] = {}

    def next_id(self, cursor: duckdb.DuckDBPyConnection, sobject: SObject) -> str:
        """Give the id of a new record."""
        prefix = sobject.key_prefix or "000"
        if sobject.name not in self._ids:
            table, head = self._store.table(sobject.name), prefix + ids.POD
            query = f"SELECT max(Id) FROM {table} WHERE starts_with(Id, ?)"
            ((last,),) = cursor.execute(query, [head]).fetchall()
            self._ids[sobject.name] = ids.number(last) if last else 0
        self._ids[sobject.name] += 1
        return ids.make(prefix, self._ids[sobject.name])

    def next_number(self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, field: Field) -> str:
        """Give a new record's auto-number."""
        key = (sobject.name, field.name)
        if key not in self._given:
            column = f"TRY_CAST({quoted(field.name)} AS BIGINT)"
            query = f"SELECT coalesce(max({column}), 1000) FROM {self._store.table(sobject.name)}"
            ((self._given[key],),) = cursor.execute(query).fetchall()
        self._given[key] += 1
        return f"{self._given[key]:08d}"
