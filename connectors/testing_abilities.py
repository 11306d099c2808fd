# ruff: noqa: D102 (the names of the tests say what they demand)
"""What the contract demands of orders, aggregates, lookups, children and lists of keys.

A connector that declares one must have it, exactly and for something; one that does not must say
no. It is part of `isthmus.connectors.testing.ConnectorContract`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pyarrow as pa

from isthmus.catalog.model import Column, Table
from isthmus.connectors.contract import (
    Ability,
    Aggregate,
    Children,
    Connector,
    Lookup,
    Order,
    Promise,
    ReadContext,
    ScanRequest,
)
from isthmus.connectors.predicates import In
from isthmus.connectors.testing_rows import Rows, all_rows, bag, bag_of, read

__all__ = ["AbilityContract"]

#: Far more keys than a statement holds.
_MANY = 3_000


class AbilityContract:
    """Needs the fixtures of `ConnectorContract`."""

    # -- replication --------------------------------------------------------------------------

    def test_replication_as_declared(self, connector: Connector, described: list[Table]) -> None:
        replicator = connector.replicator()
        assert (replicator is not None) == (Ability.REPLICATE in connector.abilities)
        if replicator is None:
            return
        context = ReadContext()
        now = replicator.now(context)
        assert now.tzinfo is not None and replicator.now(context) >= now
        told = [(table, replicator.of(table)) for table in described]
        assert any(found is not None for _, found in told)
        for table, found in told:
            if found is None:
                continue
            names = {column.name for column in table.columns}
            assert {found.cursor, *found.untracked, *filter(None, [found.deleted])} <= names
            assert pa.types.is_timestamp(table.column(found.cursor).type)
            assert found.with_deleted is None or found.with_deleted in connector.scan_options
            if found.tells_deletions:
                start = now - timedelta(hours=1)
                keys = replicator.deleted(table, start, now, context).keys
                assert keys.type == table.column(table.primary_key[0]).type

    # -- order --------------------------------------------------------------------------------

    def test_order_as_declared(self, connector: Connector, described: list[Table]) -> None:
        able = False
        for table in described:
            whole = all_rows(connector, table)
            for asked in _orders(table):
                said = connector.can(asked)
                assert said.reason
                able |= said.able
                if said.able:
                    self._check_order(connector, asked, whole)
        assert able == (Ability.ORDER in connector.abilities)

    def _check_order(self, connector: Connector, asked: ScanRequest, whole: Rows) -> None:
        (key,) = asked.order
        values = [row[key.column] for row in whole]
        nulls = [v for v in values if v is None]
        ordered = sorted((v for v in values if v is not None), reverse=key.descending)
        wanted = (nulls + ordered if key.nulls_first else ordered + nulls)[: asked.limit]
        assert asked.limit is not None
        found = read(connector, connector.plan(asked)).column(key.column).to_pylist()
        assert found == wanted, key

    # -- aggregates ---------------------------------------------------------------------------

    def test_aggregates_as_declared(self, connector: Connector, described: list[Table]) -> None:
        able = False
        for table in described:
            whole = all_rows(connector, table)
            for asked in _aggregates(table):
                said = connector.can(asked)
                assert said.reason
                able |= said.able
                if said.able:
                    self._check_groups(connector, asked, whole)
        assert able == (Ability.AGGREGATE in connector.abilities)

    def _check_groups(self, connector: Connector, asked: ScanRequest, whole: Rows) -> None:
        groups: dict[tuple[Any, ...], Rows] = {} if asked.columns else {(): []}
        for row in whole:
            groups.setdefault(tuple(row[c] for c in asked.columns), []).append(row)
        wanted = [
            (*key, *(_aggregated(a, rows) for a in asked.aggregates))
            for key, rows in groups.items()
        ]
        fragment = connector.plan(asked)
        batches = list(connector.open(fragment, ReadContext()))
        names = [*asked.columns, *(a.name for a in asked.aggregates)]
        found = pa.Table.from_batches(batches) if batches else None
        assert fragment.columns == tuple(names)
        if found is None:
            assert wanted == []
            return
        assert found.schema.names == names
        assert found.schema.types == _types(asked)
        rows = zip(*(c.to_pylist() for c in found.columns), strict=True)
        assert sorted(map(repr, rows)) == sorted(map(repr, wanted)), asked.aggregates

    # -- lookups ------------------------------------------------------------------------------

    def test_lookups_as_declared(self, connector: Connector, described: list[Table]) -> None:
        able = False
        for table in described:
            for lookup in _lookups(connector, table):
                columns = (*table.primary_key, lookup.key)
                asked = ScanRequest(table, columns, lookups=(lookup,))
                said = connector.can(asked)
                assert said.reason
                able |= said.able
                if said.able:
                    self._check_lookup(connector, asked, lookup)
        assert able == (Ability.LOOKUP in connector.abilities)

    def _check_lookup(self, connector: Connector, asked: ScanRequest, lookup: Lookup) -> None:
        (key,) = lookup.table.primary_key
        parents = {row[key]: row for row in all_rows(connector, lookup.table)}
        alone = read(connector, connector.plan(replace(asked, lookups=()))).to_pylist()
        wanted = [
            (*row.values(), *(parents.get(row[lookup.key], {}).get(c) for c in lookup.columns))
            for row in alone
        ]
        fragment = connector.plan(asked)
        names = [*asked.columns, *(f"{lookup.key}.{c}" for c in lookup.columns)]
        assert list(fragment.columns) == names
        found = pa.Table.from_batches(connector.open(fragment, ReadContext()))
        kinds = [lookup.table.column(c).type for c in lookup.columns]
        assert found.schema.types[-len(kinds) :] == kinds
        rows = zip(*(c.to_pylist() for c in found.columns), strict=True)
        assert sorted(map(repr, rows)) == sorted(map(repr, wanted)), lookup.key

    # -- children -----------------------------------------------------------------------------

    def test_children_as_declared(self, connector: Connector, described: list[Table]) -> None:
        able = False
        for table in described:
            for parent, children in _children(connector, table):
                asked = ScanRequest(parent, parent.primary_key, children=(children,))
                said = connector.can(asked)
                assert said.reason
                able |= said.able
                if said.able:
                    self._check_children(connector, asked, children)
        assert able == (Ability.CHILDREN in connector.abilities)

    def _check_children(self, connector: Connector, asked: ScanRequest, children: Children) -> None:
        """Each row once, and each child with the row it points to or in a row of its own."""
        (key,) = asked.table.primary_key
        parents = [row[key] for row in all_rows(connector, asked.table)]
        known = set(parents)
        wanted = [r for r in all_rows(connector, children.table) if r[children.key] in known]
        fragment = connector.plan(asked)
        assert fragment.columns == (*asked.columns, children.name)
        found = pa.Table.from_batches(connector.open(fragment, ReadContext())).to_pylist()
        assert sorted(r[key] for r in found if r[key] is not None) == sorted(parents)
        came = [(row[key], child) for row in found for child in row[children.name] or ()]
        assert all(at in (None, child[children.key]) for at, child in came)
        names = children.columns
        assert bag_of([child for _, child in came], names) == bag_of(wanted, names)

    # -- lists of keys ------------------------------------------------------------------------

    def test_long_lists_of_keys_as_declared(
        self, connector: Connector, described: list[Table]
    ) -> None:
        offered = []
        for table in described:
            whole = all_rows(connector, table)
            asked = ScanRequest(table, ())
            for column in table.columns:
                bill = connector.estimate_keys(asked, column.name, _MANY)
                if bill is None:
                    continue
                offered.append(column.name)
                assert bill.calls >= 0 and bill.rows >= 0
                if len(offered) % 5 == 1:
                    self._check_keys(connector, table, column, whole)
        assert bool(offered) == (Ability.KEYS in connector.abilities)

    def _check_keys(self, connector: Connector, table: Table, column: Column, whole: Rows) -> None:
        """All rows whose key is listed, each as often as the table has it."""
        stored = [row[column.name] for row in whole if row[column.name] is not None]
        if not stored:
            return
        keys = tuple(dict.fromkeys(stored[::2]))
        if isinstance(stored[0], str):
            keys += tuple(f"{key} no{n}" for n in range(_MANY // len(keys) + 1) for key in keys)
        names = tuple(c.name for c in table.columns)
        fragment = connector.plan(ScanRequest(table, names, (In(column.name, keys),)))
        found = bag(read(connector, fragment), names)
        listed = set(keys)
        needed = bag_of([row for row in whole if row[column.name] in listed], names)
        assert not needed - found, "rows are missing"
        allowed = needed
        if fragment.judgements[0].promise is not Promise.EXACT:
            allowed = bag_of(whole, names)
        assert not found - allowed, "rows came twice, or don't pass"


def _orders(table: Table) -> Iterator[ScanRequest]:
    for column in table.columns:
        for descending, nulls_first in ((False, False), (False, True), (True, False)):
            order = (Order(column.name, descending, nulls_first),)
            yield ScanRequest(table, (column.name,), limit=3, order=order)


def _aggregates(table: Table) -> Iterator[ScanRequest]:
    count = Aggregate("count")
    yield ScanRequest(table, (), aggregates=(count,))
    functions: tuple[Literal["count", "min", "max"], ...] = ("count", "min", "max")
    for column in table.columns:
        yield ScanRequest(table, (column.name,), aggregates=(count,))
        for function in functions:
            yield ScanRequest(table, (), aggregates=(Aggregate(function, column.name), count))


def _aggregated(aggregate: Aggregate, rows: Rows) -> Any:
    if aggregate.column is None:
        return len(rows)
    values = [row[aggregate.column] for row in rows if row[aggregate.column] is not None]
    if aggregate.function == "count":
        return len(values)
    return (min if aggregate.function == "min" else max)(values, default=None)


def _types(asked: ScanRequest) -> list[pa.DataType]:
    table = asked.table
    kinds = [table.column(name).type for name in asked.columns]
    for aggregate in asked.aggregates:
        counted = aggregate.function == "count" or aggregate.column is None
        kinds.append(pa.int64() if counted else table.column(str(aggregate.column)).type)
    return kinds


def _children(connector: Connector, table: Table) -> Iterator[tuple[Table, Children]]:
    """Each table that the table points to, with its rows; where there is none, one that can't."""
    found = 0
    for column in table.columns:
        for target in column.reference.targets if column.reference else ():
            parent = connector.describe(target)
            if parent is not None and len(parent.primary_key) == 1:
                found += 1
                names = (c.name for c in table.columns[:8])
                columns = dict.fromkeys((*table.primary_key, column.name, *names))
                yield parent, Children(column.name, table, tuple(columns))
    if not found:
        name = table.columns[0].name
        yield table, Children(name, table, (name,))


def _lookups(connector: Connector, table: Table) -> Iterator[Lookup]:
    """Each reference to one table; where there are none, one that can't be."""
    found = 0
    for column in table.columns:
        if column.reference is None or len(column.reference.targets) != 1:
            continue
        target = connector.describe(column.reference.targets[0])
        if target is not None and len(target.primary_key) == 1:
            found += 1
            names = tuple(c.name for c in target.columns[:8])
            yield Lookup(column.name, target, names)
    if not found:
        yield Lookup(table.columns[0].name, table, (table.columns[0].name,))
