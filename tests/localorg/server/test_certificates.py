"""Whom the org's certificate is for."""

from __future__ import annotations

import socket
import ssl

import pytest

from isthmus.localorg import LocalOrg


def shake_hands(org: LocalOrg, host: str) -> None:
    context = ssl.create_default_context(cafile=org.ca_file)
    port = int(org.https.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host),
    ):
        pass


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "login.salesforce.com",
        "test.salesforce.com",
        "a.my.salesforce.com",
    ],
)
def test_clients_that_know_only_a_login_host_can_be_led_here(org: LocalOrg, host: str) -> None:
    shake_hands(org, host)


def test_it_is_for_no_other_host(org: LocalOrg) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="example"):
        shake_hands(org, "example.com")
