"""What an administrator would have set up: users, secrets, currencies, limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from isthmus.localorg.demo import ADMIN_ID, ADMIN_USERNAME, ORG_ID
from isthmus.localorg.ids import make
from isthmus.localorg.rules import Rule
from isthmus.localorg.soql.query import OrgContext, UserContext

#: Units of a currency for one unit of the corporate one, as CurrencyType.ConversionRate has them.
RATES: Mapping[str, Decimal] = {
    "USD": Decimal("1"),
    "EUR": Decimal("0.92"),
    "GBP": Decimal("0.79"),
    "JPY": Decimal("151.2"),
    "CHF": Decimal("0.88"),
    "SEK": Decimal("10.4"),
    "TRY": Decimal("32.4"),
}


@dataclass(frozen=True)
class User:
    """A user who can log in."""

    id: str = ADMIN_ID
    username: str = ADMIN_USERNAME
    first_name: str = "Demo"
    last_name: str = "Admin"
    profile_id: str = field(default_factory=lambda: make("00e", 1))
    time_zone: str = "America/Los_Angeles"
    locale: str = "en_US"
    language: str = "en_US"
    currency: str = "USD"

    @property
    def name(self) -> str:
        """The full name."""
        return f"{self.first_name} {self.last_name}"

    def context(self) -> UserContext:
        """What a query needs to know of the user."""
        return UserContext(self.id, self.time_zone, self.locale, self.currency)


@dataclass(frozen=True)
class Settings:
    """Who may log in and how, and how far the org lets them go.

    `session_seconds` is how long a session lives, `daily_requests` how many API calls a day
    (UTC) may have, `concurrent_requests` how many may run at once (0: any number), `allowances`
    other limits than those of the limits resource, by name.

    A Bulk job takes `bulk_seconds` of the org's clock at least, and `bulk_polls` looks find it in
    progress. A page of its results that asks for no size has `bulk_page_rows`, and none has more
    than `bulk_page_bytes`. `bulk_hard_delete` is the permission of that name.

    `rules` are the org's validation rules (`isthmus.localorg.rules.load` reads them from a file).
    """

    password: str = "local-org"
    security_token: str = "LocalToken1"
    client_id: str = "3MVG9.localorg.connected.app"
    client_secret: str = "local-secret"
    user: User = field(default_factory=User)
    org_id: str = ORG_ID
    org_name: str = "Isthmus Local Org"
    session_seconds: float = 7200.0
    daily_requests: int = 1_000_000
    concurrent_requests: int = 0
    allowances: Mapping[str, int] = field(default_factory=dict)
    bulk_seconds: float = 0.0
    bulk_polls: int = 1
    bulk_page_rows: int = 50_000
    bulk_page_bytes: int = 64 * 1024 * 1024
    bulk_hard_delete: bool = False
    rules: tuple[Rule, ...] = ()
    rates: Mapping[str, Decimal] = field(default_factory=lambda: dict(RATES))
    corporate_currency: str = "USD"
    fiscal_month: int = 1

    def context(self) -> OrgContext:
        """What a query needs to know of the org."""
        return OrgContext(self.corporate_currency, dict(self.rates), self.fiscal_month)
