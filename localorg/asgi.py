"""The org as an ASGI app: decode, hand to a thread, note in the log, encode, send."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import UTC
from email.utils import format_datetime
from typing import Any, Self

from isthmus.localorg.app import ASYNC, DATA, Handled, api_of, handle
from isthmus.localorg.errors import OrgError
from isthmus.localorg.exchange import Request, Response, refusal
from isthmus.localorg.onewrite import DROP
from isthmus.localorg.org import Org
from isthmus.localorg.requestlog import Entry
from isthmus.localorg.wire import encode, unzip

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True)
class _Sealed:
    """An answer as bytes."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    delay: float
    cut: int | None
    lost: bool


class OrgApp:
    """Serves one org. Requests are worked on in `threads`, so that none holds up another."""

    def __init__(self, org: Org, threads: Executor) -> None:
        self._org = org
        self._threads = threads

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        body = await _read(receive)
        if not _path(scope).startswith((DATA + "/", ASYNC + "/")):
            await self._answer(scope, body, send, 1)
            return
        with self._org.usage.running() as at_once:
            await self._answer(scope, body, send, at_once)

    async def _answer(self, scope: Message, body: bytes, send: Send, at_once: int) -> None:
        loop = asyncio.get_running_loop()
        sealed = await loop.run_in_executor(self._threads, self._work, scope, body, at_once)
        if sealed.delay:
            await asyncio.sleep(sealed.delay)
        if sealed.lost:
            scope["extensions"][DROP]()
            await asyncio.sleep(0)  # the connection is taken for lost in the loop's next turn
            return
        await _send(send, sealed)

    def _work(self, scope: Message, body: bytes, at_once: int) -> _Sealed:
        began = time.perf_counter()
        now = self._org.clock.now()
        request = _request(scope, body)
        try:
            zipped = request.header("content-encoding").strip().lower()
            asked = replace(request, body=unzip(body, zipped), at_once=at_once)
            handled = handle(self._org, asked, now)
        except OrgError as error:
            handled = Handled(refusal(error), api_of(request.path))
        response = handled.response
        sent, headers = encode(response, request)
        cut = _cut(response, sent)
        self._org.log.write(
            Entry(
                time=now.isoformat(timespec="milliseconds"),
                user=handled.user,
                method=request.method,
                path=request.path,
                api=handled.api,
                soql=response.soql,
                rows=response.rows,
                bytes=_on_the_wire(request, sent, cut),
                status=response.status,
                fault=response.fault,
                seconds=round(time.perf_counter() - began, 6),
            )
        )
        coded: list[tuple[bytes, bytes]] = [
            (_Name(name.encode()), value.encode("latin-1")) for name, value in headers
        ]
        coded.append((b"date", format_datetime(now.astimezone(UTC), usegmt=True).encode()))
        return _Sealed(response.status, coded, sent, response.delay, cut, response.lost)


class _Name(bytes):
    """A header's name in Salesforce's own case, for clients that look it up in that alone.

    uvicorn writes `name.lower()`, and compares it with the names that it has to know.
    """

    def lower(self) -> Self:
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, bytes) and bytes.lower(self) == bytes.lower(other)

    def __hash__(self) -> int:
        return hash(bytes.lower(self))


async def _read(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


async def _send(send: Send, sealed: _Sealed) -> None:
    await send({"type": "http.response.start", "status": sealed.status, "headers": sealed.headers})
    if sealed.cut is None:
        await send({"type": "http.response.body", "body": sealed.body})
        return
    # An answer that is left unfinished makes the server close the connection.
    await send({"type": "http.response.body", "body": sealed.body[: sealed.cut], "more_body": True})


def _path(scope: Message) -> str:
    """The path as it was sent, a base URL's own last slash taken back: sf puts two of them."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return "/" + raw.decode("latin-1").lstrip("/")


def _request(scope: Message, body: bytes) -> Request:
    query: bytes = scope["query_string"]
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=_path(scope),
        query=query.decode("latin-1"),
        headers={
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        },
        body=body,
        scheme=scope["scheme"],
        client=client[0] if client else "",
        uri_length=len(_path(scope)) + len(query) + (1 if query else 0),
    )


def _cut(response: Response, sent: bytes) -> int | None:
    if response.lost:
        return 0
    if response.cut is None:
        return None
    keep = len(sent) // 2 if response.cut < 0 else response.cut
    return min(keep, max(0, len(sent) - 1))


def _on_the_wire(request: Request, sent: bytes, cut: int | None) -> int:
    if request.method == "HEAD":
        return 0
    return len(sent) if cut is None else cut
