"""What may be asked of a Salesforce table: its columns and its scan options."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Lookup, ScanRequest
from isthmus.connectors.predicates import Predicate, columns_of
from isthmus.errors import ConfigError, UnknownName

__all__ = ["ACCESSES", "BULK", "IDS", "INCLUDE_DELETED", "PARALLEL", "REST", "demand_known"]

#: The scan option that reads deleted and archived rows as well (the `queryAll` resource).
INCLUDE_DELETED: Final = "include_deleted"

#: How to fetch, as a query may say: page by page, in ranges of Ids side by side, by a Bulk job.
REST: Final = "rest"
PARALLEL: Final = "parallel"
BULK: Final = "bulk"
ACCESSES: Final = (REST, PARALLEL, BULK)
#: By a list of Ids: chosen where it costs less, never asked for.
IDS: Final = "ids"


def demand_known(request: ScanRequest) -> None:
    """Refuse names that do not exist.

    Raises:
        UnknownName: of a column or an option.
    """
    _demand_looked_up(request.lookups, request.table)
    for child in request.children:
        _demand_columns(child.table, (child.key, *child.columns), child.predicates)
    names = {column.name for column in request.table.columns}
    wanted = [
        *request.columns,
        *(c for p in request.predicates for c in columns_of(p)),
        *(key.column for key in request.order),
        *(a.column for a in request.aggregates if a.column is not None),
    ]
    for name in wanted:
        if name not in names:
            raise UnknownName(f"{request.table.name} has no column {name!r}")
    for option in request.options:
        if option not in (INCLUDE_DELETED, *ACCESSES):
            raise UnknownName(
                f"a Salesforce table has no option {option!r}",
                remedy=f"The options are {', '.join((INCLUDE_DELETED, *ACCESSES))}.",
            )
    if len(ways := request.options & set(ACCESSES)) > 1:
        raise ConfigError(
            f"{request.table.name} can't be read by {' and '.join(sorted(ways))} at once",
            remedy="Give one of them.",
        )


def _demand_looked_up(lookups: tuple[Lookup, ...], table: Table) -> None:
    for lookup in lookups:
        if lookup.key not in {column.name for column in table.columns}:
            raise UnknownName(f"{table.name} has no column {lookup.key!r}")
        _demand_columns(lookup.table, lookup.columns, lookup.predicates)
        _demand_looked_up(lookup.lookups, lookup.table)


def _demand_columns(table: Table, columns: Iterable[str], predicates: Iterable[Predicate]) -> None:
    names = {column.name for column in table.columns}
    for name in (*columns, *(c for p in predicates for c in columns_of(p))):
        if name not in names:
            raise UnknownName(f"{table.name} has no column {name!r}")
