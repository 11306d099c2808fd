"""From a request to what is sent for it: a value, the same each time it is asked for.

The statement that says everything is written first. Where it is too long for one address, the
longest list of keys becomes several statements (`keys`); what is too long besides stays here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from isthmus.catalog.model import Table
from isthmus.connectors.contract import Promise, ScanRequest, Verdict
from isthmus.connectors.predicates import Compare, In, Predicate, columns_of
from isthmus.connectors.salesforce.aggregates import aggregate_verdict, answer_schema, grouped
from isthmus.connectors.salesforce.estimate import PAGE_ROWS
from isthmus.connectors.salesforce.judge import translate
from isthmus.connectors.salesforce.keys import KEY_ROOM, halves, is_list, parted
from isthmus.connectors.salesforce.length import STATEMENT_BYTES, fits, sent_bytes
from isthmus.connectors.salesforce.order import order_verdict, ordering
from isthmus.connectors.salesforce.soql import Condition, Statement, encoded, written
from isthmus.connectors.salesforce.translation import Translation, local
from isthmus.errors import SourceError

__all__ = ["Chunk", "Draft", "draft", "halved", "judged", "verdict"]

_TOO_LONG: Final = "too long for one statement"


@dataclass(frozen=True)
class Chunk:
    """A part of the rows; none is in two chunks.

    Attributes:
        statement: finds them, and of some columns perhaps more.
        keys: the part of a long list that the statement has.
    """

    statement: Statement
    keys: In | None = None


@dataclass(frozen=True)
class Draft:
    """What is sent for a request.

    Attributes:
        translations: of each of the request's predicates.
        chunks: what is sent; none where no row can pass.
        columns: what the rows have in the end.
        bare: the statement without the long list.
        split: which predicate is the long list.
    """

    request: ScanRequest
    translations: tuple[Translation, ...]
    chunks: tuple[Chunk, ...]
    columns: tuple[str, ...]
    bare: Statement
    split: int | None = None

    @property
    def limit(self) -> int | None:
        """The LIMIT that is sent."""
        return self.bare.limit

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is sent."""
        return tuple(chunk.statement.text for chunk in self.chunks)


def judged(table: Table, predicate: Predicate) -> Translation:
    """The translation of a predicate; LOCAL where it can't be sent for its length."""
    translation = translate(table, predicate)
    if translation.condition is None or fits(written(translation.condition)):
        return translation
    return translation if is_list(table, predicate, translation) else local(_TOO_LONG)


def verdict(request: ScanRequest) -> Verdict:
    """Whether the order, aggregates and lookups of a request are answered exactly."""
    asked: list[Verdict] = []
    if request.order:
        asked.append(order_verdict(request))
    if request.aggregates:
        asked.append(aggregate_verdict(request))
    for said in asked:
        if not said.able:
            return said
    if request.order or request.aggregates:
        asked.append(_exactly_filtered(request))
    return asked[-1] if asked else Verdict(True, "")


def _exactly_filtered(request: ScanRequest) -> Verdict:
    """First rows and groups are of the rows that pass: the org must drop all others."""
    translations, split = _shortened(replace(request, order=(), aggregates=()))
    if split is not None:
        return Verdict(False, "the list of keys takes several statements")
    for t in translations:
        if t.promise is not Promise.EXACT:
            return Verdict(False, f"a filter is not exact: {t.reason}")
    return Verdict(True, "every filter is exact, and so is this")


def draft(request: ScanRequest) -> Draft:
    """What is sent for a request.

    Raises:
        SourceError: it has more columns than a statement holds, or asks for what `verdict` denies.
    """
    if request.order or request.aggregates or request.lookups:
        said = verdict(request)
        if not said.able:
            raise SourceError(
                f"{request.table.name}: what was asked for can't be sent: {said.reason}",
                remedy="Ask the connector what it can do before planning with it.",
            )
    if request.aggregates:
        return _groups(request)
    translations, split = _shortened(request)
    rest = tuple(t for i, t in enumerate(translations) if i != split)
    bare = _statement(request, translations, (t.condition for t in rest))
    chunks: tuple[Chunk, ...] = (Chunk(bare),)
    if split is not None:
        chunks = _chunks(request, split, bare)
    columns = _columns(request, translations)
    return Draft(request, translations, chunks, columns, bare, split)


def _groups(request: ScanRequest) -> Draft:
    translations = tuple(judged(request.table, p) for p in request.predicates)
    conditions = tuple(t.condition for t in translations if t.condition is not None)
    statement = grouped(request, conditions)
    names = tuple(answer_schema(request).names)
    return Draft(request, translations, (Chunk(statement),), names, statement)


def halved(draft: Draft, chunk: Chunk) -> tuple[Chunk, ...]:
    """Two chunks for one that the org found too long; none where it can't be made shorter."""
    if chunk.keys is None:
        return ()
    parts = halves(draft.request.table, chunk.keys)
    return tuple(Chunk(_with(draft.bare, condition), keys) for keys, condition in parts)


def _chunks(request: ScanRequest, split: int, bare: Statement) -> tuple[Chunk, ...]:
    keys = request.predicates[split]
    assert isinstance(keys, In)
    room = STATEMENT_BYTES - len(encoded(_with(bare, "").text))
    parts = parted(request.table, keys, room)
    return tuple(Chunk(_with(bare, condition), part) for part, condition in parts)


def _with(statement: Statement, condition: Condition) -> Statement:
    return replace(statement, conditions=(*statement.conditions, condition))


def _shortened(request: ScanRequest) -> tuple[tuple[Translation, ...], int | None]:
    """The translations, the longest left out until they fit, and which is the list to part."""
    table = request.table
    translations = [judged(table, p) for p in request.predicates]
    split: int | None = None
    while True:
        lengths = [0 if i == split else sent_bytes(t.condition) for i, t in enumerate(translations)]
        rest = (t.condition for i, t in enumerate(translations) if i != split)
        text = _statement(request, tuple(translations), rest).text
        room = 0 if split is None else KEY_ROOM
        if fits(text) and len(encoded(text)) + room <= STATEMENT_BYTES:
            return tuple(translations), split
        if not any(lengths):
            if split is None:
                raise _too_wide(request, tuple(translations))
            translations[split], split = local(_TOO_LONG), None
            continue
        longest = lengths.index(max(lengths))
        if split is None and is_list(table, request.predicates[longest], translations[longest]):
            split = longest
        else:
            translations[longest] = local(_TOO_LONG)


def _too_wide(request: ScanRequest, translations: tuple[Translation, ...]) -> SourceError:
    return SourceError(
        f"{request.table.name}: the {len(_columns(request, translations))} columns are too many "
        "for one SOQL statement",
        remedy="Name the columns you need instead of SELECT *.",
    )


def _columns(request: ScanRequest, translations: tuple[Translation, ...]) -> tuple[str, ...]:
    """What was asked for, and what is needed to filter again."""
    rechecked = [
        name
        for predicate, t in zip(request.predicates, translations, strict=True)
        if t.promise is not Promise.EXACT
        for name in columns_of(predicate)
    ]
    return tuple(dict.fromkeys((*request.columns, *rechecked)))


def _statement(
    request: ScanRequest,
    translations: tuple[Translation, ...],
    conditions: Iterable[Condition | None],
) -> Statement:
    table = request.table
    # a limit counts rows that pass, so it is sent only if the org drops all others
    exact = all(t.promise is Promise.EXACT for t in translations)
    limit = request.limit if exact else None
    ordered = request.order and limit is not None
    return Statement(
        table=table.name,
        columns=_columns(request, translations) or table.primary_key or (table.columns[0].name,),
        conditions=tuple(c for c in conditions if c is not None),
        by_id=not ordered and _by_id(table, request.predicates, limit),
        limit=limit,
        order=ordering(request.order) if ordered else (),
    )


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
