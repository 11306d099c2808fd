"""Salesforce's refusals of a query, with the place in the text where it has one.

The form is the one that clients parse: an echo of the text around the place, a caret, the row
and column, then the sentence. Samples: forcedotcom/soql-tooling issue 86, vlocity_build issue 364.
"""

from __future__ import annotations

import re
from typing import NoReturn

from isthmus.localorg.errors import OrgError

_BEFORE, _AFTER = 29, 41
_REFERENCE = "Please reference your WSDL or the describe call for the appropriate names."


def located(text: str, at: int, sentence: str) -> str:
    """Give the message of an error at an offset of the text.

    >>> print(located("Select Id, Status, Location, Body from ApexLog", 29, "No."))
    <BLANKLINE>
    Select Id, Status, Location, Body from ApexLog
                                 ^
    ERROR at Row:1:Column:30
    No.
    """
    row = text.count("\n", 0, at) + 1
    line_start = text.rfind("\n", 0, at) + 1
    line_end = text.find("\n", at)
    line = text[line_start : len(text) if line_end < 0 else line_end]
    column = at - line_start
    start, end = _window(line, column)
    caret = " " * (column - start) + "^"
    return f"\n{line[start:end]}\n{caret}\nERROR at Row:{row}:Column:{column + 1}\n{sentence}"


def _window(line: str, column: int) -> tuple[int, int]:
    starts = [found.start() for found in re.finditer(r"\S+", line[:column])]
    start = max((at for at in starts if column - at >= _BEFORE), default=0)
    ends = [found.end() for found in re.finditer(r"\S+", line) if found.end() > column]
    end = min((at for at in ends if at - column >= _AFTER), default=len(line))
    return start, end


def refuse(text: str, at: int, code: str, sentence: str) -> NoReturn:
    """Raise an OrgError that points at an offset of the text."""
    raise OrgError(400, code, located(text, at, sentence))


def no_column(text: str, at: int, name: str, entity: str) -> NoReturn:
    """Refuse a field that the object does not have."""
    refuse(
        text,
        at,
        "INVALID_FIELD",
        f"No such column '{name}' on entity '{entity}'. If you are attempting to use a custom "
        f"field, be sure to append the '__c' after the custom field name. {_REFERENCE}",
    )


def no_relationship(text: str, at: int, name: str, where: str) -> NoReturn:
    """Refuse a relationship; `where` is `field path` or `FROM part of query call`."""
    refuse(
        text,
        at,
        "INVALID_FIELD" if where == "field path" else "INVALID_TYPE",
        f"Didn't understand relationship '{name}' in {where}. If you are attempting to use a "
        f"custom relationship, be sure to append the '__r' after the custom relationship name. "
        f"{_REFERENCE}",
    )


def no_object(text: str, at: int, name: str) -> NoReturn:
    """Refuse an object that the org does not have."""
    refuse(
        text,
        at,
        "INVALID_TYPE",
        f"sObject type '{name}' is not supported. If you are attempting to use a custom object, "
        f"be sure to append the '__c' after the entity name. {_REFERENCE}",
    )


def plain(code: str, sentence: str) -> NoReturn:
    """Raise an OrgError without a place."""
    raise OrgError(400, code, sentence)
