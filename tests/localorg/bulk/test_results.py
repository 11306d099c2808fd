"""Result pages: locators, parallel pages, gzip, the log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from isthmus.localorg import LocalOrg
from isthmus.localorg.bulk.places import locator
from isthmus.localorg.bulk.results import LINES, KeptResults, Results, write
from isthmus.localorg.settings import Settings
from tests.localorg.bulk.conftest import Client, refused

SOQL = "SELECT Id, Name FROM Account"


def body(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def ids(rows: list[list[str]]) -> list[str]:
    return [row[0] for row in rows]


@pytest.fixture(scope="module")
def small() -> Iterator[LocalOrg]:
    """An org whose result pages are small."""
    with LocalOrg(settings=Settings(bulk_page_rows=70)) as org:
        yield org


def expected(bulk: Client) -> list[str]:
    answer = bulk.get("query?q=SELECT+Id+FROM+Account").json()
    return [record["Id"] for record in answer["records"]]


def test_pages_follow_their_locators_to_null(bulk: Client) -> None:
    job = bulk.run(SOQL)
    seen, place, headers = [], "", []
    while place != "null":
        answer = bulk.get(f"jobs/query/{job}/results?maxRecords=300&locator={place}")
        assert answer.headers["Content-Type"] == "text/csv; charset=UTF-8"
        head, *rows = body(answer.data)
        assert len(rows) == int(answer.headers["Sforce-NumberOfRecords"]) <= 300
        headers.append(head)
        seen += ids(rows)
        place = answer.headers["Sforce-Locator"]
    assert seen == expected(bulk)
    assert headers == [["Id", "Name"]] * len(headers) and len(headers) == -(-len(seen) // 300)


def test_a_page_can_be_read_again(bulk: Client) -> None:
    job = bulk.run(SOQL)
    path = f"jobs/query/{job}/results?maxRecords=5&locator={locator(7)}"
    assert bulk.get(path).data == bulk.get(path).data
    assert ids(body(bulk.get(path).data)[1:]) == expected(bulk)[7:12]


def test_no_rows_are_a_header(bulk: Client) -> None:
    job = bulk.run(f"{SOQL} WHERE Name = 'nobody has this name'")
    answer = bulk.get(f"jobs/query/{job}/results")
    assert answer.data == b'"Id","Name"\n'
    assert answer.headers["Sforce-Locator"] == "null"
    assert answer.headers["Sforce-NumberOfRecords"] == "0"
    told = bulk.get(f"jobs/query/{job}/resultPages").json()
    assert told["done"] is True and len(told["resultPages"]) == 1
    assert bulk.get(told["resultPages"][0]["resultUrl"]).data == b'"Id","Name"\n'


def test_parallel_pages_hold_every_row_once(small: LocalOrg, open_client: Any) -> None:
    bulk = open_client(small)
    job = bulk.run(SOQL)
    path, urls, counts = f"jobs/query/{job}/resultPages", [], []
    while path:
        told = bulk.get(path).json()
        counts.append(len(told["resultPages"]))
        urls += [page["resultUrl"] for page in told["resultPages"]]
        path = told.get("nextRecordsUrl")
        assert told["done"] is (path is None)
    assert counts[:-1] == [5] * (len(counts) - 1) and len(counts) > 2
    pages = [body(bulk.get(url).data) for url in reversed(urls)]
    assert {tuple(page[0]) for page in pages} == {("Id", "Name")}
    assert [row for page in reversed(pages) for row in ids(page[1:])] == expected(bulk)


def test_a_page_has_no_more_bytes_than_the_org_gives(open_client: Any) -> None:
    with LocalOrg(settings=Settings(bulk_page_bytes=2_000)) as org:
        bulk = open_client(org)
        job = bulk.run("SELECT Id, Name, Description FROM Account")
        told = bulk.get(f"jobs/query/{job}/resultPages").json()
        sizes = [len(bulk.get(page["resultUrl"]).data) for page in told["resultPages"]]
        assert max(sizes) <= 2_000 + len('"Id","Name","Description"\n')
        asked = bulk.get(f"jobs/query/{job}/results?maxRecords=1000")
        assert int(asked.headers["Sforce-NumberOfRecords"]) < 100


def test_gzip_where_it_is_asked_for(bulk: Client) -> None:
    job = bulk.run(SOQL)
    path = f"jobs/query/{job}/results"
    zipped = bulk.get(path, headers={"Accept-Encoding": "gzip"}, decode_content=False)
    assert zipped.headers["Content-Encoding"] == "gzip"
    bare = bulk.get(path, headers={"Accept-Encoding": "identity"})
    assert "Content-Encoding" not in bare.headers
    assert bulk.get(path, headers={"Accept-Encoding": "gzip"}).data == bare.data
    assert len(zipped.data) < len(bare.data) / 2


@pytest.mark.parametrize("place", ["bm8", "MTAwMDA", "!", "null", "LTE"])
def test_a_locator_that_leads_nowhere_is_refused(bulk: Client, place: str) -> None:
    job = bulk.run(f"{SOQL} LIMIT 5")
    answer = bulk.get(f"jobs/query/{job}/results?locator={place}")
    assert refused(answer) == (400, "INVALID_QUERY_LOCATOR")


@pytest.mark.parametrize("most", ["0", "-1", "x", "1.5"])
def test_max_records_is_a_number(bulk: Client, most: str) -> None:
    job = bulk.run(f"{SOQL} LIMIT 5")
    answer = bulk.get(f"jobs/query/{job}/results?maxRecords={most}")
    assert refused(answer) == (400, "INVALIDREQUEST")


def test_results_are_for_the_version_of_the_job(
    bulk: Client, org: LocalOrg, open_client: Callable[..., Client]
) -> None:
    job = bulk.run(SOQL)
    other = open_client(org, "61.0")
    assert other.get(f"jobs/query/{job}").status == 200
    assert other.get(f"jobs/query/{job}/results").status == 409


def test_old_versions_have_no_jobs_or_no_parallel_pages(
    org: LocalOrg, open_client: Callable[..., Client]
) -> None:
    assert open_client(org, "46.0").post(SOQL).status == 404
    old = open_client(org, "57.0")
    job = old.run(SOQL)
    assert old.get(f"jobs/query/{job}/results").status == 200
    assert refused(old.get(f"jobs/query/{job}/resultPages")) == (404, "NOT_FOUND")


def test_the_log_tells_statement_rows_and_bytes(bulk: Client, org: LocalOrg) -> None:
    job = bulk.run(f"{SOQL} LIMIT 5")
    answer = bulk.get(f"jobs/query/{job}/results")
    log = org.requests()
    assert {entry["api"] for entry in log} == {"bulk2"}
    assert (log[0]["method"], log[0]["soql"], log[0]["rows"]) == ("POST", f"{SOQL} LIMIT 5", None)
    assert (log[-1]["rows"], log[-1]["soql"]) == (5, None)
    assert log[-1]["bytes"] == len(answer.data)
    assert {entry["user"] for entry in log} == {org.ready["username"]}


def test_kept_results_have_a_bound(tmp_path: Path) -> None:
    def made(name: str) -> Results:
        return write(tmp_path / name, [_lines(400)])

    kept = KeptResults(most=1_000)
    for version in range(3):
        kept.keep("sql", version, made(str(version)))
    assert [kept.find("sql", version) is not None for version in range(3)] == [False, True, True]
    kept.keep("large", 0, write(tmp_path / "l", [_lines(2_000)]))
    assert kept.find("large", 0) is None and kept.find("sql", 2) is None


def _lines(size: int) -> pa.RecordBatch:
    return pa.record_batch([pa.array(["x" * size], pa.large_string())], schema=LINES)
