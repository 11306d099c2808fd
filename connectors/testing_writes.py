# ruff: noqa: D102 (the names of the tests say what they demand)
"""What the contract demands of writing: a test class for connectors that write.

    class TestSalesforceWrites(WriteContract):
        table, key, text = "Account", "External_Id__c", "Name"

        @pytest.fixture
        def connector(self, org):
            return Salesforce("crm", {"ready_file": org})

Rows are made, changed, deleted and read back with the connector's own scans. A connector that does
not write is tested by `isthmus.connectors.testing.ConnectorContract`: it must say so. Needs pytest.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Ability, Connector, ReadContext, ScanRequest
from isthmus.connectors.predicates import In
from isthmus.connectors.testing_rows import read
from isthmus.connectors.writing import (
    OUTCOMES,
    Chunk,
    Rows,
    WriteFragment,
    WriteKind,
    WriteRequest,
)
from isthmus.errors import Cancelled, IsthmusError

__all__ = ["Noted", "WriteContract"]

_Row = dict[str, Any]


class Noted:
    """Notes in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.chunk = uuid.uuid4().hex

    def get(self, name: str) -> str | None:
        return self.kept.get(name)

    def put(self, name: str, value: str) -> None:
        self.kept[name] = value


class WriteContract:
    """Subclass it in a test file; the name of the subclass begins with ``Test``.

    A subclass gives:
        table: the name of a table that may be written to.
        key: a text column of it that is a unique key.
        text: another text column, which takes a few letters and may be the only one given.
        connector: a fixture, a connector that has not been used yet.
    """

    table: ClassVar[str] = ""
    key: ClassVar[str] = ""
    text: ClassVar[str] = ""

    @pytest.fixture
    def connector(self) -> Connector:
        """A connector that has not been used yet."""
        raise NotImplementedError("give the test class a fixture named connector")

    @pytest.fixture
    def described(self, connector: Connector) -> Table:
        """The table under test, described."""
        found = connector.describe(self.table)
        assert found is not None, "name the table to write to"
        return found

    def test_the_ability_is_declared(self, connector: Connector) -> None:
        assert Ability.WRITE in connector.abilities
        assert isinstance(connector.writer().options, frozenset)

    def test_rows_are_made_found_changed_and_deleted(
        self, connector: Connector, described: Table
    ) -> None:
        keys = _keys(3)
        rows = [{self.key: k, self.text: f"new {n}"} for n, k in enumerate(keys)]
        made = self._write(connector, described, WriteKind.INSERT, rows, self.key)
        assert [(one["success"], one["created"]) for one in made] == [(True, True)] * 3
        found = self._found(connector, described, keys)
        (primary,) = described.primary_key
        assert [found[k][primary] for k in keys] == [one["id"] for one in made]
        assert [found[k][self.text] for k in keys] == ["new 0", "new 1", "new 2"]
        upserted = self._write(
            connector, described, WriteKind.UPSERT,
            [{self.key: k, self.text: "put"} for k in (*keys[:1], *_keys(1))], self.key,
        )  # fmt: skip
        assert [one["created"] for one in upserted] == [False, True]
        assert upserted[0]["id"] == made[0]["id"]
        ids = [one["id"] for one in made] + [upserted[1]["id"]]
        changes = [{primary: i, self.text: "changed"} for i in ids]
        changed = self._write(connector, described, WriteKind.UPDATE, changes, primary)
        assert [(one["id"], one["success"], one["created"]) for one in changed] == [
            (i, True, False) for i in ids
        ]
        found = self._found(connector, described, keys)
        assert {row[self.text] for row in found.values()} == {"changed"}
        gone = self._write(
            connector, described, WriteKind.DELETE, [{primary: i} for i in ids], primary
        )
        assert all(one["success"] for one in gone)
        assert self._found(connector, described, keys) == {}

    def test_a_key_that_is_taken_fails_alone(self, connector: Connector, described: Table) -> None:
        first, second = _keys(2)
        self._write(connector, described, WriteKind.INSERT, [self._row(first)], self.key)
        done = self._write(
            connector, described, WriteKind.INSERT, [self._row(first), self._row(second)], self.key
        )
        assert [one["success"] for one in done] == [False, True]
        assert done[0]["error_code"] and done[0]["error_message"] and done[0]["id"] is None

    def test_a_chunk_that_is_sent_again_is_not_written_again(
        self, connector: Connector, described: Table
    ) -> None:
        notes, rows = Noted(), [self._row(key) for key in _keys(3)]
        first = self._write(connector, described, WriteKind.INSERT, rows, self.key, notes)
        again = self._write(connector, described, WriteKind.INSERT, rows, self.key, notes)
        assert again == first
        found = self._found(connector, described, [row[self.key] for row in rows])
        assert len(found) == 3

    def test_a_plan_costs_no_call_and_can_be_kept(
        self, connector: Connector, described: Table
    ) -> None:
        before = connector.metadata_bill.metadata_calls
        request = self._request(described, WriteKind.INSERT, [self._row("k")], self.key)
        for rows in (1, 10, 100_000):
            fragment = connector.writer().plan(replace(request, rows=rows))
            assert fragment.request.rows == rows
            assert fragment.chunk_rows >= 1 and fragment.parallel >= 1
            assert fragment.estimate.calls >= 1 and fragment.estimate.basis
            assert fragment.high is None or fragment.high.calls >= fragment.estimate.calls
            assert fragment.access_path and fragment.repeatable
        assert connector.metadata_bill.metadata_calls == before

    def test_few_calls_never_make_a_plan_dearer_and_what_was_begun_is_kept(
        self, connector: Connector, described: Table
    ) -> None:
        request = self._request(described, WriteKind.INSERT, [self._row("k")], self.key)
        for rows in (2, 100, 1_900, 100_000):
            usual = connector.writer().plan(replace(request, rows=rows))
            assert usual.why is None
            calls = usual.estimate.calls
            for left in (0, calls - 1, calls):
                asked = replace(request, rows=rows, calls_left=left)
                fragment = connector.writer().plan(asked)
                assert fragment.estimate.calls <= calls
                assert (fragment.why is None) == (fragment.access_path == usual.access_path)
                if left == calls:
                    assert fragment.access_path == usual.access_path
                begun = replace(request, rows=rows, begun_by=fragment.access_path)
                again = connector.writer().plan(begun)
                assert again.access_path == fragment.access_path
                assert again.chunk_rows == fragment.chunk_rows

    def test_unknown_options_are_refused(self, connector: Connector, described: Table) -> None:
        request = self._request(described, WriteKind.INSERT, [self._row("k")], self.key)
        with pytest.raises(IsthmusError, match="no_such_option"):
            connector.writer().plan(replace(request, options=frozenset({"no_such_option"})))

    def test_sound_rows_have_no_problems(self, connector: Connector, described: Table) -> None:
        rows = [self._row(key) for key in _keys(2)]
        request = self._request(described, WriteKind.INSERT, rows, self.key)
        found = connector.writer().problems(request, _rows(described, request, rows))
        assert found.schema == OUTCOMES and found.num_rows == 0

    def test_rows_that_are_not_there_are_found(
        self, connector: Connector, described: Table
    ) -> None:
        (made,) = self._write(
            connector, described, WriteKind.INSERT, [self._row(_keys(1)[0])], self.key
        )
        (primary,) = described.primary_key
        gone = [{primary: made["id"], self.text: "x"}]
        request = self._request(described, WriteKind.UPDATE, gone, primary)
        rows = _rows(described, request, gone)
        assert self._unknown(connector, request, rows) == 0
        self._write(connector, described, WriteKind.DELETE, [{primary: made["id"]}], primary)
        assert self._unknown(connector, request, rows) == 1

    def test_a_cancelled_write_writes_nothing(self, connector: Connector, described: Table) -> None:
        context = ReadContext()
        context.cancelled.set()
        (key,) = _keys(1)
        with pytest.raises(Cancelled):
            self._write(
                connector, described, WriteKind.INSERT, [self._row(key)], self.key, Noted(), context
            )
        assert self._found(connector, described, [key]) == {}

    def test_equal_keys_have_equal_forms(self, connector: Connector, described: Table) -> None:
        request = self._request(described, WriteKind.UPSERT, [self._row("k")], self.key)
        forms = connector.writer().key_forms(request, pa.array(["a", "a", "b", None]))
        assert forms[0] == forms[1] != forms[2] and not forms[3].is_valid

    # -- what the tests are made of -----------------------------------------------------------

    def _row(self, key: str) -> _Row:
        return {self.key: key, self.text: "row"}

    def _request(
        self, described: Table, kind: WriteKind, rows: Sequence[_Row], key: str
    ) -> WriteRequest:
        return WriteRequest(described, kind, tuple(rows[0]), key, len(rows))

    def _write(
        self,
        connector: Connector,
        described: Table,
        kind: WriteKind,
        rows: Sequence[_Row],
        key: str,
        notes: Noted | None = None,
        context: ReadContext | None = None,
    ) -> list[_Row]:
        writer = connector.writer()
        fragment: WriteFragment = writer.plan(self._request(described, kind, rows, key))
        again, context = bool(notes and notes.kept), context or ReadContext()
        notes = notes or Noted()
        outcomes: list[_Row] = []
        for at in range(0, len(rows), fragment.chunk_rows):
            some = rows[at : at + fragment.chunk_rows]
            chunk = Chunk(
                f"{notes.chunk}-{at}", _rows(described, fragment.request, some), datetime.now(UTC)
            )
            told = writer.write(fragment, chunk, notes, context)
            assert told.schema == OUTCOMES
            each = sorted(told.to_pylist(), key=lambda one: one["position"])
            assert [one["position"] for one in each] == list(range(len(some)))
            outcomes += each
        assert again or context.meter.bill.calls <= (fragment.high or fragment.estimate).calls
        return outcomes

    def _found(self, connector: Connector, described: Table, keys: list[str]) -> dict[str, _Row]:
        columns = (*described.primary_key, self.key, self.text)
        scan = ScanRequest(described, columns, (In(self.key, tuple(keys)),))
        rows = read(connector, connector.plan(scan)).to_pylist()
        return {row[self.key]: row for row in rows if row[self.key] in keys}

    def _unknown(self, connector: Connector, request: WriteRequest, rows: Rows) -> int:
        found = connector.writer().unknown_keys(request, rows, ReadContext())
        return sum(table.num_rows for table in found)


def _keys(count: int) -> list[str]:
    return [f"k{uuid.uuid4().hex[:12]}" for _ in range(count)]


def _rows(described: Table, request: WriteRequest, rows: Sequence[_Row]) -> Rows:
    schema = pa.schema([described.schema.field(name) for name in request.columns])
    batch = pa.RecordBatch.from_pylist(list(rows), schema=schema)
    return Rows(batch, pa.array(range(len(rows)), pa.int64()))
