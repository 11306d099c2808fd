"""Bodies that come in pieces or compressed, as clients that stream send them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator

import pytest
import requests

from isthmus.localorg import LocalOrg

Get = Callable[..., requests.Response]
CSV = "Name\n" + "".join(f"Piece {n}\n" for n in range(3000))


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        yield org


def pieces(data: bytes) -> Iterator[bytes]:
    """Without a length, requests sends Transfer-Encoding: chunked."""
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000]


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_comes_whole(get: Get, org: LocalOrg, zipped: bool, chunked: bool) -> None:
    body = {"operation": "insert", "object": "Account"}
    job = get("jobs/ingest", "POST", json=body).json()["id"]
    data = gzip.compress(CSV.encode()) if zipped else CSV.encode()
    headers = {"Content-Type": "text/csv"} | ({"Content-Encoding": "gzip"} if zipped else {})
    sent = pieces(data) if chunked else data
    assert get(f"jobs/ingest/{job}/batches", "PUT", data=sent, headers=headers).status_code == 201
    get(f"jobs/ingest/{job}", "PATCH", json={"state": "UploadComplete"})
    for _ in range(5000):
        info = get(f"jobs/ingest/{job}").json()
        if info["state"] == "JobComplete":
            break
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (3000, 0)


@pytest.mark.parametrize("chunked", [False, True])
def test_json_comes_compressed(get: Get, chunked: bool) -> None:
    data = gzip.compress(json.dumps({"Name": "zipped"}).encode())
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    sent = pieces(data) if chunked else data
    assert get("sobjects/Account", "POST", data=sent, headers=headers).status_code == 201


def test_a_header_about_duplicates_is_tolerated(get: Get) -> None:
    headers = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
    made = get("sobjects/Account", "POST", json={"Name": "dup"}, headers=headers)
    assert made.status_code == 201
    records = [{"attributes": {"type": "Account"}, "Name": "dup"}]
    many = get("composite/sobjects", "POST", json={"records": records}, headers=headers)
    assert many.json()[0]["success"]


def test_what_is_no_gzip_is_refused(get: Get) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = get("sobjects/Account", "POST", data=b"{}", headers=headers)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "JSON_PARSER_ERROR")
    headers["Content-Encoding"] = "br"
    assert get("sobjects/Account", "POST", data=b"{}", headers=headers).status_code == 415
