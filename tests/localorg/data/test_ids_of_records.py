from __future__ import annotations

import duckdb
import pytest

from isthmus.localorg import ids


@pytest.mark.parametrize(
    ("short", "check"),
    [
        ("a0RE000000IJmcN", "MAT"),
        ("001M000000qfPyS", "IAU"),
        ("AbCdEfGhIjKlMnO", "VKV"),
        ("aBcDEfgHIJKLMNO", "025"),
    ],
)
def test_the_published_vectors(short: str, check: str) -> None:
    assert ids.to_18(short) == short + check
    assert ids.normalise(short) == short + check
    assert ids.normalise(short + check) == short + check


def test_an_id_typed_in_the_wrong_case_is_mended_from_its_checksum() -> None:
    assert ids.normalise("A0RE000000ijmcnMAT") == "a0RE000000IJmcNMAT"


@pytest.mark.parametrize("text", ["", "001", "001M000000qfPy-", "001M000000qfPyS9", "x" * 19])
def test_what_is_no_id(text: str) -> None:
    assert ids.normalise(text) is None


def test_a_checksum_that_asks_for_an_upper_case_digit_is_no_id() -> None:
    assert ids.normalise("000000000000000BAA") is None


def test_ids_sort_as_their_numbers_do_and_are_computed_alike_in_sql() -> None:
    numbers = [0, 1, 9, 10, 35, 36, 61, 62, 3843, 3844, 238327, 238328, 1_000_000, 62**5 - 1]
    made = [ids.make("00k", number) for number in numbers]
    assert made == sorted(made)
    assert [ids.number(one) for one in made] == numbers
    query = f"SELECT {ids.sql('00k', 'n')} FROM (SELECT unnest(?::BIGINT[]) AS n)"
    with duckdb.connect() as connection:
        rows = connection.execute(query, [numbers]).fetchall()
    assert [row[0] for row in rows] == made


def test_numbers_end() -> None:
    with pytest.raises(ValueError, match="used up"):
        ids.make("001", 62**5)
