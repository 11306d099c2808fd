"""The entry: run a SOQL statement, or read the next page of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from isthmus.localorg.errors import OrgError
from isthmus.localorg.packed import Packed
from isthmus.localorg.soql.context import Context, OrgContext, UserContext
from isthmus.localorg.soql.cursors import NO_RECORDS, Cursors, Page
from isthmus.localorg.soql.pages import RowPages
from isthmus.localorg.soql.parser import parse
from isthmus.localorg.soql.plan import is_count, is_grouped, plan
from isthmus.localorg.switches import Switches

if TYPE_CHECKING:
    from isthmus.localorg.schema import Schema
    from isthmus.localorg.store import Store

__all__ = ["OrgContext", "QueryAnswer", "UserContext", "more", "run"]

#: The smallest and largest page that a client can ask for (REST guide, "Query Options Header").
MIN_PAGE, MAX_PAGE = 200, 2000


@dataclass(frozen=True)
class QueryAnswer:
    """A page: the number of its records, the grand total, and whether it is the last.

    Its JSON text is `head` and then `rest`, which is kept as it goes over the wire.
    """

    head: bytes
    rest: Packed
    rows: int
    total: int
    done: bool

    @property
    def body(self) -> bytes:
        """The JSON text."""
        return self.head + self.rest.text()


def run(
    text: str,
    *,
    schema: Schema,
    store: Store,
    cursors: Cursors,
    switches: Switches,
    now: datetime,
    user: UserContext,
    api_version: float,
    base_path: str,
    org: OrgContext | None = None,
    include_deleted: bool = False,
    batch_size: int = MAX_PAGE,
) -> QueryAnswer:
    """Run a SOQL statement and give its first page.

    `now` is aware; `base_path` is like `/services/data/v59.0`. OrgError says what is wrong with
    the statement, in Salesforce's codes and words.
    """
    context = Context(
        text, schema, store.table, switches, now, user, org or OrgContext(), api_version,
        base_path, include_deleted,
    )  # fmt: skip
    query = parse(text)
    planned = plan(query, context)
    size = page_size(batch_size, switches)
    if switches.page_size is None and planned.long_texts > 1:
        size = MIN_PAGE  # SOQL Reference v65, "Changing the Batch Size in Queries"
    if is_count(query):
        return _answer(NO_RECORDS, total=planned.count(store), locator=None, base_path=base_path)
    if is_grouped(query):
        page = planned.groups(store)
        return _answer(page, total=page.rows, locator=None, base_path=base_path)
    # with OFFSET there is only a first batch (SOQL Reference v65, "OFFSET")
    most = size if query.offset is not None else None
    rows = RowPages(planned, store, cursors, size, most, switches.child_page)
    page = rows.read(0)
    locator = f"{cursors.keep(rows)}-{page.rows}" if page.rows < rows.total else None
    return _answer(page, total=rows.total, locator=locator, base_path=base_path)


def more(locator: str, *, cursors: Cursors, base_path: str) -> QueryAnswer:
    """Read a page by its locator, `01g...-2000`; OrgError INVALID_QUERY_LOCATOR if it is gone."""
    name, _, digits = locator.partition("-")
    query = cursors.find(name)
    start = int(digits) if digits.isdigit() else -1
    if not 0 <= start < query.total:
        raise OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
    page = query.read(start)
    stop = start + page.rows
    following = f"{name}-{stop}" if stop < query.total else None
    return _answer(page, total=query.total, locator=following, base_path=base_path)


def page_size(asked: int, switches: Switches) -> int:
    """Give the records of a page for a batch size that a client asks for."""
    if switches.page_size is not None:
        return switches.page_size
    if not MIN_PAGE <= asked <= MAX_PAGE:
        if switches.batch_size == "ignore":
            return MAX_PAGE
        if switches.batch_size == "refuse":
            raise OrgError(
                400, "INVALID_BATCH_SIZE", f"batch size must be {MIN_PAGE} to {MAX_PAGE}"
            )
    return max(MIN_PAGE, min(asked, MAX_PAGE))


def _answer(page: Page, *, total: int, locator: str | None, base_path: str) -> QueryAnswer:
    head = b'{"totalSize":%d,"done":%s,' % (total, b"false" if locator else b"true")
    if locator:
        head += b'"nextRecordsUrl":"%s/query/%s",' % (base_path.encode(), locator.encode())
    return QueryAnswer(head + b'"records":[', page.records, page.rows, total, locator is None)
