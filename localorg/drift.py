"""What happens to an org while others copy from it: fields come and go, rows commit late.

An administrator's work, for tests of what reads an org again and again; no Salesforce resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from isthmus.localorg import ids
from isthmus.localorg.describes.definitions import field as described
from isthmus.localorg.org import Org
from isthmus.localorg.schema import SObject
from isthmus.localorg.store import added, column_type, quoted


def add_field(org: Org, name: str, field: str, kind: str, **flags: Any) -> None:
    """Give an object a new field; `flags` are members of its describe, such as `length`.

    Raises ValueError for an object that is not there or a field that is.
    """
    sobject = _sobject(org, name)
    if sobject.field(field) is not None:
        raise ValueError(f"{sobject.name} has the field {field} already")
    made = described(field, kind, **flags)
    with org.store.lock:
        org.store.table(sobject.name)  # filled as it was
        new = _put(org, sobject, [*sobject.raw["fields"], made]).field(field)
        if new is not None and new.stored:
            _alter(org, sobject, f"ADD {added(new)}")


def remove_field(org: Org, name: str, field: str) -> None:
    """Take a field with its values away; ValueError for one that is not there."""
    sobject, found = _found(org, name, field)
    with org.store.lock:
        org.store.table(sobject.name)
        _put(org, sobject, [one for one in sobject.raw["fields"] if one["name"] != found])
        _alter(org, sobject, f"DROP COLUMN {quoted(found)}")


def rename_field(org: Org, name: str, field: str, to: str) -> None:
    """Give a field another name; ValueError for one that is not there, or a name that is."""
    sobject, found = _found(org, name, field)
    if sobject.field(to) is not None:
        raise ValueError(f"{sobject.name} has the field {to} already")
    with org.store.lock:
        org.store.table(sobject.name)
        _put(org, sobject, [_changed(one, found, name=to) for one in sobject.raw["fields"]])
        _alter(org, sobject, f"RENAME COLUMN {quoted(found)} TO {quoted(to)}")


def change_field(org: Org, name: str, field: str, **flags: Any) -> None:
    """Change members of a field's describe, such as `length`, `scale` or `type`.

    Raises ValueError for a field that is not there, or one whose values do not fit the new type.
    """
    sobject, found = _found(org, name, field)
    with org.store.lock:
        org.store.table(sobject.name)
        before = [*sobject.raw["fields"]]
        new = _put(org, sobject, [_changed(one, found, **flags) for one in before]).field(found)
        assert new is not None
        kind = column_type(new).partition(" ")[0]
        try:
            _alter(org, sobject, f"ALTER COLUMN {quoted(found)} TYPE {kind}")
        except Exception as error:
            _put(org, sobject, before)
            raise ValueError(f"{sobject.name}.{found} does not become {kind}: {error}") from error


def backdate(org: Org, name: str, record_ids: Sequence[str], seconds: float) -> int:
    """Have records' stamps lie earlier: they were written then, and are committed only now.

    Gives how many there are.
    """
    sobject = _sobject(org, name)
    stamps = [one for one in ("SystemModstamp", "LastModifiedDate") if sobject.field(one)]
    back = timedelta(seconds=int(seconds))
    listed = ", ".join(f"{quoted(one)} = {quoted(one)} - ?::INTERVAL" for one in stamps)
    full = [ids.normalise(one) for one in record_ids]
    table = org.store.table(sobject.name)
    with org.store.writing() as cursor:
        query = f"UPDATE {table} SET {listed} WHERE Id IN (SELECT unnest(?)) RETURNING Id"
        return len(cursor.execute(query, [*[back] * len(stamps), full]).fetchall())


def erase(org: Org, name: str, record_ids: Sequence[str]) -> int:
    """Remove records for good, past the recycle bin; gives how many there were."""
    sobject = _sobject(org, name)
    full = [ids.normalise(one) for one in record_ids]
    table = org.store.table(sobject.name)
    with org.store.writing() as cursor:
        query = f"DELETE FROM {table} WHERE Id IN (SELECT unnest(?)) RETURNING Id"
        return len(cursor.execute(query, [full]).fetchall())


def _sobject(org: Org, name: str) -> SObject:
    found = org.schema.get(name)
    if found is None:
        raise ValueError(f"there is no object {name}")
    return found


def _found(org: Org, name: str, field: str) -> tuple[SObject, str]:
    sobject = _sobject(org, name)
    found = sobject.field(field)
    if found is None or not found.stored:
        raise ValueError(f"{sobject.name} has no field {field} that could change")
    return sobject, found.name


def _changed(describe: dict[str, Any], field: str, **flags: Any) -> dict[str, Any]:
    return {**describe, **flags} if describe["name"] == field else describe


def _put(org: Org, sobject: SObject, fields: list[dict[str, Any]]) -> SObject:
    """Describe an object anew; who asks whether it has changed is told so."""
    made = org.schema.put({**sobject.raw, "fields": fields})
    org.describes.clear()
    # a second later than anyone can have read the old one, as that is what HTTP dates tell apart
    org.described = max(org.described, org.clock.now().replace(microsecond=0)) + timedelta(
        seconds=1
    )
    return made


def _alter(org: Org, sobject: SObject, change: str) -> None:
    table = org.store.table(sobject.name)
    with org.store.writing() as cursor:
        cursor.execute(f"ALTER TABLE {table} {change}")
