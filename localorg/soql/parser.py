"""The parser of statements and their clauses, by the order that SOQL fixes.

The grammar is that of the SOQL and SOSL Reference v65, "SOQL SELECT Syntax", in the details
measured with Salesforce's own published grammar.
"""

from __future__ import annotations

from isthmus.localorg.soql.ast import (
    Call,
    Category,
    Children,
    Fields,
    GroupBy,
    Item,
    Order,
    Path,
    Query,
    Selected,
    Source,
    TypeOf,
    When,
    With,
)
from isthmus.localorg.soql.conditions import condition
from isthmus.localorg.soql.expressions import expression, is_call, path
from isthmus.localorg.soql.lexer import Kind, malformed
from isthmus.localorg.soql.stream import RESERVED, Stream

_CATEGORY = ("ABOVE_OR_BELOW", "ABOVE", "BELOW", "AT")
_MODES = ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE")
_MAX_NESTING = 20
#: Larger numbers in LIMIT and OFFSET mean no more than this one.
_MAX_WHOLE = 2_147_483_647


def parse(text: str) -> Query:
    """Read a statement; OrgError MALFORMED_QUERY where it is not SOQL."""
    stream = Stream(text)
    query = _query(stream)
    stream.take(";")
    if stream.now.kind is not Kind.END:
        stream.refuse()
    return query


def _query(stream: Stream, nesting: int = 0) -> Query:
    if nesting > _MAX_NESTING:
        malformed("The query is nested too deeply")
    stream.need("SELECT")
    items = _items(stream, nesting)
    stream.need("FROM")
    sources = _sources(stream)
    scope = stream.need_kind(Kind.NAME).text if stream.take("USING", "SCOPE") else None

    def subquery(inner: Stream) -> Query:
        return _semi_join(inner, nesting + 1)

    where = condition(stream, subquery) if stream.take("WHERE") else None
    withs = _withs(stream)
    group = _group(stream)
    having = condition(stream, subquery) if group and stream.take("HAVING") else None
    order = _orders(stream)
    limit = _whole(stream) if stream.take("LIMIT") else None
    offset = _whole(stream) if stream.take("OFFSET") else None
    return Query(
        items,
        sources,
        scope,
        where,
        withs,
        group,
        having,
        order,
        limit,
        offset,
        _purpose(stream),
        _update(stream),
    )


def _semi_join(stream: Stream, nesting: int) -> Query:
    query = _query(stream, nesting)
    if query.order or query.limit is not None or query.offset is not None:
        malformed("Semi join sub-selects cannot have ORDER BY, LIMIT or OFFSET")
    if query.purpose or query.update or query.group:
        stream.refuse()
    return query


# -- SELECT


def _items(stream: Stream, nesting: int) -> tuple[Item, ...]:
    if stream.is_word("COUNT", "(", ")"):
        at = stream.need("COUNT", "(", ")").start
        return (Selected(Call("COUNT", (), at)),)
    items = [_item(stream, nesting)]
    while stream.take(","):
        items.append(_item(stream, nesting))
    return tuple(items)


def _item(stream: Stream, nesting: int) -> Item:
    at = stream.now.start
    if stream.take("("):
        query = _query(stream, nesting + 1)
        stream.need(")")
        return Children(query, at)
    if stream.is_word("TYPEOF") and stream.ahead().kind is Kind.NAME:
        return _type_of(stream)
    if stream.is_word("FIELDS", "("):
        stream.need("FIELDS", "(")
        group = stream.need_kind(Kind.NAME).text.upper()
        stream.need(")")
        return Fields(group, at)
    if stream.is_word("COUNT", "(", ")"):
        stream.refuse()
    found = expression(stream)
    return Selected(found, _alias(stream))


def _alias(stream: Stream) -> str | None:
    token = stream.now
    if token.kind is not Kind.NAME or token.upper() in RESERVED:
        return None
    return stream.next().text


def _type_of(stream: Stream) -> TypeOf:
    at = stream.need("TYPEOF").start
    relationship = path(stream)
    whens: list[When] = []
    while stream.take("WHEN"):
        kind = stream.need_kind(Kind.NAME).text
        stream.need("THEN")
        whens.append(When(kind, _paths(stream)))
    if not whens:
        stream.refuse()
    otherwise = _paths(stream) if stream.take("ELSE") else ()
    stream.need("END")
    return TypeOf(relationship, tuple(whens), otherwise, at)


def _paths(stream: Stream) -> tuple[Path, ...]:
    found = [path(stream)]
    while stream.take(","):
        if is_call(stream):
            stream.refuse()
        found.append(path(stream))
    return tuple(found)


# -- FROM, WITH


def _sources(stream: Stream) -> tuple[Source, ...]:
    sources = [_source(stream)]
    while stream.take(","):
        sources.append(_source(stream))
    return tuple(sources)


def _source(stream: Stream) -> Source:
    found = path(stream)
    if stream.take("AS"):
        return Source(found, stream.need_kind(Kind.NAME).text)
    return Source(found, None if _clause_follows(stream) else _alias(stream))


def _clause_follows(stream: Stream) -> bool:
    """Say whether the next word begins a clause rather than being an alias."""
    after = stream.ahead()
    match stream.now.upper():
        case "OFFSET":
            return after.kind in (Kind.NUMBER, Kind.SIGN) and after.text not in (",", ")")
        case "ORDER":
            return after.upper() == "BY"
        case "FOR":
            return True
        case "UPDATE":
            return after.upper() in ("TRACKING", "VIEWSTAT")
        case _:
            return False


def _withs(stream: Stream) -> tuple[With, ...]:
    withs: list[With] = []
    while stream.take("WITH"):
        withs.append(_with(stream))
    return tuple(withs)


def _with(stream: Stream) -> With:
    if stream.take("DATA", "CATEGORY"):
        categories = [_category(stream)]
        while stream.take("AND"):
            categories.append(_category(stream))
        return With(categories=tuple(categories))
    for mode in _MODES:
        if stream.take(mode):
            return With(mode=mode)
    return With(condition=condition(stream, lambda inner: inner.refuse()))


def _category(stream: Stream) -> Category:
    group = stream.need_kind(Kind.NAME).text
    operator = next((word for word in _CATEGORY if stream.take(word)), None)
    if operator is None:
        stream.refuse()
    if not stream.take("("):
        return Category(group, operator, (stream.need_kind(Kind.NAME).text,))
    values = [stream.need_kind(Kind.NAME).text]
    while stream.take(","):
        values.append(stream.need_kind(Kind.NAME).text)
    stream.need(")")
    return Category(group, operator, tuple(values))


# -- GROUP BY, ORDER BY and the rest


def _group(stream: Stream) -> GroupBy | None:
    if not stream.take("GROUP", "BY"):
        return None
    for kind in ("ROLLUP", "CUBE"):
        if stream.take(kind, "("):
            items = [expression(stream)]
            while stream.take(","):
                items.append(expression(stream))
            stream.need(")")
            return GroupBy(tuple(items), kind)
    items = [expression(stream)]
    while stream.take(","):
        items.append(expression(stream))
    return GroupBy(tuple(items))


def _orders(stream: Stream) -> tuple[Order, ...]:
    if not stream.take("ORDER", "BY"):
        return ()
    orders = [_order(stream)]
    while stream.take(","):
        orders.append(_order(stream))
    return tuple(orders)


def _order(stream: Stream) -> Order:
    found = expression(stream)
    descending = stream.take("DESC")
    if not descending:
        stream.take("ASC")
    nulls = None
    if stream.take("NULLS"):
        if not (stream.is_word("FIRST") or stream.is_word("LAST")):
            stream.refuse()
        nulls = stream.next().upper()
    return Order(found, descending, nulls)


def _whole(stream: Stream) -> int:
    negative = stream.take("-")
    token = stream.need_kind(Kind.NUMBER)
    if not token.text.isdigit():
        malformed(f"unexpected token: '{token.text}'")
    number = min(int(token.text), _MAX_WHOLE)
    return -number if negative else number


def _purpose(stream: Stream) -> str | None:
    if not stream.take("FOR"):
        return None
    for word in ("VIEW", "REFERENCE"):
        if stream.take(word):
            return word
    stream.refuse()


def _update(stream: Stream) -> tuple[str, ...]:
    if not stream.take("UPDATE"):
        return ()
    found: list[str] = []
    while True:
        word = stream.now.upper()
        if word not in ("TRACKING", "VIEWSTAT") or word in found:
            stream.refuse()
        found.append(stream.next().upper())
        if not stream.take(","):
            return tuple(found)
