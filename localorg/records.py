"""Create, read, update, delete and upsert single records, as the sObject Rows resources do.

Source: REST API Developer Guide, "sObject Rows" and "sObject Rows by External ID".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import datetime
from functools import partial
from typing import Any

import duckdb

from isthmus.localorg import ids, records_delete
from isthmus.localorg.commitlog import CommitLog, Kind
from isthmus.localorg.errors import OrgError
from isthmus.localorg.formulas import FORMULAS
from isthmus.localorg.records_check import (
    check_links,
    check_not_cleared,
    check_required,
    check_unique,
    matches,
    read_payload,
    with_defaults,
)
from isthmus.localorg.records_delete import Touched
from isthmus.localorg.records_derive import Row, derive
from isthmus.localorg.records_read import as_json
from isthmus.localorg.schema import Field, Schema, SObject
from isthmus.localorg.store import Store, columns, quoted
from isthmus.localorg.values import to_stored


class SeveralMatches(OrgError):
    """An external id value that several records have; the resource answers 300 with their URLs."""

    def __init__(self, sobject: str, record_ids: tuple[str, ...]) -> None:
        found = ", ".join(record_ids)
        message = f"{sobject}: more than one record found for external id field: [{found}]"
        super().__init__(300, "DUPLICATE_EXTERNAL_ID", message)
        self.sobject = sobject
        self.record_ids = record_ids


@dataclass(frozen=True)
class Written:
    """The outcome of a write that was done."""

    id: str
    created: bool = False


#: What became of one record of several.
Outcome = Written | OrgError


@dataclass
class Unit:
    """Writes that are done together, and what they touched; it is logged when they are done."""

    cursor: duckdb.DuckDBPyConnection
    touched: list[tuple[Touched, datetime, str]] = attribute(default_factory=list)

    def note(self, one: Touched, now: datetime, user_id: str) -> None:
        """Have a written record put into the log."""
        self.touched.append((one, now, user_id))


class Records:
    """The records of one org. Each write is checked whole, done whole and put into the log.

    Methods take the object's name in any case, ids of 15 or 18 characters, `now` and the id of
    the writing user, and raise OrgError with Salesforce's status, code and message.
    """

    def __init__(self, schema: Schema, store: Store, log: CommitLog) -> None:
        self._schema = schema
        self._store = store
        self._log = log
        self._numbers: dict[str, int] = {}
        self._unit: Unit | None = None  # only the thread that holds the store's lock touches it

    @contextmanager
    def together(self) -> Iterator[Unit]:
        """Do the writes of this block as one: an error that leaves it undoes them all.

        Each write is such a block; inside another it is part of that one.
        """
        with self._store.lock:
            if self._unit is not None:
                yield self._unit
                return
            with self._store.writing() as cursor:
                unit = self._unit = Unit(cursor)
                try:
                    yield unit
                finally:
                    self._unit = None
            for one, now, user_id in unit.touched:
                self._log.append(one.entity, one.id, one.kind, one.fields, now=now, user_id=user_id)

    def create(self, name: str, payload: Mapping[str, Any], *, now: datetime, user_id: str) -> str:
        """Create a record and give its id."""
        sobject = self._sobject(name, "create")
        with self.together() as unit:
            cursor = unit.cursor
            stamp = self._log.stamp(now)
            given = read_payload(self._store, sobject, payload, creating=True)
            row = with_defaults(sobject, given, user_id=user_id)
            check_required(sobject, row)
            check_links(self._store, cursor, sobject, row)
            check_unique(self._store, cursor, sobject, row)
            row |= self._system_fields(cursor, sobject, stamp, user_id)
            row |= derive(sobject, row, frozenset(given), stamp)
            row |= self._fallback_name(sobject, row)
            self._insert(cursor, sobject, row)
            unit.note(Touched(sobject.name, row["Id"], Kind.CREATE, tuple(given)), now, user_id)
        return str(row["Id"])

    def retrieve(
        self,
        name: str,
        record_id: str,
        *,
        fields: Sequence[str] | None = None,
        base_path: str,
    ) -> dict[str, Any]:
        """Read a record: all fields in describe order, or those asked for in their order.

        `base_path` is like `/services/data/v59.0`. The dict is ready for orjson.
        """
        sobject = self._sobject(name, "retrieve")
        chosen = self._chosen(sobject, fields)
        with self._store.cursor() as cursor:
            row = self._live(cursor, sobject, record_id)
        return as_json(sobject, chosen, row, base_path)

    def find(self, name: str, field_name: str, value: str) -> str:
        """Give the id of the one record with that external id value; 404 for none.

        Raises SeveralMatches when more than one record has it.
        """
        sobject = self._sobject(name, "retrieve")
        found = self._matching(sobject, self._key_field(sobject, field_name), value)
        if not found:
            raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
        return found[0]

    def update(
        self,
        name: str,
        record_id: str,
        payload: Mapping[str, Any],
        *,
        now: datetime,
        user_id: str,
    ) -> None:
        """Change the given fields of a record."""
        sobject = self._sobject(name, "update")
        with self.together() as unit:
            cursor = unit.cursor
            stamp = self._log.stamp(now)
            old = self._live(cursor, sobject, record_id)
            given = read_payload(self._store, sobject, payload, creating=False)
            check_not_cleared(sobject, given)
            check_links(self._store, cursor, sobject, given)
            check_unique(self._store, cursor, sobject, given, own_id=old["Id"])
            changes = {**given, **derive(sobject, {**old, **given}, frozenset(given), stamp)}
            changes |= _modified(sobject, stamp, user_id)
            self._change(cursor, sobject, old["Id"], changes)
            unit.note(Touched(sobject.name, old["Id"], Kind.UPDATE, tuple(given)), now, user_id)

    def delete(self, name: str, record_id: str, *, now: datetime, user_id: str) -> None:
        """Put a record into the recycle bin, its cascading children with it."""
        sobject = self._sobject(name, "delete")
        with self.together() as unit:
            cursor = unit.cursor
            row = self._live(cursor, sobject, record_id, missing="INVALID_CROSS_REFERENCE_KEY")
            touched = records_delete.delete(
                self._store,
                cursor,
                sobject,
                row["Id"],
                stamp=self._log.stamp(now),
                user_id=user_id,
            )
            for one in touched:
                unit.note(one, now, user_id)

    def undelete(self, name: str, record_id: str, *, now: datetime, user_id: str) -> None:
        """Take a record out of the recycle bin with the children deleted by the same call."""
        sobject = self._sobject(name, "undelete")
        with self.together() as unit:
            cursor = unit.cursor
            row = self._row(cursor, sobject, record_id)
            if row is None or not row["IsDeleted"]:
                message = "Entity is not in the recycle bin"
                raise OrgError(400, "UNDELETE_FAILED", message)
            check_unique(self._store, cursor, sobject, row, own_id=row["Id"])
            touched = records_delete.undelete(
                self._store,
                cursor,
                sobject,
                row["Id"],
                died=row["SystemModstamp"],
                stamp=self._log.stamp(now),
                user_id=user_id,
            )
            for one in touched:
                unit.note(one, now, user_id)

    def upsert(
        self,
        name: str,
        field_name: str,
        value: str,
        payload: Mapping[str, Any],
        *,
        now: datetime,
        user_id: str,
        update_only: bool = False,
    ) -> Written:
        """Update the record with that external id, or create it; SeveralMatches if ambiguous."""
        sobject = self._sobject(name, "update")
        field = self._key_field(sobject, field_name)
        if any(key.lower() in (field.name.lower(), "id") for key in payload):
            message = f"The {field.name} field should not be specified in the sobject data."
            raise OrgError(400, "INVALID_FIELD", message)
        with self._store.lock:
            found = self._matching(sobject, field, value)
            if found:
                self.update(name, found[0], payload, now=now, user_id=user_id)
                return Written(found[0], created=False)
            if update_only or field.type == "id":
                raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
            full = {**payload, field.name: value}
            return Written(self.create(name, full, now=now, user_id=user_id), created=True)

    def create_many(
        self, name: str, payloads: Sequence[Mapping[str, Any]], *, now: datetime, user_id: str
    ) -> list[Outcome]:
        """Create records, each for itself, and give an outcome for each."""
        by: dict[str, Any] = {"now": now, "user_id": user_id}
        return [
            _outcome(partial(lambda one: Written(self.create(name, one, **by), created=True), one))
            for one in payloads
        ]

    def update_many(
        self,
        name: str,
        changes: Sequence[tuple[str | None, Mapping[str, Any]]],
        *,
        now: datetime,
        user_id: str,
    ) -> list[Outcome]:
        """Change records, each for itself, and give an outcome for each."""

        def change(record_id: str | None, payload: Mapping[str, Any]) -> Written:
            if record_id is None:
                raise OrgError(400, "MISSING_ARGUMENT", "Id not specified in an update call")
            self.update(name, record_id, payload, now=now, user_id=user_id)
            return Written(ids.normalise(record_id) or record_id)

        return [_outcome(partial(change, *one)) for one in changes]

    def upsert_many(
        self,
        name: str,
        field_name: str,
        changes: Sequence[tuple[str | None, Mapping[str, Any]]],
        *,
        now: datetime,
        user_id: str,
    ) -> list[Outcome]:
        """Change or create records, each for itself, and give an outcome for each."""

        def change(value: str | None, payload: Mapping[str, Any]) -> Written:
            if value is None and field_name.lower() == "id":
                return Written(self.create(name, payload, now=now, user_id=user_id), created=True)
            if value is None:
                raise OrgError(400, "MISSING_ARGUMENT", f"{field_name} not specified")
            return self.upsert(name, field_name, value, payload, now=now, user_id=user_id)

        return [_outcome(partial(change, *one)) for one in changes]

    def delete_many(
        self,
        name: str,
        record_ids: Sequence[str | None],
        *,
        hard: bool = False,
        now: datetime,
        user_id: str,
    ) -> list[Outcome]:
        """Delete records, each for itself, and give an outcome for each."""

        def remove(record_id: str | None) -> Written:
            if record_id is None:
                raise OrgError(400, "MISSING_ARGUMENT", "Id not specified in a delete call")
            with self.together() as unit:
                before = len(unit.touched)
                self.delete(name, record_id, now=now, user_id=user_id)
                gone = [one for one, *_ in unit.touched[before:] if one.kind is Kind.DELETE]
                for one in gone if hard else ():
                    table = self._store.table(one.entity)
                    unit.cursor.execute(f"DELETE FROM {table} WHERE Id = ?", [one.id])
            return Written(ids.normalise(record_id) or record_id)

        return [_outcome(partial(remove, one)) for one in record_ids]

    def _sobject(self, name: str, doing: str) -> SObject:
        sobject = self._schema.get(name)
        if sobject is None:
            raise OrgError(404, "NOT_FOUND", "The requested resource does not exist")
        flag = {"create": "createable", "update": "updateable", "delete": "deletable",
                "undelete": "undeletable", "retrieve": "retrieveable"}[doing]  # fmt: skip
        if not getattr(sobject, flag):
            message = f"entity type {sobject.name} does not support {doing}"
            raise OrgError(400, "INVALID_TYPE_FOR_OPERATION", message)
        return sobject

    def _key_field(self, sobject: SObject, name: str) -> Field:
        field = sobject.field(name)
        if field is None or not (field.external_id or field.id_lookup or field.type == "id"):
            message = f"Provided external ID field does not exist or is not accessible: {name}"
            raise OrgError(404, "NOT_FOUND", message)
        return field

    def _matching(self, sobject: SObject, field: Field, value: str) -> tuple[str, ...]:
        with self._store.cursor() as cursor:
            found = matches(self._store, cursor, sobject, field, to_stored(field, value))
        if len(found) > 1:
            raise SeveralMatches(sobject.name, found)
        return found

    def _chosen(self, sobject: SObject, names: Sequence[str] | None) -> tuple[Field, ...]:
        if names is None:
            return sobject.fields
        chosen = []
        for name in names:
            field = sobject.field(name.strip())
            if field is None:
                message = f"No such column '{name.strip()}' on sobject of type {sobject.name}"
                raise OrgError(400, "INVALID_FIELD", message)
            chosen.append(field)
        return tuple(chosen)

    def _live(
        self,
        cursor: duckdb.DuckDBPyConnection,
        sobject: SObject,
        record_id: str,
        *,
        missing: str = "NOT_FOUND",
    ) -> Row:
        row = self._row(cursor, sobject, record_id)
        if row is None and (missing == "NOT_FOUND" or ids.normalise(record_id) is None):
            message = f"Provided external ID field does not exist or is not accessible: {record_id}"
            raise OrgError(404, "NOT_FOUND", message)
        if row is None:
            raise OrgError(404, missing, "invalid cross reference id")
        if row["IsDeleted"]:
            raise OrgError(404, "ENTITY_IS_DELETED", "entity is deleted")
        return row

    def _row(
        self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, record_id: str
    ) -> Row | None:
        full = ids.normalise(record_id)
        if full is None:
            return None
        names = columns(sobject)
        listed = ", ".join(map(quoted, names))
        query = f"SELECT {listed} FROM {self._store.table(sobject.name)} WHERE Id = ?"
        found = cursor.execute(query, [full]).fetchone()
        return None if found is None else dict(zip(names, found, strict=True))

    def _system_fields(
        self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, stamp: datetime, user_id: str
    ) -> Row:
        made: Row = {"Id": self._next_id(cursor, sobject), "IsDeleted": False}
        if sobject.field("CreatedDate"):
            made |= {"CreatedDate": stamp, "CreatedById": user_id}
        for field in sobject.fields:
            if field.auto_number:
                made[field.name] = self._next_number(cursor, sobject, field)
        return made | _modified(sobject, stamp, user_id)

    def _next_id(self, cursor: duckdb.DuckDBPyConnection, sobject: SObject) -> str:
        prefix = sobject.key_prefix or "000"
        if sobject.name not in self._numbers:
            table, head = self._store.table(sobject.name), prefix + ids.POD
            query = f"SELECT max(Id) FROM {table} WHERE starts_with(Id, ?)"
            last = cursor.execute(query, [head]).fetchone()
            self._numbers[sobject.name] = ids.number(last[0]) if last and last[0] else 0
        self._numbers[sobject.name] += 1
        return ids.make(prefix, self._numbers[sobject.name])

    def _next_number(
        self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, field: Field
    ) -> str:
        column = f"TRY_CAST({quoted(field.name)} AS BIGINT)"
        query = f"SELECT coalesce(max({column}), 1000) FROM {self._store.table(sobject.name)}"
        last = cursor.execute(query).fetchone()
        return f"{(last[0] if last else 1000) + 1:08d}"

    def _fallback_name(self, sobject: SObject, row: Row) -> Row:
        # A custom object's Name that nobody gives is the record's id.
        named = sobject.custom and sobject.field("Name") and row.get("Name") is None
        return {"Name": row["Id"]} if named else {}

    def _insert(self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, row: Row) -> None:
        table = self._store.table(sobject.name)
        # each parameter costs, and most fields of a new record are null
        given = {name: value for name, value in row.items() if value is not None}
        listed = ", ".join(map(quoted, given))
        marks = ", ".join("?" * len(given))
        cursor.execute(f"INSERT INTO {table} ({listed}) VALUES ({marks})", list(given.values()))
        self._compute(cursor, sobject, row["Id"])

    def _change(
        self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, record_id: str, changes: Row
    ) -> None:
        listed = ", ".join(f"{quoted(name)} = ?" for name in changes)
        table = self._store.table(sobject.name)
        cursor.execute(f"UPDATE {table} SET {listed} WHERE Id = ?", [*changes.values(), record_id])
        self._compute(cursor, sobject, record_id)

    def _compute(self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, record_id: str) -> None:
        formulas = FORMULAS.get(sobject.name)
        if formulas:
            listed = ", ".join(f"{quoted(name)} = {sql}" for name, sql in formulas.items())
            table = self._store.table(sobject.name)
            cursor.execute(f"UPDATE {table} SET {listed} WHERE Id = ?", [record_id])


def _outcome(write: Callable[[], Written]) -> Outcome:
    try:
        return write()
    except OrgError as error:
        return error


def _modified(sobject: SObject, stamp: datetime, user_id: str) -> Row:
    made: Row = {"SystemModstamp": stamp}
    if sobject.field("LastModifiedDate"):
        made["LastModifiedDate"] = stamp
    if sobject.field("LastModifiedById"):
        made["LastModifiedById"] = user_id
    return made
