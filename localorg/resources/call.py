"""What a resource is told of a call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from isthmus.localorg.auth.sessions import Session
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request
from isthmus.localorg.org import Org
from isthmus.localorg.places import instance_url
from isthmus.localorg.schema import SObject


@dataclass(frozen=True)
class Call:
    """A request with its session, the API version (`"59.0"`), and the parts of its path."""

    org: Org
    request: Request
    now: datetime
    session: Session
    version: str
    parts: tuple[str, ...] = ()

    @property
    def base(self) -> str:
        """The path that all resources of this version begin with."""
        return f"/services/data/v{self.version}"

    @property
    def instance_url(self) -> str:
        """The URL of the org as this client knows it."""
        return instance_url(self.org, self.request)

    def sobject(self, name: str) -> SObject:
        """An object of the org; OrgError 404 when there is none of that name."""
        found = self.org.schema.get(name)
        if found is None:
            raise not_found()
        return found


def not_found() -> OrgError:
    """The refusal of an address that leads nowhere."""
    return OrgError(404, "NOT_FOUND", "The requested resource does not exist")
