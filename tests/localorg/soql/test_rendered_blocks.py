"""What was rendered is kept until something is written, within its bounds."""

from __future__ import annotations

import json

import pyarrow as pa
import urllib3

from isthmus.localorg import LocalOrg
from isthmus.localorg.soql.rendered import Kept


def test_what_is_kept_is_made_once() -> None:
    kept, made = Kept(), []

    def make() -> pa.Array:
        made.append(1)
        return pa.array(["{}"])

    for name in (("sql", 1), ("sql", 1), ("sql", 2), ("other sql", 1), ("sql", 1)):
        kept.get(name, make)
    assert len(made) == 3


def test_what_was_used_longest_ago_goes_first() -> None:
    text = pa.array(["x" * 1000])
    room = 2 * (text.nbytes + 1)
    kept, made = Kept(most=room), []
    for name in ("a", "b", "a", "c", "a", "b"):

        def make(name: str = name) -> pa.Array:
            made.append(name)
            return text

        kept.get((name,), make)
        assert kept.nbytes <= room
    assert made == ["a", "b", "c", "b"]


def test_long_statements_count_as_well() -> None:
    kept = Kept(most=1000)
    for n in range(10):
        kept.keep((f"{n}" * 300,), pa.array([n]))
    assert 0 < kept.nbytes <= 1000


def test_a_written_record_is_seen_by_the_next_query() -> None:
    with LocalOrg(data="demo", scale=1, seed=7) as org:
        pool = urllib3.PoolManager()
        headers = {"Authorization": f"Bearer {org.ready['access_token']}"}
        base = f"{org.http}/services/data/v62.0"

        def names() -> list[str]:
            soql = "SELECT Id, Name FROM Account ORDER BY Id LIMIT 3"
            body = pool.request("GET", f"{base}/query", fields={"q": soql}, headers=headers).data
            return [r["Name"] for r in json.loads(body)["records"]]

        before = names()
        assert names() == before
        first = json.loads(
            pool.request(
                "GET",
                f"{base}/query",
                fields={"q": "SELECT Id FROM Account ORDER BY Id LIMIT 1"},
                headers=headers,
            ).data
        )["records"][0]["Id"]
        url = f"{base}/sobjects/Account/{first}"
        assert pool.request("PATCH", url, json={"Name": "Renamed"}, headers=headers).status == 204
        assert names() == ["Renamed", *before[1:]]
