"""The one way to the org for pages: `send` takes a request and gives an answer or a refusal.

urllib3 over a pool of kept-alive connections, gzip asked for and undone by isal. It blocks;
another thread stops it by shutting the socket down (`Stop`).
"""

from __future__ import annotations

import contextlib
import mmap
import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, cast
from urllib.parse import urlsplit

import certifi
import urllib3
from isal import igzip_lib, isal_zlib
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
)

__all__ = ["Answer", "Broken", "HttpTransport", "OnBeginning", "Request", "Stop", "Transport"]

CONNECT_SECONDS: Final = 10.0
# isal's own description calls its error an instance, not a class
_DAMAGED: Final = cast("type[Exception]", igzip_lib.IsalError)
_GZIP: Final = 31  # zlib's window bits for a gzip wrapper
_BEGINNING: Final = 1 << 11
_SMALLEST_BUFFER: Final = 1 << 14
_LARGE: Final = 1 << 22
_INFLATED_PIECE: Final = 1 << 17
_LARGEST_BUFFER: Final = 1 << 26  # what a damaged length may claim; a longer body still fits


@dataclass(frozen=True)
class Request:
    """A request, by default a GET.

    Attributes:
        base: scheme, host and port.
        path: from the leading slash, with its query string.
        headers: with the token, so never shown.
        body: what a POST or PATCH carries.
    """

    base: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    method: str = "GET"
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """A complete answer.

    Attributes:
        body: decompressed.
        wire_bytes: how many bytes of body came over the wire.
        large: the decompressed body instead of `body`, where it is a long CSV.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    wire_bytes: int
    large: mmap.mmap | None = None


class Broken(Exception):
    """No complete answer came.

    Attributes:
        code: ``CONNECTION``, ``BROKEN_BODY``, ``TIMEOUT`` or ``TLS``.
        arrived: whether the server may have counted the request.
        wire_bytes: how much of the answer came.
    """

    def __init__(self, code: str, message: str, *, arrived: bool, wire_bytes: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.arrived = arrived
        self.wire_bytes = wire_bytes


class Stop:
    """Ends a blocking request from another thread; once fired, further ones fail at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._event = threading.Event()

    @property
    def fired(self) -> bool:
        """Whether it is over."""
        return self._event.is_set()

    def wait(self, seconds: float) -> None:
        """Sleep, but no longer than until it is fired."""
        self._event.wait(seconds)

    def watch(self, used: socket.socket | None) -> None:
        """Name the socket that is in use now, or none."""
        with self._lock:
            self._socket = used
        if self.fired:
            self.fire()

    def fire(self) -> None:
        """Shut the connection's socket down; the thread that reads from it gets an error."""
        with self._lock:
            self._event.set()
            used = self._socket
        if used is not None:
            with contextlib.suppress(OSError):  # it is closed already, which is what we want
                # the plain socket's own shutdown: the TLS one would take the reader's state away
                socket.socket.shutdown(used, socket.SHUT_RDWR)


#: Called with the first bytes of a good answer's body, decompressed, while the rest still comes.
OnBeginning = Callable[[bytes], None]


class Transport(Protocol):
    """The seam to the outside."""

    def send(self, request: Request, stop: Stop, on_beginning: OnBeginning | None = None) -> Answer:
        """Send and wait for the whole answer.

        Raises:
            Broken: none came.
        """
        ...

    def close(self) -> None:
        """Give the connections back."""
        ...


_in_use = threading.local()


def _seen(connection: HTTPConnection) -> None:
    stop: Stop | None = getattr(_in_use, "stop", None)
    if stop is not None:
        stop.watch(connection.sock)


class _Plain(HTTPConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _seen(self)
        super().request(*args, **kwargs)

    def connect(self) -> None:
        super().connect()
        _seen(self)


class _Secure(HTTPSConnection):
    def request(self, *args: Any, **kwargs: Any) -> None:
        _seen(self)
        super().request(*args, **kwargs)

    def connect(self) -> None:
        super().connect()
        _seen(self)


class _PlainPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Plain


class _SecurePool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Secure


class HttpTransport:
    """Real HTTP. Safe to use from threads; connects with the first request.

    Args:
        ca_file: certificates to trust instead of the machine's.
        timeout: seconds to wait for each read.
        connections: how many are kept open.
    """

    def __init__(self, *, ca_file: str | None, timeout: float, connections: int) -> None:
        self._ca_file = ca_file
        self._timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=timeout)
        self._connections = connections
        self._lock = threading.Lock()
        self._managers: dict[str, urllib3.PoolManager] = {}

    def send(self, request: Request, stop: Stop, on_beginning: OnBeginning | None = None) -> Answer:
        """Send and wait for the whole answer.

        Raises:
            Broken: none came.
        """
        _in_use.stop = stop
        started = False
        try:
            if stop.fired:
                raise Broken("CONNECTION", "the read was stopped", arrived=False)
            response = self._manager(request.base).request(
                request.method,
                request.base + request.path,
                body=request.body,
                headers=request.headers,
                preload_content=False,
                decode_content=False,
                retries=False,
                redirect=False,
                timeout=self._timeout,
            )
            started = True
            try:
                raw = _raw_body(response, on_beginning)
                response.release_conn()
            except BaseException:
                response.close()
                raise
            return _answer(response, raw)
        except (ConnectTimeoutError, NewConnectionError, NameResolutionError, ProxyError) as error:
            raise Broken("CONNECTION", _told(error), arrived=False) from error
        except (HTTPError, OSError, ValueError) as error:
            if _is_distrust(error):
                raise Broken("TLS", _told(error), arrived=False) from error
            code = "BROKEN_BODY" if started else "CONNECTION"
            if isinstance(error, ReadTimeoutError):
                code = "TIMEOUT"
            raise Broken(code, _told(error), arrived=True, wire_bytes=_arrived(error)) from error
        finally:
            stop.watch(None)
            _in_use.stop = None

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            managers, self._managers = self._managers, {}
        for manager in managers.values():
            manager.clear()

    def _manager(self, base: str) -> urllib3.PoolManager:
        with self._lock:
            if base not in self._managers:
                self._managers[base] = self._connect(base)
            return self._managers[base]

    def _connect(self, base: str) -> urllib3.PoolManager:
        parts = urlsplit(base)
        options: dict[str, Any] = {"maxsize": self._connections, "num_pools": 2}
        if parts.scheme == "https":
            options["ssl_context"] = _trust(self._ca_file)
        proxy = urllib.request.getproxies().get(parts.scheme)
        manager: urllib3.PoolManager
        if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
            manager = urllib3.ProxyManager(proxy, **options)
        else:
            manager = urllib3.PoolManager(**options)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _SecurePool}
        return manager


def _trust(ca_file: str | None) -> ssl.SSLContext:
    """What the login trusts (requests: its variables, else certifi), and the machine's own."""
    named = ca_file or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named is not None and os.path.isdir(named):
        return ssl.create_default_context(capath=named)
    context = ssl.create_default_context(cafile=named)
    if named is None:
        context.load_verify_locations(certifi.where())
    return context


def _raw_body(response: urllib3.BaseHTTPResponse, on_beginning: OnBeginning | None) -> bytes:
    if on_beginning is None or response.status != 200:
        return response.read(decode_content=False)
    first = response.read1(_BEGINNING, decode_content=False)
    if response.headers.get("Content-Encoding", "").lower() == "gzip":
        with contextlib.suppress(_DAMAGED):  # the whole body tells what is wrong with it
            on_beginning(isal_zlib.decompressobj(_GZIP).decompress(first, _BEGINNING))
    else:
        on_beginning(first)
    return first + response.read(decode_content=False)


def _answer(response: urllib3.BaseHTTPResponse, raw: bytes) -> Answer:
    # gzip ends in its length (RFC 1952, section 2.3.1)
    size = int.from_bytes(raw[-4:], "little")
    csv = response.headers.get("Content-Type", "").startswith("text/csv")
    packed = response.headers.get("Content-Encoding", "").lower() == "gzip"
    if csv and packed and response.status == 200 and size >= _LARGE:
        large = _inflated_apart(raw, size)
        return Answer(response.status, response.headers, b"", len(raw), large)
    return Answer(response.status, response.headers, _inflated(response, raw), len(raw))


def _inflated(response: urllib3.BaseHTTPResponse, raw: bytes) -> bytes:
    if response.headers.get("Content-Encoding", "").lower() != "gzip":
        return raw
    # gzip ends in its length (RFC 1952, section 2.3.1): room for all of it halves the time
    size = int.from_bytes(raw[-4:], "little")
    try:
        body: bytes = isal_zlib.decompress(
            raw, wbits=_GZIP, bufsize=min(max(size + 1, _SMALLEST_BUFFER), _LARGEST_BUFFER)
        )
    except _DAMAGED as error:
        raise ValueError(f"the compressed body is damaged or ends too early: {error}") from error
    return body


def _inflated_apart(raw: bytes, size: int) -> mmap.mmap:
    """A large body in memory of its own, which goes back to the system with it.

    Where such bodies come and go among the small pieces that are made of them, Python's own memory
    keeps three times what is in use.
    """
    inflater = isal_zlib.decompressobj(_GZIP)
    body = mmap.mmap(-1, size)
    try:
        at, piece = 0, inflater.decompress(raw, _INFLATED_PIECE)
        while piece:
            body[at : at + len(piece)] = piece
            at += len(piece)
            piece = inflater.decompress(inflater.unconsumed_tail, _INFLATED_PIECE)
    except _DAMAGED as error:
        raise ValueError(f"the compressed body is damaged or ends too early: {error}") from error
    except IndexError as error:
        raise ValueError("the compressed body is longer than it says") from error
    if at != size or not inflater.eof:
        raise ValueError("the compressed body is damaged or ends too early")
    return body


def _is_distrust(error: BaseException | None) -> bool:
    """Whether the server's certificate was refused; other TLS faults are broken connections."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _told(error: BaseException) -> str:
    """The last cause's own words; urllib3's wrapping texts repeat the address."""
    while (cause := getattr(error, "reason", None)) is not None and isinstance(
        cause, BaseException
    ):
        error = cause
    words = error.args[0] if error.args and isinstance(error.args[0], str) else str(error)
    return words or type(error).__name__


def _arrived(error: BaseException | None) -> int:
    """How many bytes of a broken body came."""
    while error is not None:
        if isinstance(error, IncompleteRead) and isinstance(error.partial, int):
            return error.partial
        error = error.__cause__ or error.__context__
    return 0
