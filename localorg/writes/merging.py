"""Records of one kind made one: the others go into the recycle bin, what hung on them moves over.

Source: SOAP API Developer Guide, "merge()".
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from isthmus.localorg.commitlog import Kind
from isthmus.localorg.schema import SObject
from isthmus.localorg.store import Store, quoted
from isthmus.localorg.writes.deleting import By, Touched, links, mark

#: The lookup of a merged record to the one that it became part of.
MASTER = "MasterRecordId"


def merge(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    master_id: str,
    merged_ids: Sequence[str],
    by: By,
) -> list[Touched]:
    """Move what hangs on the merged records to the master and delete them; gives all touched."""
    touched: list[Touched] = []
    for link in links(store, sobject):
        if link.field.name != MASTER:
            name = quoted(link.field.name)
            query = (
                f"UPDATE {store.table(link.child.name)} SET {name} = ?, SystemModstamp = ?"
                f" WHERE {name} IN (SELECT unnest(?)) AND NOT IsDeleted RETURNING Id"
            )
            moved = cursor.execute(query, [master_id, by.stamp, list(merged_ids)]).fetchall()
            touched += [
                Touched(link.child.name, one, Kind.UPDATE, (link.field.name,))
                for (one,) in sorted(moved)
            ]
    mark(store, cursor, sobject, merged_ids, True, by)
    if sobject.field(MASTER):
        query = (
            f"UPDATE {store.table(sobject.name)} SET {MASTER} = ? WHERE Id IN (SELECT unnest(?))"
        )
        cursor.execute(query, [master_id, list(merged_ids)])
    return [*touched, *(Touched(sobject.name, one, Kind.DELETE) for one in merged_ids)]


def release(
    store: Store, cursor: duckdb.DuckDBPyConnection, sobject: SObject, record_id: str
) -> None:
    """Have a record that is taken out of the recycle bin be part of no other any more."""
    if sobject.field(MASTER):
        table = store.table(sobject.name)
        cursor.execute(f"UPDATE {table} SET {MASTER} = NULL WHERE Id = ?", [record_id])
