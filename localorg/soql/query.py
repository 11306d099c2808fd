"""The entry: run a SOQL statement, or read the next page of one."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from isthmus.localorg.soql.cursors import Cursors
from isthmus.localorg.switches import Switches

if TYPE_CHECKING:
    from isthmus.localorg.schema import Schema
    from isthmus.localorg.store import Store


@dataclass(frozen=True)
class UserContext:
    """The running user: Id, IANA time zone, locale such as `en_US`, currency ISO code."""

    id: str
    time_zone: str = "America/Los_Angeles"
    locale: str = "en_US"
    currency: str = "USD"


@dataclass(frozen=True)
class OrgContext:
    """What a query needs of the org's settings.

    `rates` are units of a currency per one unit of the corporate currency, as Salesforce's
    CurrencyType.ConversionRate has them. `fiscal_month` is the first month of the fiscal year.
    """

    corporate_currency: str = "USD"
    rates: dict[str, Decimal] = field(default_factory=lambda: {"USD": Decimal(1)})
    fiscal_month: int = 1


@dataclass(frozen=True)
class QueryAnswer:
    """A page: the JSON body, its records, the grand total, and whether it is the last."""

    body: bytes
    rows: int
    total: int
    done: bool


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
    batch_size: int = 2000,
) -> QueryAnswer:
    """Run a SOQL statement and give its first page.

    `now` is aware; `base_path` is like `/services/data/v59.0`. OrgError says what is wrong with
    the statement, in Salesforce's codes and words.
    """
    raise NotImplementedError


def more(locator: str, *, cursors: Cursors, base_path: str) -> QueryAnswer:
    """Read a page by its locator, `01g...-2000`; OrgError INVALID_QUERY_LOCATOR if it is gone."""
    raise NotImplementedError
