"""What a delete takes with it, and what an undelete brings back.

The flags are those of childRelationships: restrictedDelete refuses, cascadeDelete deletes the
children too, any other lookup is emptied (Object Reference, "Relationships").
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from isthmus.localorg.commitlog import Kind
from isthmus.localorg.errors import OrgError
from isthmus.localorg.schema import Field, SObject
from isthmus.localorg.store import Store, quoted

_Key = tuple[str, str]  # an object's name and an id


@dataclass(frozen=True)
class Touched:
    """A record that a write changed, in the order of the changes."""

    entity: str
    id: str
    kind: Kind
    fields: tuple[str, ...] = ()


@dataclass(frozen=True)
class By:
    """Who deletes, and when."""

    stamp: datetime
    user_id: str


def delete(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_ids: Sequence[str],
    by: By,
    *,
    hard: bool = False,
) -> list[list[Touched] | OrgError]:
    """Put live records and what hangs on them into the recycle bin, or remove them for good.

    Gives for each what it touched, or OrgError DELETE_FAILED; one that an earlier one has taken
    along is ENTITY_IS_DELETED.
    """
    tree = _Tree(store, cursor)
    tree.grow(sobject, record_ids)
    made = [tree.fell((sobject.name, record_id)) for record_id in record_ids]
    for (child, name), parents in tree.emptied.items():
        _empty(store, cursor, child, name, parents, by.stamp)
    fallen: dict[str, list[str]] = {}
    for entity, record_id in tree.gone:
        fallen.setdefault(entity, []).append(record_id)
    for entity, ids in fallen.items():
        target = store.schema.get(entity)
        assert target is not None
        if hard:
            query = f"DELETE FROM {store.table(entity)} WHERE Id IN (SELECT unnest(?))"
            cursor.execute(query, [ids])
        else:
            mark(store, cursor, target, ids, True, by)
    return made


def undelete(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_id: str,
    by: By,
    *,
    died: datetime,
) -> list[Touched]:
    """Take a record out of the recycle bin with the children that died at the same moment."""
    mark(store, cursor, sobject, [record_id], False, by)
    touched = [Touched(sobject.name, record_id, Kind.UNDELETE)]
    for link in links(store, sobject):
        if link.cascade and link.child.undeletable:
            for child_id in _died_with(store, cursor, link, record_id, died):
                touched += undelete(store, cursor, link.child, child_id, by, died=died)
    return touched


@dataclass(frozen=True)
class Link:
    """A lookup seen from the object it points to, and what a delete does to it."""

    child: SObject
    field: Field
    cascade: bool
    restricted: bool


@dataclass
class _Tree:
    """What hangs on the records that are to be deleted, and which of them are deleted by now."""

    store: Store
    cursor: duckdb.DuckDBPyConnection
    hanging: dict[_Key, list[tuple[Link, str]]] = field(default_factory=dict)
    gone: dict[_Key, None] = field(default_factory=dict)
    emptied: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def grow(self, sobject: SObject, record_ids: Sequence[str]) -> None:
        """Look up what hangs on records, and on that, and so on."""
        found = tuple(links(self.store, sobject))
        if not found or not record_ids:
            return
        below: dict[str, list[str]] = {}
        for at, parent, child_id in self._children(found, record_ids):
            link = found[at]
            self.hanging.setdefault((sobject.name, parent), []).append((link, child_id))
            if link.cascade and (link.child.name, child_id) not in self.hanging:
                below.setdefault(link.child.name, []).append(child_id)
        for name, ids in below.items():
            child = self.store.schema.get(name)
            assert child is not None
            # a record that is among its own descendants is not looked up again
            self.grow(child, [one for one in ids if (name, one) not in self.hanging])

    def fell(self, key: _Key) -> list[Touched] | OrgError:
        """Delete a record, or tell why not; then nothing of it is deleted."""
        if key in self.gone:
            return OrgError(404, "ENTITY_IS_DELETED", "entity is deleted")
        gone, touched = dict(self.gone), list[Touched]()
        emptied: list[tuple[tuple[str, str], str]] = []
        try:
            self._fell(key, gone, touched, emptied)
        except OrgError as error:
            return error
        self.gone = gone
        for column, parent in emptied:
            self.emptied.setdefault(column, []).append(parent)
        return touched

    def _fell(
        self,
        key: _Key,
        gone: dict[_Key, None],
        touched: list[Touched],
        emptied: list[tuple[tuple[str, str], str]],
    ) -> None:
        hanging = self.hanging.get(key, ())
        for link, child_id in hanging:
            if link.restricted and (link.child.name, child_id) not in gone:
                raise _held(key[1], link, child_id)
        gone[key] = None
        for link, child_id in hanging:
            child = (link.child.name, child_id)
            if child in gone:
                continue
            if link.cascade:
                self._fell(child, gone, touched, emptied)
            elif link.field.nillable:
                emptied.append(((link.child.name, link.field.name), key[1]))
                touched.append(Touched(*child, Kind.UPDATE, (link.field.name,)))
        touched.append(Touched(*key, Kind.DELETE))

    def _children(
        self, found: Sequence[Link], record_ids: Sequence[str]
    ) -> list[tuple[int, str, str]]:
        parts = " UNION ALL ".join(
            f"SELECT {at} AS link, {quoted(link.field.name)} AS parent, Id"
            f" FROM {self.store.table(link.child.name)}"
            f" WHERE {quoted(link.field.name)} IN (SELECT id FROM wanted) AND NOT IsDeleted"
            for at, link in enumerate(found)
        )
        query = f"WITH wanted AS (SELECT unnest(?) AS id) {parts} ORDER BY link, Id"
        return self.cursor.execute(query, [list(record_ids)]).fetchall()


def links(store: Store, sobject: SObject) -> Iterator[Link]:
    """List the lookups that point to an object."""
    for link in sobject.raw["childRelationships"]:
        child = store.schema.get(link["childSObject"] or "")
        found = child.field(link["field"]) if child else None
        if child is not None and found is not None:
            yield Link(child, found, bool(link["cascadeDelete"]), bool(link["restrictedDelete"]))


def _held(record_id: str, link: Link, child_id: str) -> OrgError:
    message = (
        f"Your attempt to delete {record_id} could not be completed because it is "
        f"associated with the following {link.child.label.lower()}: {child_id}"
    )
    return OrgError(400, "DELETE_FAILED", message)


def _died_with(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    link: Link,
    record_id: str,
    died: datetime,
) -> list[str]:
    query = (
        f"SELECT Id FROM {store.table(link.child.name)} WHERE {quoted(link.field.name)} = ?"
        " AND IsDeleted AND SystemModstamp = ? ORDER BY Id"
    )
    return [row[0] for row in cursor.execute(query, [record_id, died]).fetchall()]


def _empty(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    child: str,
    name: str,
    parents: Sequence[str],
    stamp: datetime,
) -> None:
    column = quoted(name)
    query = (
        f"UPDATE {store.table(child)} SET {column} = NULL, SystemModstamp = ?"
        f" WHERE {column} IN (SELECT unnest(?)) AND NOT IsDeleted"
    )
    cursor.execute(query, [stamp, list(parents)])


def mark(
    store: Store,
    cursor: duckdb.DuckDBPyConnection,
    sobject: SObject,
    record_ids: Sequence[str],
    deleted: bool,
    by: By,
) -> None:
    """Put records into the recycle bin, or take them out."""
    changes: dict[str, object] = {"IsDeleted": deleted, "SystemModstamp": by.stamp}
    if sobject.field("LastModifiedDate"):
        changes |= {"LastModifiedDate": by.stamp, "LastModifiedById": by.user_id}
    listed = ", ".join(f"{quoted(name)} = ?" for name in changes)
    query = f"UPDATE {store.table(sobject.name)} SET {listed} WHERE Id IN (SELECT unnest(?))"
    cursor.execute(query, [*changes.values(), list(record_ids)])
