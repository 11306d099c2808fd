"""Bulk jobs over a real socket, as a client without a library of its own would run them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import urllib3

from isthmus.localorg import LocalOrg

csv.field_size_limit(10_000_000)


@dataclass
class Client:
    """Calls below /services/data/v60.0 with the org's own token."""

    org: LocalOrg
    http: urllib3.PoolManager
    version: str = "60.0"

    def call(self, method: str, path: str, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        if not path.startswith("/"):
            path = f"/services/data/v{self.version}/{path}"
        headers = {"Authorization": f"Bearer {self.org.ready['access_token']}"}
        headers |= kwargs.pop("headers", {})
        return self.http.request(
            method, self.org.http + path, headers=headers, retries=False, timeout=30, **kwargs
        )

    def get(self, path: str, **kwargs: Any) -> urllib3.BaseHTTPResponse:
        return self.call("GET", path, **kwargs)

    def post(self, soql: str, **fields: Any) -> urllib3.BaseHTTPResponse:
        body = {"operation": "query", "query": soql, **fields}
        return self.call("POST", "jobs/query", json=body)

    def create(self, soql: str, **fields: Any) -> str:
        answer = self.post(soql, **fields)
        assert answer.status == 200, answer.data
        return str(answer.json()["id"])

    def wait(self, job: str) -> dict[str, Any]:
        """Poll until the job has ended; gives its last information."""
        for _ in range(2000):
            info: dict[str, Any] = self.get(f"jobs/query/{job}").json()
            if info["state"] not in ("UploadComplete", "InProgress"):
                return info
        raise AssertionError(f"job {job} does not end: {info}")

    def run(self, soql: str, **fields: Any) -> str:
        """Run a job to its end and give its id."""
        job = self.create(soql, **fields)
        info = self.wait(job)
        assert info["state"] == "JobComplete", info
        return job

    def text(self, soql: str, **fields: Any) -> str:
        """The first page of a job's results as it is."""
        return self.get(f"jobs/query/{self.run(soql, **fields)}/results").data.decode()

    def rows(self, soql: str, **fields: Any) -> list[dict[str, str]]:
        """All rows of a job by column name."""
        return list(csv.DictReader(io.StringIO(self.text(soql, **fields), newline="")))


def refused(answer: urllib3.BaseHTTPResponse) -> tuple[int, str]:
    """The status and code of a refusal, whose body is an array."""
    (entry,) = answer.json()
    assert set(entry) <= {"errorCode", "message", "fields"}
    return answer.status, entry["errorCode"]


@pytest.fixture(scope="session")
def open_client() -> Iterator[Callable[..., Client]]:
    with urllib3.PoolManager() as http:

        def make(org: LocalOrg, version: str = "60.0") -> Client:
            return Client(org, http, version)

        yield make


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg() as org:
        yield org


@pytest.fixture
def org(demo_org: LocalOrg) -> Iterator[LocalOrg]:
    demo_org.clear_requests()
    yield demo_org
    demo_org.clear_faults()


@pytest.fixture
def bulk(org: LocalOrg, open_client: Callable[..., Client]) -> Client:
    return open_client(org)
