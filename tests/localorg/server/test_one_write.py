"""An answer arrives in one piece, and an unfinished one still as far as it was to go."""

from __future__ import annotations

import socket
import ssl

import pytest

from isthmus.localorg import LocalOrg


def connected(org: LocalOrg, scheme: str) -> socket.socket:
    port = int((org.https if scheme == "https" else org.http).rpartition(":")[2])
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    if scheme == "http":
        return plain
    return ssl.create_default_context(cafile=org.ca_file).wrap_socket(
        plain, server_hostname="127.0.0.1"
    )


def ask(org: LocalOrg, path: str) -> bytes:
    token = org.ready["access_token"]
    return (
        f"GET /services/data{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_head_and_body_come_together(org: LocalOrg, scheme: str) -> None:
    with connected(org, scheme) as client:
        for _ in range(5):  # on one connection
            client.sendall(ask(org, "/"))
            head, _, body = client.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert body.startswith(b"[{") and body.endswith(b"}]")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_dropped_answer_is_sent_as_far_as_it_goes(org: LocalOrg, scheme: str) -> None:
    org.set_fault("drop-connection", nth=1, keep=100)
    with connected(org, scheme) as client:
        client.sendall(ask(org, "/v60.0/query?q=SELECT+Id+FROM+Account"))
        received = b""
        try:
            while part := client.recv(65536):
                received += part
        except ssl.SSLEOFError:
            pass
    assert len(received.partition(b"\r\n\r\n")[2]) == 100
