"""A connection that sends the head and the body of an answer in one piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    Part = bytes | bytearray | memoryview

#: The extension of a request's scope that drops its connection without an answer.
DROP = "isthmus.drop"


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which writes a head by itself: over TLS that costs as much as a page."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Gather what is written in one turn of the loop."""
        super().connection_made(cast("asyncio.Transport", _Gathered(transport, self.loop)))

    def on_message_begin(self) -> None:
        """Let the app drop the connection."""
        super().on_message_begin()
        self.scope["extensions"] = {DROP: self.transport.abort}  # type: ignore[dict-item]


class _Gathered:
    """A transport that writes at the end of the loop's turn; all else is the transport's own."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[Part] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: Part) -> None:
        """Write at the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Close once everything is written."""
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is not written yet."""
        self._parts.clear()
        self._transport.abort()

    def _flush(self) -> None:
        if self._parts:
            parts = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(parts)
