"""Ask one query three ways and say whether the answers agree."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import duckdb

from isthmus.connectors.predicates import And, Compare, In, IsNull, Not, Or, Predicate
from isthmus.engine import _duckdb_scan
from isthmus.engine.connection import Connection
from isthmus.engine.plan import Plan
from isthmus.errors import Cancelled, IsthmusError, QueryError
from tests.differential.answers import Answer, difference, short_of
from tests.differential.generator import Query
from tests.differential.planlog import PlanLog
from tests.differential.world import World

__all__ = ["Coverage", "try_query"]

Coverage = Counter[str]


def try_query(world: World, query: Query, coverage: Coverage) -> list[str]:
    """The differences between the three answers, each in a line; none is what we want."""
    coverage[f"shape {query.shape}"] += 1
    reference = ask_duckdb(world.reference, query.sql, query.params)
    world.log.clear()
    unlike: list[str] = []
    pushed = ask(world.pushed, query, coverage, world.log, unlike)
    unpushed = ask(world.unpushed, query, None)
    coverage["failed as it must" if reference.error else "answered"] += 1
    answers = (("pushed", pushed), ("not pushed", unpushed))
    comparable = [(name, a) for name, a in answers if not _order_decides(reference, a)]
    coverage["error depends on the order of work"] += len(comparable) < len(answers)
    if not comparable:
        return unlike
    found = unlike
    whole = ask_duckdb(world.reference, query.unlimited, query.params) if query.unlimited else None
    for name, answer in comparable:
        if whole is None or reference.table is None:
            words = difference(answer, reference)
        elif whole.table is None:
            # A row that the LIMIT may choose fails: who reads it first is left open.
            failed = answer.error == whole.error
            words = None if failed else difference(_empty(answer), _empty(reference))
        else:
            words = short_of(answer, whole, query.limit, query.offset, reference, query.ordered)
            words = words or difference(_empty(answer), _empty(reference))
        if words:
            found.append(f"{name}, against plain DuckDB: {words}")
    return found


def _empty(answer: Answer) -> Answer:
    return Answer(None if answer.table is None else answer.table.slice(0, 0), answer.error)


def _order_decides(reference: Answer, ours: Answer) -> bool:
    """A cast that fails on a row fails only if no other filter went first: SQL leaves that open."""
    kinds = {reference.error, ours.error}
    return "data" in kinds and kinds <= {"data", None}


def ask_duckdb(reference: duckdb.DuckDBPyConnection, sql: str, params: Any) -> Answer:
    try:
        relation = reference.sql(sql, params=params) if params else reference.sql(sql)
        return Answer(relation.to_arrow_table())
    except duckdb.Error as error:
        return Answer(error=_kind_of_duckdb(error), message=str(error))


def ask(
    connection: Connection,
    query: Query,
    coverage: Coverage | None,
    log: PlanLog | None = None,
    unlike: list[str] | None = None,
) -> Answer:
    """One answer; with a log, `unlike` gets in what the plan and the log differ."""
    try:
        with connection.sql(query.sql, query.params, timeout=60) as result:
            try:
                return Answer(result.arrow())
            finally:
                if coverage is not None:
                    coverage.update(pushed_in(result.plan))
                if log is not None and unlike is not None:
                    unlike += log.differences(result, whole=sys.exc_info()[0] is None)
                    # Without DuckDB's hook, what is sent is known only when a scan is opened.
                    if _duckdb_scan.has_hook():
                        unlike += log.unplanned(result)
    except IsthmusError as error:
        return Answer(error=_kind(error), message=str(error))


def _kind(error: IsthmusError) -> str:
    """DuckDB's own kind where it is the cause; otherwise a source failed, which must not be."""
    cause = error.__cause__
    if isinstance(cause, duckdb.Error) and not isinstance(error, Cancelled):
        return _kind_of_duckdb(cause)
    if isinstance(error, QueryError) and isinstance(cause, OSError):
        return "data"  # while rows are read, Arrow's stream carries DuckDB's message alone
    return "query" if isinstance(error, QueryError) else type(error).__name__


_QUERY_ERRORS = (
    duckdb.BinderException,
    duckdb.CatalogException,
    duckdb.ParserException,
    duckdb.SyntaxException,
)


def _kind_of_duckdb(error: duckdb.Error) -> str:
    return "query" if isinstance(error, _QUERY_ERRORS) else "data"


def pushed_in(plan: Plan) -> Iterator[str]:
    """What a plan sends: a promise, an operator and a type for each part of a predicate."""
    for name in plan.rules_fired:
        yield f"rule {name}"
    for scan in plan.scans:
        source = scan.fragment.source
        types = {c.name: c.source_type or str(c.type) for c in scan.fragment.request.table.columns}
        if scan.fragment.request.limit is not None:
            yield f"{source} LIMIT sent"
        for offer in (*scan.offers, *scan.hints):
            promise = offer.judgement.promise.name if offer.judgement else "LOCAL"
            if offer.predicate is None:
                yield f"{source} {promise} (no form)"
                continue
            for word, column in _leaves(offer.predicate):
                yield f"{source} {promise} {word} {types[column]}"


def _leaves(predicate: Predicate) -> Iterator[tuple[str, str]]:
    match predicate:
        case Compare(column, op):
            yield op, column
        case In(column):
            yield "IN", column
        case IsNull(column):
            yield "IS NULL", column
        case Not(part):
            for word, column in _leaves(part):
                yield f"NOT {word}", column
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
