"""Ingest jobs over a real socket, as a client without a library of its own would run them."""

from __future__ import annotations

import csv
import io
from typing import Any

from tests.localorg.bulk.conftest import Client

Rows = list[dict[str, str]]


class Ingest:
    """Runs ingest jobs by a client of the conftest."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def open(self, operation: str, name: str, **fields: Any) -> str:
        body = {"operation": operation, "object": name, **fields}
        answer = self.client.call("POST", "jobs/ingest", json=body)
        assert answer.status == 200, answer.data
        return str(answer.json()["id"])

    def put(self, job: str, text: str | bytes) -> Any:
        body = text.encode() if isinstance(text, str) else text
        headers = {"Content-Type": "text/csv"}
        return self.client.call("PUT", f"jobs/ingest/{job}/batches", body=body, headers=headers)

    def say(self, job: str, state: str) -> Any:
        return self.client.call("PATCH", f"jobs/ingest/{job}", json={"state": state})

    def start(self, operation: str, name: str, text: str | bytes, **fields: Any) -> str:
        job = self.open(operation, name, **fields)
        assert self.put(job, text).status == 201
        assert self.say(job, "UploadComplete").json()["state"] == "UploadComplete"
        return job

    def info(self, job: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"jobs/ingest/{job}").json()
        return found

    def wait(self, job: str) -> dict[str, Any]:
        for _ in range(5000):
            info = self.info(job)
            if info["state"] in ("JobComplete", "Failed", "Aborted"):
                return info
        raise AssertionError(f"job {job} does not end: {info}")

    def run(self, operation: str, name: str, text: str | bytes, **fields: Any) -> str:
        job = self.start(operation, name, text, **fields)
        info = self.wait(job)
        assert info["state"] == "JobComplete", info
        return job

    def text(self, job: str, kind: str) -> str:
        answer = self.client.get(f"jobs/ingest/{job}/{kind}")
        assert answer.status == 200, answer.data
        assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8"
        return answer.data.decode()

    def results(self, job: str, kind: str) -> Rows:
        return list(csv.DictReader(io.StringIO(self.text(job, kind), newline="")))

    def good(self, job: str) -> Rows:
        return self.results(job, "successfulResults")

    def bad(self, job: str) -> Rows:
        return self.results(job, "failedResults")

    def left(self, job: str) -> Rows:
        return self.results(job, "unprocessedrecords")

    def soql(self, text: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get("query", fields={"q": text}).json()["records"]
        return [{name: row[name] for name in row if name != "attributes"} for row in found]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as CSV with LF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
