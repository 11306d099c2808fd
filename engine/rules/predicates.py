"""Filters that DuckDB keeps for itself are sent all the same, where the source knows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import And, Compare, Predicate
from isthmus.engine.logical import reference
from isthmus.engine.plan import Firing, PlannedScan
from isthmus.engine.predicate_text import sql_of
from isthmus.engine.rules.draft import Draft

__all__ = ["imply_predicates"]


def imply_predicates(draft: Draft) -> Draft:
    """``WHERE b AND Name LIKE 'A%'``: what DuckDB filters itself shrinks the fetch as well.

    Each filter right above a scan lets through only rows that pass a predicate in our own words;
    that goes down as a hint, and DuckDB filters on. Where all filters of a scan have gone down
    and are EXACT, the source selects just the rows that pass.
    """
    for index, scan, use in draft.uses():
        exact = True
        for expression in use.filters:
            found = _bare_boolean(expression, use.outputs)
            if found is None:
                exact = False
                continue
            for predicate in _conjuncts(found):
                scan = _with_hint(draft, scan, predicate)
                exact = exact and _is_exact(scan, predicate)
        draft = draft.with_scan(index, scan)
        if exact:
            draft = replace(draft, filtered=draft.filtered - {index})
    return draft


def _with_hint(draft: Draft, scan: PlannedScan, predicate: Predicate) -> PlannedScan:
    if predicate in [c for p in scan.request.predicates for c in _conjuncts(p)]:
        return scan
    offer = draft.judges[scan.occurrence].judged(sql_of(predicate), predicate)
    if not offer.taken:
        return scan
    request = replace(scan.request, predicates=(*scan.request.predicates, predicate))
    firing = Firing("imply_predicates", "a filter of DuckDB's shrinks the fetch")
    return replace(scan, hints=(*scan.hints, offer)).asking(request, firing)


def _is_exact(scan: PlannedScan, predicate: Predicate) -> bool:
    return any(
        judgement.promise is Promise.EXACT and predicate in _conjuncts(judgement.predicate)
        for judgement in scan.fragment.judgements
    )


def _conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    if isinstance(predicate, And):
        for part in predicate.parts:
            yield from _conjuncts(part)
    else:
        yield predicate


def _bare_boolean(expression: Mapping[str, Any], columns: Sequence[str | None]) -> Predicate | None:
    negated = expression.get("type") == "OPERATOR_NOT"
    position = reference(expression["children"][0] if negated else expression)
    column = None if position is None else columns[position]
    return None if column is None else Compare(column, "=", not negated)
