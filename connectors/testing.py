# ruff: noqa: D102 (the names of the tests say what they demand)
"""The contract as a test class: a connector's own test file is a subclass and a few fixtures.

    class TestFiles(ConnectorContract):
        tables = ("orders", "rates")

        @pytest.fixture
        def connector(self, lake):
            return Files("lake", {"root": str(lake)})

What a connector declares is demanded, and what it does not declare must not happen. Needs
pytest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import pytest

from isthmus.catalog.model import Table
from isthmus.connectors.contract import (
    Ability,
    Connector,
    Meter,
    Promise,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.predicates import IsNull, Predicate, columns_of
from isthmus.connectors.testing_abilities import AbilityContract
from isthmus.connectors.testing_rows import Rows, all_rows, bag, bag_of, read, request
from isthmus.connectors.truth import passes, predicates_for
from isthmus.errors import Cancelled, DeadlineExceeded, Refused

__all__ = ["ConnectorContract", "read"]


class ConnectorContract(AbilityContract):
    """Subclass it in a test file; the name of the subclass begins with ``Test``.

    A subclass gives:
        tables: names of tables of at least three rows and at most some thousands, which between
            them have every type of the source, and nulls.
        connector: a fixture, a connector that has not been used yet.
        blocked (optional): a fixture, a fragment's connector and table name whose source does
            not answer; the test demands that a cancel ends the wait.
        most_predicates (optional): how many predicates to try on each table.
    """

    tables: ClassVar[tuple[str, ...]] = ()
    most_predicates: ClassVar[int] = 150

    @pytest.fixture
    def connector(self) -> Connector:
        """A connector that has not been used yet."""
        raise NotImplementedError("give the test class a fixture named connector")

    @pytest.fixture
    def blocked(self) -> tuple[Connector, str] | None:
        """A source that does not answer, if the subclass can make one."""
        return None

    @pytest.fixture
    def described(self, connector: Connector) -> list[Table]:
        """The tables under test, described."""
        assert self.tables, "name the tables to test"
        found = [connector.describe(n) for n in self.tables]
        assert all(t is not None for t in found)
        return [t for t in found if t is not None]

    # -- what there is ------------------------------------------------------------------------

    def test_nothing_is_called_before_the_first_question(self, connector: Connector) -> None:
        assert connector.metadata_bill.metadata_calls == 0
        assert connector.metadata_bill.bytes == 0

    def test_every_table_under_test_is_listed_once(self, connector: Connector) -> None:
        names = [t.name for t in connector.tables()]
        assert len(set(names)) == len(names)
        assert set(self.tables) <= set(names)

    def test_a_description_is_consistent(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for name, table in zip(self.tables, described, strict=True):
            columns = [c.name for c in table.columns]
            assert (table.source, table.name) == (connector.name, name)
            assert columns and len(set(columns)) == len(columns)
            for key in (table.primary_key, *table.unique_keys):
                assert set(key) <= set(columns)
            assert not {o for o, _ in table.omitted} & set(columns)
            assert connector.describe(name) == table

    def test_a_name_is_found_in_any_case(
        self, connector: Connector, described: list[Table]
    ) -> None:
        names = {t.name for t in connector.tables()}
        for table in described:
            for spelt in {table.name.upper(), table.name.lower(), table.name.swapcase()}:
                found = connector.describe(spelt)
                assert found is not None
                assert found.name == (spelt if spelt in names else table.name)

    def test_an_unknown_table_is_none(self, connector: Connector) -> None:
        assert connector.describe("no_such_table_here") is None

    def test_the_row_count_is_true_where_it_says_exact(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            count = connector.row_count(table)
            if count is not None:
                assert count.rows >= 0 and count.basis
            if count is not None and count.exact:
                assert count.rows == len(all_rows(connector, table))

    # -- scans --------------------------------------------------------------------------------

    def test_a_scan_is_typed_and_ordered_as_described(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            names = tuple(c.name for c in table.columns)
            found = read(connector, connector.plan(ScanRequest(table, names)))
            assert tuple(found.schema.names[: len(names)]) == names
            assert found.num_rows >= 3, "test with tables of at least three rows"
            for column in table.columns:
                assert column.nullable or found.column(column.name).null_count == 0

    def test_columns_come_as_asked(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            names = tuple(c.name for c in table.columns)
            whole = all_rows(connector, table)
            for asked in {names[::-1], names[:1], names[-1:], names[1::2] or names[:1]}:
                fragment = connector.plan(ScanRequest(table, asked))
                assert fragment.columns[: len(asked)] == asked
                assert bag(read(connector, fragment), asked) == bag_of(whole, asked)

    def test_projection_as_declared(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            asked = (table.columns[0].name,)
            fragment = connector.plan(ScanRequest(table, asked))
            if Ability.PROJECT in connector.abilities:
                assert fragment.columns == asked
            else:
                assert set(fragment.columns) == {c.name for c in table.columns}

    def test_no_columns_still_count_rows(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            fragment = connector.plan(ScanRequest(table, ()))
            batches = list(connector.open(fragment, ReadContext()))
            assert all(b.schema.names == list(fragment.columns) for b in batches)
            assert sum(b.num_rows for b in batches) == len(all_rows(connector, table))

    def test_a_fragment_opens_again_with_the_same_rows(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            names = tuple(c.name for c in table.columns)
            fragment = connector.plan(ScanRequest(table, names))
            assert bag(read(connector, fragment), names) == bag(read(connector, fragment), names)

    def test_threads_may_read_at_once(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            names = tuple(c.name for c in table.columns)
            fragment = connector.plan(ScanRequest(table, names))
            with ThreadPoolExecutor(4) as pool:
                found = list(pool.map(lambda _: bag(read(connector, fragment), names), range(4)))  # noqa: B023
            assert all(f == found[0] for f in found)

    # -- predicates ---------------------------------------------------------------------------

    def test_a_promise_is_kept(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            whole = all_rows(connector, table)
            key = table.primary_key or tuple(c.name for c in table.columns[:2])
            for predicate in self._predicates(table, whole):
                names = tuple(dict.fromkeys([*key, *columns_of(predicate)]))
                self._check_promise(connector, table, names, whole, (predicate,))

    def test_promises_hold_together_and_without_their_columns(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            whole = all_rows(connector, table)
            predicates = self._predicates(table, whole)
            for pair in zip(predicates[:40], predicates[-40:], strict=False):
                read_by = {c for p in pair for c in columns_of(p)}
                other = tuple(c.name for c in table.columns if c.name not in read_by)[:1]
                self._check_promise(connector, table, other, whole, pair)

    def test_filtering_as_declared(self, connector: Connector, described: list[Table]) -> None:
        promised = []
        saved = False
        for table in described:
            whole = all_rows(connector, table)
            for predicate in self._predicates(table, whole):
                judgement = connector.judge(table, predicate)
                assert judgement.predicate == predicate
                assert judgement.reason
                promised.append(judgement.promise)
                if judgement.promise is Promise.EXACT and not saved:
                    meter = Meter()
                    fragment = connector.plan(request(table, (predicate,)))
                    read(connector, fragment, ReadContext(meter=meter))
                    saved = meter.bill.rows < len(whole)
        if Ability.FILTER in connector.abilities:
            assert set(promised) - {Promise.LOCAL}, "FILTER is declared, but nothing is promised"
            assert saved or Promise.EXACT not in promised, "no filter spares a row"
        else:
            assert set(promised) <= {Promise.LOCAL}

    def test_what_is_refuted_no_row_passes(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            whole = all_rows(connector, table)
            for predicate in self._predicates(table, whole):
                if connector.refutes(table, predicate) is not None:
                    assert not any(passes([predicate], row) for row in whole), predicate

    def test_judging_and_planning_make_no_call(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            connector.row_count(table)
            predicates = (IsNull(table.columns[0].name),)
            before = connector.metadata_bill
            connector.judge(table, predicates[0])
            connector.plan(request(table, predicates))
            assert connector.metadata_bill == before

    # -- limit --------------------------------------------------------------------------------

    def test_limit_as_declared(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            whole = all_rows(connector, table)
            names = tuple(c.name for c in table.columns)
            for limit in (1, 2, len(whole) + 5):
                found = read(connector, connector.plan(ScanRequest(table, names, (), limit)))
                limited = Ability.LIMIT in connector.abilities
                assert found.num_rows == (min(limit, len(whole)) if limited else len(whole))
                assert not bag(found, names) - bag_of(whole, names)

    def test_a_limit_counts_only_rows_that_pass(
        self, connector: Connector, described: list[Table]
    ) -> None:
        if Ability.LIMIT not in connector.abilities:
            return
        for table in described:
            whole = all_rows(connector, table)
            for predicate in self._predicates(table, whole)[::7]:
                if connector.judge(table, predicate).promise is not Promise.EXACT:
                    continue
                names = tuple(c.name for c in table.columns)
                passing = [r for r in whole if passes([predicate], r)]
                fragment = connector.plan(ScanRequest(table, names, (predicate,), 2))
                found = read(connector, fragment)
                assert found.num_rows == min(2, len(passing)), predicate
                assert not bag(found, names) - bag_of(passing, names), predicate

    # -- the bill, stopping, closing ----------------------------------------------------------

    def test_the_bill_is_counted(self, connector: Connector, described: list[Table]) -> None:
        for table in described:
            meter = Meter()
            names = tuple(c.name for c in table.columns)
            fragment = connector.plan(ScanRequest(table, names))
            found = read(connector, fragment, ReadContext(meter=meter))
            assert meter.bill.rows >= found.num_rows
            assert meter.bill.bytes > 0
            assert fragment.text and fragment.access_path and fragment.estimate.basis
            assert fragment.estimate.rows >= 0 and fragment.estimate.bytes >= 0

    def test_a_cancelled_read_stops_within_a_second(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            context = ReadContext()
            context.cancelled.set()
            started = time.monotonic()
            with pytest.raises(Cancelled):
                read(connector, connector.plan(request(table, ())), context)
            assert time.monotonic() - started < 1

    def test_a_passed_deadline_stops_a_read(
        self, connector: Connector, described: list[Table]
    ) -> None:
        for table in described:
            context = ReadContext(deadline=time.monotonic() - 1)
            with pytest.raises(DeadlineExceeded):
                read(connector, connector.plan(request(table, ())), context)

    def test_a_cancel_wakes_a_read_that_waits(self, blocked: tuple[Connector, str] | None) -> None:
        if blocked is None:
            pytest.skip("the test class has no fixture named blocked")
        connector, name = blocked
        table = connector.describe(name)
        assert table is not None
        context = ReadContext()
        timer = threading.Timer(0.3, context.cancelled.set)
        timer.start()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            read(connector, connector.plan(request(table, ())), context)
        assert 0.2 < time.monotonic() - started < 1.3

    def test_a_source_that_is_not_written_to_says_so(self, connector: Connector) -> None:
        if Ability.WRITE in connector.abilities:
            assert connector.writer() is not None  # `testing_writes` demands the rest
            return
        with pytest.raises(Refused, match=connector.name):
            connector.writer()

    def test_a_check_finds_a_working_source_well(self, connector: Connector) -> None:
        findings = list(connector.check())
        assert findings
        assert [f for f in findings if not f.ok] == []

    def test_closing_twice_is_allowed(self, connector: Connector) -> None:
        list(connector.tables())
        connector.close()
        connector.close()

    def _predicates(self, table: Table, whole: Rows) -> list[Predicate]:
        found = list(predicates_for(table.schema, whole))
        step = max(1, -(-len(found) // self.most_predicates))
        return found[::step]

    def _check_promise(
        self,
        connector: Connector,
        table: Table,
        names: tuple[str, ...],
        whole: Rows,
        predicates: Sequence[Predicate],
    ) -> None:
        fragment = connector.plan(ScanRequest(table, names, tuple(predicates)))
        assert [j.predicate for j in fragment.judgements] == list(predicates)
        for judgement in fragment.judgements:
            assert judgement == connector.judge(table, judgement.predicate)
            if judgement.promise is not Promise.EXACT:
                assert set(columns_of(judgement.predicate)) <= set(fragment.columns)
        exact = [j.predicate for j in fragment.judgements if j.promise is Promise.EXACT]
        needed = bag_of([r for r in whole if passes(predicates, r)], names)
        allowed = bag_of([r for r in whole if passes(exact, r)], names)
        found = bag(read(connector, fragment), names)
        told = [(j.predicate, j.promise.name) for j in fragment.judgements]
        assert not needed - found, f"rows are missing under {told}"
        assert not found - allowed, f"rows came that don't pass under {told}"
