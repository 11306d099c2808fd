"""What was rendered is kept until something is written, within its bounds."""

from __future__ import annotations

import json

import pyarrow as pa
import urllib3

from isthmus.localorg import LocalOrg
from isthmus.localorg.soql.rendered import RenderedBlocks


def test_a_block_is_made_once_for_one_state_of_the_data() -> None:
    blocks, made = RenderedBlocks(), []

    def make() -> pa.Array:
        made.append(1)
        return pa.array(["{}"])

    keys = pa.array([1, 2, 3])
    for _ in range(2):
        blocks.get("sql", keys, 1, make)
    assert len(made) == 1
    blocks.get("sql", keys, 2, make)
    blocks.get("other sql", keys, 1, make)
    blocks.get("sql", keys.slice(1), 1, make)
    assert len(made) == 4


def test_what_was_used_longest_ago_goes_first() -> None:
    text = pa.array(["x" * 1000])
    blocks, made = RenderedBlocks(most=2 * text.nbytes), []
    for name in ("a", "b", "a", "c", "a", "b"):

        def make(name: str = name) -> pa.Array:
            made.append(name)
            return text

        blocks.get(name, pa.array([1]), 1, make)
    assert made == ["a", "b", "c", "b"]


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
