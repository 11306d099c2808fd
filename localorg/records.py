"""Create, read, update, delete and upsert single records, as the sObject Rows resources do.

Source: REST API Developer Guide, "sObject Rows" and "sObject Rows by External ID".
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import field as attribute
from datetime import datetime
from typing import Any

import duckdb

from isthmus.localorg import ids
from isthmus.localorg.commitlog import CommitLog, Kind
from isthmus.localorg.errors import OrgError
from isthmus.localorg.records_read import as_json
from isthmus.localorg.schema import Field, Schema, SObject
from isthmus.localorg.store import Store, columns, quoted
from isthmus.localorg.values import to_stored
from isthmus.localorg.writes import checks, deleting, lookups, merging, payload, table
from isthmus.localorg.writes.deleting import By, Touched
from isthmus.localorg.writes.derive import derive, read_by
from isthmus.localorg.writes.draft import Draft, Row, sound
from isthmus.localorg.writes.numbers import Numbers
from isthmus.localorg.writes.plan import Plan, plan
from isthmus.localorg.writes.validation import Rulebook

#: Says what stands in the way of a write: of which object, to which record (or none), given what.
Hazard = Callable[[str, str, Mapping[str, Any]], OrgError | None]
_MOST_MERGED = 2
Changes = Sequence[tuple[str | None, Mapping[str, Any]]]


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


@dataclass(frozen=True)
class Version:
    """Which state a record is in: when it was last changed, and a tag that no other state has."""

    modified: datetime | None
    tag: str


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
    the writing user, and raise OrgError with Salesforce's status, code and message. Those that end
    in `_many` give an outcome for each record instead, and write those that are sound.
    """

    def __init__(
        self,
        schema: Schema,
        store: Store,
        log: CommitLog,
        hazard: Hazard | None = None,
        rulebook: Rulebook | None = None,
    ) -> None:
        self._schema = schema
        self._store = store
        self._log = log
        self._hazard = hazard
        self._rulebook = rulebook
        self._numbers = Numbers(store)
        self._plans: dict[str, Plan] = {}
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

    # One record

    def create(self, name: str, payload: Mapping[str, Any], *, now: datetime, user_id: str) -> str:
        """Create a record and give its id."""
        (made,) = self.create_many(name, [payload], now=now, user_id=user_id)
        return _good(made).id

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
        row = self._row(sobject, record_id)
        error = _absent(record_id, row)
        if error is not None or row is None:
            raise error or OrgError(404, "NOT_FOUND", "The requested resource does not exist")
        return as_json(sobject, chosen, row, base_path)

    def version(self, name: str, record_id: str) -> Version | None:
        """Tell a record's state; None for one that is not there or is deleted."""
        row = self._row(self._sobject(name, "retrieve"), record_id)
        if row is None or row["IsDeleted"]:
            return None
        tag = f'"{zlib.crc32(repr(sorted(row.items())).encode()):08x}"'
        return Version(row.get("LastModifiedDate") or row["SystemModstamp"], tag)

    def find(self, name: str, field_name: str, value: str) -> str:
        """Give the id of the one record with that external id value; 404 for none.

        Raises SeveralMatches when more than one record has it.
        """
        sobject = self._sobject(name, "retrieve")
        field = self._key_field(sobject, field_name)
        with self._store.cursor() as cursor:
            keys = lookups.folded(cursor, field, [to_stored(field, value)])
            found = lookups.holders(self._store, cursor, sobject, field, keys).get(keys[0], ())
        if len(found) > 1:
            raise SeveralMatches(sobject.name, found)
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
        (made,) = self.update_many(name, [(record_id, payload)], now=now, user_id=user_id)
        _good(made)

    def delete(self, name: str, record_id: str, *, now: datetime, user_id: str) -> None:
        """Put a record into the recycle bin, its cascading children with it."""
        (made,) = self.delete_many(name, [record_id], now=now, user_id=user_id)
        _good(made)

    def undelete(self, name: str, record_id: str, *, now: datetime, user_id: str) -> None:
        """Take a record out of the recycle bin with the children deleted by the same call."""
        sobject = self._sobject(name, "undelete")
        with self.together() as unit:
            row = self._row(sobject, record_id)
            if row is None or not row["IsDeleted"]:
                message = "Entity is not in the recycle bin"
                raise OrgError(400, "UNDELETE_FAILED", message)
            draft = Draft({}, id=row["Id"], old=row, given=row)
            checks.unique(self._store, unit.cursor, self._plan(sobject), [draft])
            if draft.error is not None:
                raise draft.error
            by = By(self._log.stamp(now), user_id)
            died = row["SystemModstamp"]
            for one in deleting.undelete(
                self._store, unit.cursor, sobject, row["Id"], by, died=died
            ):
                unit.note(one, now, user_id)
            merging.release(self._store, unit.cursor, sobject, row["Id"])

    def merge(
        self,
        name: str,
        master_id: str,
        merged_ids: Sequence[str],
        payload: Mapping[str, Any],
        *,
        now: datetime,
        user_id: str,
    ) -> list[str]:
        """Make records part of a master, changed as `payload` says; gives the ids that moved over.

        Accounts, contacts, leads and cases can be merged, two at a time into a third.
        """
        sobject = self._sobject(name, "delete")
        if not sobject.raw.get("mergeable"):
            message = f"Entity type is not supported for merge: {sobject.name}"
            raise OrgError(400, "INVALID_OPERATION", message)
        full = [ids.normalise(one) or one for one in (master_id, *merged_ids)]
        if not 1 < len(full) <= _MOST_MERGED + 1 or len(set(full)) < len(full):
            message = f"Give a master and 1 to {_MOST_MERGED} other records to merge"
            raise OrgError(400, "INVALID_OPERATION", message)
        with self.together() as unit:
            known = lookups.states(self._store, unit.cursor, sobject, full)
            for one in full:
                error = self._undeletable(sobject, one, ids.normalise(one), known)
                if error is not None:
                    raise error
            self.update(name, full[0], payload, now=now, user_id=user_id)
            by = By(self._log.stamp(now), user_id)
            touched = merging.merge(self._store, unit.cursor, sobject, full[0], full[1:], by)
            for each in touched:
                unit.note(each, now, user_id)
        return [each.id for each in touched if each.kind is Kind.UPDATE]

    def empty_bin(self, name: str, record_id: str) -> None:
        """Remove a deleted record for good."""
        sobject = self._sobject(name, "delete")
        with self.together() as unit:
            row = self._row(sobject, record_id)
            if row is None or not row["IsDeleted"]:
                message = "Entity is not in the recycle bin"
                raise OrgError(400, "ENTITY_NOT_IN_RECYCLEBIN", message)
            table = self._store.table(sobject.name)
            unit.cursor.execute(f"DELETE FROM {table} WHERE Id = ?", [row["Id"]])

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
        field = self._key_field(self._sobject(name, "update"), field_name)
        if any(key.lower() in (field.name.lower(), "id") for key in payload):
            message = f"The {field.name} field should not be specified in the sobject data."
            raise OrgError(400, "INVALID_FIELD", message)
        (made,) = self.upsert_many(
            name, field_name, [(value, payload)], now=now, user_id=user_id, update_only=update_only
        )
        return _good(made)

    # Several records

    def create_many(
        self, name: str, payloads: Sequence[Mapping[str, Any]], *, now: datetime, user_id: str
    ) -> list[Outcome]:
        """Create records, each for itself, and give an outcome for each."""
        sobject = self._sobject(name, "create")
        drafts = [Draft(one) for one in payloads]
        with self.together() as unit:
            self._write(unit, sobject, drafts, now, user_id)
        return [_outcome(draft) for draft in drafts]

    def update_many(
        self, name: str, changes: Changes, *, now: datetime, user_id: str
    ) -> list[Outcome]:
        """Change records by their ids, each for itself, and give an outcome for each."""
        sobject = self._sobject(name, "update")
        drafts = [Draft(given, id=record_id or "", old={}) for record_id, given in changes]
        for draft in drafts:
            if not draft.id:
                message = "Id not specified in an update call"
                draft.error = OrgError(400, "MISSING_ARGUMENT", message)
        full = [ids.normalise(draft.id) for draft in drafts]
        _refuse_twice(drafts, full, "id", full, "Id")
        with self.together() as unit:
            self._write(unit, sobject, drafts, now, user_id)
        return [_outcome(draft) for draft in drafts]

    def upsert_many(
        self,
        name: str,
        field_name: str,
        changes: Changes,
        *,
        now: datetime,
        user_id: str,
        update_only: bool = False,
    ) -> list[Outcome]:
        """Change or create records by a key, each for itself, and give an outcome for each.

        One without a key is refused; by Id, it is created.
        """
        sobject = self._sobject(name, "update")
        field = self._key_field(sobject, field_name)
        drafts = [Draft(given) for _, given in changes]
        with self.together() as unit:
            self._match(unit, sobject, field, drafts, [value for value, _ in changes], update_only)
            self._write(unit, sobject, drafts, now, user_id)
        return [_outcome(draft) for draft in drafts]

    def delete_many(
        self,
        name: str,
        record_ids: Sequence[str | None],
        *,
        hard: bool = False,
        now: datetime,
        user_id: str,
    ) -> list[Outcome]:
        """Delete records, each for itself, and give an outcome for each; `hard`: for good."""
        sobject = self._sobject(name, "delete")
        full = [ids.normalise(one) if one else None for one in record_ids]
        with self.together() as unit:
            known = lookups.states(self._store, unit.cursor, sobject, filter(None, full))
            made: list[Outcome | None] = [
                self._undeletable(sobject, given, one, known)
                for given, one in zip(record_ids, full, strict=True)
            ]
            wanted = [one for one, error in zip(full, made, strict=True) if one and error is None]
            by = By(self._log.stamp(now), user_id)
            told = iter(deleting.delete(self._store, unit.cursor, sobject, wanted, by, hard=hard))
            outcomes: list[Outcome] = []
            for one, error in zip(full, made, strict=True):
                touched = next(told) if error is None else error
                if isinstance(touched, list):
                    for each in touched:
                        unit.note(each, now, user_id)
                    outcomes.append(Written(one or ""))
                else:
                    outcomes.append(touched)
        return outcomes

    def _write(
        self, unit: Unit, sobject: SObject, drafts: list[Draft], now: datetime, user_id: str
    ) -> None:
        """Create and change the records that are sound; the others get their error."""
        store, cursor, made_by = self._store, unit.cursor, self._plan(sobject)
        stamp = self._log.stamp(now)
        payload.read(store, cursor, sobject, drafts)
        self._fetch(cursor, sobject, drafts)
        for draft in sound(drafts):
            if draft.creates:
                draft.id = self._numbers.next_id(cursor, sobject)
                draft.changes = made_by.with_defaults(draft.given, user_id)
        checks.required(made_by, drafts)
        checks.links(store, cursor, made_by, drafts)
        checks.unique(store, cursor, made_by, drafts)
        self._meet_hazards(sobject, drafts)
        modified = _modified(sobject, stamp, user_id)
        for draft in sound(drafts):
            if draft.old is None:
                draft.changes |= self._system_fields(cursor, made_by, draft.id, stamp, user_id)
                draft.changes |= modified
                draft.changes |= derive(sobject, draft.changes, frozenset(draft.given), stamp)
                draft.changes |= _fallback_name(sobject, draft.changes)
            else:
                whole = {**draft.old, **draft.given}
                worked_out = derive(sobject, whole, frozenset(draft.given), stamp)
                draft.changes = {**draft.given, **worked_out, **modified}
        if self._rulebook is not None:
            self._rulebook.check(store, cursor, sobject, drafts)
        table.insert(store, cursor, sobject, [one for one in sound(drafts) if one.creates])
        table.update(store, cursor, sobject, [one for one in sound(drafts) if not one.creates])
        for draft in sound(drafts):
            kind = Kind.CREATE if draft.creates else Kind.UPDATE
            unit.note(Touched(sobject.name, draft.id, kind, tuple(draft.given)), now, user_id)

    def _fetch(
        self, cursor: duckdb.DuckDBPyConnection, sobject: SObject, drafts: list[Draft]
    ) -> None:
        """Fill in what is needed of the records that are to be changed."""
        wanted = [draft for draft in sound(drafts) if not draft.creates]
        if not wanted:
            return
        ruled = self._rulebook is not None and self._rulebook.of(sobject)
        needed = columns(sobject) if ruled else read_by(sobject)
        names = tuple(dict.fromkeys(("Id", "IsDeleted", *needed)))
        full = {draft.id: ids.normalise(draft.id) for draft in wanted}
        known = filter(None, full.values())
        found = lookups.rows(self._store, cursor, sobject, known, names)
        for draft in wanted:
            row = found.get(full[draft.id] or "")
            draft.error = _absent(draft.id, row)
            if row is not None:
                draft.id, draft.old = row["Id"], row

    def _match(
        self,
        unit: Unit,
        sobject: SObject,
        field: Field,
        drafts: list[Draft],
        values: Sequence[str | None],
        update_only: bool,
    ) -> None:
        """Find the record that each draft of an upsert means, if there is one."""
        stored: list[Any] = []
        for draft, value in zip(drafts, values, strict=True):
            stored.append(None)
            try:
                stored[-1] = None if value is None else to_stored(field, value)
            except OrgError as error:
                draft.error = error
            if stored[-1] is None and draft.error is None and field.type != "id":
                message = f"{field.name} not specified"
                draft.error = OrgError(400, "MISSING_ARGUMENT", message)
        keys = lookups.folded(unit.cursor, field, stored)
        what = "id" if field.type == "id" else "external id"
        _refuse_twice(drafts, keys, what, values, field.name)
        found = lookups.holders(self._store, unit.cursor, sobject, field, keys)
        for draft, key, value in zip(drafts, keys, stored, strict=True):
            matches = found.get(key, ()) if key is not None else ()
            if draft.error is not None:
                continue
            if len(matches) > 1:
                draft.error = SeveralMatches(sobject.name, matches)
            elif matches:
                draft.id, draft.old = matches[0], {}
            elif key is not None and (update_only or field.type == "id"):
                message = "The requested resource does not exist"
                draft.error = OrgError(404, "NOT_FOUND", message)
            elif key is not None:
                draft.payload = {**draft.payload, field.name: value}

    def _undeletable(
        self, sobject: SObject, given: str | None, full: str | None, known: Mapping[str, bool]
    ) -> OrgError | None:
        if not given:
            return OrgError(400, "MISSING_ARGUMENT", "Id not specified in a delete call")
        if full is None:
            return _absent(given, None)
        if full not in known:
            return OrgError(404, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        if known[full]:
            return OrgError(404, "ENTITY_IS_DELETED", "entity is deleted")
        return self._hazard(sobject.name, full, {}) if self._hazard else None

    def _meet_hazards(self, sobject: SObject, drafts: list[Draft]) -> None:
        if self._hazard is None:
            return
        for draft in sound(drafts):
            draft.error = self._hazard(sobject.name, draft.id, draft.given)

    def _plan(self, sobject: SObject) -> Plan:
        made = self._plans.get(sobject.name)
        if made is None or made.sobject is not sobject:
            made = self._plans[sobject.name] = plan(sobject)
        return made

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

    def _row(self, sobject: SObject, record_id: str) -> Row | None:
        full = ids.normalise(record_id)
        if full is None:
            return None
        names = columns(sobject)
        listed = ", ".join(map(quoted, names))
        query = f"SELECT {listed} FROM {self._store.table(sobject.name)} WHERE Id = ?"
        with self._store.cursor() as cursor:
            found = cursor.execute(query, [full]).fetchone()
        return None if found is None else dict(zip(names, found, strict=True))

    def _system_fields(
        self,
        cursor: duckdb.DuckDBPyConnection,
        made_by: Plan,
        record_id: str,
        stamp: datetime,
        user_id: str,
    ) -> Row:
        sobject = made_by.sobject
        made: Row = {"Id": record_id, "IsDeleted": False}
        if sobject.field("CreatedDate"):
            made |= {"CreatedDate": stamp, "CreatedById": user_id}
        for field in made_by.numbered:
            made[field.name] = self._numbers.next_number(cursor, sobject, field)
        return made


def _good(outcome: Outcome) -> Written:
    if isinstance(outcome, OrgError):
        raise outcome
    return outcome


def _outcome(draft: Draft) -> Outcome:
    return draft.error or Written(draft.id, created=draft.creates)


def _absent(record_id: str, row: Row | None) -> OrgError | None:
    """Say what is wrong with an id that leads to no live record."""
    if row is None:
        message = f"Provided external ID field does not exist or is not accessible: {record_id}"
        return OrgError(404, "NOT_FOUND", message)
    if row["IsDeleted"]:
        return OrgError(404, "ENTITY_IS_DELETED", "entity is deleted")
    return None


def _refuse_twice(
    drafts: list[Draft], keys: Sequence[Any], what: str, shown: Sequence[Any], field: str
) -> None:
    """Refuse all records of a chunk that mean the same one, as Salesforce does."""
    times = Counter(
        key for draft, key in zip(drafts, keys, strict=True) if not draft.error and key is not None
    )
    for draft, key, value in zip(drafts, keys, shown, strict=True):
        if draft.error is None and times[key] > 1:
            message = f"Duplicate {what} specified: {value}"
            draft.error = OrgError(400, "DUPLICATE_VALUE", message, (field,))


def _fallback_name(sobject: SObject, row: Row) -> Row:
    # A custom object's Name that nobody gives is the record's id.
    named = sobject.custom and sobject.field("Name") and row.get("Name") is None
    return {"Name": row["Id"]} if named else {}


def _modified(sobject: SObject, stamp: datetime, user_id: str) -> Row:
    made: Row = {"SystemModstamp": stamp}
    if sobject.field("LastModifiedDate"):
        made["LastModifiedDate"] = stamp
    if sobject.field("LastModifiedById"):
        made["LastModifiedById"] = user_id
    return made
