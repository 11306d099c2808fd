"""When pages are asked for, seen from a server that waits."""

from __future__ import annotations

import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from isthmus.connectors.contract import ReadContext
from isthmus.connectors.salesforce.client import Client
from isthmus.connectors.salesforce.config import read_config
from isthmus.connectors.salesforce.decode import Decoder, early_link
from isthmus.connectors.salesforce.paging import Reading, read
from isthmus.connectors.salesforce.retry import Policy
from isthmus.connectors.salesforce.session import Login
from isthmus.connectors.salesforce.slots import Slots
from isthmus.connectors.salesforce.soql import Statement
from isthmus.connectors.salesforce.transport import HttpTransport
from isthmus.connectors.salesforce.types import column_of

NAME = column_of({"name": "Name", "type": "string"})
ROWS = 60
Serve = Callable[["Handler", int], None]


def written(number: int) -> list[str]:
    """Names that hardly compress."""
    return [hashlib.sha256(f"{number}-{i}".encode()).hexdigest() for i in range(ROWS)]


def page(number: int, pages: int, *, behind: bool = False) -> bytes:
    """A page of three; its link stands before the records or behind them."""
    attributes = '"attributes":{"type":"X","url":"/x/001000000000001AAA"}'
    records = ",".join(f'{{{attributes},"Name":"{name}"}}' for name in written(number))
    more = f',"nextRecordsUrl":"/next/{number + 1}"' if number + 1 < pages else ""
    head = f'"totalSize":{ROWS * pages},"done":{"false" if more else "true"}'
    if behind:
        return f'{{{head},"records":[{records}]{more}}}'.encode()
    return f'{{{head}{more},"records":[{records}]}}'.encode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    serve: ClassVar[Serve]

    def do_GET(self) -> None:
        self.serve(int(self.path.rsplit("/", 1)[1]) if "/next/" in self.path else 0)

    def begin(self, size: int) -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        return None


@contextmanager
def server(serve: Serve) -> Iterator[str]:
    handler = type("Bound", (Handler,), {"serve": serve})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{running.server_address[1]}"
        finally:
            running.shutdown()
            thread.join()


def names(base: str, context: ReadContext | None = None) -> list[str]:
    config = read_config("crm", {"instance_url": base, "access_token": "t"})
    transport = HttpTransport(ca_file=None, timeout=10, connections=4)
    login = Login(config, Policy(base=0.01), lambda seconds: None)
    client = Client("crm", login, transport, Policy(base=0.01), Slots(4))
    decoder = Decoder("X", (NAME,), ("Name",))
    reading = Reading("crm", client, decoder, "query", context or ReadContext())
    try:
        batches = list(read(reading, Statement("X", ("Name",), by_id=True)))
    finally:
        transport.close()
    return [name for batch in batches for name in batch.column("Name").to_pylist()]


WANTED = [name for number in range(3) for name in written(number)]


def test_the_next_page_is_asked_for_while_one_still_comes() -> None:
    asked = [threading.Event() for _ in range(3)]

    def serve(handler: Handler, number: int) -> None:
        asked[number].set()
        body = gzip.compress(page(number, 3), 1)
        handler.begin(len(body))
        handler.wfile.write(body[:400])
        if number < 2:  # the rest comes only once the next was asked for
            assert asked[number + 1].wait(5), "the next page was not asked for"
        handler.wfile.write(body[400:])

    with server(serve) as base:
        assert names(base) == WANTED


def test_a_link_behind_the_records_is_followed_too() -> None:
    def serve(handler: Handler, number: int) -> None:
        body = gzip.compress(page(number, 3, behind=True))
        handler.begin(len(body))
        handler.wfile.write(body)

    with server(serve) as base:
        assert names(base) == WANTED


def test_a_page_that_breaks_after_its_beginning_is_asked_for_again() -> None:
    broken = threading.Event()

    def serve(handler: Handler, number: int) -> None:
        body = gzip.compress(page(number, 3), 1)
        handler.begin(len(body))
        if number == 1 and not broken.is_set():
            broken.set()
            handler.wfile.write(body[:400])
            handler.close_connection = True
            return
        handler.wfile.write(body)

    context = ReadContext()
    with server(serve) as base:
        assert names(base, context) == WANTED
    assert broken.is_set() and context.meter.bill.calls == 4


@pytest.mark.parametrize(
    ("beginning", "link"),
    [
        (b'{"totalSize":9,"done":false,"nextRecordsUrl":"/q/1-2","records":[{"S', "/q/1-2"),
        (b'{"totalSize":9,"done":false,"nextRecordsUrl":"/q/1-2","rec', None),
        (b'{"totalSize":9,"done":true,"records":[{"S":{"nextRecordsUrl":"/kids","re', None),
    ],
)
def test_a_link_is_believed_only_before_the_records(beginning: bytes, link: str | None) -> None:
    assert early_link(beginning) == link
