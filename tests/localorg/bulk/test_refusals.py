"""What a job cannot be: clauses, fields, objects and requests that Bulk refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.localorg.bulk.conftest import Client, refused

CLAUSES = {
    "SELECT COUNT() FROM Account": "Aggregate functions",
    "SELECT COUNT(Id) FROM Account": "Aggregate functions",
    "SELECT MAX(CreatedDate) FROM Account": "Aggregate functions",
    "SELECT Industry FROM Account GROUP BY Industry": "Aggregate functions",
    "SELECT Id FROM Account LIMIT 5 OFFSET 5": "OFFSET",
    "SELECT Id, (SELECT Id FROM Contacts) FROM Account": "Aggregate Relationships not supported",
    "SELECT TYPEOF What WHEN Account THEN Name END FROM Event": "TYPEOF",
    "SELECT BillingAddress FROM Account": "Selecting compound data not supported in Bulk Query",
    "SELECT Account.BillingAddress FROM Contact": "Selecting compound data not supported",
}


@pytest.mark.parametrize("soql", CLAUSES)
def test_what_bulk_does_not_do(bulk: Client, soql: str) -> None:
    answer = bulk.post(soql)
    assert refused(answer) == (400, "API_ERROR")
    assert CLAUSES[soql] in answer.json()[0]["message"]
    assert bulk.get("query", fields={"q": soql}).status == 200  # REST does
    assert soql not in [job.spec.soql for job in bulk.org.org.bulk.listed(bulk.org.clock.now())]


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Contact WHERE Account.Industry = 'Energy'",
        "SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) > 2000",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)",
        "SELECT Id FROM Account ORDER BY Name DESC LIMIT 7",
        "SELECT Id, BillingCity, BillingLatitude FROM Account",
    ],
)
def test_what_bulk_does(bulk: Client, soql: str) -> None:
    rest = bulk.get("query", fields={"q": soql}).json()
    assert [row["Id"] for row in bulk.rows(soql)] == [one["Id"] for one in rest["records"]]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nmae FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Nowhere", "INVALID_TYPE"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM CaseStatus", "INVALIDENTITY"),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD"),
    ],
)
def test_a_wrong_statement_is_refused_at_once(bulk: Client, soql: str, code: str) -> None:
    assert refused(bulk.post(soql)) == (400, code)


@pytest.mark.parametrize(
    "fields",
    [
        {"operation": "insert"},
        {"query": ""},
        {"query": None},
        {"contentType": "JSON"},
        {"columnDelimiter": "COLON"},
        {"lineEnding": "CR"},
    ],
)
def test_a_wrong_request_is_refused(bulk: Client, fields: dict[str, Any]) -> None:
    body = {"operation": "query", "query": "SELECT Id FROM Account", **fields}
    answer = bulk.call("POST", "jobs/query", json=body)
    assert refused(answer) == (400, "INVALIDJOB")
    assert next(iter(fields)) in answer.json()[0]["message"]


def test_bodies_that_are_no_json(bulk: Client) -> None:
    send = {"Content-Type": "application/json"}
    wrong = bulk.call("POST", "jobs/query", body=b"SELECT Id FROM Account", headers=send)
    assert refused(wrong) == (400, "JSON_PARSER_ERROR")
    state = bulk.call("PATCH", f"jobs/query/{bulk.run('SELECT Id FROM Account')}", json={})
    assert refused(state) == (400, "INVALIDJOB")


def test_the_accept_header_of_simple_salesforce_is_borne(bulk: Client) -> None:
    headers = {"ACCEPT": "text/csv; charset=UTF-8", "Content-Type": "application/json"}
    body = json.dumps({"operation": "query", "query": "SELECT Id FROM Account"})
    answer = bulk.call("POST", "jobs/query", body=body, headers=headers)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["state"] == "UploadComplete"
