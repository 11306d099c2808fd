"""Turn DuckDB's exceptions into ours, once, with the place in the user's text."""

from __future__ import annotations

import re
from collections.abc import Iterable

import duckdb

from isthmus.catalog.suggest import suggest
from isthmus.engine._duckdb_scan import engine_message
from isthmus.engine.physical import plain_names
from isthmus.engine.resolve import Resolved
from isthmus.errors import (
    Cancelled,
    IsthmusError,
    ParameterError,
    Place,
    QueryError,
    UnknownName,
)

__all__ = ["translate"]

_MISSING_COLUMN = re.compile(r'Referenced column "(?P<name>(?:[^"]|"")+)" not found')
_MISSING_IN_TABLE = re.compile(
    r'Table "(?P<table>[^"]*)" does not have a column named "(?P<name>(?:[^"]|"")+)"'
    r'|Values list "(?P<list>[^"]*)" does not have a column named "(?P<name2>(?:[^"]|"")+)"'
)
_MISSING_TABLE = re.compile(r'Referenced table "(?P<name>[^"]+)" not found')
_MISSING_FUNCTION = re.compile(
    r"(?:Scalar|Table|Aggregate|Macro)? ?Function with name (?P<name>\S+)"
)
_PARAMETERS = re.compile(r"parameter", re.IGNORECASE)
_SUGGESTED = re.compile(r'(?:Candidate bindings|Did you mean)[:\s]+"?([^"?\n]+)"?')


def translate(error: Exception, resolved: Resolved) -> IsthmusError:
    """Our error for one of DuckDB's; the original becomes its cause by ``raise ... from``."""
    if isinstance(error, IsthmusError):
        return error
    message = plain_names(engine_message(error)).split("\n\nLINE ")[0].strip()
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in message:
        return Cancelled("the query was cancelled")
    if isinstance(error, (duckdb.BinderException, duckdb.CatalogException)):
        return _binder(message, resolved)
    if isinstance(error, duckdb.InvalidInputException) and _PARAMETERS.search(message):
        return _parameters(message)
    if isinstance(error, duckdb.OutOfMemoryException) or message.startswith("Out of Memory"):
        return QueryError(message, remedy="Raise memory_limit, or ask for less at once.")
    return QueryError(message)


def _binder(message: str, resolved: Resolved) -> IsthmusError:
    first = message.split("\n")[0]
    if "arameter" in first and "count" in first:
        return _parameters(first)
    if found := _MISSING_COLUMN.search(message) or _MISSING_IN_TABLE.search(message):
        groups = found.groupdict()
        name = groups.get("name") or groups.get("name2") or ""
        table = groups.get("table") or groups.get("list")
        subject = f"{table} has no column" if table else "there is no column"
        near = suggest(name, _column_names(resolved))
        return UnknownName(
            f'{subject} "{name}"', place=_column_place(name, resolved), remedy=_did_you_mean(near)
        )
    if found := _MISSING_TABLE.search(message):
        name = found["name"]
        return UnknownName(
            f'no table or alias "{name}" is in reach here', place=_column_place(name, resolved)
        )
    if found := _MISSING_FUNCTION.search(message):
        name = found["name"]
        near_function = _SUGGESTED.search(message)
        return UnknownName(
            f"there is no function {name}",
            place=_function_place(name, resolved),
            remedy=_did_you_mean(near_function[1].strip() if near_function else None),
        )
    return QueryError(message)


def _parameters(message: str) -> ParameterError:
    return ParameterError(
        message,
        remedy="Give a list for ? and $1, or a dict for $name, with one value for each.",
    )


def _did_you_mean(near: str | None) -> str | None:
    return f"Did you mean {near}?" if near else None


def _column_names(resolved: Resolved) -> Iterable[str]:
    return sorted({c.name for o in resolved.occurrences for c in o.table.columns})


def _column_place(name: str, resolved: Resolved) -> Place | None:
    wanted = name.lower()
    for statement in resolved.statements:
        for column in statement.columns:
            if any(part.lower() == wanted for part in column.path):
                return statement.place(column.start)
    return None


def _function_place(name: str, resolved: Resolved) -> Place | None:
    for statement in resolved.statements:
        for function in (*statement.functions, *statement.table_functions):
            if function.path[0].lower() == name.lower() and function.start >= 0:
                return statement.place(function.start)
    return None
