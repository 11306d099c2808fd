"""From a request to what is sent for it: a value, the same each time it is asked for.

The statement that says everything is written first. Where it is too long for one address, the
longest list of keys becomes several statements (`keys`); what is too long besides stays here. An
object of more columns than one statement names takes several (`wide`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Promise, ScanRequest, Verdict
from isthmus.connectors.predicates import Compare, In, Predicate, columns_of
from isthmus.connectors.salesforce.aggregates import (
    aggregate_verdict,
    answer_schema,
    grouped,
    shape,
)
from isthmus.connectors.salesforce.children import children_verdict, subqueries_of
from isthmus.connectors.salesforce.estimate import PAGE_ROWS
from isthmus.connectors.salesforce.fields import Field, fields_of, guards_of
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.keys import KEY_ROOM, halves, is_list, parted
from isthmus.connectors.salesforce.length import STATEMENT_BYTES, fits, sent_bytes
from isthmus.connectors.salesforce.lookups import ParentFilter, lookup_verdict, parent_filters
from isthmus.connectors.salesforce.order import order_verdict, ordering
from isthmus.connectors.salesforce.soql import Condition, Statement, encoded, written
from isthmus.connectors.salesforce.targets import points_verdict, selected, target_conditions
from isthmus.connectors.salesforce.translation import Translation, local
from isthmus.connectors.salesforce.wide import can_part, column_parts
from isthmus.errors import SourceError

__all__ = ["Chunk", "Draft", "draft", "halved", "judged", "verdict"]

_TOO_LONG: Final = "too long for one statement"


@dataclass(frozen=True)
class Chunk:
    """A part of the rows; none is in two chunks.

    Attributes:
        statements: one, or several that each have all rows of the chunk and some columns.
        keys: the part of a long list that the statements have.
        table: what has the column of the keys, under that name: the object, or one looked up.
    """

    statements: tuple[Statement, ...]
    keys: In | None = None
    table: Table | None = None


@dataclass(frozen=True)
class Draft:
    """What is sent for a request.

    Attributes:
        translations: of each of the request's predicates.
        chunks: what is sent.
        columns: what the rows have in the end.
        parts: the fields that each statement of a chunk selects.
        bare: the statements of a chunk, without the long list.
    """

    request: ScanRequest
    translations: tuple[Translation, ...]
    chunks: tuple[Chunk, ...]
    columns: tuple[str, ...]
    parts: tuple[tuple[Field, ...], ...]
    bare: tuple[Statement, ...]

    @property
    def limit(self) -> int | None:
        """The LIMIT that is sent."""
        return self.bare[0].limit

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is sent."""
        return tuple(s.text for chunk in self.chunks for s in chunk.statements)


def judged(table: Table, predicate: Predicate) -> Translation:
    """The translation of a predicate; LOCAL where it can't be sent for its length."""
    translation = translate(table, predicate)
    if translation.condition is None or fits(written(translation.condition)):
        return translation
    return translation if is_list(table, predicate, translation) else local(_TOO_LONG)


def verdict(request: ScanRequest) -> Verdict:
    """Whether order, aggregates, lookups and children of a request are answered exactly."""
    asked: list[Verdict] = []
    if request.order:
        asked.append(order_verdict(request))
    if request.aggregates:
        asked.append(aggregate_verdict(request))
    if request.lookups:
        asked.append(lookup_verdict(request))
    if request.points:
        asked.append(points_verdict(request))
    if request.children:
        asked.append(children_verdict(request))
    for said in asked:
        if not said.able:
            return said
    if request.order or request.aggregates:
        if _filters_parents(request):
            return Verdict(False, "a looked-up row is filtered again here")
        asked.append(_exactly_filtered(request))
    if request.children and not _has_room(request):
        return Verdict(False, "with child subqueries the columns take several statements")
    return asked[-1] if asked else Verdict(True, "")


def _has_room(request: ScanRequest) -> bool:
    """Whether one statement holds all columns and subqueries, and a list of keys besides."""
    translations = tuple(judged(request.table, p) for p in request.predicates)
    fields = _parts(replace(request, children=()), translations)
    bare = _statement(request, translations, (), fields[0]).text
    return len(fields) == 1 and fits(bare) and len(encoded(bare)) + KEY_ROOM <= STATEMENT_BYTES


def _exactly_filtered(request: ScanRequest) -> Verdict:
    """First rows and groups are of the rows that pass: the org must drop all others."""
    translations, split = _shortened(replace(request, order=(), aggregates=()))
    if split is not None:
        return Verdict(False, "the list of keys takes several statements")
    if len(_parts(request, translations)) > 1:
        return Verdict(False, "the columns take several statements")
    for t in translations:
        if t.promise is not Promise.EXACT:
            return Verdict(False, f"a filter is not exact: {t.reason}")
    return Verdict(True, "every filter is exact, and so is this")


def draft(request: ScanRequest) -> Draft:
    """What is sent for a request.

    Raises:
        SourceError: it has more columns than a statement holds, or asks for what `verdict` denies.
    """
    along = request.lookups or request.children or request.points
    if request.order or request.aggregates or along:
        said = verdict(request)
        if not said.able:
            raise SourceError(
                f"{request.table.name}: what was asked for can't be sent: {said.reason}",
                remedy="Ask the connector what it can do before planning with it.",
            )
    if request.aggregates:
        return _groups(request)
    translations, split = _shortened(request)
    parts = _parts(request, translations)
    rest = tuple(t for i, t in enumerate(translations) if i != split)
    bare = _statements(request, translations, (t.condition for t in rest), parts)
    if split is not None:
        chunks = _chunks(request.table, request.predicates[split], bare)
    else:
        chunks = _chunks_of_parents(request, bare)
    own = [f.name for f in _fields(request, translations)]
    columns = (*own, *(child.name for child in request.children))
    return Draft(request, translations, chunks, columns, parts, bare)


def _groups(request: ScanRequest) -> Draft:
    translations = tuple(judged(request.table, p) for p in request.predicates)
    conditions = tuple(t.condition for t in translations if t.condition is not None)
    statement = grouped(request, conditions)
    names = tuple(answer_schema(request).names)
    fields = tuple(
        Field(name, column.name, column) for name, column in zip(names, shape(request), strict=True)
    )
    chunk = Chunk((statement,))
    return Draft(request, translations, (chunk,), names, (fields,), (statement,))


def halved(draft: Draft, chunk: Chunk) -> tuple[Chunk, ...]:
    """Two chunks for one that the org found too long; none where it can't be made shorter."""
    if chunk.keys is None or chunk.table is None:
        return ()
    parts = halves(chunk.table, chunk.keys)
    return tuple(
        Chunk(_with(draft.bare, condition), keys, chunk.table) for keys, condition in parts
    )


def _chunks(table: Table, keys: Predicate, bare: tuple[Statement, ...]) -> tuple[Chunk, ...]:
    assert isinstance(keys, In)
    room = STATEMENT_BYTES - max(len(encoded(text.text)) for text in _with(bare, ""))
    parts = parted(table, keys, room)
    return tuple(Chunk(_with(bare, condition), part, table) for part, condition in parts)


def _chunks_of_parents(request: ScanRequest, bare: tuple[Statement, ...]) -> tuple[Chunk, ...]:
    """By a long list of keys of a looked-up row; all in one where there is none or no room."""
    _, keys = _parted_filters(request)
    longest = max(len(encoded(statement.text)) for statement in bare)
    if keys is None or longest + KEY_ROOM > STATEMENT_BYTES:
        return (Chunk(bare),)
    return _chunks(keys.seen, keys.predicate, bare)


def _with(statements: tuple[Statement, ...], condition: Condition) -> tuple[Statement, ...]:
    return tuple(replace(s, conditions=(*s.conditions, condition)) for s in statements)


def _shortened(request: ScanRequest) -> tuple[tuple[Translation, ...], int | None]:
    """The translations, the longest left out until they fit, and which is the list to part."""
    table = request.table
    translations = [judged(table, p) for p in request.predicates]
    split: int | None = None
    while True:
        now = tuple(translations)
        lengths = [0 if i == split else sent_bytes(t.condition) for i, t in enumerate(now)]
        rest = (t.condition for i, t in enumerate(now) if i != split)
        statements = _statements(request, now, rest, _parts(request, now))
        room = 0 if split is None else KEY_ROOM
        if all(fits(s.text) and len(encoded(s.text)) + room <= STATEMENT_BYTES for s in statements):
            return now, split
        if not any(lengths):
            if split is None:
                raise _too_wide(request, now)
            translations[split], split = local(_TOO_LONG), None
            continue
        longest = lengths.index(max(lengths))
        if split is None and is_list(table, request.predicates[longest], translations[longest]):
            split = longest
        else:
            translations[longest] = local(_TOO_LONG)


def _too_wide(request: ScanRequest, translations: tuple[Translation, ...]) -> SourceError:
    return SourceError(
        f"{request.table.name}: the {len(_fields(request, translations))} columns are too many "
        "for one SOQL statement, and its rows can't be told by an Id",
        remedy="Name the columns you need instead of SELECT *.",
    )


def _fields(request: ScanRequest, translations: tuple[Translation, ...]) -> tuple[Field, ...]:
    """What was asked for, and what is needed to filter again."""
    rechecked = [
        name
        for predicate, t in zip(request.predicates, translations, strict=True)
        if t.promise is not Promise.EXACT
        for name in columns_of(predicate)
    ]
    return fields_of(request, rechecked)


def _parts(
    request: ScanRequest, translations: tuple[Translation, ...]
) -> tuple[tuple[Field, ...], ...]:
    """What each statement selects: all fields, where one can hold them."""
    table = request.table
    fields = _fields(request, translations)
    needed = [*guards_of(request).values()]
    if request.lookups or request.children:
        needed += [Field(name, name, table.column(name)) for name in table.primary_key]
    _, keys = _parted_filters(request)
    if keys is not None:  # text is compared to the letter here
        needed += [Field(name, name, keys.seen.column(name)) for name in columns_of(keys.predicate)]
    paths = {field.path for field in fields}
    fields += tuple(field for field in needed if field.path not in paths)
    if not fields:
        name = (table.primary_key or (table.columns[0].name,))[0]
        fields = (Field(name, name, table.column(name)),)
    if fits(_statement(request, translations, (), fields).text) or not can_part(table):
        return (fields,)
    return column_parts(table, fields)


def _statements(
    request: ScanRequest,
    translations: tuple[Translation, ...],
    conditions: Iterable[Condition | None],
    parts: tuple[tuple[Field, ...], ...],
) -> tuple[Statement, ...]:
    sent = tuple(c for c in (*conditions, *_of_parents(request)) if c is not None)
    if len(parts) == 1:
        return (_statement(request, translations, sent, parts[0]),)
    return tuple(
        replace(_statement(request, translations, sent, part), by_id=True) for part in parts
    )


def _of_parents(request: ScanRequest) -> tuple[Condition, ...]:
    """The filters of looked-up rows, but for a list that is parted.

    None if they are very long besides: they are filtered again anyway.
    """
    filters, _ = _parted_filters(request)
    conditions = (*target_conditions(request), *(f.translation.condition for f in filters))
    sent = tuple(c for c in conditions if c is not None)
    return sent if sum(map(sent_bytes, sent)) <= KEY_ROOM else ()


def _parted_filters(
    request: ScanRequest,
) -> tuple[tuple[ParentFilter, ...], ParentFilter | None]:
    """The filters of looked-up rows, and apart from them a long list of keys, if there is one."""
    filters = parent_filters(request)
    sizes = [sent_bytes(f.translation.condition) for f in filters]
    if sum(sizes) <= KEY_ROOM:
        return filters, None
    place = sizes.index(max(sizes))
    longest = filters[place]
    if not is_list(longest.seen, longest.predicate, longest.translation):
        return filters, None
    return (*filters[:place], *filters[place + 1 :]), longest


def _statement(
    request: ScanRequest,
    translations: tuple[Translation, ...],
    conditions: tuple[Condition, ...],
    fields: tuple[Field, ...],
) -> Statement:
    table = request.table
    # a limit counts rows that pass, so it is sent only if the org drops all others
    exact = all(t.promise is Promise.EXACT for t in translations) and not _filters_parents(request)
    limit = request.limit if exact else None
    ordered = request.order and limit is not None
    return Statement(
        table=table.name,
        columns=(*selected(request, fields), *(s.text for s in subqueries_of(request))),
        conditions=conditions,
        by_id=not ordered and _by_id(table, request.predicates, limit),
        after=request.after,
        limit=limit,
        order=ordering(request.order) if ordered else (),
    )


def _filters_parents(request: ScanRequest) -> bool:
    """Whether looked-up rows decide which rows are needed."""
    if request.points:
        return True
    todo = list(request.lookups)
    while todo:
        lookup = todo.pop()
        if lookup.predicates:
            return True
        todo += lookup.lookups
    return False


#: No page is smaller, unless it is the last.
_SMALLEST_PAGE: Final = 200


def _by_id(table: Table, predicates: tuple[Predicate, ...], limit: int | None) -> bool:
    """In the order of Ids, where there may be several pages: see `paging`."""
    for predicate in predicates:
        match predicate:
            case Compare(column="Id", op="="):
                return False
            case In(column="Id", values=values) if len(values) <= _SMALLEST_PAGE:
                return False
    if table.primary_key != ("Id",) or not table.column("Id").properties.get("sortable"):
        return False
    return limit is None or limit > PAGE_ROWS
