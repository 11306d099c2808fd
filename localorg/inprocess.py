"""A local org inside this process: a thread with an event loop of its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from isthmus.localorg import drift
from isthmus.localorg.clock import Clock
from isthmus.localorg.faults import Fault, fault, parse
from isthmus.localorg.org import Org, make_org
from isthmus.localorg.server import Server
from isthmus.localorg.settings import Settings
from isthmus.localorg.store import Store

_PATIENCE = 30.0  # seconds to wait for the server's thread


class LocalOrg:
    """A Salesforce-compatible server on free loopback ports, for a `with` block.

    `data` is `demo`, `empty` or a folder; `now` sets the clock and stops it; `faults` are names
    with arguments as `--fault` takes them. `ready` holds what the ready file would.

    >>> with LocalOrg(data="empty") as org:
    ...     org.https.startswith("https://127.0.0.1:")
    True
    """

    def __init__(
        self,
        data: str | Path = "demo",
        *,
        scale: float = 1,
        seed: int = 7,
        describes: str | Path | None = None,
        switches: Mapping[str, str | int] | None = None,
        faults: Iterable[str] = (),
        settings: Settings | None = None,
        now: datetime | None = None,
        request_log: str | Path | None = None,
        http: str = "127.0.0.1:0",
        https: str = "127.0.0.1:0",
    ) -> None:
        self._org = make_org(
            data,
            scale=scale,
            seed=seed,
            describes=describes,
            switches=switches,
            settings=settings,
            now=now,
            request_log=request_log,
        )
        for text in faults:
            self._org.faults.add(parse(text))
        self._addresses = (http, https)
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self.ready: dict[str, Any] = {}

    @property
    def org(self) -> Org:
        """The org behind the server."""
        return self._org

    @property
    def http(self) -> str:
        """The plain address, such as `http://127.0.0.1:40001`."""
        return str(self.ready["http"])

    @property
    def https(self) -> str:
        """The TLS address; `ca_file` proves it."""
        return str(self.ready["https"])

    @property
    def ca_file(self) -> str:
        """The certificate authority to trust, as a PEM file."""
        return str(self.ready["ca_file"])

    @property
    def store(self) -> Store:
        """The org's rows."""
        return self._org.store

    @property
    def clock(self) -> Clock:
        """The org's clock."""
        return self._org.clock

    def requests(self) -> list[dict[str, Any]]:
        """The request log so far, oldest first."""
        return self._org.log.entries()

    def clear_requests(self) -> None:
        """Forget the requests seen so far."""
        self._org.log.clear()

    def set_fault(self, name: str, **args: Any) -> Fault:
        """Have a fault strike: `set_fault("server-error", nth=2)`; ValueError if there is none."""
        made = fault(name, **args)
        self._org.faults.add(made)
        return made

    def clear_faults(self) -> None:
        """Take all faults back."""
        self._org.faults.clear()

    def set_limits(
        self,
        *,
        daily_requests: int | None = None,
        used: int | None = None,
        concurrent_requests: int | None = None,
    ) -> None:
        """Change how many calls a day may have, has had, or how many may run at once."""
        usage = self._org.usage
        if daily_requests is not None:
            usage.allowed = daily_requests
        if used is not None:
            usage.set_used(self._org.clock.now(), used)
        if concurrent_requests is not None:
            usage.crowd = concurrent_requests

    @property
    def most_at_once(self) -> int:
        """The most calls for data that ran at one time."""
        return self._org.usage.most_at_once

    def add_field(self, name: str, field: str, kind: str, **flags: Any) -> None:
        """Give an object a new field: `add_field("Account", "Rank__c", "int", digits=4)`."""
        drift.add_field(self._org, name, field, kind, **flags)

    def remove_field(self, name: str, field: str) -> None:
        """Take a field of an object away."""
        drift.remove_field(self._org, name, field)

    def rename_field(self, name: str, field: str, to: str) -> None:
        """Give a field of an object another name."""
        drift.rename_field(self._org, name, field, to)

    def change_field(self, name: str, field: str, **flags: Any) -> None:
        """Change a field: `change_field("Account", "Site", length=255)`."""
        drift.change_field(self._org, name, field, **flags)

    def backdate(self, name: str, record_ids: Sequence[str], seconds: float) -> None:
        """Have records' stamps lie so many seconds earlier, as if they were committed late."""
        drift.backdate(self._org, name, record_ids, seconds)

    def erase(self, name: str, record_ids: Sequence[str]) -> None:
        """Remove records for good, past the recycle bin."""
        drift.erase(self._org, name, record_ids)

    def start(self) -> Self:
        """Take requests; returns when it does."""
        self._server = Server(self._org, http=self._addresses[0], https=self._addresses[1])
        self.ready = self._server.ready
        accepting = threading.Event()
        self._thread = threading.Thread(
            target=self._serve, args=(self._server, accepting), name="local-org", daemon=True
        )
        self._thread.start()
        started = accepting.wait(_PATIENCE)
        if not started or self._failure is not None:
            self.stop()
            raise RuntimeError("the local org did not start") from self._failure
        return self

    def stop(self) -> None:
        """Stop taking requests, wait for the thread, drop the rows. Safe to call twice."""
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(_PATIENCE)
            self._thread = None
        if self._server is not None:
            self._server.close()
            self._server = None
            self._org.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _serve(self, server: Server, accepting: threading.Event) -> None:
        async def main() -> None:
            self._loop = asyncio.get_running_loop()
            self._stop = asyncio.Event()
            await server.run(self._stop, accepting.set)

        try:
            asyncio.run(main())
        except BaseException as error:
            self._failure = error
        finally:
            accepting.set()
