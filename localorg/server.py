"""The sockets around an org: plain HTTP and HTTPS beside it, on loopback ports."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from ssl import SSLContext
from typing import Any

import uvicorn

from isthmus.localorg.asgi import OrgApp
from isthmus.localorg.certificates import jwt_key, server_context
from isthmus.localorg.onewrite import OneWriteProtocol
from isthmus.localorg.org import Org
from isthmus.localorg.requestlog import RequestLog

_THREADS = 16
_KEEP_ALIVE = 75  # seconds: longer than any client waits between two pages
_TICK = 0.02  # seconds between two looks at whether they are done
_GRACE = 1  # seconds that running requests have when the server stops


class Server:
    """Serves one org on two listeners. The ports are taken at once; `run` answers.

    Addresses are `HOST:PORT`; port 0 is any free one. Hosts beyond this machine are refused
    unless `allow_remote`. Raises ValueError for an address that is no good, OSError for a port
    that is taken. `close` gives back ports and temporary files.
    """

    def __init__(
        self,
        org: Org,
        *,
        http: str = "127.0.0.1:0",
        https: str = "127.0.0.1:0",
        allow_remote: bool = False,
    ) -> None:
        self.org = org
        hosts = [_address(text, allow_remote=allow_remote) for text in (http, https)]
        self._folder = Path(tempfile.mkdtemp(prefix="isthmus-org-"))
        self._sockets: list[socket.socket] = []
        try:
            self._sockets += [_bind(host, port) for host, port in hosts]
            self._tls = self._identity(hosts[1][0])
        except BaseException:
            self.close()
            raise
        urls = zip(("http", "https"), hosts, self._sockets, strict=True)
        org.addresses = {name: _url(name, host, sock) for name, (host, _), sock in urls}
        self.ready = self._ready()

    def _identity(self, host: str) -> SSLContext:
        self._ca_file = self._folder / "ca.pem"
        self._key_file = self._folder / "jwt.pem"
        self.org.jwt_key = jwt_key(self._key_file)
        if self.org.log.path is None:
            self.org.log.close()
            self.org.log = RequestLog(self._folder / "requests.jsonl")
        names = () if _wildcard(host) else (host,)
        return server_context(self._ca_file, *names)

    def _ready(self) -> dict[str, Any]:
        org, settings = self.org, self.org.settings
        session = org.sessions.open(settings.user, org.clock.now())
        org.admin_token = session.token
        return {
            "http": org.addresses["http"],
            "https": org.addresses["https"],
            "ca_file": str(self._ca_file),
            "username": settings.user.username,
            "password": settings.password,
            "security_token": settings.security_token,
            "client_id": settings.client_id,
            "client_secret": settings.client_secret,
            "refresh_token": org.sessions.offer_refresh(settings.user),
            "jwt_key_file": str(self._key_file),
            "access_token": session.token,
            "request_log": str(org.log.path.resolve()) if org.log.path else None,
            "pid": os.getpid(),
        }

    async def run(self, stop: asyncio.Event, accepting: Callable[[], None]) -> None:
        """Answer until `stop` is set; `accepting` is called once requests are taken."""
        threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="local-org")
        app = OrgApp(self.org, threads)
        http, https = self._sockets
        listeners = [_Listener(app, None), _Listener(app, self._tls)]
        serving = [
            asyncio.create_task(listener.serve([sock]))
            for listener, sock in zip(listeners, (http, https), strict=True)
        ]
        try:
            await _first(asyncio.gather(*(one.accepting.wait() for one in listeners)), serving)
            accepting()
            await _first(asyncio.ensure_future(stop.wait()), serving)
        finally:
            await asyncio.gather(*(listener.finish() for listener in listeners), *serving)
            threads.shutdown(wait=False, cancel_futures=True)

    def close(self) -> None:
        """Give back the ports and remove the temporary files."""
        for sock in self._sockets:
            sock.close()
        self.org.log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Listener(uvicorn.Server):
    """uvicorn on one socket, without its own signal handling and log lines."""

    def __init__(self, app: OrgApp, tls: SSLContext | None) -> None:
        config = uvicorn.Config(
            app,
            http=OneWriteProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,  # the org's own clock tells it
            timeout_keep_alive=_KEEP_ALIVE,
            timeout_graceful_shutdown=_GRACE,
        )
        config.load()
        config.ssl = tls
        super().__init__(config)
        self.accepting = asyncio.Event()
        _quiet()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Leave signals to whoever started the server."""
        yield

    async def finish(self) -> None:
        """Stop: running requests have a grace, idle connections none."""
        self.should_exit = True
        state = self.server_state
        for _ in range(int(_GRACE / _TICK)):
            if not state.tasks:
                break
            await asyncio.sleep(_TICK)
        self.force_exit = True
        for connection in list(state.connections):
            if connection.transport is not None:
                connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell when requests are taken."""
        await super().startup(sockets)
        self.accepting.set()


async def _first(awaited: asyncio.Future[Any], serving: list[asyncio.Task[None]]) -> None:
    """Wait for `awaited`; a listener that ends before that ends the wait."""
    await asyncio.wait([awaited, *serving], return_when=asyncio.FIRST_COMPLETED)
    awaited.cancel()


def _quiet() -> None:
    """Keep uvicorn from calling a dropped connection or a cancelled request an error."""
    logger = logging.getLogger("uvicorn.error")
    if _expected not in logger.filters:
        logger.addFilter(_expected)


def _expected(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    noise = ("without completing response", "timeout graceful shutdown", "CancelledError")
    cancelled = record.exc_info is not None and record.exc_info[0] is asyncio.CancelledError
    return not cancelled and not any(part in message for part in noise)


def _address(text: str, *, allow_remote: bool) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    host = host.strip("[]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address: write HOST:PORT, such as 127.0.0.1:0")
    if not allow_remote and not _local(host):
        raise ValueError(
            f"{host} can be reached from other machines; the local org has known passwords, so"
            " listen on 127.0.0.1, or say --allow-remote"
        )
    return host, int(port)


def _local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _wildcard(host: str) -> bool:
    return host in ("0.0.0.0", "::")


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sets TCP_NODELAY only where the protocol is named; without it answers wait 40 ms.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error
    return sock


def _url(scheme: str, host: str, sock: socket.socket) -> str:
    named = "127.0.0.1" if _wildcard(host) else host
    port = sock.getsockname()[1]
    return f"{scheme}://[{named}]:{port}" if ":" in named else f"{scheme}://{named}:{port}"
