"""Two collections of statements: one that Salesforce reads, one that it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from isthmus.localorg.errors import OrgError
from isthmus.localorg.soql.parser import parse

HERE = Path(__file__).parent


def statements(name: str) -> list[str]:
    lines = (HERE / name).read_text("utf-8").splitlines()
    return [line for line in lines if not line.startswith("#")]


def refused_parts() -> tuple[list[str], list[str]]:
    text = (HERE / "soql-corpus-invalid.txt").read_text("utf-8")
    parts = text.split("# Part 2")
    syntax, semantics = ([x for x in p.splitlines()[1:] if x[:1] != "#"] for p in parts)
    return syntax, semantics


SYNTAX, SEMANTICS = refused_parts()


def test_the_collections_are_whole() -> None:
    assert len(statements("soql-corpus-valid.txt")) == 216
    assert (len(SYNTAX), len(SEMANTICS)) == (51, 13)


@pytest.mark.parametrize("text", statements("soql-corpus-valid.txt"))
def test_is_read(text: str) -> None:
    assert parse(text).items


@pytest.mark.parametrize("text", SYNTAX)
def test_is_refused_by_its_grammar(text: str) -> None:
    with pytest.raises(OrgError) as caught:
        parse(text)
    assert (caught.value.status, caught.value.code) == (400, "MALFORMED_QUERY")


CODES = (
    "MALFORMED_QUERY",  # neither grouped nor aggregated
    "MALFORMED_QUERY",
    "INVALID_FIELD",  # a function against a date literal
    "INVALID_FIELD",  # Id twice
    "MALFORMED_QUERY",  # FIELDS(CUSTOM) without a limit
    "MALFORMED_QUERY",  # semi-join on the same object
    "MALFORMED_QUERY",
    "INVALID_TYPE",  # the demo org has no notes
    "NUMBER_OUTSIDE_VALID_RANGE",
    "MALFORMED_QUERY",
    "MALFORMED_QUERY",
    "MALFORMED_QUERY",
    "INVALID_FIELD",  # a quoted date
)


@pytest.mark.parametrize(("text", "code"), list(zip(SEMANTICS, CODES, strict=True)))
def test_is_refused_by_its_meaning(empty: Any, text: str, code: str) -> None:
    assert empty.refusal(text).code == code


def test_no_statement_of_the_first_collection_breaks_the_engine(empty: Any) -> None:
    """Each is answered or refused in Salesforce's words."""
    answered = 0
    for text in statements("soql-corpus-valid.txt"):
        try:
            empty.run(text)
        except OrgError as error:
            assert error.status == 400 and error.code.isupper(), text
        else:
            answered += 1
    assert answered > 100
