"""What a resource is told of a call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from isthmus.localorg.auth.sessions import Session
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url
from isthmus.localorg.schema import SObject
from isthmus.localorg.soql.context import Context


@dataclass(frozen=True)
class Call:
    """A request with its session, the API version (`"59.0"`), and the parts of its path.

    `again` answers a request that is part of this one; it raises OrgError as this one may.
    """

    org: Org
    request: Request
    now: datetime
    session: Session
    version: str
    again: Callable[[Request], Response]
    parts: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The path that all resources of this version begin with."""
        return f"/services/data/v{self.version}"

    @property
    def instance_url(self) -> str:
        """The URL of the org as this client knows it."""
        return instance_url(self.org, self.request)

    def context(self, text: str = "", *, include_deleted: bool = False) -> Context:
        """What the meaning of a SOQL statement depends on in this call."""
        org = self.org
        return Context(
            text=text,
            schema=org.schema,
            table=org.store.table,
            switches=org.switches,
            now=self.now,
            user=self.session.user.context(),
            org=org.settings.context(),
            api_version=float(self.version),
            base_path=self.base,
            include_deleted=include_deleted,
        )

    def sobject(self, name: str) -> SObject:
        """An object of the org; OrgError 404 when there is none of that name."""
        found = self.org.schema.get(name)
        if found is None:
            raise not_found()
        return found


def not_found() -> OrgError:
    """The refusal of an address that leads nowhere."""
    return OrgError(404, "NOT_FOUND", "The requested resource does not exist")
