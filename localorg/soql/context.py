"""What a statement is run against: the org, the user, the moment, the switches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from isthmus.localorg.switches import Switches

if TYPE_CHECKING:
    from isthmus.localorg.schema import Schema


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
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    fiscal_month: int = 1


@dataclass(frozen=True)
class Context:
    """All that the meaning of a statement depends on.

    `now` is aware. `table` gives the quoted table of an object, filled by then.
    """

    text: str
    schema: Schema
    table: Callable[[str], str]
    switches: Switches
    now: datetime
    user: UserContext
    org: OrgContext
    api_version: float
    base_path: str
    include_deleted: bool
