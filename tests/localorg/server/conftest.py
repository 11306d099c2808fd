"""Orgs over real sockets, and stock clients that trust them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from isthmus.localorg import LocalOrg


class ToLocalOrg(HTTPAdapter):
    """Leads a Salesforce login host to the org, as an entry in a hosts file would."""

    def __init__(self, https: str) -> None:
        super().__init__()
        self._https = https

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> Any:
        parts = urlsplit(str(request.url))
        if str(parts.hostname).endswith(".salesforce.com"):
            request.headers["Host"] = str(parts.hostname)
            request.url = self._https + parts.path
        return super().send(request, *args, **kwargs)


def trusting(org: LocalOrg) -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # REQUESTS_CA_BUNDLE would win over verify
    session.verify = org.ca_file
    session.mount("https://", ToLocalOrg(org.https))
    return session


@pytest.fixture
def trust() -> Callable[[LocalOrg], requests.Session]:
    """Makes a session that trusts an org."""
    return trusting


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    """An org with demo data for tests that leave it as it was."""
    with LocalOrg() as org:
        yield org


@pytest.fixture
def org(demo_org: LocalOrg) -> Iterator[LocalOrg]:
    demo_org.clear_requests()
    yield demo_org
    demo_org.clear_faults()


@pytest.fixture
def session(org: LocalOrg) -> Iterator[requests.Session]:
    with trusting(org) as made:
        yield made


@pytest.fixture
def get(org: LocalOrg, session: requests.Session) -> Callable[..., requests.Response]:
    """GET below /services/data/v60.0, logged in."""

    def call(path: str, method: str = "GET", **kwargs: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        headers.update(kwargs.pop("headers", {}))
        url = f"{org.https}/services/data/v60.0/{path}"
        return session.request(method, url, headers=headers, timeout=30, **kwargs)

    return call
