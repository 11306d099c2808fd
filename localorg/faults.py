"""Faults by name: what can go wrong between a client and Salesforce, on demand.

A fault waits for the requests it concerns, lets the first `nth - 1` of them pass, then strikes
`count` times. Whether a request is concerned is a matter of its path and its SOQL; without
patterns, a fault concerns calls for data only, never logins. A fault of rows concerns no request:
it strikes records as they are written, by whatever call or job.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from isthmus.localorg.errors import OrgError

_DATA: Final = r"^/services/(data/v|async/)[0-9.]+/."
_QUERIES: Final = r"^/services/data/v[0-9.]+/query(All)?(/|$)"
_PAGES: Final = r"^/services/data/v[0-9.]+/(query(All)?(/|$)|jobs/query/[^/]+/results)"
_LOCATORS: Final = r"^/services/data/v[0-9.]+/query(All)?/[^/]+"

#: Each fault and the requests it concerns unless `path` says otherwise.
SCOPES: Final[dict[str, str]] = {
    "expired-session": _DATA,
    "server-unavailable": _DATA,
    "server-error": _DATA,
    "slow-page": _PAGES,
    "drop-connection": _DATA,
    "request-limit": _DATA,
    "too-many-requests": _DATA,
    "query-timeout": _QUERIES,
    "lost-locator": _LOCATORS,
    "malformed-json": _DATA,
    "lost-request": _DATA,
    "lost-answer": _DATA,
    "concurrent-requests": _DATA,
    "concurrent-long-requests": _QUERIES,
    "row-lock": "",
    "failed-job": r"^/services/data/v[0-9.]+/jobs/(query|ingest)/?$",
    "batch-retry": r"^/services/data/v[0-9.]+/jobs/ingest/?$",
}

#: Faults that strike records, not requests.
OF_ROWS: Final = ("row-lock",)


@dataclass(frozen=True)
class Fault:
    """One fault and when it strikes.

    `nth` is the first concerned request to be struck, from 1; `count` how many are struck (0: all
    that follow). `path` and `soql` are regular expressions searched in the request, `record` one
    searched in a written record: its object, its id if it has one, and the values sent. With
    `probability` below 1 each is struck by chance, drawn from `seed`. `delay` and `retry_after`
    are seconds; `keep` is how many bytes of the body come through before the connection drops,
    or how many records a failing ingest job has written (-1: half).
    """

    name: str
    nth: int = 1
    count: int = 1
    path: str = ""
    soql: str = ""
    record: str = ""
    probability: float = 1.0
    seed: int = 0
    delay: float = 2.0
    retry_after: int = 1
    keep: int = -1

    def concerns(self, path: str, soql: str | None) -> bool:
        """Whether a request may be struck."""
        if self.name in OF_ROWS or re.search(self.path or SCOPES[self.name], path) is None:
            return False
        return not self.soql or (soql is not None and bool(re.search(self.soql, soql, re.I)))

    def concerns_row(self, record: str) -> bool:
        """Whether a written record may be struck."""
        return self.name in OF_ROWS and re.search(self.record, record) is not None

    def error(self) -> OrgError | None:
        """The error that is answered instead; None for faults that spoil a good answer."""
        made = _ERRORS.get(self.name)
        return made() if made else None

    def to_dict(self) -> dict[str, Any]:
        """The fault as the admin resource shows it."""
        return asdict(self)


_ERRORS: Mapping[str, Callable[[], OrgError]] = {
    "expired-session": lambda: OrgError(401, "INVALID_SESSION_ID", "Session expired or invalid"),
    "server-unavailable": lambda: OrgError(
        503, "SERVER_UNAVAILABLE", "server temporarily unavailable"
    ),
    "server-error": lambda: OrgError(
        500,
        "UNKNOWN_EXCEPTION",
        "An unexpected error occurred. Please include this ErrorId if you contact support: 1-1 (1)",
    ),
    "request-limit": lambda: OrgError(
        403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."
    ),
    "too-many-requests": lambda: OrgError(
        429,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ),
    "concurrent-requests": lambda: OrgError(
        403,
        "REQUEST_LIMIT_EXCEEDED",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ),
    "concurrent-long-requests": lambda: OrgError(
        403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded."
    ),
    "query-timeout": lambda: OrgError(
        400, "QUERY_TIMEOUT", "Your query request was running for too long."
    ),
    "lost-locator": lambda: OrgError(400, "INVALID_QUERY_LOCATOR", "invalid query locator"),
}
_TYPES: Final[dict[str, Callable[[Any], Any]]] = {
    item.name: type(item.default) for item in fields(Fault) if item.name != "name"
}


def fault(name: str, **args: Any) -> Fault:
    """A fault from its name and arguments (text is read as the argument's type).

    With a `probability` and no `count`, it strikes without end. Raises ValueError for a name,
    an argument or a value that does not exist.
    """
    if name not in SCOPES:
        raise ValueError(f"there is no fault {name!r}; the faults are {', '.join(SCOPES)}")
    made: dict[str, Any] = {}
    for given, value in args.items():
        key = given.replace("-", "_")
        if key not in _TYPES:
            known = ", ".join(_TYPES)
            raise ValueError(f"fault {name} has no argument {given!r}; the arguments are {known}")
        made[key] = _read(name, key, value)
    if "probability" in made:
        made.setdefault("count", 0)
    return Fault(name, **made)


def parse(text: str) -> Fault:
    """Read `NAME[:key=value,...]`, as `--fault` takes it; ValueError says what is wrong.

    >>> parse("slow-page:nth=2,delay=0.5").delay
    0.5
    """
    name, _, rest = text.partition(":")
    args: dict[str, str] = {}
    # A comma may stand inside a pattern; only one before `key=` parts arguments.
    for item in re.split(r",(?=[\w-]+=)", rest) if rest else ():
        key, equals, value = item.partition("=")
        if not equals:
            raise ValueError(f"fault {text!r}: write arguments as key=value, not {item!r}")
        args[key.strip()] = value
    return fault(name.strip(), **args)


class Faults:
    """The faults that wait, and how many requests each has seen. Safe in several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []

    def add(self, made: Fault) -> None:
        """Set a fault; several may wait at once, and the first that fits strikes."""
        with self._lock:
            self._waiting.append(_Waiting(made))

    def clear(self, name: str | None = None) -> None:
        """Take back the faults of a name, or all."""
        with self._lock:
            self._waiting = [w for w in self._waiting if name not in (None, w.fault.name)]

    def listed(self) -> list[dict[str, Any]]:
        """Every fault with the requests it concerned and struck so far."""
        with self._lock:
            return [
                {**w.fault.to_dict(), "seen": w.seen, "struck": w.struck} for w in self._waiting
            ]

    def strike(self, path: str, soql: str | None) -> Fault | None:
        """The fault that this request meets, if any."""
        with self._lock:
            # Each counts the request, but only one strikes it.
            due = [one for one in self._waiting if one.fault.concerns(path, soql) and one.due()]
            if not due:
                return None
            due[0].struck += 1
            return due[0].fault

    def hazard(self, name: str, record_id: str, given: Mapping[str, Any]) -> OrgError | None:
        """The error that a record meets which is written: its object, its id, what is sent."""
        if not any(one.fault.name in OF_ROWS for one in self._waiting):
            return None
        record = " ".join([name, record_id, *map(str, given.values())])
        with self._lock:
            due = [one for one in self._waiting if one.fault.concerns_row(record) and one.due()]
            if not due:
                return None
            due[0].struck += 1
        return OrgError(
            400,
            "UNABLE_TO_LOCK_ROW",
            f"unable to obtain exclusive access to this record or 1 records: {record_id}",
        )


class _Waiting:
    """A fault with its counts."""

    def __init__(self, made: Fault) -> None:
        self.fault = made
        self.seen = 0
        self.struck = 0
        self._dice = random.Random(made.seed)

    def due(self) -> bool:
        """Count a request or record that is concerned, and tell whether to strike it."""
        self.seen += 1
        if self.seen < self.fault.nth or 0 < self.fault.count <= self.struck:
            return False
        return self.fault.probability >= 1 or self._dice.random() < self.fault.probability


def _read(name: str, key: str, value: Any) -> Any:
    try:
        made = _TYPES[key](value)
        if key in ("path", "soql", "record"):
            re.compile(made)
    except (TypeError, ValueError, re.error) as error:
        raise ValueError(f"fault {name}: {key}={value} is no good: {error}") from error
    if key == "nth" and made < 1:
        raise ValueError(f"fault {name}: nth counts from 1, not {made}")
    return made
