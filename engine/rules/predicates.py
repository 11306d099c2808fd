"""Filters that DuckDB keeps for itself are sent all the same, where the source knows them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from isthmus.connectors.contract import Promise
from isthmus.connectors.predicates import And, In, Not, Or, Predicate
from isthmus.engine.expressions import predicate_of
from isthmus.engine.plan import Firing, PlannedScan
from isthmus.engine.predicate_text import sql_of
from isthmus.engine.rules.draft import Draft

__all__ = ["conjuncts", "imply_predicates"]


def imply_predicates(draft: Draft) -> Draft:
    """``WHERE Name LIKE 'A%' AND year(d) = 2024``: what DuckDB filters shrinks the fetch as well.

    Each filter right above a scan lets through only rows that pass a predicate in our own words
    (`predicate_of`); that goes down as a hint, and DuckDB filters on. Where all filters of a scan
    have gone down and are EXACT, the source selects just the rows that pass.

    Sent: a condition, where the connector has a rule for the predicate.
    Promise: the predicate's own. DuckDB filters again whatever it is.
    """
    for index, scan, use in draft.uses():
        exact = True
        for filter in use.filters:
            found = predicate_of(filter.expression, filter.columns, zone=draft.zone)
            if found is None:
                exact = False
                continue
            for predicate in conjuncts(found.predicate):
                scan = _with_hint(draft, scan, predicate)
                exact = exact and _is_exact(scan, predicate)
            exact = exact and found.equivalent
        draft = draft.with_scan(index, scan)
        unsure = draft.filtered - {index} if exact else draft.filtered | {index}
        draft = replace(draft, filtered=unsure)
    return draft


def _with_hint(draft: Draft, scan: PlannedScan, predicate: Predicate) -> PlannedScan:
    known = {_form(c) for p in scan.request.predicates for c in conjuncts(p)}
    if _form(predicate) in known:
        return scan
    offer = draft.judges[scan.occurrence].judged(sql_of(predicate), predicate)
    if not offer.taken:
        return scan
    request = replace(scan.request, predicates=(*scan.request.predicates, predicate))
    firing = Firing("imply_predicates", "filters of DuckDB's shrink the fetch")
    new = () if firing in scan.firings else (firing,)
    return replace(scan, hints=(*scan.hints, offer)).asking(request, *new)


def _is_exact(scan: PlannedScan, predicate: Predicate) -> bool:
    return any(
        judgement.promise is Promise.EXACT
        and _form(predicate) in {_form(c) for c in conjuncts(judgement.predicate)}
        for judgement in scan.fragment.judgements
    )


def _form(predicate: Predicate) -> object:
    """What is equal for predicates that differ in the order of their parts alone."""
    match predicate:
        case And(parts) | Or(parts):
            return (type(predicate).__name__, frozenset(_form(p) for p in parts))
        case Not(part):
            return ("Not", _form(part))
        case In(column, values):
            return ("In", column, frozenset((type(v), v) for v in values))
    return predicate


def conjuncts(predicate: Predicate) -> Iterator[Predicate]:
    """The predicates that must all hold."""
    if isinstance(predicate, And):
        for part in predicate.parts:
            yield from conjuncts(part)
    else:
        yield predicate
