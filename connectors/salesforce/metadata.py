"""What describes the org: its objects, their fields, counts and limits, by simple-salesforce.

Each question is repeated as pages are (`refusals`, `retry`), and billed as metadata.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar

from isthmus.connectors.contract import Bill, Gate, Meter
from isthmus.connectors.salesforce.refusals import (
    Cure,
    Refusal,
    cure_for,
    error_for,
    refusal_of,
)
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.session import Login, Session, client_session
from isthmus.connectors.salesforce.usage import usage_of

if TYPE_CHECKING:
    import requests
    from simple_salesforce.api import Salesforce

__all__ = ["Metadata"]

T = TypeVar("T")
SECONDS: Final = 60.0


class Metadata:
    """Asks for descriptions. Safe to use from threads; logs in with the first question."""

    def __init__(
        self, source: str, login: Login, policy: Policy, wait: Callable[[float], object]
    ) -> None:
        self._source = source
        self._login = login
        self._policy = policy
        self._wait = wait
        self._meter = Meter()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._open: list[requests.Session] = []
        self._kept: tuple[Session, Salesforce] | None = None

    def ask_at(self, gate: Gate) -> None:
        """Ask there before each question, from now on."""
        self._meter = Meter(gate)

    @property
    def bill(self) -> Bill:
        """What the questions have cost so far."""
        return self._meter.bill

    def objects(self) -> list[dict[str, Any]]:
        """The entries of the global describe."""
        answer = self._ask("listing the objects", lambda sf: sf.describe())
        return list(answer["sobjects"])

    def describe(
        self, name: str, modified: str | None = None
    ) -> tuple[dict[str, Any] | None, str | None]:
        """An object's describe and when it was last modified.

        Args:
            name: the object's API name.
            modified: ``Last-Modified`` of a describe that is known; if it still holds, the
                answer's describe is None.

        Raises:
            SourceError: with code ``NOT_FOUND`` where there is no such object.
        """
        from simple_salesforce.api import SFType

        headers = {} if modified is None else {"If-Modified-Since": modified}

        def ask(sf: Salesforce) -> dict[str, Any]:
            kind = SFType(name, sf.session_id, sf.sf_instance, sf.sf_version, session=sf.session)
            kind.base_url = f"{sf.base_url}sobjects/{name}/"
            described: dict[str, Any] = kind.describe(headers=headers)
            return described

        found = self._ask(f"describing {name}", ask, not_modified=True)
        return found, self._local.headers.get("Last-Modified") or modified

    def count(self, name: str) -> int:
        """About how many rows an object has; 0 also where the org leaves it out of its counts."""
        answer = self._ask(
            f"counting {name}",
            lambda sf: sf.restful("limits/recordCount", params={"sObjects": name}),
        )
        for entry in answer.get("sObjects", ()):
            if str(entry.get("name")).lower() == name.lower():
                return int(entry["count"])
        return 0

    def query_plan(self, soql: str) -> Mapping[str, Any]:
        """The ways in which the org could run a query, with the rows that each would find."""
        answer: Mapping[str, Any] = self._ask(
            "asking for a query's plan", lambda sf: sf.restful("query", params={"explain": soql})
        )
        return answer

    def limits(self) -> Mapping[str, Any]:
        """The org's limits and what is left of them."""
        answer: Mapping[str, Any] = self._ask("reading the limits", lambda sf: sf.limits())
        return answer

    def versions(self) -> list[str]:
        """The API versions that the org knows."""

        def ask(sf: Salesforce) -> Any:
            root = sf.base_url[: sf.base_url.index("/services/data/")]
            return sf.session.get(f"{root}/services/data", headers=sf.headers).json()

        return [str(entry["version"]) for entry in self._ask("listing the API versions", ask)]

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            sessions, self._open = self._open, []
            self._kept = None
        for session in sessions:
            session.close()

    def _ask(self, doing: str, ask: Callable[[Any], T], *, not_modified: bool = False) -> T:
        renewed, repeats, slow = False, 0, 0
        while True:
            session = self._login.session()
            self._local.headers = {}
            self._meter.spend_call("metadata")
            try:
                return self._asked(ask, session)
            except Exception as error:
                refusal = self._refusal(error)
                if refusal is None:
                    raise
                if not_modified and refusal.status == 304:
                    return None  # type: ignore[return-value]  # asked for by not_modified
                cure = cure_for(refusal)
                if cure is Cure.LOG_IN and not renewed:
                    renewed = True
                    self._login.renew(session)
                elif cure is Cure.REPEAT and repeats < self._policy.repeats:
                    self._wait(self._policy.wait(repeats, refusal.retry_after))
                    repeats += 1
                elif cure is Cure.REPEAT_FEW and slow < self._policy.slow_repeats:
                    self._wait(self._policy.wait(slow))
                    slow += 1
                else:
                    raise error_for(
                        refusal, source=self._source, doing=doing, tries=1 + repeats + slow
                    ) from error

    def _asked(self, ask: Callable[[Any], T], session: Session) -> T:
        try:
            return ask(self._client(session))
        finally:
            self._meter.end_call(usage_of(self._local.headers))

    def _client(self, session: Session) -> Salesforce:
        """simple-salesforce for a session, kept while the session lasts."""
        with self._lock:
            if self._kept is None or self._kept[0] != session:
                self._kept = (session, self._made(session))
            return self._kept[1]

    def _made(self, session: Session) -> Salesforce:
        from simple_salesforce.api import Salesforce

        web = client_session(session.ca_file, SECONDS)
        web.hooks["response"].append(self._note)
        client = Salesforce(
            session_id=session.token,
            instance_url=session.base,
            version=session.version,
            session=web,
        )
        # simple-salesforce writes https whatever the address says
        client.base_url = f"{session.base}{session.root}/"
        self._open.append(web)
        return client

    def _note(self, response: requests.Response, *args: Any, **kwargs: Any) -> None:
        self._local.headers = response.headers
        self._meter.add(bytes=len(response.content))

    def _refusal(self, error: Exception) -> Refusal | None:
        """What simple-salesforce or requests raised, as a refusal; None for anything else."""
        import requests
        from simple_salesforce.exceptions import SalesforceError

        if isinstance(error, SalesforceError):
            return refusal_of(int(error.status), error.content, self._local.headers)
        if isinstance(error, requests.exceptions.SSLError):
            code = "TLS" if "CERTIFICATE_VERIFY_FAILED" in str(error) else "CONNECTION"
            return Refusal(0, code, type(error).__name__)
        if isinstance(error, requests.exceptions.JSONDecodeError):
            return Refusal(0, "BAD_JSON", "the answer is no JSON")
        if isinstance(error, requests.exceptions.RequestException):
            return Refusal(0, "CONNECTION", type(error).__name__)
        return None
