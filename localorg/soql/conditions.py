"""The parser of WHERE and HAVING.

There is no precedence of AND over OR: mixing them without parentheses is an error, and NOT may
only stand first in a (sub)expression (SOQL Reference v65, "Logical Operators"; measured with
Salesforce's own grammar).
"""

from __future__ import annotations

from collections.abc import Callable

from isthmus.localorg.soql.ast import (
    And,
    Compare,
    Condition,
    Expression,
    InList,
    InQuery,
    Not,
    Null,
    Or,
    Query,
    Value,
)
from isthmus.localorg.soql.expressions import expression, value
from isthmus.localorg.soql.lexer import malformed
from isthmus.localorg.soql.stream import Stream

_COMPARE = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
#: Deeper nesting than this is refused, so that no statement can exhaust the stack.
_MAX_DEPTH = 200

Subquery = Callable[[Stream], Query]


def condition(stream: Stream, subquery: Subquery) -> Condition:
    """Read a condition; `subquery` reads the query of a semi-join."""
    stream.depth += 1
    if stream.depth > _MAX_DEPTH:
        malformed("The WHERE clause is nested too deeply")
    try:
        if stream.take("NOT"):
            return Not(_simple(stream, subquery))
        first = _simple(stream, subquery)
        for word, kind in (("AND", And), ("OR", Or)):
            if stream.is_word(word):
                items = [first]
                while stream.take(word):
                    items.append(_simple(stream, subquery))
                return kind(tuple(items))
        return first
    finally:
        stream.depth -= 1


def _simple(stream: Stream, subquery: Subquery) -> Condition:
    if stream.take("("):
        inner = condition(stream, subquery)
        stream.need(")")
        return inner
    return _comparison(stream, subquery)


def _comparison(stream: Stream, subquery: Subquery) -> Condition:
    left = expression(stream)
    sign = stream.now.text
    if sign in _COMPARE:
        stream.next()
        operator = _COMPARE[sign]
        found = value(stream)
        if isinstance(found, Null) and operator not in ("=", "!="):
            malformed("unexpected token: 'null'")
        return Compare(left, operator, found)
    if stream.take("LIKE"):
        return Compare(left, "LIKE", value(stream, like=True))
    for words in (("IN",), ("NOT", "IN")):
        if stream.take(*words):
            return _membership(stream, left, " ".join(words), subquery)
    for word in ("INCLUDES", "EXCLUDES"):
        if stream.take(word):
            return InList(left, word, _list(stream))
    stream.refuse()


def _membership(stream: Stream, left: Expression, operator: str, subquery: Subquery) -> Condition:
    if stream.is_word("(", "SELECT"):
        stream.need("(")
        query = subquery(stream)
        stream.need(")")
        return InQuery(left, operator, query)
    return InList(left, operator, _list(stream))


def _list(stream: Stream) -> tuple[Value, ...]:
    stream.need("(")
    values = [value(stream)]
    while stream.take(","):
        values.append(value(stream))
    stream.need(")")
    return tuple(values)
