"""An org whose time stands still, a project over it, and what its tables hold by its own word."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

import isthmus
from isthmus.catalog.syncs import SyncSpec
from isthmus.connectors.targets.contract import Layout
from isthmus.engine.connection import Connection
from isthmus.engine.sync.copystate import CopyState
from isthmus.engine.sync.targets import make
from isthmus.localorg import LocalOrg
from isthmus.localorg.demo import ADMIN_ID

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Crm:
    """A local org, written to behind the connector's back."""

    def __init__(self, org: LocalOrg) -> None:
        self.org = org

    def create(self, name: str = "Account", **fields: Any) -> str:
        payload = {"Name": "n", **fields}
        return self.org.org.records.create(name, payload, now=self.now, user_id=ADMIN_ID)

    def update(self, id: str, name: str = "Account", **fields: Any) -> None:
        self.org.org.records.update(name, id, fields, now=self.now, user_id=ADMIN_ID)

    def delete(self, id: str, name: str = "Account") -> None:
        self.org.org.records.delete(name, id, now=self.now, user_id=ADMIN_ID)

    def undelete(self, id: str, name: str = "Account") -> None:
        self.org.org.records.undelete(name, id, now=self.now, user_id=ADMIN_ID)

    def sql(self, text: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
        """SQL on the org's own rows."""
        with self.org.store.writing() as cursor:
            return cursor.execute(text, values or []).fetchall()

    def table(self, name: str = "Account") -> str:
        return self.org.store.table(name)

    def stamp(self, id: str, at: datetime, name: str = "Account") -> None:
        """Let a row have been written at another time: it was committed late."""
        naive = at.astimezone(UTC).replace(tzinfo=None)
        self.sql(f"UPDATE {self.table(name)} SET SystemModstamp = ? WHERE Id = ?", [naive, id])

    def erase(self, id: str, name: str = "Account") -> None:
        """Take a row out of the recycle bin: no query finds it any more."""
        self.sql(f"DELETE FROM {self.table(name)} WHERE Id = ?", [id])

    def live(self, name: str = "Account") -> dict[str, tuple[Any, ...]]:
        rows = self.sql(
            f"SELECT Id, Name, Description, SystemModstamp FROM {self.table(name)} "
            "WHERE NOT IsDeleted"
        )
        return {row[0]: (row[1], row[2], row[3].replace(tzinfo=UTC)) for row in rows}

    @property
    def now(self) -> datetime:
        return self.org.clock.now()

    def pass_time(self, seconds: float) -> None:
        self.org.clock.advance(seconds)

    def calls(self) -> list[str]:
        """The data calls since the last look, as METHOD path."""
        found = [r for r in self.org.requests() if r["api"]]
        self.org.clear_requests()
        return [f"{r['method']} {r['path'].rpartition('/')[2]}" for r in found]

    @contextmanager
    def connected(
        self,
        folder: Path,
        project: Mapping[str, Any] | None = None,
        *,
        access: str = "auto",
        **more: Any,
    ) -> Iterator[Connection]:
        ready = folder / "org.json"
        ready.write_text(json.dumps(self.org.ready))
        sources = {"crm": {"kind": "salesforce", "ready_file": str(ready), "access": access}}
        given = {"sources": sources, **(project or {})}
        with isthmus.connect(given, state=folder / "state", time_zone="UTC", **more) as con:
            yield con


@contextmanager
def running_crm(**options: Any) -> Iterator[Crm]:
    with LocalOrg(**{"data": "empty", "now": NOW, **options}) as org:
        yield Crm(org)


def copied(
    con: Connection, to: Mapping[str, Any] | str, columns: list[str]
) -> list[dict[str, Any]]:
    """The rows of a copy, read through its target."""
    spec = con._sync_room().spec("t", {"to": to})
    assert isinstance(spec, SyncSpec)
    target = make(spec.to)
    try:
        text = target.read_state()
        assert text is not None, "there is no copy"
        layout: Layout = CopyState.from_text(text, "copy").layout
        batches = list(target.rows(layout, columns))
    finally:
        target.close()
    rows: list[dict[str, Any]] = pa.Table.from_batches(batches).to_pylist() if batches else []
    return rows


def accounts(con: Connection, to: Mapping[str, Any] | str) -> dict[str, tuple[Any, ...]]:
    rows = copied(con, to, ["Id", "Name", "Description", "SystemModstamp"])
    found = {r["Id"]: (r["Name"], r["Description"], r["SystemModstamp"]) for r in rows}
    assert len(found) == len(rows), "a key occurs twice"
    return found
