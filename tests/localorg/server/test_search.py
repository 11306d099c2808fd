"""SOSL: words found in several objects, and the statements that are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from isthmus.localorg import LocalOrg

Found = Callable[[str], list[tuple[str, str]]]


LOEWE, LOEWIN = ("Account", "Löwe & Söhne 100%"), ("Account", "Löwin")
ANN, JO = ("Contact", "Ann"), ("Contact", "Jo Löwe")
RECORDS: list[tuple[str, dict[str, Any]]] = [
    ("Account", {"Name": LOEWE[1], "Phone": "030 555", "Industry": "Energy"}),
    ("Account", {"Name": LOEWIN[1], "Website": "https://loewe.example"}),
    ("Contact", {"LastName": "Ann", "Email": "ann@loewe.example"}),
    ("Contact", {"LastName": "Löwe", "FirstName": "Jo"}),
]


@pytest.fixture(scope="module")
def demo_org() -> Iterator[LocalOrg]:
    with LocalOrg("empty") as org:
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        for kind, fields in RECORDS:
            url = f"{org.http}/services/data/v60.0/sobjects/{kind}"
            requests.post(url, json=fields, headers=headers, timeout=10).raise_for_status()
        yield org


@pytest.fixture
def found(get: Any) -> Found:
    """The type and name of each record that a statement finds."""

    def ask(sosl: str) -> list[tuple[str, str]]:
        answer = get("search/", params={"q": sosl})
        assert answer.status_code == 200, answer.text
        return [
            (row["attributes"]["type"], row.get("Name", ""))
            for row in answer.json()["searchRecords"]
        ]

    return ask


@pytest.mark.parametrize(
    ("sosl", "wanted"),
    [
        ("FIND {löwe} RETURNING Account(Id, Name), Contact(Id, Name)", [LOEWE, JO]),
        ("FIND {Söhne löwe} IN NAME FIELDS RETURNING Account(Id,Name)", [LOEWE]),
        ('FIND {"& Söhne"} RETURNING Account(Id, Name)', [LOEWE]),
        ("FIND {100\\%} RETURNING Account(Id, Name)", [LOEWE]),
        ("FIND {100%} RETURNING Account(Id, Name)", [LOEWE]),
        ("FIND {1_0} RETURNING Account(Id, Name)", []),
        ("FIND {L?win} RETURNING Account(Id, Name)", [LOEWIN]),
        ("FIND {lö*ne} RETURNING Account(Id, Name)", [LOEWE]),
        ("FIND {loewe} IN EMAIL FIELDS RETURNING Account(Id, Name), Contact(Id, Name)", [ANN]),
        ("FIND {030} IN PHONE FIELDS RETURNING Account(Id, Name)", [LOEWE]),
        ("find {lö*} returning Account(Id, Name ORDER BY Name DESC LIMIT 1)", [LOEWIN]),
        ("FIND {lö*} RETURNING Account(Id, Name WHERE Industry = 'Energy')", [LOEWE]),
        ("FIND {nobody} RETURNING Account(Id, Name)", []),
        ("FIND {loewe} RETURNING Account(Id, Name), Contact(Id, Name) LIMIT 1", [LOEWIN]),
    ],
)
def test_what_is_found(found: Found, sosl: str, wanted: list[tuple[str, str]]) -> None:
    assert found(sosl) == wanted


def test_all_objects_are_searched_where_none_is_named(found: Found) -> None:
    assert {kind for kind, _ in found("FIND {löwe}")} == {"Account", "Contact"}


@pytest.mark.parametrize(
    ("sosl", "words"),
    [
        ("FIND Acme", "No search term found. The search term must be enclosed in braces."),
        ("FIND {a}", "longer than one character"),
        ("FIND {Acme OR Other}", "not served"),
        ("FIND {Acme} IN SOME FIELDS", "unexpected token: SOME"),
        ("FIND {Acme} RETURNING Nothing__c", "sObject type 'Nothing__c' is not supported."),
        ("FIND {Acme} RETURNING Account(Id", "unexpected token: <EOF>"),
        ("FIND {Acme} WITH METADATA = 'LABELS'", "unexpected token: WITH"),
    ],
)
def test_what_is_refused(get: Any, sosl: str, words: str) -> None:
    answer = get("search", params={"q": sosl})
    (error,) = answer.json()
    assert (answer.status_code, error["errorCode"]) == (400, "MALFORMED_SEARCH")
    assert words in error["message"]


def test_a_wrong_field_is_refused_as_in_a_query(get: Any) -> None:
    answer = get("search", params={"q": "FIND {Acme} RETURNING Account(Nmae)"})
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


def test_old_versions_answer_with_a_bare_array(get: Any) -> None:
    answer = get("../v36.0/search", params={"q": "FIND {nobody} RETURNING Account"})
    assert answer.json() == []
